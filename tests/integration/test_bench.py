"""The measurements at their smallest: that they run, and that what they say can be true."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bench.copies import multiply
from bench.door import shut_door
from bench.events import raw_indicators
from bench.topics import topics_at
from deploy.local.background import BackgroundStack
from deploy.local.layout import PROJECT
from libs.common.contracts import RawIndicator
from tests.conftest import Kafka

COPIES = 4
PARTITIONS = 3
DEAD_LETTERS = f"{RawIndicator.topic}.dead-letter"


async def measured(home: Path, scenario: str, **settings: str) -> dict[str, Any]:  # Any: JSON of its file
    """Run a scenario as a person would; what it kept."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", scenario),
        cwd=PROJECT,
        env=os.environ | settings | {"TOCSIN_HOME": str(home), "BENCH_SIZE": "small"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "Goals" in said.decode()
    figures: dict[str, Any] = json.loads((home / "bench" / f"{scenario}.json").read_text())
    return figures


async def test_a_stage_alone_is_measured_from_its_first_batch_to_its_last(tmp_path: Path) -> None:
    figures = await measured(tmp_path, "stage", BENCH_STAGES="verifier", BENCH_EVENTS="2000")

    verifier = figures["stages"]["verifier"]
    assert figures["commit"]
    assert verifier["events_per_second"] > 0
    assert set(verifier["cpu_microseconds_per_event"]) == {"verifier", "postgres", "kafka"}
    assert verifier["cpu_microseconds_per_event"]["verifier"] > 0


async def test_imports_are_measured_until_the_new_dump_answers(tmp_path: Path) -> None:
    figures = await measured(tmp_path, "imports", BENCH_OBJECTS="5000")

    assert figures["objects"] > 4000
    assert figures["objects_per_second"] > 0
    assert figures["old_served_seconds"] > 0


async def test_mails_are_measured_until_the_last_has_left(tmp_path: Path) -> None:
    figures = await measured(tmp_path, "mail", BENCH_MAILS="50")

    assert figures["mails"] == 50
    assert figures["mails_per_second"] > 0
    assert figures["cpu_microseconds_per_mail"]["notifier"] > 0


@pytest.fixture
async def seen(database_url: str) -> str:
    """A database with a table like the services' own: two rows, the second of a later submission."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            """CREATE TABLE verdicts (id uuid PRIMARY KEY, asset text UNIQUE, incident text, body text, at timestamptz);
               INSERT INTO verdicts VALUES
               ('01932f00-0000-7000-8000-00000000000a', 'a', 'open-smb', repeat('x', 5000), now() - interval '1 hour'),
               ('01932f00-0001-7000-8000-00000000000b', 'b', 'open-smb', '{}', now())"""
        )
    finally:
        await connection.close()
    return database_url


async def rows_of(database_url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch("SELECT * FROM verdicts ORDER BY at"))
    finally:
        await connection.close()


async def test_copies_have_ids_and_assets_of_their_own_and_lie_further_back_in_time(seen: str) -> None:
    await multiply(seen, ["verdicts"], copies=COPIES)

    rows = await rows_of(seen)
    assert len({row["asset"] for row in rows}) == len(rows) == 2 * (COPIES + 1)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["incident"] for row in rows} == {"open-smb"}
    assert sum(len(row["body"]) == 5000 for row in rows) == 1


async def test_indexes_hold_again_after_copying(seen: str) -> None:
    await multiply(seen, ["verdicts"], copies=COPIES)

    connection = await asyncpg.connect(seen)
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO verdicts SELECT * FROM verdicts ORDER BY at LIMIT 1")
        assert await connection.fetchval("SELECT bool_and(indisvalid AND indisready) FROM pg_index")
    finally:
        await connection.close()


async def test_nobody_reads_a_table_before_the_door_is_opened(seen: str) -> None:
    async with shut_door(seen) as door:
        reading = asyncio.create_task(rows_of(seen))
        done_before, _ = await asyncio.wait({reading}, timeout=0.5)
        await door.open()
        rows = await reading

    assert not done_before
    assert len(rows) == 2


async def test_a_dead_letter_is_seen(infrastructure: BackgroundStack, kafka: Kafka) -> None:
    async with topics_at(infrastructure.endpoints.kafka, partitions=PARTITIONS) as topics:
        before = await topics.count(DEAD_LETTERS)
        await kafka.put(DEAD_LETTERS, [(b"key", b"value")])

        assert await topics.count(DEAD_LETTERS) == before + 1


async def test_what_is_filled_in_is_counted_over_all_partitions(infrastructure: BackgroundStack) -> None:
    async with topics_at(infrastructure.endpoints.kafka, partitions=PARTITIONS) as topics:
        before = await topics.count(RawIndicator.topic)
        filled = await topics.fill(raw_indicators(3000, datetime.now(UTC)))

        assert await topics.count(RawIndicator.topic) == before + filled == before + 3000
