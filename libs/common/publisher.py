"""The way out to Kafka: whole batches, idempotent, acknowledged by all replicas before anything is called done."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.helpers import create_ssl_context
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.common import clock, faults
from libs.common.contracts import Event
from libs.common.contracts.wire import encode, headers, wire_time
from libs.common.errors import Permanent, Transient
from libs.common.metrics import EVENTS_PUBLISHED
from libs.common.settings import ServiceSettings
from libs.common.telemetry import BatchTrace

BATCH_BYTES = 512 * 1024
MESSAGE_BYTES = 1024 * 1024
SEND_SECONDS = 30.0
STOP_SECONDS = 5.0


class Outgoing(msgspec.Struct, frozen=True):
    """A message as Kafka takes it."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def kafka_connection(settings: ServiceSettings) -> dict[str, Any]:  # Any: keyword arguments of aiokafka
    """How to reach the brokers, for producers, consumers and admin clients alike."""
    secure = settings.kafka_security_protocol in {"SSL", "SASL_SSL"}
    ca_file = str(settings.kafka_ca_file) if settings.kafka_ca_file else None
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": create_ssl_context(cafile=ca_file) if secure else None,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username or None,
        "sasl_plain_password": settings.kafka_password.get_secret_value() or None,
    }


def partition_of(key: bytes, partitions: int) -> int:
    """Where a key lives. CRC-32, as in librdkafka: native code, while Kafka's murmur2 is pure Python here."""
    return zlib.crc32(key) % partitions


class Publisher:
    """Sends events; returns when the broker has them. Starts, and starts again after a failure, by itself."""

    def __init__(self, *, settings: ServiceSettings, service: str) -> None:
        self._settings = settings
        self._service = service
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._trouble: str | None = None

    async def publish(self, events: Sequence[Event], trace: BatchTrace | None = None) -> None:
        """Send all, await all. `Transient` if the broker is away: then some may have arrived, and will come again."""
        now = wire_time(clock.now())
        await self.send(self._outgoing(event, trace, now) for event in events)
        for event_class, count in _count_by_class(events).items():
            EVENTS_PUBLISHED.labels(self._service, event_class.__name__).inc(count)

    def _outgoing(self, event: Event, trace: BatchTrace | None, now: bytes) -> Outgoing:
        if trace:
            event = msgspec.structs.replace(event, traceparent=trace.continued(event.traceparent))
        return Outgoing(
            topic=event.topic,
            key=event.key.encode(),
            value=encode(event),
            headers=headers(event, source=self._service, time=now),
        )

    async def send(self, messages: Iterable[Outgoing]) -> None:
        """Send raw messages; `publish` for events, this for dead letters."""
        messages = tuple(messages)
        await faults.reach(faults.Point.PUBLISHING)
        producer = await self._started()
        try:
            # An idempotent producer never gives a batch up by itself, and a hung broker may never answer.
            async with asyncio.timeout(SEND_SECONDS):
                await self._send(producer, messages)
        except MessageSizeTooLargeError as error:
            await self._give_up(producer)
            await self._send_halves(messages, error)
        except (KafkaError, TimeoutError) as error:
            await self._give_up(producer)
            self._trouble = f"Kafka is away or takes no events: {type(error).__name__}"
            raise Transient(self._trouble) from error
        self._trouble = None

    async def _send_halves(self, messages: Sequence[Outgoing], error: MessageSizeTooLargeError) -> None:
        """The broker counts whole batches: where its limit is below ours, a batch goes as two."""
        if len(messages) == 1:
            raise Permanent(f"a message is larger than the broker takes: {error}") from error
        middle = len(messages) // 2
        await self.send(messages[:middle])
        await self.send(messages[middle:])

    async def _send(self, producer: AIOKafkaProducer, messages: Iterable[Outgoing]) -> None:
        batches = await self._batched(producer, messages)
        futures = [
            await producer.send_batch(batch, topic, partition=partition) for (topic, partition), batch in batches
        ]
        await faults.reach(faults.Point.PUBLISHED_UNCONFIRMED)
        await asyncio.gather(*futures)
        await faults.reach(faults.Point.PUBLISHED)

    async def _batched(
        self, producer: AIOKafkaProducer, messages: Iterable[Outgoing]
    ) -> list[tuple[tuple[str, int], BatchBuilder]]:
        finished: list[tuple[tuple[str, int], BatchBuilder]] = []
        open_batches: dict[tuple[str, int], BatchBuilder] = defaultdict(producer.create_batch)
        partitions: dict[str, int] = {}
        now = int(clock.now().timestamp() * 1000)
        for message in messages:
            if message.topic not in partitions:
                partitions[message.topic] = len(await producer.partitions_for(message.topic))
            place = (message.topic, partition_of(message.key, partitions[message.topic]))
            if not _append(open_batches[place], message, now):
                finished.append((place, open_batches.pop(place)))
                if not _append(open_batches[place], message, now):
                    raise Permanent(f"a message of {len(message.value)} bytes for {message.topic} is too large")
        finished.extend(open_batches.items())
        for _, batch in finished:
            batch.close()
        return finished

    async def ping(self) -> None:
        """Raise `Transient` unless a broker answers and has taken what we sent last."""
        if self._trouble is not None:
            raise Transient(self._trouble)
        producer = await self._started()
        try:
            async with asyncio.timeout(5):
                await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError) as error:
            raise Transient(f"Kafka is away: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._producer is not None:
            await self._give_up(self._producer)

    async def _give_up(self, producer: AIOKafkaProducer) -> None:
        """Stop a producer; the next one to send starts another, unless somebody has done so already."""
        if self._producer is producer:
            self._producer = None
        await _stop(producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **kafka_connection(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",
                    max_batch_size=BATCH_BYTES,
                    max_request_size=MESSAGE_BYTES,
                    request_timeout_ms=15_000,
                )
                try:
                    await producer.start()
                except (KafkaError, OSError) as error:
                    await _stop(producer)
                    raise Transient(f"Kafka is away: {type(error).__name__}") from error
                except asyncio.CancelledError:
                    await producer.client.close()
                    raise
                self._producer = producer
            return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop, without waiting long for a broker that does not answer: then whoever waits for one hears that it failed."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
    except (KafkaError, TimeoutError, OSError):
        # stop() flushes first and has got no further: end its sender, and fail what it still held.
        if producer._sender is not None and producer._sender.sender_task is not None:
            producer._sender.sender_task.cancel()
        producer._message_accumulator.fail_all(KafkaConnectionError("given up"))
        await producer.client.close()


def _append(batch: BatchBuilder, message: Outgoing, now: int) -> bool:
    appended = batch.append(timestamp=now, key=message.key, value=message.value, headers=message.headers)
    return appended is not None


def _count_by_class(events: Sequence[Event]) -> Mapping[type[Event], int]:
    counts: dict[type[Event], int] = defaultdict(int)
    for event in events:
        counts[type(event)] += 1
    return counts
