"""The planner: closes notifications whose time has come, so that they go out."""

from asyncio import Event
from collections import Counter
from datetime import date, datetime

import structlog

from libs.common import faults
from libs.common.db import Database, Transaction
from libs.common.metrics import NOTIFICATIONS
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.notifier.domain.amount.policy import FREE, AmountPolicy
from services.notifier.domain.notification import State
from services.notifier.domain.outcome import BY
from services.notifier.handlers.amount import forget_old_days, put_off_full
from services.notifier.handlers.returning import apply_returns
from services.notifier.handlers.withdrawing import withdraw_closed
from services.notifier.store import corrections, groups

log = structlog.get_logger(__name__)


async def close_due(tx: Transaction, *, now: datetime, approval_confidence: float, limit: int) -> list[State]:
    """One round: what is due goes into the queue, or waits for a person; answers the new state of each.

    What is left of closed incidents is taken back first, and what came back takes effect. Of warnings and of
    corrections `limit` each.
    """
    await withdraw_closed(tx, by=BY, now=now)
    await apply_returns(tx, now=now)
    warnings = await groups.close_due_groups(tx, now=now, approval_confidence=approval_confidence, limit=limit)
    return [*warnings, *await corrections.close_due_corrections(tx, now=now, limit=limit)]


class Planner:
    """Runs rounds as long as the service does. Several replicas share the work: each locks what it takes."""

    def __init__(
        self,
        *,
        database: Database,
        approval_confidence: float,
        groups_per_round: int,
        pause_seconds: float,
        queued: Event,
        amounts: AmountPolicy = FREE,
    ) -> None:
        self._database = database
        self._approval_confidence = approval_confidence
        self._groups = groups_per_round
        self._amounts = amounts
        self._day: date | None = None
        self._pause_seconds = pause_seconds
        self._queued = queued

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(self._round, shutdown, in_trouble="planning waits", pause_seconds=self._pause_seconds)

    async def _round(self) -> bool:
        now = self._database.now()
        day = self._amounts.calendars.day_of(now)
        async with self._database.transaction() as tx:
            if day != self._day:
                await forget_old_days(tx, policy=self._amounts, now=now)
            await put_off_full(tx, policy=self._amounts, now=now, limit=self._groups)
            states = await close_due(tx, now=now, approval_confidence=self._approval_confidence, limit=self._groups)
            if states:
                await faults.reach(faults.Point.GROUPS_MADE)
        self._day = day
        if states:
            await faults.reach(faults.Point.GROUPS_COMMITTED)
            self._tell(states)
        return len(states) >= self._groups

    def _tell(self, states: list[State]) -> None:
        counts = Counter(states)
        for state, count in counts.items():
            NOTIFICATIONS.labels(state).inc(count)
        if counts[State.QUEUED]:
            self._queued.set()
        log.info("closed", **{state.value.replace("-", "_"): count for state, count in counts.items()})
