"""How often a feed comes, learnt from its days, and until when it may take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import median

from services.intake.domain.feeds.days import Day

LEAST_SILENCES = 4
_LEARNT_FROM = 14
_LEAST_TOLERANCE = timedelta(hours=1)
_TOLERANCE = 1 / 12  # of a day, two hours
_SPREADS = 3

_WEEKS = timedelta(weeks=4)
_WEEKEND = frozenset({5, 6})
_NONE = frozenset[int]()
_MOST_DAYS_OFF = 4
_DENSE = 0.75
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The longest silence of an ordinary day, how much longer it may be, and the weekdays (Monday is 0) that do not
    count because nothing ever comes then.
    """

    usual: timedelta
    tolerance: timedelta
    days_off: frozenset[int]

    @property
    def allowed(self) -> timedelta:
        return self.usual + self.tolerance

    def due(self, last: datetime) -> datetime:
        """When a feed is late that came last at that moment."""
        return _later(last, self.allowed, self.days_off)


def rhythm_of(days: Sequence[Day], *, expected: timedelta | None) -> Rhythm | None:
    """What an operator expects, or else the median of the longest silence before or within each day; None for too few.

    Days, not pushes: a report that comes in three files is daily all the same, and a partner who pushes every second
    in office hours is silent every night. `days` are those on which something was taken, in order.
    """
    if not days:
        return None
    days_off = days_off_of(days, assume_weekend=expected is None)
    silences, plain = _silences(days, days_off), _silences(days, _NONE)
    if _unevenness(silences) > _unevenness(plain):
        days_off, silences = _NONE, plain
    if expected is not None:
        return Rhythm(expected, max(_LEAST_TOLERANCE, expected * _TOLERANCE), days_off)
    if len(silences) < LEAST_SILENCES:
        return None
    usual = _median(silences)
    spread = _median([abs(each - usual) for each in silences])
    return Rhythm(usual, max(_LEAST_TOLERANCE, usual * _TOLERANCE, min(_SPREADS * spread, usual)), days_off)


def days_off_of(days: Sequence[Day], *, assume_weekend: bool) -> frozenset[int]:
    """The weekdays on which nothing comes, of a feed that comes on nearly all others.

    Of the last four weeks, one exception is none. With `assume_weekend`, weekends count before there were three, if
    none was ever seen: else every new feed that rests on Saturdays would be late on its first one.
    """
    last = days[-1].day
    first = max(days[0].day, last - _WEEKS + _DAY)
    came = [each.day.weekday() for each in days if each.day >= first]
    passed = [(first + timedelta(days=ahead)).weekday() for ahead in range((last - first).days + 1)]
    seldom = {day for day in range(7) if passed.count(day) >= 3 and came.count(day) * 4 <= passed.count(day)}
    assumed = _WEEKEND.difference(came) if assume_weekend else _NONE
    days_off = assumed | seldom
    working = [weekday for weekday in passed if weekday not in days_off]
    is_dense = sum(weekday not in days_off for weekday in came) >= _DENSE * len(working)
    return days_off if is_dense and len(days_off) <= _MOST_DAYS_OFF else _NONE


def _silences(days: Sequence[Day], days_off: frozenset[int]) -> Sequence[timedelta]:
    """The longest one that ended on each of the last days."""
    return [
        max(_counted(before.came.last, after.came.first, days_off), after.longest_pause)
        for before, after in pairwise(days[-_LEARNT_FROM - 1 :])
        if before.came and after.came
    ]


def _unevenness(silences: Sequence[timedelta]) -> float:
    """By which part they differ on average. Days off that are none make a feed that comes every 42 hours look wild."""
    usual = _median(silences) if silences else timedelta(0)
    if not usual:
        return 0.0
    return sum((abs(each - usual) for each in silences), timedelta(0)) / usual / len(silences)


def _median(durations: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median([each.total_seconds() for each in durations]))


def _counted(start: datetime, end: datetime, days_off: frozenset[int]) -> timedelta:
    """How much of a time is not on days off."""
    between = end - start
    for ahead in range((end.date() - start.date()).days + 1):
        day = start.date() + timedelta(days=ahead)
        if day.weekday() in days_off:
            between -= min(end, _midnight(day + _DAY, start)) - max(start, _midnight(day, start))
    return between


def _later(start: datetime, wait: timedelta, days_off: frozenset[int]) -> datetime:
    """When so much time has passed that is not on days off."""
    at = start
    while True:
        next_day = _midnight(at.date() + _DAY, start)
        if at.weekday() not in days_off:
            if at + wait <= next_day:
                return at + wait
            wait -= next_day - at
        at = next_day


def _midnight(day: date, like: datetime) -> datetime:
    return datetime.combine(day, time.min, like.tzinfo)
