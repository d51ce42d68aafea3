"""The loop around every handler: take a batch, handle it in one transaction, publish, and only then commit offsets.

Nothing is lost, since offsets move last; nothing is doubled, since handlers answer a repeated event with what they
stored the first time. docs/guarantees.md tells the whole story.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RebalanceInProgressError
from aiokafka.structs import ConsumerRecord

from libs.common import faults
from libs.common.contracts import Event
from libs.common.contracts.wire import decode
from libs.common.db import Database, Transaction
from libs.common.dead_letters import DeadLetters, Message, held_by_dead_letter
from libs.common.errors import Fatal, Permanent, Transient
from libs.common.metrics import BATCH_RECORDS, BATCH_SECONDS, CONSUMER_LAG, EVENTS_HANDLED, RETRIES
from libs.common.publisher import Publisher, kafka_connection
from libs.common.retry import Backoff
from libs.common.settings import ServiceSettings
from libs.common.shutdown import Shutdown
from libs.common.telemetry import batch_trace

log = structlog.get_logger(__name__)

LONGEST_POLL_GAP_MILLISECONDS = 60 * 60 * 1000
"""While something is away we keep the batch and our place in the group; the heartbeat goes on beside us."""


class Handler(Protocol):
    """Handles a batch of one kind of event inside `tx`; answers with the events that follow from it.

    Any: each handler takes the event class that the table of subscriptions names beside it.
    """

    async def __call__(self, events: Sequence[Any], /, *, tx: Transaction, now: datetime) -> Sequence[Event]: ...


Subscriptions = Mapping[type[Event], Handler]


@dataclass(frozen=True, slots=True)
class Received:
    """An event and the record of the topic that it came in."""

    event: Event
    record: ConsumerRecord


class BatchConsumer:
    """Feeds the handlers of one service. Run as many replicas as there are partitions."""

    def __init__(
        self,
        *,
        service: str,
        settings: ServiceSettings,
        subscriptions: Subscriptions,
        database: Database,
        publisher: Publisher,
    ) -> None:
        self._service = service
        self._settings = settings
        self._subscriptions = subscriptions
        self._database = database
        self._publisher = publisher
        self._dead_letters = DeadLetters(publisher=publisher, service=service, limit=settings.dead_letter_limit)
        self._backoff = Backoff(longest_seconds=settings.retry_max_seconds)
        self._next_offset: dict[TopicPartition, int] = {}
        self._buried: set[tuple[str, int, int]] = set()
        self.trouble: str | None = "starting"
        """Why no batch goes through at the moment; readiness shows it."""

    async def check(self) -> None:
        """Raise `Transient` while no batch goes through."""
        if self.trouble is not None:
            raise Transient(self.trouble)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown: the batch under way is finished and committed, unless what it needs is away."""
        while not shutdown.requested:
            try:
                await self._consume(shutdown)
            except Transient as error:
                await self._pause(error, shutdown)

    async def _consume(self, shutdown: Shutdown) -> None:
        client = self._client()
        try:
            await client.start()
            self.trouble = None
            while not shutdown.requested:
                await self._round(client, shutdown)
        except KafkaError as error:
            raise Transient(f"Kafka is away: {type(error).__name__}") from error
        finally:
            await _stop(client)

    def _client(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *sorted({event_class.topic for event_class in self._subscriptions}),
            **kafka_connection(self._settings),
            group_id=f"tocsin-{self._service}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=LONGEST_POLL_GAP_MILLISECONDS,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            fetch_max_wait_ms=self._settings.batch_max_wait_milliseconds,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    async def _round(self, client: AIOKafkaConsumer, shutdown: Shutdown) -> None:
        batches = await client.getmany(
            timeout_ms=self._settings.batch_max_wait_milliseconds, max_records=self._settings.batch_max_records
        )
        self._report_lag(client, batches)
        if not batches:
            return
        started = time.monotonic()
        records = [record for batch in batches.values() for record in batch]
        BATCH_RECORDS.labels(self._service).observe(len(records))
        if await self._settle(records, shutdown):
            await faults.reach(faults.Point.BATCH_PUBLISHED)
            await _commit(client, batches)
            await faults.reach(faults.Point.OFFSETS_COMMITTED)
            log.info("batch", records=len(records), milliseconds=round((time.monotonic() - started) * 1000))

    async def _settle(self, records: Sequence[ConsumerRecord], shutdown: Shutdown) -> bool:
        """Keep at one batch until it is through; False if shutdown comes first, and then its offsets stay."""
        while True:
            try:
                await self._handle_all(records)
            except Transient as error:
                await self._pause(error, shutdown)
                if shutdown.requested:
                    return False
            else:
                self.trouble = None
                self._backoff.reset()
                self._buried.clear()
                return True

    async def _pause(self, error: Transient, shutdown: Shutdown) -> None:
        seconds = self._backoff.next_seconds()
        self.trouble = str(error)
        RETRIES.labels(self._service).inc()
        log.warning("waiting", reason=str(error), seconds=round(seconds, 2))
        await shutdown.wait(seconds)

    async def _handle_all(self, records: Sequence[ConsumerRecord]) -> None:
        received = await self._decode(records)
        for event_class, handler in self._subscriptions.items():
            chosen = [item for item in received if isinstance(item.event, event_class)]
            if chosen:
                with BATCH_SECONDS.labels(self._service, event_class.__name__).time():
                    await self._handle(handler, chosen)
                EVENTS_HANDLED.labels(self._service, event_class.__name__).inc(len(chosen))

    async def _decode(self, records: Sequence[ConsumerRecord]) -> list[Received]:
        received = []
        for record in records:
            try:
                received.append(Received(event=decode(record.value or b""), record=record))
            except Permanent as error:
                await self._put_aside(record, str(error))
        return received

    async def _put_aside(self, record: ConsumerRecord, reason: str) -> None:
        """Bury a message, once: a batch that is tried again meets its poison again. Its record waits for a person."""
        message = _message(record)
        if message.place not in self._buried:
            await self._dead_letters.bury(message, reason)
            self._buried.add(message.place)
        await self._publisher.publish(held_by_dead_letter(message, service=self._service))

    async def _handle(self, handler: Handler, batch: Sequence[Received]) -> None:
        """Handle a batch; if it can never succeed, halve it until the culprit is alone, and put that aside."""
        try:
            await self._transact(handler, batch)
        except (Transient, Fatal):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler fails with, the messages beside the culprit go on
            if len(batch) == 1:
                await self._bury(batch[0], error)
                return
            middle = len(batch) // 2
            await self._handle(handler, batch[:middle])
            await self._handle(handler, batch[middle:])

    async def _transact(self, handler: Handler, batch: Sequence[Received]) -> None:
        events = [item.event for item in batch]
        with batch_trace(f"{self._service} batch", [event.traceparent for event in events]) as trace:
            async with self._database.transaction() as tx:
                produced = await handler(events, tx=tx, now=self._database.now())
                await faults.reach(faults.Point.BATCH_HANDLED)
            await faults.reach(faults.Point.BATCH_COMMITTED)
            await self._publisher.publish(produced, trace)

    async def _bury(self, item: Received, error: Exception) -> None:
        reason = str(error) if isinstance(error, Permanent) else f"unexpected {type(error).__name__}: {error}"
        await self._put_aside(item.record, reason)

    def _report_lag(self, client: AIOKafkaConsumer, records: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Of the partitions that are ours now and have given us something since."""
        ours = client.assignment()
        self._next_offset.update({place: batch[-1].offset + 1 for place, batch in records.items() if batch})
        self._next_offset = {place: offset for place, offset in self._next_offset.items() if place in ours}
        lag = dict.fromkeys((event_class.topic for event_class in self._subscriptions), 0)
        for place, offset in self._next_offset.items():
            lag[place.topic] += max(0, (client.highwater(place) or 0) - offset)
        for topic, waiting in lag.items():
            CONSUMER_LAG.labels(self._service, topic).set(waiting)


def _message(record: ConsumerRecord) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key or b"",
        value=record.value or b"",
        headers=tuple(record.headers),
    )


async def _commit(client: AIOKafkaConsumer, records: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
    """Move the offsets past the batch. Where a partition was taken from us meanwhile, its next owner repeats it."""
    ours = client.assignment()
    offsets = {place: batch[-1].offset + 1 for place, batch in records.items() if batch and place in ours}
    try:
        if offsets:
            await client.commit(offsets)
    except (CommitFailedError, RebalanceInProgressError, IllegalStateError):
        log.info("offsets not committed: the group was rebalanced")


async def _stop(client: AIOKafkaConsumer) -> None:
    """Leave the group, without waiting for a broker that does not answer."""
    try:
        async with asyncio.timeout(10):
            await client.stop()
    except (KafkaError, TimeoutError, OSError) as error:
        log.warning("consumer did not stop cleanly", reason=type(error).__name__)
