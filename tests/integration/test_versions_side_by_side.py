"""Today's services hear an older release, a later one and what they can't read, beside today's, in one batch.

docs/decisions/0002-events.md says what is promised; tests/contracts says the same of each event by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from libs.common.consumer import BatchConsumer
from libs.common.contracts import (
    Asset,
    Event,
    IndicatorSettled,
    NotificationSent,
    RawIndicator,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.contracts.wire import decode, encode, event_tag
from libs.common.ids import new_id
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome, Severity
from tests.conftest import Kafka
from tests.contracts.releases import (
    of_a_later_release,
    of_an_older_release,
    of_the_next_version,
    with_an_unknown_word,
)
from tests.integration.deliveries.services import built
from tests.integration.feedback.mails import mail
from tests.unit.notifier.builders import target
from tests.unit.verifier.builders import raw

SECONDS = 60
"""Longest wait for anything."""


def indicator(number: int) -> RawIndicator:
    fresh = msgspec.structs.replace(raw().indicator, seen_at=datetime.now(UTC), asset=Asset(ip=f"192.0.2.{number}"))
    return msgspec.structs.replace(raw(number), indicator_id=new_id(), submission_id=new_id(), indicator=fresh)


def threat(number: int) -> ThreatVerified:
    found = indicator(number)
    return ThreatVerified(
        threat_id=new_id(),
        indicator_id=found.indicator_id,
        submission_id=found.submission_id,
        record=number,
        partner="demo",
        received_at=found.received_at,
        indicator=found.indicator,
        incident="open-smb",
        severity=Severity.HIGH,
        grade="B2",
        confidence=0.9,
        first_seen_at=found.indicator.seen_at,
    )


def attributed(number: int) -> TargetAttributed:
    return target(asset=Asset(ip=f"192.0.2.{number}"))


def sent(number: int) -> NotificationSent:
    return mail(f"bakery-{number}")


@dataclass(frozen=True, slots=True)
class Stage:
    """A service, an event that it hears, and what it makes of each: `kept` selects ids, and that.

    `word` leads to a word from a closed list. `settles`: it tells the outcome of each event that it can read.
    """

    service: str
    event: Callable[[int], Event]
    kept: str
    made: object
    word: str
    settles: bool = False


STAGES = [
    Stage("verifier", indicator, "SELECT indicator_id AS id, verdict AS made FROM verdicts", "verified", "reliability"),
    Stage(
        "attribution",
        threat,
        "SELECT indicator_id AS id, reason AS made FROM attribution",
        "no-recipient",
        "severity",
        settles=True,
    ),
    Stage(
        "notifier",
        attributed,
        "SELECT target_id AS id, notification_id IS NOT NULL AS made FROM targets",
        True,
        "severity",
    ),
    Stage(
        "feedback", sent, "SELECT notification_id AS id, incident AS made FROM notifications", "open-smb", "language"
    ),
]


@dataclass(frozen=True, slots=True)
class Running:
    """A service's consumer, and nothing else of it, on a real broker and database."""

    service: Service
    kafka: Kafka
    group: str

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[None]:
        await self.kafka.start_group_here(f"tocsin-{self.group}")
        consumer = BatchConsumer(
            service=self.group,
            settings=self.service.settings,
            subscriptions=self.service.subscriptions,
            database=self.service.database,
            publisher=self.service.publisher,
        )
        shutdown = Shutdown()
        running = asyncio.create_task(consumer.run(shutdown))
        try:
            yield
        finally:
            shutdown.request()
            await running

    async def kept(self, query: str, *, wanted: int) -> dict[UUID, object]:
        """What it has made of each, once it has kept so many."""
        async with asyncio.timeout(SECONDS):
            while True:
                async with self.service.database.transaction() as tx:
                    rows = {row["id"]: row["made"] for row in await tx.fetch(query)}
                if len(rows) >= wanted:
                    return rows
                await asyncio.sleep(0.05)

    async def outcomes(self, *, wanted: int) -> list[IndicatorSettled]:
        if not wanted:
            return []
        found = [
            decode(message.value)
            for message in await self.kafka.read("indicator-outcome", wanted=wanted, seconds=SECONDS)
        ]
        return [event for event in found if isinstance(event, IndicatorSettled)]

    async def reasons(self, topic: str, *, wanted: int) -> list[str]:
        """Why messages of one key were put aside, in their order."""
        letters = await self.kafka.read(f"{topic}.dead-letter", wanted=wanted, seconds=SECONDS)
        return [dict(letter.headers)["dead_letter_reason"].decode() for letter in letters]


