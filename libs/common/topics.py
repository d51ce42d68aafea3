"""What lies on a service's topics: how far its group has read, what waits longest, and what was put aside.

Asks the broker each time, with clients that belong to no group: so it tells of all replicas and disturbs none.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from libs.common.books import Reading
from libs.common.errors import Transient
from libs.common.publisher import kafka_connection
from libs.common.settings import ServiceSettings

log = structlog.get_logger(__name__)

ASK_SECONDS = 10.0
CLOSE_SECONDS = 5.0
FETCH_BYTES = 64 * 1024
"""The first message of each partition is wanted: what else a fetch brings is only in the way. Measured with 400,000
events unread: with the default of 1 MiB, packed, the looks took 40 MB."""

MOST_DEAD_LETTERS = 1000
"""Looked at; a service stops itself when it has put aside as many (`DEAD_LETTER_LIMIT`)."""


@dataclass(frozen=True, slots=True)
class Lying:
    """A message that lies on a topic: where (topic/partition/offset), since when, and how many it stands for."""

    place: str
    since: datetime
    messages: int = 1


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What lies on a service's topics: the next message of each partition that is behind, and every dead letter."""

    unread: Sequence[Lying]
    dead_letters: Sequence[Lying]


class TopicReader:
    """Reads what there is to say of one service's topics. `Transient` while the broker is away."""

    def __init__(self, settings: ServiceSettings, *, service: str, topics: Collection[str]) -> None:
        self._settings = settings
        self._service = service
        self._topics = sorted(topics)

    async def readings(self) -> tuple[Reading, ...]:
        """Every partition of the service's topics; one that was never read counts from its beginning."""
        async with self._broker() as broker:
            return await broker.readings(f"tocsin-{self._service}", self._topics)

    async def left_over(self) -> LeftOver:
        """What is not read, and what this service has put aside, as far as nobody has taken it away."""
        async with self._broker() as broker:
            readings = await broker.readings(f"tocsin-{self._service}", self._topics)
            behind = {TopicPartition(each.topic, each.partition): each for each in readings if each.read < each.end}
            letters = await broker.extents([f"{topic}.dead-letter" for topic in self._topics])
            following = {place: range(each.read, each.read + 1) for place, each in behind.items()}
            found = await broker.read({**following, **letters})
        return LeftOver(
            unread=[_lying(found[place][0], messages=each.end - each.read) for place, each in behind.items()],
            dead_letters=[_lying(letter) for place in letters for letter in found[place] if self._is_ours(letter)],
        )

    def _is_ours(self, letter: ConsumerRecord) -> bool:
        """Two services may read one topic, and put aside what each of them can't handle."""
        return dict(letter.headers).get("dead_letter_service") == self._service.encode()

    @asynccontextmanager
    async def _broker(self) -> AsyncIterator["_Broker"]:
        connection = kafka_connection(self._settings)
        admin = AIOKafkaAdminClient(**connection)
        reader = AIOKafkaConsumer(
            **connection, auto_offset_reset="earliest", fetch_max_wait_ms=50, max_partition_fetch_bytes=FETCH_BYTES
        )
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await admin.start()
                await reader.start()
                yield _Broker(admin, reader)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Transient(f"Kafka is away: {type(error).__name__}") from error
        finally:
            await _close(reader, admin)


@dataclass(frozen=True, slots=True)
class _Broker:
    """The clients of one look."""

    admin: AIOKafkaAdminClient
    reader: AIOKafkaConsumer

    async def readings(self, group: str, topics: Sequence[str]) -> tuple[Reading, ...]:
        places = await self._partitions(topics)
        committed = await self.admin.list_consumer_group_offsets(group)
        starts, ends = await self.reader.beginning_offsets(places), await self.reader.end_offsets(places)
        return tuple(
            Reading(
                topic=place.topic,
                partition=place.partition,
                read=committed[place].offset if place in committed else starts[place],
                end=ends[place],
            )
            for place in places
        )

    async def extents(self, topics: Sequence[str]) -> dict[TopicPartition, range]:
        """The offsets of each partition that has any, at most of the first thousand."""
        places = await self._partitions(topics)
        ends = await self.reader.end_offsets(places)
        starts = await self.reader.beginning_offsets(places)
        return {
            place: range(start, min(ends[place], start + MOST_DEAD_LETTERS))
            for place, start in starts.items()
            if start < ends[place]
        }

    async def read(self, wanted: Mapping[TopicPartition, range]) -> dict[TopicPartition, list[ConsumerRecord]]:
        """What lies at these offsets; where there is nothing left at them, as on a compacted topic, what comes next.

        All partitions at once: a client that is given others while it fetches may never close.
        """
        found: dict[TopicPartition, list[ConsumerRecord]] = {place: [] for place in wanted}
        left = set(wanted)
        self.reader.assign(list(wanted))
        for place, offsets in wanted.items():
            self.reader.seek(place, offsets.start)
        while left:
            for place, batch in (await self.reader.getmany(*left, timeout_ms=200)).items():
                fitting = [record for record in batch if record.offset in wanted[place]]
                found[place] += fitting or ([] if found[place] else batch[:1])
                if batch[-1].offset + 1 >= wanted[place].stop:
                    left.remove(place)
        return found

    async def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await self.admin.describe_topics(list(topics))
            for partition in topic["partitions"]
        ]


async def _close(reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
    """Without waiting for a broker that does not answer."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await reader.stop()
            await admin.close()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("clients did not close cleanly", reason=type(error).__name__)


def _lying(record: ConsumerRecord, *, messages: int = 1) -> Lying:
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return Lying(place, datetime.fromtimestamp(record.timestamp / 1000, UTC), messages)
