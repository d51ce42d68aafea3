"""What stands before a source: how many at once, how fast, and when it is left alone."""

import asyncio
from datetime import UTC, datetime, timedelta

from services.attribution.domain.answers import Enquiry, Found, MailExchange, Source
from services.attribution.gateway.guard import Guarded, Limits, Sources
from services.attribution.gateway.sources import SourceFailed, StaticSource

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = Limits(at_once=3, per_second=2.0, seconds=5.0, failures=2, rest_seconds=60.0)
QUESTION = Enquiry(Source.MAIL_EXCHANGE, "bakery.example")
FOUND = MailExchange("bakery.example", True)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Moody:
    """Fails as long as it is told to; waits for `go` where there is one."""

    source = Source.MAIL_EXCHANGE

    def __init__(self) -> None:
        self.failure: SourceFailed | None = None
        self.go: asyncio.Event | None = None
        self.asked = 0

    async def ask(self, subject: str) -> Found | None:
        self.asked += 1
        if self.go is not None:
            await self.go.wait()
        if self.failure is not None:
            raise self.failure
        return FOUND

    async def close(self) -> None:
        return None


async def test_there_is_room_for_so_many_at_once_and_so_many_a_second() -> None:
    clock, source = Clock(), Moody()
    guarded = Guarded(source, LIMITS, clock=clock)
    assert guarded.room() == 2
    for _ in range(2):
        await guarded.ask(QUESTION, at=NOW)
    assert guarded.room() == 0
    clock.seconds += 0.5
    assert guarded.room() == 1
    clock.seconds += 3600
    assert guarded.room() == 2


async def test_those_under_way_take_room() -> None:
    source = Moody()
    source.go = asyncio.Event()
    guarded = Guarded(source, Limits(at_once=2, per_second=100.0), clock=Clock())
    under_way = [asyncio.create_task(guarded.ask(QUESTION, at=NOW)) for _ in range(2)]
    await asyncio.sleep(0)
    assert guarded.room() == 0
    source.go.set()
    await asyncio.gather(*under_way)
    assert guarded.room() == 2


async def test_after_its_rest_a_source_is_tried_with_one_question() -> None:
    clock, source = Clock(), Moody()
    guarded = Guarded(source, LIMITS, clock=clock)
    source.failure = SourceFailed("it answers 500")
    for _ in range(2):
        await guarded.ask(QUESTION, at=NOW)
    clock.seconds += 59
    assert (guarded.room(), "it answers 500" in (await guarded.ask(QUESTION, at=NOW)).failure) == (0, True)
    clock.seconds += 2
    assert guarded.room() == 1
    await guarded.ask(QUESTION, at=NOW)
    assert source.asked == 3
    assert guarded.room() == 0, "it failed again, so it rests again"
    clock.seconds += 61
    source.failure = None
    assert (await guarded.ask(QUESTION, at=NOW)).found == FOUND
    clock.seconds += 10
    assert guarded.room() == 2


async def test_a_source_that_asks_for_peace_gets_it_at_once_and_for_that_long() -> None:
    clock, source = Clock(), Moody()
    guarded = Guarded(source, LIMITS, clock=clock)
    source.failure = SourceFailed("it is asked too often", wait_seconds=900)
    answer = await guarded.ask(QUESTION, at=NOW)
    assert answer.until == NOW + timedelta(seconds=900)
    clock.seconds += 899
    assert guarded.room() == 0
    clock.seconds += 2
    assert guarded.room() == 1


async def test_what_is_wrong_with_one_subject_says_nothing_of_the_source() -> None:
    source = Moody()
    guarded = Guarded(source, LIMITS, clock=Clock())
    source.failure = SourceFailed("it takes no connection", is_its_own=True)
    for _ in range(10):
        assert (await guarded.ask(QUESTION, at=NOW)).failure == "it takes no connection"
    assert source.asked == 10


async def test_a_question_that_was_dropped_does_not_keep_the_source_closed() -> None:
    clock, source = Clock(), Moody()
    guarded = Guarded(source, LIMITS, clock=clock)
    source.failure = SourceFailed("it answers 500")
    for _ in range(2):
        await guarded.ask(QUESTION, at=NOW)
    clock.seconds += 61
    source.go = asyncio.Event()
    trying = asyncio.create_task(guarded.ask(QUESTION, at=NOW))
    await asyncio.sleep(0)
    assert guarded.room() == 0
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    assert guarded.room() == 1


async def test_one_source_left_alone_leaves_the_others() -> None:
    failing = Moody()
    failing.failure = SourceFailed("it answers 500", wait_seconds=60)
    other = StaticSource(Source.RDAP_DOMAIN)
    sources = Sources.of([(failing, LIMITS), (other, LIMITS)], clock=Clock())
    await sources.ask(QUESTION, at=NOW)
    assert sources.enabled == {Source.MAIL_EXCHANGE, Source.RDAP_DOMAIN}
    assert (sources.room(Source.MAIL_EXCHANGE), sources.room(Source.RDAP_DOMAIN)) == (0, 2)
    assert (await sources.ask(Enquiry(Source.RDAP_DOMAIN, "x.example"), at=NOW)).failure == ""
