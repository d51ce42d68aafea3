"""What a feed brought, day by day: all that is kept of it, whether it pushes once a day or a hundred times a second."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Submission, Tally

KEPT_DAYS = 90
JUDGED_DAYS = 35
"""So many, on which something came, are enough to say what is usual now."""

MAX_FEEDS_OF_PARTNER = 500
"""A partner can make up report types, and may not fill our tables and metrics with them."""

_NOTHING = frozenset({"empty-payload"})


class FeedKey(NamedTuple):
    """Which feed it is. `report_type` is empty where a format has none, or a push did not say it."""

    partner_id: UUID
    format: str
    report_type: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One push of a feed. With `refused`, a code, it was refused as a whole."""

    id: UUID
    feed: FeedKey
    at: datetime
    accepted: int
    rejected: int
    columns: tuple[str, ...]
    refused: str | None = None


def arrival_of(submission: Submission, tally: Tally) -> Arrival:
    """What counts of a submission that is read to its end."""
    return _arrival(submission, tally)


def refusal_of(submission: Submission, tally: Tally, error: PayloadError) -> Arrival:
    """What counts of a push that was refused. A report that is empty has come: there was nothing to report."""
    return _arrival(submission, tally, refused=None if error.code in _NOTHING else error.code)


def with_a_known_header(refused: Arrival, known: frozenset[str]) -> Arrival:
    """A refused push with its columns only if at least half of them are known.

    It may have been refused because its first line is no header, and what stands there instead is nobody's business.
    """
    are_columns = 2 * len(known.intersection(refused.columns)) >= len(refused.columns)
    return refused if are_columns else replace(refused, columns=())


def _arrival(submission: Submission, tally: Tally, *, refused: str | None = None) -> Arrival:
    report_type = submission.report_type or tally.contents.report_type or ""
    return Arrival(
        submission.id,
        FeedKey(submission.partner_id, submission.format, report_type),
        submission.received_at,
        tally.accepted,
        tally.rejected,
        tally.contents.columns,
        refused=refused,
    )


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last of several moments."""

    first: datetime
    last: datetime

    def __or__(self, other: "Span") -> "Span":
        return Span(min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day (UTC) of a feed. `came` and `hours`, a bit for each hour, are of pushes that were taken, `refused` of those
    that were refused as a whole. `columns` are all that were seen; where nothing was taken, those of what was refused.
    """

    day: date
    came: Span | None = None
    hours: int = 0
    arrivals: int = 0
    accepted: int = 0
    rejected: int = 0
    columns: frozenset[str] = frozenset()
    refused: Span | None = None
    refusals: int = 0
    refused_columns: frozenset[str] = frozenset()
    refusal: str | None = None

    @property
    def rows(self) -> int:
        return self.accepted + self.rejected

    @property
    def names(self) -> frozenset[str]:
        """The columns to go by."""
        return self.columns if self.came else self.refused_columns

    @property
    def begins(self) -> datetime:
        """When the first push of the day came, taken or not."""
        spans = [span.first for span in (self.came, self.refused) if span]
        return min(spans)

    @property
    def longest_pause(self) -> timedelta:
        """How long nothing came at most within the day; hours are all that is known of it."""
        hours = [hour for hour in range(24) if self.hours >> hour & 1]
        return timedelta(hours=max((later - earlier + 1 for earlier, later in pairwise(hours)), default=0))

    def __add__(self, other: "Day") -> "Day":
        """Both parts of a day together, whichever came first."""
        return Day(
            day=self.day,
            came=_both(self.came, other.came),
            hours=self.hours | other.hours,
            arrivals=self.arrivals + other.arrivals,
            accepted=self.accepted + other.accepted,
            rejected=self.rejected + other.rejected,
            columns=self.columns | other.columns,
            refused=_both(self.refused, other.refused),
            refusals=self.refusals + other.refusals,
            refused_columns=self.refused_columns | other.refused_columns,
            refusal=_newest_refusal(self, other),
        )


def _both(one: Span | None, other: Span | None) -> Span | None:
    spans = [span for span in (one, other) if span]
    return reduce(Span.__or__, spans) if spans else None


def _newest_refusal(one: Day, other: Day) -> str | None:
    told = [(day.refused.last, day.refusal) for day in (one, other) if day.refused and day.refusal]
    return max(told)[1] if told else None


def day_of(arrival: Arrival) -> Day:
    """A day on which only this has come. `at` is in UTC."""
    span, columns = Span(arrival.at, arrival.at), frozenset(arrival.columns)
    if arrival.refused:
        return Day(day=arrival.at.date(), refused=span, refusals=1, refused_columns=columns, refusal=arrival.refused)
    return Day(
        day=arrival.at.date(),
        came=span,
        hours=1 << arrival.at.hour,
        arrivals=1,
        accepted=arrival.accepted,
        rejected=arrival.rejected,
        columns=columns,
    )
