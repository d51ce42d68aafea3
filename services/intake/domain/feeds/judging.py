"""A feed, and everything that is unusual about it now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.intake.domain.feeds import words
from services.intake.domain.feeds.anomalies import Anomaly, Kind
from services.intake.domain.feeds.columns import RECORDS, TABLE, changed_columns
from services.intake.domain.feeds.days import JUDGED_DAYS, Day
from services.intake.domain.feeds.rhythm import Rhythm, rhythm_of
from services.intake.domain.feeds.volume import refused_pushes, unreadable_records, unusual_rows, usual_at
from services.intake.domain.formats import FORMATS

ENDED_AFTER = timedelta(weeks=4)


class State(StrEnum):
    """`learning` while too little has come to say what is usual; `ended` when it has been late for four weeks."""

    LEARNING = "learning"
    USUAL = "usual"
    UNUSUAL = "unusual"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Dismissal:
    """An operator has seen what was unusual at that moment, and it is none any more."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed as it is kept: `days` in order, and what operators have said of it."""

    id: UUID
    partner_id: UUID
    partner: str
    format: str
    report_type: str
    expected: timedelta | None = None
    dismissals: Mapping[Kind, Dismissal] = field(default_factory=dict)
    days: Sequence[Day] = ()

    @property
    def taken(self) -> Sequence[Day]:
        """The days on which something was taken."""
        return [day for day in self.days if day.came]

    @property
    def last_at(self) -> datetime | None:
        return max((day.came.last for day in self.days if day.came), default=None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of a feed at one moment. `due_at`: it is late from then on."""

    state: State
    anomalies: Sequence[Anomaly]
    rhythm: Rhythm | None
    due_at: datetime | None
    usual_rows: float | None


def judge(feed: Feed, *, now: datetime) -> Judgement:
    """Weigh everything; what an operator has dismissed and has not begun anew since is left out."""
    feed = replace(feed, days=feed.days[-JUDGED_DAYS:])
    rhythm = rhythm_of(feed.taken, expected=feed.expected)
    due_at = rhythm.due(feed.last_at) if rhythm and feed.last_at else None
    usual = usual_at(feed.taken, len(feed.taken) - 1) if feed.taken else None
    usual_rows = usual.rows if usual else None
    if _has_ended(feed, due_at, now=now):
        return Judgement(State.ENDED, (), rhythm, due_at, usual_rows)
    anomalies = [each for each in _anomalies(feed, rhythm, due_at, now=now) if not _is_dismissed(each, feed)]
    state = State.UNUSUAL if anomalies else State.USUAL if rhythm else State.LEARNING
    return Judgement(state, anomalies, rhythm, due_at, usual_rows)


def _has_ended(feed: Feed, due_at: datetime | None, *, now: datetime) -> bool:
    """A feed that was too short to have a rhythm ends after the same time."""
    since = due_at or feed.last_at
    return since is not None and now - since >= ENDED_AFTER


def _anomalies(feed: Feed, rhythm: Rhythm | None, due_at: datetime | None, *, now: datetime) -> Iterator[Anomaly]:
    today = now.date()
    dismissed = feed.dismissals.get(Kind.COLUMNS)
    found = (
        _lateness(feed, rhythm, due_at, now=now),
        unusual_rows(feed.taken, today=today),
        refused_pushes(feed.days) or unreadable_records(feed.taken, today=today),
        changed_columns(
            feed.days,
            steadiness=TABLE if _is_table(feed.format) else RECORDS,
            today=today,
            after=dismissed.at if dismissed else None,
        ),
    )
    yield from (anomaly for anomaly in found if anomaly is not None)


def _is_table(format_name: str) -> bool:
    form = FORMATS.get(format_name)
    return form is not None and form.is_table


def _lateness(feed: Feed, rhythm: Rhythm | None, due_at: datetime | None, *, now: datetime) -> Anomaly | None:
    last = feed.last_at
    if rhythm is None or due_at is None or last is None or now <= due_at:
        return None
    silent = now - last
    figures = {"silent_seconds": silent.total_seconds(), "allowed_seconds": rhythm.allowed.total_seconds()}
    message = words.late(last, silent, rhythm.usual, is_expected=feed.expected is not None)
    return Anomaly(Kind.LATE, due_at, message, figures)


def _is_dismissed(anomaly: Anomaly, feed: Feed) -> bool:
    dismissal = feed.dismissals.get(anomaly.kind)
    return dismissal is not None and anomaly.since <= dismissal.at
