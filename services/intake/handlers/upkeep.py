"""What intake does beside its work: the demo partner, a count of what has no outcome yet, what a crash left behind."""

import asyncio

import structlog
from pydantic import SecretStr

from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.metrics import OLDEST_UNSETTLED_SECONDS, RECORDS_PENDING
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.intake.handlers.means import Means
from services.intake.handlers.partners import ensure_demo_partner
from services.intake.store import reconciliation, submissions
from services.intake.store.payloads import Found, remove

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
SWEEP_SECONDS = 3600.0


class Bootstrap:
    """Gives the partner `demo` the key of the settings, once, at the start."""

    def __init__(self, database: Database, *, key: SecretStr) -> None:
        self._database = database
        self._key = key.get_secret_value()
        self._done = not self._key

    async def run(self, shutdown: Shutdown) -> None:
        while not (self._done or shutdown.requested):
            try:
                async with self._database.transaction() as tx:
                    await ensure_demo_partner(tx, secret=self._key, now=self._database.now())
                self._done = True
            except Transient as error:
                log.warning("the partner `demo` waits", reason=str(error))
                await shutdown.wait(RETRY_SECONDS)

    async def check(self) -> None:
        """Raise `Transient` until the partner can come in."""
        if not self._done:
            raise Transient("the partner `demo` has no key yet")


class PendingCount:
    """How many records have no outcome yet, counted anew every few seconds; metrics show it."""

    def __init__(self, database: Database, *, refresh_seconds: float) -> None:
        self._database = database
        self._refresh_seconds = refresh_seconds

    async def run(self, shutdown: Shutdown) -> None:
        in_trouble = "records without an outcome were not counted"
        await go_round(self._count, shutdown, in_trouble=in_trouble, pause_seconds=self._refresh_seconds)

    async def _count(self) -> None:
        async with self._database.transaction() as tx:
            pending = await reconciliation.pending_records(tx)
            oldest = await reconciliation.oldest_pending(tx)
        RECORDS_PENDING.set(pending)
        OLDEST_UNSETTLED_SECONDS.set((self._database.now() - oldest).total_seconds() if oldest else 0.0)


class Sweep:
    """Removes files that a crash left: drafts, and payloads whose submission was never committed.

    Left is what nobody has touched from one sweep to the next. No clock has a say in it: one that is put forward would
    make a file look old that is coming in at this moment, and a payload would be lost that is about to be accepted.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._suspects: frozenset[Found] = frozenset()

    async def run(self, shutdown: Shutdown) -> None:
        in_trouble = "files left behind were not swept"
        await go_round(self.sweep, shutdown, in_trouble=in_trouble, pause_seconds=SWEEP_SECONDS)

    async def sweep(self) -> None:
        files = await asyncio.to_thread(self._means.payloads.recent)
        async with self._means.database.transaction() as tx:
            known = await submissions.known_ids(tx, [file.submission_id for file in files])
        suspects = frozenset(file for file in files if file.is_draft or file.submission_id not in known)
        left = suspects & self._suspects
        for file in left:
            remove(file.path)
        self._suspects = suspects
        if left:
            log.info("swept what a crash left", files=len(left))
