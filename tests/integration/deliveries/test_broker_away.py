"""No event leaves before its record is stored: an outcome always finds the record that it is about."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.common.errors import Transient
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome
from services.intake.app import means_of
from services.intake.handlers.processing import process, release
from services.intake.settings import IntakeSettings
from tests.databases import make_tables
from tests.integration.test_intake import RECORDS, SLICE_RECORDS, Intake, taken_in

NOBODY_LISTENS_HERE = "127.0.0.1:1"


@pytest.fixture
async def intake(database_url: str, operator_public_key: str, tmp_path: Path) -> AsyncIterator[Intake]:
    """With a submission that nobody has read, and no broker to publish its records to."""
    await asyncio.to_thread(make_tables, "intake", database_url)
    means = means_of(
        IntakeSettings(
            http_port=1,
            database_url=database_url,
            kafka_bootstrap=NOBODY_LISTENS_HERE,
            operator_public_key=operator_public_key,
            payload_dir=tmp_path,
            immediate_max_bytes=0,
            slice_records=SLICE_RECORDS,
        )
    )
    yield await taken_in(means)
    await means.publisher.close()
    await means.database.close()


async def attempt(intake: Intake) -> None:
    """Read on until the broker is needed."""
    submission = await intake.taken(datetime.now(UTC))
    with pytest.raises(Transient, match="Kafka is away"):
        await process(submission, means=intake.means, shutdown=Shutdown())
    await release(submission, means=intake.means)


async def outcomes(intake: Intake) -> Counter[str]:
    async with intake.means.database.transaction() as tx:
        return Counter(row["outcome"] for row in await tx.fetch("SELECT outcome FROM records"))


async def test_what_can_not_be_published_is_stored_and_nothing_behind_it(intake: Intake) -> None:
    await attempt(intake)
    assert await outcomes(intake) == {"pending": SLICE_RECORDS}
    assert SLICE_RECORDS < RECORDS


async def test_an_outcome_that_overtakes_the_rest_of_its_submission_stands_when_that_is_read_again(
    intake: Intake,
) -> None:
    """The broker had the event and the answer to it was lost: the record is settled before we know that it left."""
    await attempt(intake)
    await intake.hear(intake.news(Outcome.NOTIFIED))

    await attempt(intake)

    assert await outcomes(intake) == {"pending": SLICE_RECORDS - 1, "notified": 1}
