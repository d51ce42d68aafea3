"""Replicas of intake that take payloads in, read them, and write where records end, each of them mortal."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from asyncpg import Record

from libs.common.contracts import IndicatorSettled
from libs.common.contracts.wire import decode
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.vocabulary import Reliability
from services.intake.app import means_of
from services.intake.domain.hints import Hints
from services.intake.domain.partners import Partner
from services.intake.domain.reconciliation.report import Sums
from services.intake.domain.submissions import Receipt
from services.intake.handlers.accepting import Accepted, Push, Refused
from services.intake.handlers.means import Means
from services.intake.handlers.outcomes import settle_records
from services.intake.handlers.processing import Processing
from services.intake.handlers.receipts import receipt_of
from services.intake.handlers.receiving import receive
from services.intake.handlers.reconciliation import sums
from services.intake.settings import IntakeSettings
from services.intake.store.partners import add_partner
from services.intake.store.submissions import Order, take_next
from tests.integration.models.broker import Broker, Offsets, observed_broker
from tests.integration.models.clock import Clock, TimedDatabase
from tests.integration.models.lives import Life, WhenIdle

SAID = "raw-indicator"

SMALL_RECORDS = 4
"""A payload of so many is read before it is answered."""

RECORD_BYTES = 140
SLICE_RECORDS = 3
LEASE_SECONDS = 15.0

PARTNER = Partner(
    id=new_id(),
    slug="demo",
    name="Demo",
    reliability=Reliability.B,
    contact_email="feeds@demo.example",
    enabled=True,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)
PUSH = Push(
    partner=PARTNER,
    hints=Hints(format_name="tocsin-ndjson"),
    idempotency_key=None,
    dry_run=False,
    traceparent="",
)

# One statement, so that both are of one moment.
DISAGREEMENTS = """
    SELECT submission_id, outcome, counted.records AS counted, kept.records AS kept
    FROM (SELECT submission_id, outcome, count(*) AS records FROM records GROUP BY submission_id, outcome) AS kept
    FULL JOIN submission_counts AS counted USING (submission_id, outcome)
    WHERE coalesce(counted.records, 0) <> coalesce(kept.records, 0) OR counted.records < 0
"""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a partner pushes: a name that makes it like no other, and which of its records can be read."""

    name: str
    is_readable: tuple[bool, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self._record(place) for place in range(len(self.is_readable)))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.body).digest()

    @property
    def is_refused(self) -> bool:
        """At once, that is: a small one of which nothing can be read."""
        return len(self.is_readable) <= SMALL_RECORDS and not any(self.is_readable)

    def _record(self, place: int) -> bytes:
        record = {
            "seen_at": "2026-03-01T00:00:00Z",
            "category": "vulnerable/vulnerable-system",
            "identifier": self.name,
            "asset": {"ip": f"192.0.2.{place}" if self.is_readable[place] else "300.1.1.1"},
        }
        return json.dumps(record).encode().ljust(RECORD_BYTES - 1) + b"\n"


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of intake."""

    life: Life
    means: Means
    push: Push

    async def take_in(self, payload: Payload) -> Accepted | Refused:
        async def body() -> AsyncIterator[bytes]:
            yield payload.body

        return await receive(body(), self.push, means=self.means, now=self.means.database.now())

    async def read_on(self, order: Order) -> None:
        """Work at what is there to be read, until nothing is, or something is away."""
        await Processing(self.means, order=order, retry_max_seconds=0.1).run(WhenIdle())


Answer = tuple[Payload, Accepted | Refused] | None
"""To a push; None to nobody."""

Work = Callable[[Replica], Coroutine[Any, Any, Answer]]


async def take_in(replica: Replica, *, payload: Payload) -> Answer:
    return payload, await replica.take_in(payload)


async def read_on(replica: Replica, *, order: Order) -> Answer:
    await replica.read_on(order)
    return None


async def hear(news: Sequence[IndicatorSettled], *, database: Database) -> None:
    """One batch, as the consumer loop hands it over: again and again until it is through."""
    while True:
        try:
            async with database.transaction() as tx:
                await settle_records(news, tx=tx, now=database.now())
        except Transient:
            await asyncio.sleep(0.01)
        else:
            return


@dataclass(frozen=True, slots=True)
class Reception:
    """What replicas share: a database, a broker, a folder and a clock."""

    settings: IntakeSettings
    clock: Clock
    broker: Broker
    database: Database
    trace: str
    """In which all pushes of an example are."""

    def replica(self, name: str) -> Replica:
        means = replace(means_of(self.settings), database=database_at(self.settings, self.clock))
        return Replica(Life(name), means, replace(PUSH, traceparent=self.trace))

    async def clear(self) -> None:
        async with self.database.transaction() as tx:
            await tx.fetch("TRUNCATE submissions, records, submission_counts, outcome_conflicts, claims")

    async def take_and_die(self) -> None:
        """A replica takes up what is next, and is never heard of again."""
        until = self.clock.now + timedelta(seconds=LEASE_SECONDS)
        async with self.database.transaction() as tx:
            await take_next(tx, order=Order.OLDEST, lease=new_id(), now=self.clock.now, until=until)

    async def submissions(self) -> list[Record]:
        async with self.database.transaction() as tx:
            return await tx.fetch("SELECT id, sha256, status, published_through, errors::text FROM submissions")

    async def records(self) -> list[Record]:
        """In the order of their payloads."""
        async with self.database.transaction() as tx:
            return await tx.fetch("SELECT submission_id, record, outcome, at FROM records ORDER BY record")

    async def receipt(self, submission_id: UUID) -> Receipt:
        async with self.database.transaction() as tx:
            receipt = await receipt_of(tx, submission_id)
        assert receipt is not None
        return receipt

    async def said(self, *, since: Offsets) -> list[tuple[UUID, bytes]]:
        """Ids and values of what was published in this example: what was sent in another one before may come late."""
        events = [(decode(message.value), message.value) for message in await self.broker.read(SAID, since=since)]
        return [(event.event_id, value) for event, value in events if event.traceparent == self.trace]

    async def sums(self) -> Sums:
        async with self.database.transaction() as tx:
            return await sums(tx, now=self.clock.now)

    async def disagreements(self) -> list[Record]:
        """Where counts and records differ, or a count is below zero."""
        async with self.database.transaction() as tx:
            return await tx.fetch(DISAGREEMENTS)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Whoever looks while this block lasts finds the sums right, at every moment."""
        done = asyncio.Event()
        watching = asyncio.create_task(self._watch(done))
        try:
            yield
        finally:
            done.set()
            await watching

    async def _watch(self, done: asyncio.Event) -> None:
        while not done.is_set():
            assert await self.disagreements() == []
            await asyncio.sleep(0.002)


def database_at(settings: IntakeSettings, clock: Clock) -> TimedDatabase:
    return TimedDatabase(settings.database_url.get_secret_value(), clock=clock)


@asynccontextmanager
async def reception(
    *, database_url: str, kafka: str, operator_public_key: str, folder: Path
) -> AsyncIterator[Reception]:
    settings = IntakeSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka,
        operator_public_key=operator_public_key,
        payload_dir=folder,
        immediate_max_bytes=SMALL_RECORDS * RECORD_BYTES,
        slice_records=SLICE_RECORDS,
        lease_seconds=LEASE_SECONDS,
    )
    clock = Clock()
    database = database_at(settings, clock)
    async with database.transaction() as tx:
        await add_partner(tx, PARTNER)
    async with observed_broker(kafka) as broker:
        yield Reception(settings, clock, broker, database, trace="")
    await database.close()
