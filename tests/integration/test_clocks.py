"""Clocks that are wrong: of a machine, which nothing hangs on; and of what others stamp on files and messages."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from libs.common import clock
from libs.common.db import Database
from libs.common.faults import arm
from libs.common.ids import new_id
from libs.common.publisher import Outgoing, Publisher
from libs.common.settings import ServiceSettings
from services.intake.app import means_of
from services.intake.domain.submissions import Submission
from services.intake.handlers.means import Means
from services.intake.handlers.upkeep import Sweep
from services.intake.settings import IntakeSettings
from services.intake.store.partners import add_partner
from services.intake.store.submissions import Order, add, take_next
from tests.conftest import Kafka
from tests.integration.test_intake import PARTNER
from tests.unit.intake.test_submissions import SUBMISSION

WRONG = ("clock-ahead", "clock-behind")
LEASE = timedelta(seconds=15)


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("", seed=0)


@pytest.fixture
async def means(intake_settings: IntakeSettings) -> AsyncIterator[Means]:
    means = means_of(intake_settings)
    yield means
    await means.publisher.close()
    await means.database.close()


async def submitted(means: Means) -> Submission:
    """A submission that nobody has read yet, without its payload."""
    submission = replace(SUBMISSION, id=new_id(), partner_id=PARTNER.id)
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
        await add(tx, submission)
    return submission


async def take(database: Database) -> Submission | None:
    """Look for work, as a worker does."""
    async with database.transaction() as tx:
        now = database.now()
        return await take_next(tx, order=Order.OLDEST, lease=new_id(), now=now, until=now + LEASE)


async def clock_of(database_url: str) -> datetime:
    connection = await asyncpg.connect(database_url)
    try:
        moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return moment
    finally:
        await connection.close()


@pytest.mark.parametrize("fault", WRONG)
async def test_replicas_whose_machines_disagree_have_the_time_of_their_database(database_url: str, fault: str) -> None:
    replicas = [Database(database_url, pool_size=2, statement_timeout_seconds=10) for _ in range(2)]
    times: list[datetime] = []
    for replica in replicas:
        arm(f"{fault}:1x1", seed=len(times))
        assert abs(clock.now() - datetime.now(UTC)) > timedelta(minutes=1)
        await replica.ping()
        times.append(replica.now())
        await replica.close()

    assert times == sorted(times)
    assert times[-1] <= await clock_of(database_url)


@pytest.mark.parametrize("fault", WRONG)
async def test_a_worker_keeps_its_lease_whatever_clock_the_next_one_has(means: Means, fault: str) -> None:
    database = means.database
    await submitted(means)
    assert await take(database) is not None

    arm(f"{fault}:1", seed=1)
    assert await take(database) is None


@pytest.mark.parametrize("fault", WRONG)
async def test_what_a_machine_with_a_wrong_clock_sends_arrives_with_the_brokers_time(
    kafka: Kafka, operator_public_key: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its sender's time a message was refused as of the future, or deleted as a week old."""
    monkeypatch.setattr("libs.common.faults.arming.SKEW_MINUTES", (30 * 24 * 60.0, 31 * 24 * 60.0))
    settings = ServiceSettings(
        http_port=1,
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
    )
    publisher = Publisher(settings=settings, service="tests")
    arm(f"{fault}:1", seed=1)
    await publisher.send([Outgoing(topic="raw-indicator", key=b"k", value=b"no event", headers=[])])
    await publisher.close()

    [found] = await kafka.read("raw-indicator", wanted=1)
    assert abs(datetime.fromtimestamp(found.timestamp / 1000, UTC) - datetime.now(UTC)) < timedelta(hours=1)


async def swept(sweep: Sweep, means: Means) -> int:
    """How many files a sweep removes."""
    before = len(means.payloads.recent())
    await sweep.sweep()
    return before - len(means.payloads.recent())


async def test_a_draft_is_left_alone_however_old_its_time_says_it_is_until_nobody_touches_it(means: Means) -> None:
    sweep = Sweep(means)
    async with means.payloads.draft(new_id()) as draft:
        for touched in (0, 1):
            os.utime(draft.path, (touched, touched))
            assert await swept(sweep, means) == 0
        assert await swept(sweep, means) == 1


async def test_a_payload_without_a_submission_goes_at_the_second_sweep_and_one_with_a_submission_stays(
    means: Means,
) -> None:
    kept, orphan = await submitted(means), new_id()
    for submission_id in (kept.id, orphan):
        path = means.payloads.path(submission_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a payload")
    sweep = Sweep(means)

    gone = [await swept(sweep, means) for _ in range(3)]

    assert gone == [0, 1, 0]
    assert [file.submission_id for file in means.payloads.recent()] == [kept.id]
