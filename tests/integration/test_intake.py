"""Intake on a real database and broker: who works on a submission, and where its records end, counted exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from libs.common.contracts import IndicatorSettled
from libs.common.contracts.wire import decode
from libs.common.db import Transaction
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome, Reliability
from services.intake.app import means_of
from services.intake.domain.hints import Hints
from services.intake.domain.partners import Partner
from services.intake.domain.reconciliation.accounts import Own
from services.intake.domain.reconciliation.report import Sums
from services.intake.domain.slices import next_slice
from services.intake.domain.submissions import Status, Submission, Tally, indicator_id
from services.intake.handlers.accepting import Accepted, Push
from services.intake.handlers.books import Scope
from services.intake.handlers.means import Means
from services.intake.handlers.outcomes import settle_records
from services.intake.handlers.processing import (
    GIVEN_UP,
    MAX_ATTEMPTS,
    LeaseLost,
    Processing,
    give_up,
    process,
    process_slice,
    release,
)
from services.intake.handlers.reading import read_again
from services.intake.handlers.receiving import receive
from services.intake.handlers.reconciliation import sums
from services.intake.settings import IntakeSettings
from services.intake.store import reconciliation, submissions
from services.intake.store.partners import add_partner
from services.intake.store.submissions import Order
from tests.conftest import Kafka

RECORDS = 100
SLICE_RECORDS = 10
LEASE = timedelta(seconds=15)
SECOND = timedelta(seconds=1)
PARTNER = Partner(
    id=new_id(),
    slug="demo",
    name="Demo",
    reliability=Reliability.B,
    contact_email="feeds@demo.example",
    enabled=True,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Intake:
    """What workers and news do to one submission of a hundred records, which at first nobody has read."""

    means: Means
    submission_id: UUID

    async def take(self, now: datetime, *, lasts: timedelta = LEASE) -> Submission | None:
        """Look for work, as a worker does at this moment."""
        async with self.means.database.transaction() as tx:
            return await submissions.take_next(tx, order=Order.OLDEST, lease=new_id(), now=now, until=now + lasts)

    async def taken(self, now: datetime, *, lasts: timedelta = LEASE) -> Submission:
        submission = await self.take(now, lasts=lasts)
        assert submission is not None
        return submission

    async def work(self, submission: Submission, *, slices: int) -> Submission:
        """Begin at the start of the payload, as every worker does, and stop after so many slices."""
        records = read_again(submission, means=self.means)
        for _ in range(slices):
            piece = next_slice(records, SLICE_RECORDS)
            submission = await process_slice(submission, piece, Tally(), means=self.means)
        return submission

    async def kept(self) -> Submission:
        async with self.means.database.transaction() as tx:
            submission = await submissions.submission(tx, self.submission_id, partner_id=None)
        assert submission is not None
        return submission

    async def books(self) -> Sums:
        async with self.means.database.transaction() as tx:
            return await sums(tx, now=datetime.now(UTC))

    async def recounted(self) -> Own:
        """The submission as its records say, beside what its receipt says."""
        scope = Scope.of(self.submission_id)
        async with self.means.database.transaction() as tx:
            window = await reconciliation.next_window(
                tx, after=scope.after, through=scope.through, most_submissions=1, most_records=1
            )
            return (await reconciliation.own_books(tx, window))[self.submission_id]

    async def hear(self, *news: IndicatorSettled) -> None:
        """Let news arrive, as one batch."""
        async with self.means.database.transaction() as tx:
            await settle_records(news, tx=tx, now=datetime.now(UTC))

    def news(self, outcome: Outcome, *, record: int = 7) -> IndicatorSettled:
        return IndicatorSettled(
            indicator_id=indicator_id(self.submission_id, record),
            submission_id=self.submission_id,
            record=record,
            outcome=outcome,
            reason="because",
            message="Because.",
            at=datetime.now(UTC),
            by="verifier",
        )

    @asynccontextmanager
    async def workers(self, number: int) -> AsyncIterator[None]:
        shutdown = Shutdown()
        runs = [Processing(self.means, order=Order.OLDEST, retry_max_seconds=0.2).run(shutdown) for _ in range(number)]
        working = asyncio.gather(*runs)
        try:
            yield
        finally:
            shutdown.request()
            await working

    async def ended(self) -> Submission:
        async with asyncio.timeout(20):
            while (submission := await self.kept()).status is Status.PROCESSING:
                await asyncio.sleep(0.02)
        return submission


@pytest.fixture
async def means(intake_settings: IntakeSettings) -> AsyncIterator[Means]:
    changes = {"immediate_max_bytes": 0, "slice_records": SLICE_RECORDS, "lease_seconds": LEASE.total_seconds()}
    settings = intake_settings.model_copy(update=changes)
    means = means_of(settings)
    yield means
    await means.publisher.close()
    await means.database.close()


@pytest.fixture
async def intake(means: Means) -> Intake:
    return await taken_in(means)


async def taken_in(means: Means) -> Intake:
    """With a submission that nobody has read."""
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
    push = Push(
        partner=PARTNER,
        hints=Hints(format_name="tocsin-ndjson"),
        idempotency_key=None,
        dry_run=False,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    accepted = await receive(payload(), push, means=means, now=datetime.now(UTC))
    assert isinstance(accepted, Accepted)
    return Intake(means, accepted.receipt.submission.id)


async def payload() -> AsyncIterator[bytes]:
    for number in range(RECORDS):
        record = {
            "seen_at": "2026-03-01T00:00:00Z",
            "category": "vulnerable/vulnerable-system",
            "identifier": "open-smb",
            "asset": {"ip": f"192.0.2.{number}"},
        }
        yield json.dumps(record).encode() + b"\n"


async def published(kafka: Kafka, *, wanted: int) -> set[UUID]:
    return {decode(message.value).event_id for message in await kafka.read("raw-indicator", wanted=wanted)}


async def test_two_workers_and_one_submission_count_and_publish_each_record_once(intake: Intake, kafka: Kafka) -> None:
    async with intake.workers(2):
        submission = await intake.ended()

    assert submission.status is Status.DONE
    recounted = await intake.recounted()
    assert recounted.outcomes == recounted.counted == {"pending": RECORDS}
    assert len(await published(kafka, wanted=RECORDS)) == RECORDS


async def test_a_worker_that_comes_back_after_its_lease_stops_and_nothing_is_counted_twice(
    intake: Intake, kafka: Kafka
) -> None:
    now = datetime.now(UTC)
    silent = await intake.work(await intake.taken(now), slices=3)
    successor = await intake.taken(now + LEASE + 5 * SECOND)

    came_back, finished = await asyncio.gather(
        process(silent, means=intake.means, shutdown=Shutdown()),
        process(successor, means=intake.means, shutdown=Shutdown()),
        return_exceptions=True,
    )

    assert isinstance(came_back, LeaseLost)
    assert finished is None
    recounted = await intake.recounted()
    assert recounted.outcomes == recounted.counted == {"pending": RECORDS}
    assert len(await published(kafka, wanted=RECORDS + SLICE_RECORDS)) == RECORDS, "one slice may have been lost"


async def test_reading_past_what_is_stored_already_keeps_the_lease(intake: Intake) -> None:
    now = datetime.now(UTC)
    interrupted = await intake.work(await intake.taken(now), slices=5)
    await release(interrupted, means=intake.means)

    await intake.work(await intake.taken(now, lasts=SECOND), slices=5)

    assert await intake.take(now + 2 * SECOND) is None, "nobody else may begin from the start meanwhile"


async def test_only_records_that_are_new_show_that_an_attempt_did_not_fail(intake: Intake) -> None:
    now = datetime.now(UTC)
    interrupted = await intake.work(await intake.taken(now), slices=5)
    await release(interrupted, means=intake.means)
    resumed = await intake.taken(now)

    await intake.work(resumed, slices=5)
    assert (await intake.kept()).attempts == 1

    await intake.work(resumed, slices=6)
    assert (await intake.kept()).attempts == 0


async def test_a_worker_learns_that_its_lease_is_lost_before_it_publishes_anything(intake: Intake) -> None:
    now = datetime.now(UTC)
    silent = await intake.work(await intake.taken(now), slices=5)
    await intake.taken(now + LEASE + 5 * SECOND)

    with pytest.raises(LeaseLost):
        await intake.work(silent, slices=1)


async def test_a_worker_whose_lease_is_lost_stores_nothing(intake: Intake) -> None:
    now = datetime.now(UTC)
    silent = await intake.taken(now)
    await intake.taken(now + LEASE + SECOND)

    with pytest.raises(LeaseLost):
        await intake.work(silent, slices=1)

    assert (await intake.books()).totals == {}


async def test_giving_back_a_lease_that_was_lost_changes_nothing(intake: Intake) -> None:
    now = datetime.now(UTC)
    silent = await intake.taken(now)
    await intake.taken(now + LEASE + SECOND)

    await release(silent, means=intake.means)

    assert (await intake.kept()).attempts == 2
    assert await intake.take(now + LEASE + 2 * SECOND) is None


async def test_each_attempt_without_progress_has_a_longer_lease_and_progress_a_short_one(intake: Intake) -> None:
    now = datetime.now(UTC) - timedelta(days=1)
    for leases in (1, 2, 4, 8, 8):
        submission = await intake.taken(now)
        assert await intake.take(now + leases * LEASE) is None
        now += leases * LEASE + SECOND
    submission = await intake.work(submission, slices=1)

    assert (await intake.kept()).attempts == 0
    assert await intake.take(datetime.now(UTC) + LEASE + SECOND) is not None


async def test_what_was_published_unknown_to_us_is_not_held_for_long(intake: Intake) -> None:
    submission = await intake.work(await intake.taken(datetime.now(UTC)), slices=1)
    news = intake.news(Outcome.UNATTRIBUTABLE)
    await give_up(submission, means=intake.means)
    held = await intake.recounted()

    await intake.hear(news)

    told = await intake.recounted()
    assert held.outcomes == held.counted == {"held": SLICE_RECORDS}
    assert told.outcomes == told.counted == {"held": SLICE_RECORDS - 1, "unattributable": 1}


async def test_a_submission_that_every_worker_loses_is_given_up_in_the_end(intake: Intake) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    lost = await intake.taken(began, lasts=SECOND)
    for attempt in range(1, MAX_ATTEMPTS):
        successor = await intake.taken(began + attempt * timedelta(minutes=1), lasts=SECOND)
        await release(lost, means=intake.means)
        lost = successor

    async with intake.workers(1):
        submission = await intake.ended()

    assert submission.status is Status.FAILED
    assert submission.errors == (GIVEN_UP,)


@pytest.fixture
async def read(intake: Intake) -> Intake:
    """The submission, read to its end."""
    await process(await intake.taken(datetime.now(UTC)), means=intake.means, shutdown=Shutdown())
    return intake


async def test_an_outcome_that_comes_twice_is_counted_once(read: Intake) -> None:
    news = read.news(Outcome.NOTIFIED)

    await read.hear(news, news)
    await read.hear(news)

    recounted = await read.recounted()
    assert recounted.outcomes == recounted.counted == {"pending": RECORDS - 1, "notified": 1}


async def test_a_second_different_final_outcome_is_refused_and_counted_once(read: Intake) -> None:
    before = conflicts_counted()
    await read.hear(read.news(Outcome.NOTIFIED))
    contradiction = read.news(Outcome.FAILED)

    await read.hear(contradiction)
    await read.hear(contradiction)

    recounted = await read.recounted()
    assert recounted.outcomes == recounted.counted == {"pending": RECORDS - 1, "notified": 1}, "the first stands"
    assert recounted.conflicts == 1
    assert conflicts_counted() - before == 1


async def test_of_two_replicas_that_settle_one_record_at_once_the_later_tries_again(read: Intake) -> None:
    news = read.news(Outcome.NOTIFIED)
    async with read.means.database.transaction() as tx:
        await settle_records([news], tx=tx, now=news.at)
        later = asyncio.create_task(read.hear(news))
        await somebody_waits_for_a_lock(tx)

    with pytest.raises(Transient):
        await later
    await read.hear(news)

    recounted = await read.recounted()
    assert recounted.outcomes == recounted.counted == {"pending": RECORDS - 1, "notified": 1}


def conflicts_counted() -> float:
    return REGISTRY.get_sample_value("tocsin_outcome_conflicts_total") or 0.0


async def somebody_waits_for_a_lock(tx: Transaction) -> None:
    async with asyncio.timeout(10):
        while not await tx.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)
