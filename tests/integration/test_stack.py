"""The real thing without services: Kafka, PostgreSQL and the mail sink, started once for all tests here."""

import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.background import BackgroundStack, stack_in_thread, throwaway_stack
from deploy.local.complaints import Complaint
from deploy.local.databases import create_databases
from deploy.local.endpoints import read_endpoints
from deploy.local.keys import Keys
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.postgres import database_url
from deploy.local.register import Entry, read_register
from libs.common.contracts import TOPICS

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    home = tmp_path_factory.mktemp("stack") / "été, with spaces"
    return Layout(home=home, cache=Layout.from_environment().cache, port_base=free_port_base(), services=())


@pytest.fixture(scope="module")
def stack(layout: Layout) -> Iterator[BackgroundStack]:
    with throwaway_stack(layout) as running:
        yield running


async def test_every_topic_is_there(stack: BackgroundStack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.endpoints.kafka)
    await admin.start()
    try:
        assert set(TOPICS) <= set(await admin.list_topics())
    finally:
        await admin.close()


async def test_a_service_enters_its_own_database_and_no_other(stack: BackgroundStack, layout: Layout) -> None:
    keys = Keys(layout.secrets)
    await create_databases(stack.endpoints.postgres, services=("intake", "verifier"), keys=keys)
    own = database_url(layout, keys, service="intake")

    connection = await asyncpg.connect(own)
    await connection.execute("CREATE TABLE mine ()")
    await connection.close()

    for other in ("verifier", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(own.removesuffix("/intake") + f"/{other}")


async def test_what_postgres_confirms_is_on_disk(stack: BackgroundStack) -> None:
    connection = await asyncpg.connect(stack.endpoints.postgres)
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    values = [await connection.fetchval(f"SHOW {setting}") for setting in settings]
    await connection.close()

    assert values == ["on", "on", "on"]


def test_a_second_stack_in_the_same_folder_is_refused(stack: BackgroundStack, layout: Layout) -> None:
    with pytest.raises(Complaint, match="right now"), stack_in_thread(layout):
        pass

    assert read_endpoints(layout) is not None


def registered(part: str, layout: Layout) -> Entry:
    (entry,) = (each for each in read_register(layout.processes) if each.name == part)
    return entry


@pytest.mark.parametrize("part", ["postgres", "kafka", "mail"])
def test_a_killed_part_comes_back(part: str, stack: BackgroundStack, layout: Layout) -> None:
    before = stack.pid(part)

    stack.kill(part)

    # The register is written a moment after the new process is there, so it is the register that is waited for.
    give_up = time.monotonic() + PATIENCE_SECONDS
    entry = registered(part, layout)
    while entry.pid == before and time.monotonic() < give_up:
        time.sleep(0.05)
        entry = registered(part, layout)
    assert entry.pid != before
    assert entry.restarts == 1


def test_nothing_is_left_when_the_stack_is_stopped(layout: Layout, tmp_path: Path) -> None:
    own = Layout(home=tmp_path, cache=layout.cache, port_base=free_port_base(), services=())

    with stack_in_thread(own):
        processes = [entry.process() for entry in read_register(own.processes)]

    assert len(processes) == 3
    assert not any(process and psutil.pid_exists(process.pid) for process in processes)
    assert not own.endpoints.exists()
    assert not own.processes.exists()
