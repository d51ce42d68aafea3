"""The comparison of all books, made every night by one replica, and what it came to, as metrics of all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import structlog

from libs.common.books import Backlog
from libs.common.db import Database
from libs.common.errors import Permanent, Transient
from libs.common.metrics import RECONCILIATION_CHECKED_AT, RECONCILIATION_DIFFERENCES, RECONCILIATION_SOUND
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown
from services.intake.domain.reconciliation.report import Reconciliation
from services.intake.domain.reconciliation.timetable import Timetable
from services.intake.domain.reconciliation.words import sentence
from services.intake.gateway.siblings import Siblings
from services.intake.handlers.books import Scope
from services.intake.handlers.reconciling import Reconciler
from services.intake.store import reconciliation as store

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
LEADER_LOCK = 4_867_368
"""Advisory lock of the replica that compares; the ones below it are of migrations and of the outbox."""


class Nightly:
    """Compares when it is time to. What came to no verdict is tried again, after ever longer pauses."""

    def __init__(
        self,
        database: Database,
        siblings: Callable[[], AbstractAsyncContextManager[Siblings]],
        *,
        backlog: Callable[[], Awaitable[Backlog]],
        timetable: Timetable,
        reach: timedelta,
        wait_seconds: float,
    ) -> None:
        self._database = database
        self._siblings = siblings
        self._backlog = backlog
        self._timetable = timetable
        self._reach = reach
        self._wait_seconds = wait_seconds
        self._pauses = Backoff(shortest_seconds=LOOK_SECONDS, longest_seconds=3600.0)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown, which a comparison does not hold up: the next start begins it anew."""
        working = asyncio.create_task(self._work(shutdown))
        stopping = asyncio.create_task(shutdown.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait({working})
        if not working.cancelled():
            working.result()

    async def _work(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            try:
                done = await self._turn()
            except (Transient, Permanent) as error:
                log.warning("the books were not compared", reason=str(error))
                done = False
            if done:
                self._pauses.reset()
            await shutdown.wait(LOOK_SECONDS if done else self._pauses.next_seconds())

    async def _turn(self) -> bool:
        """False if it is time to compare, and no verdict was come to."""
        async with self._database.transaction() as tx:
            last = await store.last_run(tx, with_verdict=True)
        _show(last)
        if not self._is_due(last):
            return True
        # The lock ends with this transaction, which changes nothing: also when the replica dies.
        async with self._database.transaction() as tx:
            leads = await store.try_to_lead(tx, LEADER_LOCK)
            if not leads or not self._is_due(await store.last_run(tx, with_verdict=True)):
                return True
            run = await self._compare()
        _tell(run)
        return run.sound is not None

    def _is_due(self, last: Reconciliation | None) -> bool:
        return self._timetable.is_due(last.began_at if last else None, now=self._database.now())

    async def _compare(self) -> Reconciliation:
        async with self._siblings() as siblings:
            reconciler = Reconciler(self._database, siblings, backlog=self._backlog, wait_seconds=self._wait_seconds)
            return await reconciler.run(Scope.received_since(self._database.now() - self._reach))


def _show(run: Reconciliation | None) -> None:
    if run is not None:
        RECONCILIATION_SOUND.set(bool(run.sound))
        RECONCILIATION_DIFFERENCES.set(run.differences_total)
        RECONCILIATION_CHECKED_AT.set(run.began_at.timestamp())


def _tell(run: Reconciliation) -> None:
    log.info(
        "the books were compared",
        sound=run.sound,
        submissions=run.submissions,
        records=run.records,
        under_way=sum(run.under_way.values()),
        no_verdict=run.no_verdict,
    )
    for difference in run.differences:
        log.error("the books differ", difference=sentence(difference))
