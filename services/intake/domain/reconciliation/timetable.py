"""When the books of all services are compared."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """Once a day from `hour` o'clock (UTC) on. Where none was ever made, the first is due after `started_at`."""

    hour: int
    started_at: datetime

    def is_due(self, last: datetime | None, *, now: datetime) -> bool:
        """Whether none has begun since that hour struck for the last time."""
        struck = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        if struck > now:
            struck -= DAY
        return (last or self.started_at) < struck
