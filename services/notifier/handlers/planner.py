"""The planner: makes notifications of the targets whose time has come."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from libs.common import faults
from libs.common.db import Database, Transaction
from libs.common.errors import Fatal, Transient
from libs.common.metrics import NOTIFICATIONS
from libs.common.references import reference_of
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown
from services.notifier.domain.grouping import Draft, GroupingPolicy, group
from services.notifier.domain.outcome import BY
from services.notifier.handlers.withdrawing import mailable_targets, withdraw_closed
from services.notifier.store import notifications, targets

log = structlog.get_logger(__name__)

REFERENCE_TRIES = 5
"""Two notifications with one reference are rare; five times in a row is a bug."""


async def group_due(
    tx: Transaction, *, now: datetime, policy: GroupingPolicy, groups: int, targets_per_mail: int
) -> Sequence[Draft]:
    """One round: every recipient and incident with a due target gets a notification that carries all that wait.

    What must not be mailed any more, because of what happened since it was planned or queued, is taken back first.
    """
    await withdraw_closed(tx, by=BY, now=now)
    due = await targets.due_targets(tx, now=now, groups=groups, per_group=targets_per_mail)
    waiting = await mailable_targets(tx, due, now=now)

    drafts = group(waiting, policy=policy)

    await _store(tx, drafts, policy=policy, now=now)
    await targets.assign_targets(tx, drafts)
    return drafts


async def _store(tx: Transaction, drafts: Sequence[Draft], *, policy: GroupingPolicy, now: datetime) -> None:
    """Store them all; one whose reference is taken gets another."""
    left = list(drafts)
    for attempt in range(1, REFERENCE_TRIES + 1):
        if not left:
            return
        stored = await notifications.insert_drafts(tx, left, now=now)
        left = [
            msgspec.structs.replace(draft, reference=reference_of(draft.id, policy.reference_key, attempt=attempt))
            for draft in left
            if draft.id not in stored
        ]
    if left:
        raise Fatal(f"no free reference for notification {left[0].id}")


class Planner:
    """Runs rounds as long as the service does. Several replicas share the work: each locks what it takes."""

    def __init__(
        self,
        *,
        database: Database,
        policy: GroupingPolicy,
        groups_per_round: int,
        targets_per_mail: int,
        pause_seconds: float,
    ) -> None:
        self._database = database
        self._policy = policy
        self._groups = groups_per_round
        self._targets_per_mail = targets_per_mail
        self._pause_seconds = pause_seconds
        self._backoff = Backoff()

    async def run(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            try:
                made = await self._round()
            except Transient as error:
                log.warning("planning waits", reason=str(error))
                await shutdown.wait(self._backoff.next_seconds())
                continue
            self._backoff.reset()
            if made < self._groups:
                await shutdown.wait(self._pause_seconds)

    async def _round(self) -> int:
        async with self._database.transaction() as tx:
            drafts = await group_due(
                tx,
                now=datetime.now(UTC),
                policy=self._policy,
                groups=self._groups,
                targets_per_mail=self._targets_per_mail,
            )
            if drafts:
                await faults.reach(faults.Point.GROUPS_MADE)
        if drafts:
            await faults.reach(faults.Point.GROUPS_COMMITTED)
        for draft in drafts:
            NOTIFICATIONS.labels(draft.state).inc()
        if drafts:
            log.info("planned", notifications=len(drafts), targets=sum(len(draft.target_ids) for draft in drafts))
        return len(drafts)
