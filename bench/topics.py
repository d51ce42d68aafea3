"""The topics of a workbench: filled, counted, and watched until a service has read them to their end."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.group import LeaveGroupRequest
from pydantic import SecretStr

from bench.patience import until
from deploy.local.topics import wanted_topics
from libs.common.contracts import TOPICS, Event, IncidentChanged
from libs.common.publisher import Publisher
from libs.common.settings import ServiceSettings

SLICE = 2000
"""Events published in one go, as intake and the consumers do: it decides how large the batches on a topic are."""

SECONDS_BETWEEN_LOOKS = 0.02


@dataclass(frozen=True, slots=True)
class Topics:
    """What a measurement does with the broker."""

    bootstrap: str
    _partitions: Mapping[str, int]
    _admin: AIOKafkaAdminClient
    _reader: AIOKafkaConsumer
    _publisher: Publisher

    async def fill(self, events: Iterable[Event]) -> int:
        """Publish as a service does: same bytes, headers, compression and partitions. Returns how many."""
        remaining, published = iter(events), 0
        while slice_ := list(islice(remaining, SLICE)):
            await self._publisher.publish(slice_)
            published += len(slice_)
        return published

    async def count(self, *topics: str) -> int:
        """Messages ever put on these topics."""
        return sum((await self._ends(topics)).values())

    async def skip_to_end(self, service: str) -> None:
        """Let a service that is not running begin with what comes next; of the incidents it hears all."""
        ends = await self._ends(TOPICS)
        positions = {place: 0 if place.topic == IncidentChanged.topic else end for place, end in ends.items()}
        member = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=_group(service), enable_auto_commit=False)
        await member.start()
        try:
            member.assign(list(positions))
            await member.commit(positions)
        finally:
            await member.stop()

    async def wait_for_members(self, service: str, count: int) -> None:
        """Until that many replicas share the partitions, and none is still being moved."""

        async def are_settled() -> bool:
            (answer,) = await self._admin.describe_consumer_groups([_group(service)])
            _, _, state, _, _, members = answer.groups[0][:6]
            return state == "Stable" and len(members) == count

        await until(are_settled, what=f"{count} replicas of {service} sharing the partitions", seconds=60)

    async def dismiss(self, service: str) -> None:
        """Whoever had partitions is dead: the next one need not wait until its session has ended."""
        (answer,) = await self._admin.describe_consumer_groups([_group(service)])
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap)
        await client.bootstrap()
        try:
            for member_id, *_ in answer.groups[0][5]:
                coordinator = await self._admin.find_coordinator(_group(service))
                await client.send(coordinator, LeaveGroupRequest(_group(service), member_id))
        finally:
            await client.close()

    async def wait_until_read(self, service: str, *topics: str, seconds: float) -> None:
        """Until the service has committed the last offset of these topics."""
        ends = await self._ends(topics)

        async def is_read() -> bool:
            committed = await self._admin.list_consumer_group_offsets(_group(service), partitions=list(ends))
            return all(committed[place].offset >= end for place, end in ends.items())

        await until(
            is_read, what=f"{service} at the end of {', '.join(topics)}", seconds=seconds, pause=SECONDS_BETWEEN_LOOKS
        )

    async def wait_for_count(self, count: int, *topics: str, seconds: float) -> None:
        """Until so many messages have been put on these topics."""

        async def are_there() -> bool:
            return await self.count(*topics) >= count

        what = f"{count:,} messages on {', '.join(topics)}"
        await until(are_there, what=what, seconds=seconds, pause=SECONDS_BETWEEN_LOOKS)

    async def _ends(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        places = [TopicPartition(topic, partition) for topic in topics for partition in range(self._partitions[topic])]
        ends: dict[TopicPartition, int] = await self._reader.end_offsets(places)
        return ends


@asynccontextmanager
async def topics_at(bootstrap: str, *, partitions: int) -> AsyncIterator[Topics]:
    """All that the stack makes, dead letters included. The reader subscribes to none: it would fetch them all."""
    made = {topic.name: topic.num_partitions for topic in wanted_topics(partitions=partitions)}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    publisher = Publisher(settings=_settings(bootstrap), service="bench")
    await asyncio.gather(admin.start(), reader.start())
    try:
        yield Topics(bootstrap, made, admin, reader, publisher)
    finally:
        await publisher.close()
        await reader.stop()
        await admin.close()


def _group(service: str) -> str:
    return f"tocsin-{service}"


def _settings(bootstrap: str) -> ServiceSettings:
    """Those of a service that has a broker and nothing else."""
    return ServiceSettings(
        http_port=1, database_url=SecretStr("postgresql://"), kafka_bootstrap=bootstrap, operator_public_key=""
    )
