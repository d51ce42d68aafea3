"""A topic filled by the million: an event as intake makes it, copied with other ids and addresses."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from bench.events import raw_indicators
from bench.feed import Kind, kind_of
from libs.common.contracts import RawIndicator
from libs.common.contracts.wire import encode, headers, wire_time
from libs.common.publisher import BATCH_BYTES

FIRST_ID = 1 << 100
BATCHES_UNDER_WAY = 16


async def fill(bootstrap: str, *, count: int) -> None:
    """Put so many raw indicators on their topic, evenly on its partitions, in batches as large as the publisher's.

    Each is too old, so it ends at the verifier: what is verified would wait on the next topic.
    """
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        partitions = cycle(sorted(await producer.partitions_for(RawIndicator.topic)))
        under_way: set[asyncio.Future[object]] = set()
        for batch in _batches(producer, count=count):
            batch.close()
            under_way.add(await producer.send_batch(batch, RawIndicator.topic, partition=next(partitions)))
            if len(under_way) >= BATCHES_UNDER_WAY:
                _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()


def _batches(producer: AIOKafkaProducer, *, count: int) -> Iterator[BatchBuilder]:
    now = datetime.now(UTC)
    event = next(event for number, event in enumerate(raw_indicators(20, now)) if kind_of(number) is Kind.OLD)
    head = headers(event, source="intake", time=wire_time(now))
    timestamp = int(now.timestamp() * 1000)
    batch = producer.create_batch()
    for key, value in _copies(event, count=count):
        if batch.append(timestamp=timestamp, key=key, value=value, headers=head) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(timestamp=timestamp, key=key, value=value, headers=head)
    yield batch


def _copies(event: RawIndicator, *, count: int) -> Iterator[tuple[bytes, bytes]]:
    value = encode(event)
    event_id, address = str(event.indicator_id).encode(), str(event.indicator.asset.ip).encode()
    assert value.count(event_id) == value.count(address) == 1
    for number in range(count):
        other_address = b"2001:db8:%x:%x::1" % (number // 60_000 + 1, number % 60_000 + 1)
        other_id = str(UUID(int=FIRST_ID + number)).encode()
        yield other_address, value.replace(event_id, other_id).replace(address, other_address)
