"""Whether a feed has other columns, or keys, than it had."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.intake.domain.feeds import words
from services.intake.domain.feeds.anomalies import Anomaly, Kind
from services.intake.domain.feeds.days import Day
from services.intake.domain.feeds.volume import is_whole

TOLD_FOR = timedelta(days=7)
"""Then what is new is what is usual."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """With how many days before it a day is compared, and at least how many there must be."""

    compared: int
    least: int


TABLE = Steadiness(compared=5, least=3)
RECORDS = Steadiness(compared=14, least=7)
"""A header has all columns; keys of JSON come and go with what there is to tell."""


def changed_columns(
    days: Sequence[Day], *, steadiness: Steadiness, today: date, after: datetime | None = None
) -> Anomaly | None:
    """Columns that are new or gone since a day later than `after`, and still are. Renamed is both.

    `days` are all days of a feed, in order. A column is gone when a whole day was without it that each of the days
    before had, and new when none of them had it.
    """
    if len({day.names for day in days if day.names}) < 2:
        return None  # most feeds, at every look
    named = _Named([day for day in days if day.names], [day for day in days if day.came], today)
    places = [
        place
        for place in range(steadiness.least, len(named.days))
        if named.days[-1].day - named.days[place].day < TOLD_FOR and (after is None or named.days[place].begins > after)
    ]
    earliest_last = list(reversed(places))
    new = {name: named.days[place].begins for place in earliest_last for name in named.new(place)}
    gone = {
        name: named.days[place].begins
        for place in earliest_last
        for name in named.gone(place, compared=steadiness.compared)
    }
    if not (new or gone):
        return None
    return Anomaly(
        Kind.COLUMNS,
        max((*new.values(), *gone.values())),
        words.columns(sorted(new), sorted(gone)),
        {"new": len(new), "gone": len(gone)},
        new_columns=tuple(sorted(new)),
        gone_columns=tuple(sorted(gone)),
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """The days of which the columns are known, and those on which something was taken."""

    days: Sequence[Day]
    taken: Sequence[Day]
    today: date

    def new(self, place: int) -> frozenset[str]:
        """Those that no day before had and every day from this one on has, but for one that has only begun."""
        judged, *following = self.days[place:]
        kept = judged.names.intersection(*(day.names for day in following if self._is_over(day)))
        return kept.difference(*(day.names for day in self.days[:place]))

    def gone(self, place: int, *, compared: int) -> frozenset[str]:
        """Those that each of the days before had and no day from this one on has."""
        if not self._is_over(self.days[place]):
            return frozenset()
        before = self.days[max(0, place - compared) : place]
        always = before[0].names.intersection(*(day.names for day in before[1:]))
        return always.difference(*(day.names for day in self.days[place:]))

    def _is_over(self, day: Day) -> bool:
        """Whether what the day lacks is missing. Where all was refused, nothing else is to be waited for."""
        return day.day < self.today or not day.came or is_whole(self.taken, self.taken.index(day), today=self.today)
