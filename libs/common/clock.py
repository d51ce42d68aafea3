"""The two clocks that tell the time of day. Which is used where is told in docs/guarantees.md ("Clocks").

What is decided or stored takes its time from `Database.now`, a shared clock: all replicas of a service have the same.
How long something takes is measured with `time.monotonic`, which nobody can set.
"""

import time
from datetime import UTC, datetime, timedelta

from libs.common import faults


def now() -> datetime:
    """The time by this machine's clock, in UTC. Nothing that matters hangs on it, as a drill can put it wrong."""
    return datetime.now(UTC) + faults.skew()


class SharedClock:
    """The clock of a server that many use: what it told last, and what has passed since by the monotonic clock.

    Never ahead of the server's, since an answer takes its time; this machine's own until the server has told anything.
    """

    def __init__(self) -> None:
        self._told: datetime | None = None
        self._heard_seconds = 0.0

    def set(self, told: datetime) -> None:
        self._told = told
        self._heard_seconds = time.monotonic()

    def now(self) -> datetime:
        if self._told is None:
            return now()
        return self._told + timedelta(seconds=time.monotonic() - self._heard_seconds)
