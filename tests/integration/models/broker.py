"""The broker as an observer sees it, who stays while lives come and go: clients that are started once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import ConsumerRecord

from libs.common.publisher import partition_of

T = TypeVar("T")

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Broker:
    """Puts messages on topics, reads what is on them, and knows how far a group has got."""

    bootstrap: str
    _producer: AIOKafkaProducer
    _reader: AIOKafkaConsumer
    _surveyor: AIOKafkaConsumer
    """Never reads, so that its questions wait for no message."""
    _admin: AIOKafkaAdminClient

    async def put(self, topic: str, *, key: bytes, value: bytes) -> str:
        """Where it lies now, as dead letters write it."""
        partitions = len(await self._producer.partitions_for(topic))
        place = await self._producer.send_and_wait(topic, value=value, key=key, partition=partition_of(key, partitions))
        return f"{place.topic}/{place.partition}/{place.offset}"

    async def ends(self, *topics: str) -> dict[TopicPartition, int]:
        """Where these topics end now."""
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in await self._producer.partitions_for(topic)
        ]
        ends: dict[TopicPartition, int] = await self._surveyor.end_offsets(places)
        return ends

    async def read(self, topic: str, *, since: Offsets) -> list[ConsumerRecord]:
        """All that has come to a topic since then, in order within each partition."""
        ends = await self.ends(topic)
        unread = {place: end for place, end in ends.items() if since[place] < end}
        self._reader.assign(list(unread))
        for place in unread:
            self._reader.seek(place, since[place])
        found: list[ConsumerRecord] = []
        while unread:
            for place, batch in (await self._reader.getmany(timeout_ms=1000)).items():
                found += batch
                if batch[-1].offset + 1 >= unread[place]:
                    del unread[place]
        self._reader.pause(*self._reader.assignment())
        return found

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """How far the group says that it has got."""
        positions = await _patiently(lambda: self._admin.list_consumer_group_offsets(group))
        return {place: position.offset for place, position in positions.items()}

    async def begin_group(self, group: str, *, at: Offsets) -> None:
        """Let a group begin here. It has no members."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign(list(at))
            await consumer.commit(at)
        finally:
            await consumer.stop()

    async def expel(self, group: str, *, but: Collection[str]) -> None:
        """Put all members out of a group but these lives, as the broker does by itself when a session has run out."""
        members = await self._members(group)
        for member in [member for member, client in members.items() if client not in but]:
            node = await _patiently(lambda: self._admin.find_coordinator(group))
            await self._admin._send_request_to_node(node, LeaveGroupRequest(group, member))

    async def _members(self, group: str) -> Mapping[str, str]:
        """Their clients' names by their ids."""
        described = await _patiently(lambda: self._admin.describe_consumer_groups([group]))
        return {member[0]: member[1] for answer in described for found in answer.groups for member in found[5]}


@asynccontextmanager
async def observed_broker(bootstrap: str) -> AsyncIterator[Broker]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=10)
    surveyor = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    for client in (producer, reader, surveyor, admin):
        await client.start()
    try:
        await _patiently(lambda: admin.find_coordinator("the first group"))
        yield Broker(bootstrap, producer, reader, surveyor, admin)
    finally:
        await producer.stop()
        await reader.stop()
        await surveyor.stop()
        await admin.close()


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer: a broker that is new, or short of time, may have no coordinator for a while."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(0.05)
