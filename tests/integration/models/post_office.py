"""Replicas of the notifier's planner and sender between a database and a relay, each of them mortal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import IndicatorSettled, NotificationSent, RecipientUnreachable
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Database, Transaction
from libs.common.outbox import waiting_events
from libs.common.vocabulary import Severity
from services.notifier.domain.grouping import GroupingPolicy
from services.notifier.domain.message import Mail
from services.notifier.domain.planning import PlanningPolicy
from services.notifier.domain.replies import Reply, RetryPolicy
from services.notifier.gateway.relay import RelayAddress, SmtpRelay
from services.notifier.gateway.simulator import SimulatingRelay
from services.notifier.handlers.planner import Planner
from services.notifier.handlers.planning import plan_targets
from services.notifier.handlers.sender import Sender, SenderLimits
from tests.integration.models.clock import Clock, TimedDatabase
from tests.integration.models.lives import Life, UntilIdle, WhenIdle
from tests.integration.models.mail import (
    APPROVAL_CONFIDENCE,
    CONNECTIONS,
    LEASE,
    REPEAT_INTERVAL,
    TARGETS_PER_MAIL,
    WINDOW,
    Word,
)
from tests.integration.models.postbox import Mood, Postbox, postbox
from tests.integration.test_notifier import SCRIBE

PLANNING = PlanningPolicy(
    windows=dict.fromkeys(Severity, WINDOW) | {Severity.CRITICAL: timedelta(0)},
    repeat_interval=REPEAT_INTERVAL,
)
GROUPING = GroupingPolicy(
    approval_confidence=APPROVAL_CONFIDENCE, targets_per_mail=TARGETS_PER_MAIL, reference_key=b"key of the tests"
)
RETRY = RetryPolicy(shortest=timedelta(minutes=15), longest=timedelta(hours=4), greatest_age=timedelta(days=3650))
LIMITS = SenderLimits(
    connections=CONNECTIONS, start=timedelta(hours=1), lease=LEASE, pause_seconds=0.01, refusals=10_000
)

Rows = Mapping[UUID, Record]
"""Notifications by their ids, each with the ids of its targets, and of the threats that it takes back."""

Tries = Mapping[tuple[UUID, int], Record]
"""Attempts by notification and number."""

TABLES = (
    "notifications, targets, withdrawals, corrections, returns, attempts, incidents, suppressions, brakes, outbox, "
    "holds, volumes, brake_decisions, registered_assets"
)


class _SometimesDry(SimulatingRelay):
    """Sends, but to some recipients as in a dry run: over another pool, which asks no further than for them."""

    def __init__(self, postbox: Postbox) -> None:
        address = RelayAddress(host="127.0.0.1", port=postbox.port, security="none")
        super().__init__(SmtpRelay(address))
        self._dry = SmtpRelay(msgspec.structs.replace(address, dry_run=True))
        self._postbox = postbox

    async def deliver(self, mail: Mail) -> Reply:
        if self._postbox.moods.get(mail.recipient) is Mood.REHEARSES:
            return await self._dry.deliver(mail)
        return await super().deliver(mail)


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the notifier."""

    life: Life
    planner: Planner
    sender: Sender

    async def close_due(self) -> None:
        await self.planner.run(WhenIdle())

    async def send(self, shutdown: UntilIdle) -> None:
        """Send what may be sent, until nothing is left or the relay is away."""
        await self.sender.run(shutdown)


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The database, the relay and the clock that replicas share."""

    database_url: str
    clock: Clock
    database: Database
    postbox: Postbox

    def replica(self, name: str) -> Replica:
        database, queued = TimedDatabase(self.database_url, clock=self.clock), asyncio.Event()
        planner = Planner(
            database=database,
            approval_confidence=APPROVAL_CONFIDENCE,
            groups_per_round=100,
            pause_seconds=0.05,
            queued=queued,
        )
        sender = Sender(
            database=database,
            relay=_SometimesDry(self.postbox),
            scribe=SCRIBE,
            policy=RETRY,
            limits=LIMITS,
            news=queued,
        )
        return Replica(Life(name), planner, sender)

    async def clear(self) -> None:
        self.postbox.clear()
        async with self.database.transaction() as tx:
            await tx.fetch(f"TRUNCATE {TABLES}")

    async def plan(self, tx: Transaction, batch: Sequence[Target]) -> Sequence[IndicatorSettled]:
        return await plan_targets(
            batch, tx=tx, now=self.database.now(), policy=PLANNING, grouping=GROUPING, queued=asyncio.Event()
        )

    async def notifications(self) -> Rows:
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT n.*, ARRAY(SELECT target_id FROM targets WHERE notification_id = n.id) AS target_ids,
                       ARRAY(SELECT threat_id FROM corrections WHERE correction_id = n.id) AS takes_back
                FROM notifications n
                """
            )
        return {row["id"]: row for row in rows}

    async def under_way(self, *, since: datetime) -> int:
        """How many attempts have begun since then, and were not answered."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch("SELECT FROM attempts WHERE started_at > $1 AND ended_at IS NULL", since)
        return len(rows)

    async def refusals(self) -> dict[UUID, str]:
        """Targets that never joined a mail, and why."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch("SELECT target_id, reason FROM targets WHERE notification_id IS NULL")
        return {row["target_id"]: row["reason"] for row in rows}

    async def attempts(self) -> Tries:
        async with self.database.transaction() as tx:
            rows = await tx.fetch("SELECT * FROM attempts")
        return {(row["notification_id"], row["number"]): row for row in rows}

    async def said(self) -> Counter[Word]:
        async with self.database.transaction() as tx:
            events = await waiting_events(tx)
        words = IndicatorSettled | NotificationSent | RecipientUnreachable
        return Counter(_word(event) for event in events if isinstance(event, words))


def _word(event: IndicatorSettled | NotificationSent | RecipientUnreachable) -> Word:
    if isinstance(event, RecipientUnreachable):
        return event.target.target_id, "unreachable"
    if isinstance(event, IndicatorSettled):
        return event.indicator_id, event.outcome.value
    return min(target.target_id for target in event.targets), "notification-sent"


@asynccontextmanager
async def post_office(database_url: str) -> AsyncIterator[PostOffice]:
    clock = Clock()
    database = TimedDatabase(database_url, clock=clock)
    async with postbox() as opened:
        yield PostOffice(database_url, clock, database, opened)
    await database.close()
