"""What intake does beside its work: the demo partner, how full the pipeline is, and what a crash left behind."""

import asyncio

import structlog
from pydantic import SecretStr

from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.metrics import OLDEST_PENDING_SECONDS, RECORDS_PENDING
from libs.common.shutdown import Shutdown
from services.intake.handlers.means import Means
from services.intake.handlers.partners import ensure_demo_partner
from services.intake.store import reconciliation, submissions
from services.intake.store.payloads import remove

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
SWEEP_SECONDS = 3600.0
LEFT_BEHIND_SECONDS = 3600.0


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


class Pressure:
    """How many records are on their way through the pipeline, counted anew every few seconds."""

    def __init__(self, database: Database, *, limit_records: int, refresh_seconds: float) -> None:
        self._database = database
        self._limit_records = limit_records
        self.refresh_seconds = refresh_seconds
        self.pending_records = 0

    @property
    def is_too_high(self) -> bool:
        return self.pending_records > self._limit_records

    async def keep_counting(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            try:
                await self._count()
            except Transient as error:
                log.warning("records on their way were not counted", reason=str(error))
            await shutdown.wait(self.refresh_seconds)

    async def _count(self) -> None:
        async with self._database.transaction() as tx:
            self.pending_records = await reconciliation.pending_records(tx)
            oldest = await reconciliation.oldest_pending(tx)
        RECORDS_PENDING.set(self.pending_records)
        OLDEST_PENDING_SECONDS.set((self._database.now() - oldest).total_seconds() if oldest else 0.0)


class Sweep:
    """Removes files that a crash left: drafts, and payloads whose submission was never committed."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def run(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            try:
                await self._sweep()
            except Transient as error:
                log.warning("files left behind were not swept", reason=str(error))
            await shutdown.wait(SWEEP_SECONDS)

    async def _sweep(self) -> None:
        payloads = self._means.payloads
        drafts, ids = await asyncio.to_thread(payloads.left_behind, older_than_seconds=LEFT_BEHIND_SECONDS)
        async with self._means.database.transaction() as tx:
            orphans = set(ids) - await submissions.known_ids(tx, ids)
        for draft in drafts:
            remove(draft)
        for orphan in orphans:
            payloads.remove(orphan)
        if drafts or orphans:
            log.info("swept what a crash left", drafts=len(drafts), payloads=len(orphans))
