"""The loop around every handler, on the real broker and database: nothing lost, nothing doubled, nobody held up."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from deploy.local.background import BackgroundStack
from libs.common.consumer import BatchConsumer
from libs.common.contracts import Asset, Event, Indicator, IndicatorSettled, RawIndicator
from libs.common.contracts.wire import decode, encode
from libs.common.db import Database, Transaction
from libs.common.errors import Fatal, Permanent, Transient
from libs.common.outbox import OutboxRelay, enqueue
from libs.common.publisher import Publisher
from libs.common.settings import ServiceSettings
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome, Reliability
from tests.conftest import Kafka

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def record(number: int) -> RawIndicator:
    return RawIndicator(
        indicator_id=uuid4(),
        submission_id=uuid4(),
        record=number,
        partner="demo",
        reliability=Reliability.B,
        received_at=NOW,
        traceparent=TRACE,
        indicator=Indicator(
            seen_at=NOW, category="test/test", identifier="test", asset=Asset(ip=f"192.0.2.{number % 250}")
        ),
    )


def outcome_of(event: RawIndicator) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=event.indicator_id,
        submission_id=event.submission_id,
        record=event.record,
        outcome=Outcome.EXPIRED,
        reason="test",
        message="Test.",
        at=NOW,
        by="test",
        traceparent=event.traceparent,
    )


@dataclass
class Loop:
    """A consumer with a handler that a test can make fail, and that stores what it handled."""

    settings: ServiceSettings
    service: str
    database: Database
    publisher: Publisher
    fail: Callable[[Sequence[RawIndicator]], Exception | None] = field(default=lambda _: None)
    batches: list[int] = field(default_factory=list)

    async def handle(self, events: Sequence[RawIndicator], /, *, tx: Transaction, now: datetime) -> Sequence[Event]:
        self.batches.append(len(events))
        await tx.fetch(
            "INSERT INTO handled SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING",
            [event.indicator_id for event in events],
        )
        if (error := self.fail(events)) is not None:
            raise error
        return [outcome_of(event) for event in events]

    def consumer(self) -> BatchConsumer:
        return BatchConsumer(
            service=self.service,
            settings=self.settings,
            subscriptions={RawIndicator: self.handle},
            database=self.database,
            publisher=self.publisher,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[BatchConsumer]:
        consumer = self.consumer()
        shutdown = Shutdown()
        task = asyncio.create_task(consumer.run(shutdown))
        try:
            yield consumer
        finally:
            shutdown.request()
            await task

    async def handled(self) -> set[UUID]:
        async with self.database.transaction() as tx:
            return {row["indicator_id"] for row in await tx.fetch("SELECT indicator_id FROM handled")}


@pytest.fixture
async def loop(kafka: Kafka, database_url: str, service_name: str, operator_public_key: str) -> AsyncIterator[Loop]:
    settings = ServiceSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
        dead_letter_limit=5,
        retry_max_seconds=0.2,
    )
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE handled (indicator_id uuid PRIMARY KEY)")
    await connection.execute(
        "CREATE TABLE outbox (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, events bytea NOT NULL, "
        "refused_at timestamptz, enqueued_at timestamptz NOT NULL DEFAULT now())"
    )
    await connection.close()
    await kafka.start_group_here(f"tocsin-{service_name}")
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    publisher = Publisher(settings=settings, service=service_name)
    yield Loop(settings, service_name, database, publisher)
    await publisher.close()
    await database.close()


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def put(kafka: Kafka, events: Sequence[RawIndicator]) -> None:
    await kafka.put("raw-indicator", [(event.key.encode(), encode(event)) for event in events])


async def test_every_event_is_handled_in_batches_and_answered_once(loop: Loop, kafka: Kafka) -> None:
    events = [record(number) for number in range(500)]
    await put(kafka, events)
    async with loop.running():
        answers = await kafka.read("indicator-outcome", wanted=500)
    assert sorted(decode(answer.value).event_id for answer in answers) == sorted(
        outcome_of(event).event_id for event in events
    )
    assert len(loop.batches) < 50


async def test_an_answer_travels_as_a_cloudevent_in_the_trace_of_its_cause(loop: Loop, kafka: Kafka) -> None:
    await put(kafka, [record(1)])
    async with loop.running():
        (answer,) = await kafka.read("indicator-outcome", wanted=1)
    found = dict(answer.headers)
    assert found["ce_type"] == b"tocsin.indicator-settled.v1"
    assert found["ce_source"] == f"/services/{loop.service}".encode()
    assert found["traceparent"][3:35] == TRACE[3:35].encode(), "the same trace"
    assert found["traceparent"] != TRACE.encode(), "but under the batch's own span"


async def test_poison_is_put_aside_with_its_reason_and_the_messages_after_it_go_through(
    loop: Loop, kafka: Kafka
) -> None:
    good = record(1)
    await kafka.put("raw-indicator", [(good.key.encode(), b"\x00 no event"), (good.key.encode(), encode(good))])
    async with loop.running():
        (answer,) = await kafka.read("indicator-outcome", wanted=1)
        (letter,) = await kafka.read("raw-indicator.dead-letter", wanted=1)
    assert decode(answer.value).event_id == outcome_of(good).event_id
    assert letter.value == b"\x00 no event"
    assert letter.key == good.key.encode()
    found = dict(letter.headers)
    assert b"not an event" in found["dead_letter_reason"]
    assert found["dead_letter_service"] == loop.service.encode()
    assert found["dead_letter_origin"].startswith(b"raw-indicator/")


@pytest.mark.parametrize("error", [Permanent("can't be"), KeyError("a bug")], ids=["permanent", "unexpected"])
async def test_one_bad_event_among_many_is_found_and_put_aside_alone(
    loop: Loop, kafka: Kafka, error: Exception
) -> None:
    events = [record(number) for number in range(64)]
    culprit = events[37].indicator_id
    loop.fail = lambda batch: error if culprit in {event.indicator_id for event in batch} else None
    await put(kafka, events)
    async with loop.running():
        answers = await kafka.read("indicator-outcome", wanted=64)
        (letter,) = await kafka.read("raw-indicator.dead-letter", wanted=1)
    assert decode(letter.value) == events[37]
    outcomes = {answer.indicator_id: answer for answer in map(settled, answers)}
    assert outcomes[culprit].outcome is Outcome.HELD, "its record waits for a person"
    assert outcomes[culprit].reason == "dead-letter"
    assert {each.outcome for number, each in outcomes.items() if number != culprit} == {Outcome.EXPIRED}
    assert await loop.handled() == {event.indicator_id for event in events} - {culprit}


def settled(answer: object) -> IndicatorSettled:
    event = decode(answer.value)  # type: ignore[attr-defined]  # aiokafka ships no types
    assert isinstance(event, IndicatorSettled)
    return event


async def test_what_is_away_is_waited_for_and_nothing_is_lost(loop: Loop, kafka: Kafka) -> None:
    failures = iter([Transient("away"), Transient("still away")])
    loop.fail = lambda _: next(failures, None)
    events = [record(number) for number in range(10)]
    await put(kafka, events)
    async with loop.running() as consumer:
        await kafka.read("indicator-outcome", wanted=10)
        await consumer.check()
    assert await loop.handled() == {event.indicator_id for event in events}


async def test_readiness_says_why_nothing_goes_through(loop: Loop, kafka: Kafka) -> None:
    loop.fail = lambda _: Transient("the moon is away")
    await put(kafka, [record(1)])
    async with loop.running() as consumer:

        async def tells() -> bool:
            return consumer.trouble == "the moon is away"

        await until(tells)
        with pytest.raises(Transient, match="the moon is away"):
            await consumer.check()


async def test_a_batch_that_could_not_be_committed_comes_again_to_the_next_consumer(loop: Loop, kafka: Kafka) -> None:
    loop.fail = lambda _: Transient("away until the process ends")
    events = [record(number) for number in range(20)]
    await put(kafka, events)

    async def tried() -> bool:
        return bool(loop.batches)

    async with loop.running():
        await until(tried)
    assert await loop.handled() == set(), "a failed batch leaves nothing behind"
    loop.fail = lambda _: None
    async with loop.running():
        await kafka.read("indicator-outcome", wanted=20)
    assert await loop.handled() == {event.indicator_id for event in events}


async def test_more_dead_letters_than_the_limit_stop_the_service(loop: Loop, kafka: Kafka) -> None:
    await kafka.put("raw-indicator", [(b"key", b"poison")] * 6)
    with pytest.raises(Fatal, match="dead letters"):
        async with asyncio.timeout(20):
            await loop.consumer().run(Shutdown())


def relay_of(loop: Loop) -> OutboxRelay:
    return OutboxRelay(database=loop.database, publisher=loop.publisher, service=loop.service, retry_max_seconds=0.2)


async def test_what_is_put_beside_a_state_leaves_only_if_the_state_is_kept(loop: Loop, kafka: Kafka) -> None:
    kept, dropped = outcome_of(record(1)), outcome_of(record(2))
    async with loop.database.transaction() as tx:
        await enqueue(tx, [kept])
    with pytest.raises(Permanent):
        async with loop.database.transaction() as tx:
            await enqueue(tx, [dropped])
            raise Permanent("roll it back")
    shutdown = Shutdown()
    shutdown.request()
    await relay_of(loop).run(shutdown)
    (answer,) = await kafka.read("indicator-outcome", wanted=1)
    assert decode(answer.value).event_id == kept.event_id
    async with loop.database.transaction() as tx:
        assert await tx.fetch("SELECT 1 FROM outbox") == []


async def test_fetch_and_copy_and_execute_are_one_transaction(loop: Loop) -> None:
    number = uuid4()
    with pytest.raises(Permanent):
        async with loop.database.transaction() as tx:
            await tx.copy("handled", columns=["indicator_id"], rows=[(number,)])
            assert len(await tx.fetch("SELECT 1 FROM handled")) == 1
            raise Permanent("roll it back")
    assert await loop.handled() == set()


async def test_values_that_the_tables_refuse_are_permanent(loop: Loop) -> None:
    with pytest.raises(Permanent):
        async with loop.database.transaction() as tx:
            await tx.fetch("SELECT $1::text", "a NUL \x00 in a text")


async def test_who_is_cancelled_ends_also_when_its_connection_is_dead(loop: Loop) -> None:
    backends: asyncio.Queue[int] = asyncio.Queue()

    async def wait_forever() -> None:
        async with loop.database.transaction() as tx:
            [row] = await tx.fetch("SELECT pg_backend_pid() AS pid")
            backends.put_nowait(row["pid"])
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait_forever())
    async with loop.database.transaction() as tx:
        await tx.fetch("SELECT pg_terminate_backend($1, 5000)", await backends.get())
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()


async def test_a_full_pool_is_waited_for(database_url: str) -> None:
    database = Database(database_url, pool_size=1, statement_timeout_seconds=0.2)
    async with database.transaction():
        with pytest.raises(Transient):
            await database.ping()
    await database.close()


async def test_poison_in_a_batch_that_is_tried_again_is_put_aside_once(loop: Loop, kafka: Kafka) -> None:
    good = record(1)
    failures = iter([Transient("away"), Transient("away"), Transient("away")])
    loop.fail = lambda _: next(failures, None)
    await kafka.put("raw-indicator", [(good.key.encode(), b"poison"), (good.key.encode(), encode(good))])
    async with loop.running():
        await kafka.read("indicator-outcome", wanted=1)
    with pytest.raises(TimeoutError):
        await kafka.read("raw-indicator.dead-letter", wanted=2, seconds=1)


async def test_an_event_that_can_never_leave_the_outbox_holds_up_no_other(loop: Loop, kafka: Kafka) -> None:
    # Of one submission: the topic keeps the order of one key only.
    submission_id = uuid4()
    before, between, after = (
        msgspec.structs.replace(outcome_of(record(number)), submission_id=submission_id) for number in range(3)
    )
    async with loop.database.transaction() as tx:
        await enqueue(tx, [before])
        await tx.fetch("INSERT INTO outbox (events) VALUES ($1)", encode(between) + b"\nfrom a release to come")
        await enqueue(tx, [after])
    shutdown = Shutdown()
    shutdown.request()
    await relay_of(loop).run(shutdown)
    answers = await kafka.read("indicator-outcome", wanted=3)
    assert [decode(answer.value).event_id for answer in answers] == [each.event_id for each in (before, between, after)]
    async with loop.database.transaction() as tx:
        assert [row["events"] for row in await tx.fetch("SELECT events FROM outbox")] == [b"from a release to come"]


async def test_a_broker_that_hangs_is_given_up_and_tried_again(
    loop: Loop, kafka: Kafka, infrastructure: BackgroundStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug once: an idempotent producer never expires a batch, so whoever awaited it hung for ever."""
    monkeypatch.setattr("libs.common.publisher.SEND_SECONDS", 1.0)
    monkeypatch.setattr("libs.common.publisher.STOP_SECONDS", 0.5)
    await loop.publisher.publish([outcome_of(record(1))])
    broker = infrastructure.pid("kafka")
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        tries = [loop.publisher.publish([outcome_of(record(number))]) for number in range(4)]
        failures = await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), timeout=10)
    finally:
        os.kill(broker, signal.SIGCONT)
    assert [type(failure) for failure in failures] == [Transient] * 4
    monkeypatch.setattr("libs.common.publisher.SEND_SECONDS", 30.0)
    await loop.publisher.publish([outcome_of(record(5))])


def test_events_are_frozen() -> None:
    with pytest.raises(AttributeError):
        record(1).record = 2  # type: ignore[misc]
    assert msgspec.structs.replace(record(1), record=2).record == 2
