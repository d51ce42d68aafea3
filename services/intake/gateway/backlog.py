"""The broker's word on how much waits in the pipeline behind intake."""

from collections.abc import Mapping
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.common.contracts import RawIndicator, TargetAttributed, ThreatVerified
from libs.common.errors import Transient
from libs.common.publisher import kafka_connection
from libs.common.settings import ServiceSettings

READERS: Mapping[str, str] = {
    "tocsin-verifier": RawIndicator.topic,
    "tocsin-attribution": ThreatVerified.topic,
    "tocsin-notifier": TargetAttributed.topic,
}
"""The groups on the way from a record to its mail, and the topic that each reads."""


class Backlog(Protocol):
    """How much the services behind us have not read yet."""

    async def waiting(self) -> int:
        """Events on their way in the topics. Raises `Transient` while nobody can say."""
        ...

    async def close(self) -> None: ...


class KafkaBacklog:
    """Asks the broker how far each group has come, over connections that stay open."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None

    async def waiting(self) -> int:
        try:
            return await self._waiting()
        except (KafkaError, OSError) as error:
            await self.close()
            raise Transient(f"Kafka is away: {type(error).__name__}") from error

    async def _waiting(self) -> int:
        admin, reader = await self._connected()
        places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics(list(READERS.values()))
            for partition in topic["partitions"]
        ]
        come_to = await self._come_to(admin)
        unread = [place for place in places if place not in come_to]
        come_to |= await reader.beginning_offsets(unread) if unread else {}
        ends = await reader.end_offsets(places)
        return sum(max(0, ends[place] - come_to[place]) for place in places)

    async def _come_to(self, admin: AIOKafkaAdminClient) -> dict[TopicPartition, int]:
        """The next offset of each group, where it has committed one."""
        found: dict[TopicPartition, int] = {}
        for group, topic in READERS.items():
            committed = await admin.list_consumer_group_offsets(group)
            found |= {place: at.offset for place, at in committed.items() if place.topic == topic and at.offset >= 0}
        return found

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._clients is None:
            admin = AIOKafkaAdminClient(**kafka_connection(self._settings))
            reader = AIOKafkaConsumer(**kafka_connection(self._settings), enable_auto_commit=False)
            self._clients = admin, reader
            await admin.start()
            await reader.start()
        return self._clients

    async def close(self) -> None:
        if self._clients is not None:
            (admin, reader), self._clients = self._clients, None
            await admin.close()
            await reader.stop()
