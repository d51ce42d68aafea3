"""The real parts that tests stand on: Kafka, PostgreSQL and a mail sink of their own, started once a run."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import PurePath

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.topics import wanted_topics
from libs.common.publisher import partition_of
from libs.common.telemetry import configure_traces
from tests.databases import new_database, spare_the_disk

ONE_SYSTEM = ("tests/browser", "tests/e2e", "tests/integration/books", "tests/integration/fullness")
"""Folders whose files share what takes long to start."""

BEGUN_FIRST = (
    "tests/integration/faults",
    "tests/chaos",
    "tests/e2e",
    "tests/integration/models",
    "tests/integration/fullness",
    "tests/integration",
)
"""What takes longest, so that nobody waits for it alone in the end; all else comes after."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest comes first."""
    items.sort(key=lambda item: _turn(item.path.relative_to(config.rootpath)))


def _turn(file: PurePath) -> int:
    return next((turn for turn, folder in enumerate(BEGUN_FIRST) if file.is_relative_to(folder)), len(BEGUN_FIRST))


def _system_of(nodeid: str) -> str:
    """What goes together when files are tried side by side: the tests of a file, or of a whole folder."""
    file = PurePath(nodeid.partition("::")[0])
    folder = file.parent.as_posix()
    return folder if folder in ONE_SYSTEM else file.as_posix()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """With scopes of our own, as xdist's marks of groups get lost with pytest 9.2."""
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _system_of
    return scheduler


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundStack]:
    """Kafka, PostgreSQL and the mail sink, without services."""
    layout = Layout(
        home=tmp_path_factory.mktemp("stack"),
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=3,
        services=(),
    )
    with throwaway_stack(layout) as stack:
        asyncio.run(spare_the_disk(stack.endpoints.postgres))
        yield stack


@pytest.fixture
async def database_url(infrastructure: BackgroundStack) -> AsyncIterator[str]:
    async with new_database(infrastructure.endpoints.postgres) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Kafka:
    """The broker as a test sees it: put messages on a topic, read what has come since the test began."""

    bootstrap: str
    began_at: dict[TopicPartition, int]

    async def put(self, topic: str, messages: list[tuple[bytes, bytes]]) -> None:
        """Messages as (key, value), in order."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            partitions = len(await producer.partitions_for(topic))
            for key, value in messages:
                await producer.send(topic, value=value, key=key, partition=partition_of(key, partitions))
        finally:
            await producer.stop()

    async def read(self, topic: str, *, wanted: int, seconds: float = 20) -> list[ConsumerRecord]:
        """The first `wanted` messages since the test began; fails when they do not come."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [place for place in self.began_at if place.topic == topic]
            consumer.assign(places)
            for place in places:
                consumer.seek(place, self.began_at[place])
            found: list[ConsumerRecord] = []
            async with asyncio.timeout(seconds):
                while len(found) < wanted:
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        found += batch
            return found
        finally:
            await consumer.stop()

    async def start_group_here(self, group: str) -> None:
        """Let a consumer group begin where the test began, not at what earlier tests left."""
        await self._commit(group, self.began_at)

    async def skip_to_end(self, group: str, topic: str) -> None:
        """Let a consumer group count as having read all of a topic."""
        reader = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await reader.start()
        try:
            ends = await reader.end_offsets([place for place in self.began_at if place.topic == topic])
        finally:
            await reader.stop()
        await self._commit(group, ends)

    async def _commit(self, group: str, offsets: dict[TopicPartition, int]) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign(list(offsets))
            await consumer.commit(offsets)
        finally:
            await consumer.stop()


async def kafka_from_now(bootstrap: str) -> Kafka:
    """The broker, with everything that is on it already passed over.

    Who subscribes to all topics is told of all at once; of one that was not named a client asks for each by itself.
    """
    consumer = AIOKafkaConsumer(*(topic.name for topic in wanted_topics(partitions=1)), bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        return Kafka(bootstrap=bootstrap, began_at=await consumer.end_offsets(consumer.assignment()))
    finally:
        await consumer.stop()


@pytest.fixture
async def kafka(infrastructure: BackgroundStack) -> Kafka:
    return await kafka_from_now(infrastructure.endpoints.kafka)


_numbers = count(1)


@pytest.fixture
def service_name() -> str:
    """A name, and so a consumer group, of the test's own."""
    return f"test{next(_numbers)}"


@pytest.fixture(scope="session", autouse=True)
def traces() -> None:
    """Spans are made, as in a service; they go nowhere."""
    configure_traces(service="tests", otlp_endpoint="")


@pytest.fixture(scope="session")
def operator_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def operator_public_key(operator_key: Ed25519PrivateKey) -> str:
    return base64.b64encode(operator_key.public_key().public_bytes_raw()).decode()
