"""A clock that a test puts forward."""

from datetime import UTC, datetime, timedelta

from libs.common.db import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


class Clock:
    """The one clock of all lives of an example. It stands still, but for a tick each time that somebody reads it.

    So no two readings are the same, and what is stored tells in which order it was done.
    """

    def __init__(self, at: datetime = NOON) -> None:
        self.now = at

    def read(self) -> datetime:
        self.now += TICK
        return self.now

    def put_forward(self, by: timedelta) -> None:
        self.now += by


class TimedDatabase(Database):
    """A database that tells the time of the test."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        super().__init__(url, pool_size=4, statement_timeout_seconds=20)
        self._test_clock = clock

    def now(self) -> datetime:
        return self._test_clock.read()
