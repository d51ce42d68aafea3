"""A small service around the real loop, outbox and publisher: what the machine of `test_loop_and_outbox.py` drives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord
from sqlalchemy import Column, DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.consumer import BatchConsumer
from libs.common.contracts import Event, IndicatorSettled, RawIndicator
from libs.common.contracts.wire import decode
from libs.common.db import Database, Transaction, sqlalchemy_url
from libs.common.errors import Permanent
from libs.common.outbox import OutboxRelay, outbox_table, waiting_events
from libs.common.publisher import Publisher
from libs.common.settings import ServiceSettings
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome
from tests.integration.models.broker import Broker, Offsets, observed_broker
from tests.integration.models.lives import Life, life_here, wait_for_backends

HEARD, SAID, ASIDE = "raw-indicator", "indicator-outcome", "raw-indicator.dead-letter"
CURSED = "cursed"
"""Events with this identifier can't be handled."""

metadata = MetaData()
outbox = outbox_table(metadata)
decided = Table(
    "decided",
    metadata,
    Column("indicator_id", PG_UUID, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("message", Text, nullable=False),
)

_tries = count(1)


async def decide(events: Sequence[RawIndicator], /, *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """A handler as all are. No two tries decide the same, so what is said has to come from what is stored."""
    ids = [event.indicator_id for event in events]
    await tx.fetch(
        "INSERT INTO decided SELECT *, $2::timestamptz, $3::text FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING",
        ids,
        now,
        f"try {next(_tries)}",
    )
    if any(event.indicator.identifier == CURSED for event in events):
        raise Permanent("nobody can handle this")
    rows = await tx.fetch("SELECT * FROM decided WHERE indicator_id = ANY($1::uuid[])", ids)
    kept = {row["indicator_id"]: row for row in rows}
    return [word_on(event, **dict(kept[event.indicator_id])) for event in events]


def word_on(event: RawIndicator, *, indicator_id: UUID, at: datetime, message: str) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=indicator_id,
        submission_id=event.submission_id,
        record=event.record,
        outcome=Outcome.EXPIRED,
        reason="test",
        message=message,
        at=at,
        by="modelled",
        traceparent=event.traceparent,
    )


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the service."""

    life: Life
    shutdown: Shutdown
    task: asyncio.Task[None]

    @property
    def is_going(self) -> bool:
        return not self.life.is_dead and not self.task.done()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The broker and the database, and the replicas between them: a service of its own for each example."""

    settings: ServiceSettings
    broker: Broker
    database: Database
    service: str

    @property
    def group(self) -> str:
        return f"tocsin-{self.service}"

    def start(self, name: str) -> Replica:
        life, shutdown = Life(name), Shutdown()
        return Replica(life, shutdown, life.begin(self._serve(shutdown)))

    async def _serve(self, shutdown: Shutdown) -> None:
        """As libs/common/service.py does, without the HTTP server."""
        database, publisher = database_at(self.settings), Publisher(settings=self.settings, service=self.service)
        consumer = BatchConsumer(
            service=self.service,
            settings=self.settings,
            subscriptions={RawIndicator: decide},
            database=database,
            publisher=publisher,
        )
        relay = OutboxRelay(
            database=database,
            publisher=publisher,
            service=self.service,
            retry_max_seconds=self.settings.retry_max_seconds,
        )
        async with asyncio.TaskGroup() as siblings:
            siblings.create_task(consumer.run(shutdown))
            siblings.create_task(relay.run(shutdown))
        await publisher.close()
        await database.close()

    async def bury(self, life: Life) -> None:
        await life.buried()
        await wait_for_backends(self.database, life)

    async def expel_all_but(self, replicas: Sequence[Replica]) -> None:
        """The broker notices who is dead: here at once, and not only when its session has run out."""
        await self.broker.expel(self.group, but={replica.life.name for replica in replicas})

    async def clear(self) -> None:
        async with self.database.transaction() as tx:
            await tx.fetch("TRUNCATE decided, outbox")

    async def decisions(self) -> list[tuple[UUID, str]]:
        """Every row there is, with the word that it gave."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch("SELECT indicator_id, message FROM decided")
        return [(row["indicator_id"], row["message"]) for row in rows]

    async def said(self, *, since: Offsets) -> list[Event]:
        """By this service: what a dead one had sent before may come late."""
        source = f"/services/{self.service}".encode()
        found = await self.broker.read(SAID, since=since)
        return [decode(message.value) for message in found if dict(message.headers)["ce_source"] == source]

    async def put_aside(self, *, since: Offsets) -> list[ConsumerRecord]:
        service = self.service.encode()
        found = await self.broker.read(ASIDE, since=since)
        return [message for message in found if dict(message.headers)["dead_letter_service"] == service]

    async def is_drained(self) -> bool:
        """Whether all that was put is through, and all that was written has left."""
        if await self.broker.committed(self.group) != await self.broker.ends(HEARD):
            return False
        async with self.database.transaction() as tx:
            return not await waiting_events(tx)


def database_at(settings: ServiceSettings) -> Database:
    return Database(settings.database_url.get_secret_value(), pool_size=4, statement_timeout_seconds=20)


@asynccontextmanager
async def pipeline(settings: ServiceSettings) -> AsyncIterator[Pipeline]:
    database = database_at(settings)
    engine = create_async_engine(sqlalchemy_url(settings.database_url.get_secret_value()))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    async with observed_broker(settings.kafka_bootstrap) as broker:
        yield Pipeline(settings, broker, database, "nobody")
    await database.close()


def set_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of a group hear of each other at once, and relays look often, so that examples are short."""

    def consumer(*topics: str, **options: Any) -> AIOKafkaConsumer:  # Any: aiokafka's own options
        life = life_here()
        hurried = {"client_id": life.name if life else "nobody", "heartbeat_interval_ms": 50, "retry_backoff_ms": 20}
        return AIOKafkaConsumer(*topics, **options | hurried)

    monkeypatch.setattr("libs.common.consumer.AIOKafkaConsumer", consumer)
    monkeypatch.setattr("libs.common.outbox.IDLE_SECONDS", 0.05)
