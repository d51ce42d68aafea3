"""How full the pipeline is: measured at the broker, felt by large payloads first and by partners last."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from libs.common.contracts import RawIndicator
from libs.common.db import Database
from libs.common.settings import ServiceSettings
from libs.common.shutdown import Shutdown
from services.intake.gateway.backlog import KafkaBacklog
from services.intake.handlers.pressure import Pressure, PressureLimits
from tests.conftest import Kafka

LIMITS = PressureLimits(backlog_target_records=100, backlog_limit_records=1000, unread_limit_bytes=1)


@dataclass(slots=True)
class Counted:
    """A backlog of which the test knows how long it is."""

    records: int = 0

    async def waiting(self) -> int:
        return self.records

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def backlog(kafka: Kafka, operator_public_key: str) -> AsyncIterator[KafkaBacklog]:
    settings = ServiceSettings(
        http_port=1, database_url="", kafka_bootstrap=kafka.bootstrap, operator_public_key=operator_public_key
    )
    backlog = KafkaBacklog(settings)
    yield backlog
    await backlog.close()


async def test_what_nobody_has_read_yet_waits(kafka: Kafka, backlog: KafkaBacklog) -> None:
    await kafka.start_group_here("tocsin-verifier")
    before = await backlog.waiting()
    await kafka.put(RawIndicator.topic, [(str(number).encode(), b"{}") for number in range(50)])
    assert await backlog.waiting() == before + 50
    await kafka.skip_to_end("tocsin-verifier", RawIndicator.topic)
    assert await backlog.waiting() == before


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """One that is never asked."""
    database = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1, statement_timeout_seconds=1)
    yield database
    await database.close()


async def test_a_large_payload_waits_until_the_pipeline_has_room(database: Database) -> None:
    counted = Counted(records=500)
    pressure, shutdown = Pressure(database, counted, limits=LIMITS), Shutdown()
    measuring = asyncio.create_task(pressure.keep_measuring(shutdown))
    while not pressure.waiting_records:
        await asyncio.sleep(0.01)
    assert not await pressure.wait_for_room(shutdown, at_most_seconds=0.3)
    assert pressure.trouble is None

    counted.records = 10
    assert await pressure.wait_for_room(shutdown, at_most_seconds=10)
    shutdown.request()
    await measuring


async def test_what_was_published_since_the_last_look_counts(database: Database) -> None:
    pressure = Pressure(database, Counted(), limits=LIMITS)
    pressure.added(99)
    assert pressure.has_room
    pressure.added(1)
    assert not pressure.has_room
    pressure.added(901)
    assert pressure.trouble == "1001 records wait to be checked, which is more than we let wait."
