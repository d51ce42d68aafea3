"""What stands before each source, so that one that is slow, away or talks nonsense harms nothing but its own answers.

A bulkhead (so many questions at once), a rate, a time for each question, and a breaker: a source that has failed again
and again is left alone for a while, then tried with a single question.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from libs.common.metrics import SECONDS_AT_SOURCES, SOURCE_ANSWERS, SOURCES_LEFT_ALONE
from services.attribution.domain.answers import Answer, Enquiry, Found, Source
from services.attribution.gateway.sources import OutsideSource, SourceFailed

RETRY = timedelta(minutes=5)
LONGEST_PEACE_SECONDS = 86_400.0
"""A source that wants to be left alone for longer has made a mistake, or wants never to be asked again."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How a source is treated. `failures` in a row open its breaker for `rest_seconds`."""

    at_once: int = 4
    per_second: float = 1.0
    seconds: float = 10.0
    failures: int = 5
    rest_seconds: float = 60.0
    known_for: timedelta = timedelta(days=14)
    unknown_for: timedelta = timedelta(days=1)


class Breaker:
    """Closed: go on. Open: leave it alone. Half open, when the rest is over: one question decides."""

    def __init__(self, *, failures: int, rest_seconds: float) -> None:
        self._limit, self._rest_seconds = failures, rest_seconds
        self._failures = 0
        self._open_until = 0.0
        self._is_trying = False
        self.reason = ""

    def is_open(self, now: float) -> bool:
        return self._failures >= self._limit and (now < self._open_until or self._is_trying)

    def seconds_left(self, now: float) -> float:
        return max(0.0, self._open_until - now)

    def begin(self) -> None:
        """A question goes out; of a half-open one it is the only one."""
        self._is_trying = self._failures >= self._limit

    def succeed(self) -> None:
        self._failures, self._is_trying, self.reason = 0, False, ""

    def fail(self, reason: str, *, now: float, rest_seconds: float = 0.0) -> None:
        self._is_trying, self.reason = False, reason
        self._failures += 1
        if rest_seconds > 0:
            self._failures = max(self._failures, self._limit)
        if self._failures >= self._limit:
            self._open_until = now + max(self._rest_seconds, rest_seconds)

    def drop(self) -> None:
        """The question was dropped: nothing is known of the source."""
        self._is_trying = False


class Rate:
    """So many a second on the long run, and as many at once as a second gives."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens, self._at = self._most, 0.0

    def available(self, now: float) -> int:
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        return int(self._tokens)

    def take(self) -> None:
        self._tokens -= 1


class Guarded:
    """One source behind its guard."""

    def __init__(self, inner: OutsideSource, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner, self._limits, self._clock = inner, limits, clock
        self._breaker = Breaker(failures=limits.failures, rest_seconds=limits.rest_seconds)
        self._rate = Rate(limits.per_second)
        self._under_way = 0

    def room(self) -> int:
        """How many questions it can take just now. None while it is left alone: who waits keeps waiting."""
        now = self._clock()
        if self._breaker.is_open(now):
            return 0
        free = min(self._limits.at_once - self._under_way, self._rate.available(now))
        return min(free, 1) if self._breaker.reason else free

    async def ask(self, enquiry: Enquiry, *, at: datetime) -> Answer:
        now = self._clock()
        if self._breaker.is_open(now):
            SOURCE_ANSWERS.labels(enquiry.source, "left-alone").inc()
            left = timedelta(seconds=self._breaker.seconds_left(now))
            return Answer(enquiry, at, at + max(left, timedelta(seconds=1)), failure=self._left_alone())
        self._rate.take()
        self._breaker.begin()
        self._under_way += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                found = await self._inner.ask(enquiry.subject)
        except TimeoutError:
            return self._failed(enquiry, SourceFailed(f"no answer within {self._limits.seconds:g} seconds"), at)
        except SourceFailed as error:
            return self._failed(enquiry, error, at)
        finally:
            self._under_way -= 1
            self._breaker.drop()
            SECONDS_AT_SOURCES.labels(enquiry.source).observe(self._clock() - now)
        return self._answered(enquiry, found, at)

    def _answered(self, enquiry: Enquiry, found: Found | None, at: datetime) -> Answer:
        self._breaker.succeed()
        self._tell()
        SOURCE_ANSWERS.labels(enquiry.source, "unknown" if found is None else "known").inc()
        good_for = self._limits.unknown_for if found is None else self._limits.known_for
        return Answer(enquiry, at, at + good_for, found)

    def _failed(self, enquiry: Enquiry, error: SourceFailed, at: datetime) -> Answer:
        """A host that is away says nothing of other hosts, so it does not count against the source."""
        wait_seconds = min(error.wait_seconds, LONGEST_PEACE_SECONDS)
        if not error.is_its_own:
            self._breaker.fail(str(error), now=self._clock(), rest_seconds=wait_seconds)
        self._tell()
        SOURCE_ANSWERS.labels(enquiry.source, "failed").inc()
        wait = max(RETRY, timedelta(seconds=wait_seconds))
        return Answer(enquiry, at, at + wait, failure=str(error))

    def _left_alone(self) -> str:
        return f"it is left alone for a while, since it failed again and again: {self._breaker.reason}"

    def _tell(self) -> None:
        SOURCES_LEFT_ALONE.labels(self._inner.source).set(self._breaker.is_open(self._clock()))

    async def close(self) -> None:
        await self._inner.close()


class Sources:
    """All sources that are configured."""

    def __init__(self, guarded: Mapping[Source, Guarded]) -> None:
        self._guarded = guarded
        self.enabled = frozenset(guarded)

    @classmethod
    def of(
        cls, sources: Iterable[tuple[OutsideSource, Limits]], *, clock: Callable[[], float] = time.monotonic
    ) -> "Sources":
        return cls({source.source: Guarded(source, limits, clock=clock) for source, limits in sources})

    def room(self, source: Source) -> int:
        return self._guarded[source].room()

    async def ask(self, enquiry: Enquiry, *, at: datetime) -> Answer:
        """Always an answer; one that failed says how."""
        return await self._guarded[enquiry.source].ask(enquiry, at=at)

    async def close(self) -> None:
        for guarded in self._guarded.values():
            await guarded.close()
