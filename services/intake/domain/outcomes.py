"""Where records end: which news changes what we know, and which does not."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from libs.common.contracts import IndicatorSettled
from libs.common.vocabulary import REVIEW_UNDONE, Outcome

RecordKey = tuple[UUID, int]
"""Submission and record number."""

REVISABLE = frozenset({Outcome.HELD.value, Outcome.UNATTRIBUTABLE.value})
"""A person may still decide otherwise; every other outcome is final."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What we know of a record so far."""

    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A record's new outcome, and where it stood before."""

    previous: Standing
    news: IndicatorSettled


@dataclass(frozen=True, slots=True)
class Conflict:
    """News that contradicts a final outcome, which stands."""

    kept: str
    news: IndicatorSettled


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch of news comes to, at most one change for a record; `unknown` are of records that we never had."""

    changes: Mapping[RecordKey, Change]
    conflicts: tuple[Conflict, ...]
    unknown: int


class Weight(Enum):
    """What one piece of news is worth."""

    CHANGE = auto()
    REPEATED = auto()
    STALE = auto()
    CONFLICT = auto()


def weigh(standing: Standing, news: IndicatorSettled) -> Weight:
    """Repeated news changes nothing, and neither does a revisable outcome that comes again after it was revised.

    A revisable outcome that was reached once more, later, is news: what was said in between does not undo it. A person
    may take back that something was refuted.
    """
    if standing.outcome in REVISABLE and news.outcome in REVISABLE:
        return Weight.CHANGE if news.at > standing.at else Weight.STALE
    if standing.outcome == news.outcome:
        return Weight.REPEATED
    if standing.outcome == Outcome.PENDING:
        return Weight.CHANGE
    if (standing.outcome, news.outcome, news.reason) == (Outcome.REFUTED, Outcome.HELD, REVIEW_UNDONE):
        return Weight.CHANGE if news.at > standing.at else Weight.STALE
    is_final = news.outcome not in REVISABLE and news.outcome != Outcome.PENDING
    if standing.outcome in REVISABLE:
        return Weight.CHANGE if is_final else Weight.STALE
    return Weight.CONFLICT if is_final else Weight.STALE


def settle(news: Iterable[IndicatorSettled], standings: Mapping[RecordKey, Standing]) -> Settlement:
    """Go through the news in order, each weighed against what the ones before it made of its record."""
    current = dict(standings)
    changes: dict[RecordKey, Change] = {}
    conflicts: list[Conflict] = []
    unknown = 0
    for item in news:
        key = (item.submission_id, item.record)
        standing = current.get(key)
        if standing is None:
            unknown += 1
            continue
        weight = weigh(standing, item)
        if weight is Weight.CHANGE:
            changes[key] = Change(standings[key], item)
            current[key] = Standing(item.outcome, item.at)
        elif weight is Weight.CONFLICT:
            conflicts.append(Conflict(standing.outcome, item))
    return Settlement(changes, tuple(conflicts), unknown)


def count_changes(changes: Iterable[tuple[UUID, str, str]]) -> dict[tuple[UUID, str], int]:
    """How much each submission's count of each outcome grows or shrinks, from (submission, previous, new)."""
    growth: Counter[tuple[UUID, str]] = Counter()
    for submission_id, previous, outcome in changes:
        growth[submission_id, previous] -= 1
        growth[submission_id, outcome] += 1
    return {place: records for place, records in growth.items() if records}