@pytest.fixture
async def running(
    request: pytest.FixtureRequest,
    kafka: Kafka,
    database_url: str,
    operator_public_key: str,
    service_name: str,
    tmp_path: Path,
) -> AsyncIterator[Running]:
    async with built(
        request.param,
        database_url=database_url,
        operator_public_key=operator_public_key,
        folder=tmp_path,
        kafka_bootstrap=kafka.bootstrap,
    ) as service:
        yield Running(service, kafka, service_name)


async def hear(kafka: Kafka, topic: str, values: Sequence[bytes]) -> None:
    """One key, so one partition and one batch."""
    await kafka.put(topic, [(b"one key", value) for value in values])


@pytest.mark.parametrize(
    ("running", "stage"),
    [pytest.param(stage.service, stage, id=stage.service) for stage in STAGES],
    indirect=["running"],
)
async def test_what_can_be_read_is_handled_and_what_can_not_is_put_aside_and_its_record_held(
    running: Running, kafka: Kafka, stage: Stage
) -> None:
    today, older, later, tomorrow, unheard = (stage.event(number) for number in range(1, 6))
    await hear(
        kafka,
        today.topic,
        [
            of_the_next_version(tomorrow),
            encode(today),
            of_an_older_release(older),
            with_an_unknown_word(unheard, (stage.word,)),
            of_a_later_release(later),
        ],
    )

    async with running.consuming():
        kept = await running.kept(stage.kept, wanted=3)
        reasons = await running.reasons(today.topic, wanted=2)
        unreadable = [record for event in (tomorrow, unheard) if (record := record_behind(event)) is not None]
        outcomes = await running.outcomes(wanted=len(unreadable) + (3 if stage.settles else 0))

    assert kept == dict.fromkeys(map(id_of, (today, older, later)), stage.made)
    tag = event_tag(type(today))
    assert reasons[0] == f"not an event that this release reads: {tag.removesuffix('1')}2; it reads {tag}"
    assert reasons[1].startswith(f"not a sound {tag}: ")
    assert f"$.{stage.word}" in reasons[1]
    held = {event.indicator_id for event in outcomes if (event.outcome, event.reason) == (Outcome.HELD, "dead-letter")}
    assert held == set(unreadable)


def id_of(event: Event) -> UUID:
    """The id of the row that the event leads to."""
    match event:
        case NotificationSent():
            return event.notification_id
        case TargetAttributed():
            return event.target_id
        case RawIndicator() | ThreatVerified():
            return event.indicator_id
        case _:
            raise AssertionError(event)


def record_behind(event: Event) -> UUID | None:
    return event.indicator_id if isinstance(event, RawIndicator | ThreatVerified | TargetAttributed) else None


RECORDS = "INSERT INTO records (submission_id, record, outcome, at) SELECT $1, number, 'pending', now() FROM "
COUNTS = "SELECT outcome, records FROM submission_counts WHERE submission_id = $1 AND records > 0"


@pytest.mark.parametrize("running", ["intake"], indirect=True)
async def test_an_outcome_of_a_later_version_holds_its_record_until_a_release_reads_it(
    running: Running, kafka: Kafka
) -> None:
    submission_id = new_id()
    async with running.service.database.transaction() as tx:
        await tx.fetch(RECORDS + "generate_series(1, 5) AS number", submission_id)
        await tx.fetch("INSERT INTO submission_counts VALUES ($1, 'pending', 5)", submission_id)
    today, older, later, tomorrow, unheard = (told(submission_id, record) for record in range(1, 6))
    await hear(
        kafka,
        today.topic,
        [
            of_the_next_version(tomorrow),
            encode(today),
            of_an_older_release(older),
            with_an_unknown_word(unheard, ("outcome",)),
            of_a_later_release(later),
        ],
    )

    async with running.consuming():
        await until_counts(running, submission_id, {"notified": 3, "held": 1, "pending": 1})
        await hear(kafka, today.topic, [encode(tomorrow), encode(unheard)])
        await until_counts(running, submission_id, {"notified": 5})


def told(submission_id: UUID, record: int) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=new_id(),
        submission_id=submission_id,
        record=record,
        outcome=Outcome.NOTIFIED,
        reason="sent",
        message="Sent.",
        at=datetime.now(UTC),
        by="notifier",
    )


async def until_counts(running: Running, submission_id: UUID, wanted: dict[str, int]) -> None:
    found: dict[str, int] = {}
    try:
        async with asyncio.timeout(SECONDS):
            while found != wanted:
                async with running.service.database.transaction() as tx:
                    found = {row["outcome"]: row["records"] for row in await tx.fetch(COUNTS, submission_id)}
                await asyncio.sleep(0.05)
    except TimeoutError:
        assert found == wanted
