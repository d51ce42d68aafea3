"""How much a feed brings in a day, and how much of it can be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log
from statistics import median

from services.intake.domain.feeds import words
from services.intake.domain.feeds.anomalies import Anomaly, Kind
from services.intake.domain.feeds.days import Day

COMPARED_DAYS = 14
LEAST_DAYS = 4
FACTOR = 5
LEAST_ROWS = 25
"""Less than so many rows more or less, or a feed that usually has fewer, says nothing."""

_SPREADS = 3
_LEAST_SHARE = 0.2
_SHARE_FACTOR = 3
_LEAST_REJECTED = 5


@dataclass(frozen=True, slots=True)
class Usual:
    """What comparable days had, as medians: rows, pushes, the share of unreadable records. A day is unusual that has
    `factor` times as many rows or that part of them: five, or more for a feed whose days differ by as much anyway.
    """

    rows: float
    factor: float
    arrivals: float
    unreadable: float


def usual_at(days: Sequence[Day], place: int) -> Usual | None:
    """What was usual before the day at `place`; None for too few. Weekends are like weekends only."""
    judged = days[place]
    alike = [day for day in days[:place] if _is_weekend(day.day) == _is_weekend(judged.day)][-COMPARED_DAYS:]
    if len(alike) < LEAST_DAYS:
        return None
    rows = median([day.rows for day in alike])
    return Usual(
        rows=rows,
        factor=max(FACTOR, exp(_SPREADS * median([abs(_log_ratio(day.rows, rows)) for day in alike]))),
        arrivals=median([day.arrivals for day in alike]),
        unreadable=median([_share(day) for day in alike]),
    )


def is_whole(days: Sequence[Day], place: int, *, today: date) -> bool:
    """Whether no more is to come on that day: it is over, or has had as many pushes as usual."""
    day = days[place]
    if day.day < today:
        return True
    usual = usual_at(days, place)
    return usual is not None and day.arrivals >= usual.arrivals


def unusual_rows(days: Sequence[Day], *, today: date) -> Anomaly | None:
    """Far more or far fewer rows; `days` are those on which something was taken, in order.

    More is told at once. A day with fewer is judged when it is whole, and told of until the next one is.
    """
    for place in _places_to_judge(days, today=today):
        usual = usual_at(days, place)
        if usual is None:
            continue
        if (kind := _kind(days[place], usual, is_whole=is_whole(days, place, today=today))) is not None:
            first = _first_of_run(place, lambda at: _kind_at(days, at) is kind)
            day = days[place]
            figures = {"rows": day.rows, "usual_rows": usual.rows, "factor": usual.factor}
            return Anomaly(kind, days[first].begins, words.rows(day.day, day.rows, usual.rows, kind), figures)
    return None


def unreadable_records(days: Sequence[Day], *, today: date) -> Anomaly | None:
    """Suddenly many records that can't be read."""
    for place in _places_to_judge(days, today=today):
        usual = usual_at(days, place)
        if usual is not None and _is_unreadable(days[place], usual):
            first = _first_of_run(place, lambda at: _is_unreadable_at(days, at))
            day = days[place]
            figures = {"rejected": day.rejected, "rows": day.rows, "usual_share": usual.unreadable}
            return Anomaly(
                Kind.UNREADABLE, days[first].begins, words.unreadable(day.day, day.rejected, day.rows), figures
            )
    return None


def refused_pushes(days: Sequence[Day]) -> Anomaly | None:
    """Pushes that were refused, with none taken since. All days of the feed, in order."""
    last = max((day.came.last for day in days if day.came), default=None)
    since = [day for day in days if day.refused and (last is None or day.refused.last > last)]
    if not since or not (first := since[0].refused) or not (refusal := since[-1].refusal):
        return None
    refusals = sum(day.refusals for day in since)
    begins = max(first.first, last) if last else first.first
    return Anomaly(Kind.UNREADABLE, begins, words.refused(refusals, refusal), {"refused": refusals})


def _places_to_judge(days: Sequence[Day], *, today: date) -> Iterator[int]:
    """The newest day, and the one before as long as the newest has only begun."""
    if days:
        newest = len(days) - 1
        yield newest
        if newest and not is_whole(days, newest, today=today):
            yield newest - 1


def _kind_at(days: Sequence[Day], place: int) -> Kind | None:
    usual = usual_at(days, place)
    return _kind(days[place], usual, is_whole=True) if usual else None


def _kind(day: Day, usual: Usual, *, is_whole: bool) -> Kind | None:
    if abs(day.rows - usual.rows) < LEAST_ROWS:
        return None
    if day.rows > usual.factor * usual.rows:
        return Kind.MORE_ROWS
    if is_whole and day.rows * usual.factor < usual.rows:
        return Kind.FEWER_ROWS
    return None


def _log_ratio(rows: float, usual: float) -> float:
    """Volumes differ by factors, so their spread is measured in these."""
    return log((rows + 1) / (usual + 1))


def _is_unreadable_at(days: Sequence[Day], place: int) -> bool:
    usual = usual_at(days, place)
    return usual is not None and _is_unreadable(days[place], usual)


def _is_unreadable(day: Day, usual: Usual) -> bool:
    return day.rejected >= _LEAST_REJECTED and _share(day) >= max(_LEAST_SHARE, _SHARE_FACTOR * usual.unreadable)


def _first_of_run(place: int, is_alike: Callable[[int], bool]) -> int:
    """The first of the days in a row, up to `place`, that are alike."""
    while place and is_alike(place - 1):
        place -= 1
    return place


def _share(day: Day) -> float:
    return day.rejected / day.rows if day.rows else 0.0


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5
