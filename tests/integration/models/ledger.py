"""What receipts must say: the model of intake's sums, with outcomes as docs/decisions/0007 has them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.contracts import IndicatorSettled
from libs.common.vocabulary import Outcome
from services.intake.domain.submissions import indicator_id
from tests.integration.models.clock import NOON

REJECTED = "rejected"
OPEN = frozenset({Outcome.HELD, Outcome.UNATTRIBUTABLE})
"""A person may still decide otherwise."""


@dataclass(slots=True)
class Page:
    """One submission: which of its records can be read, how many are stored, and where they stand."""

    is_readable: tuple[bool, ...]
    stored: int = 0
    standings: dict[int, tuple[Outcome, datetime]] = field(default_factory=dict)
    conflicts: set[tuple[int, Outcome]] = field(default_factory=set)

    @property
    def readable(self) -> list[int]:
        """The numbers of the records that can be read."""
        return [record for record, can_be_read in enumerate(self.is_readable, start=1) if can_be_read]

    @property
    def accepted(self) -> int:
        return sum(self.is_readable[: self.stored])

    def outcome(self, record: int) -> str:
        """Of a record that is stored; records are numbered from 1."""
        if not self.is_readable[record - 1]:
            return REJECTED
        return self.standings[record][0] if record in self.standings else Outcome.PENDING

    @property
    def counts(self) -> Counter[str]:
        return Counter(str(self.outcome(record)) for record in range(1, self.stored + 1))

    def hear(self, news: IndicatorSettled) -> None:
        """The first final word stands, whatever comes later; an open one makes room for it, or for a newer open one."""
        if news.record > self.stored:
            return
        outcome, at = self.standings.get(news.record, (Outcome.PENDING, news.at))
        if outcome is Outcome.PENDING or (outcome in OPEN and (news.outcome not in OPEN or news.at > at)):
            self.standings[news.record] = news.outcome, news.at
        elif outcome not in OPEN and news.outcome not in OPEN and news.outcome is not outcome:
            self.conflicts.add((news.record, news.outcome))

    def give_up(self, *, after: int, at: datetime) -> None:
        """What nobody behind intake has heard of for certain waits for a person."""
        for record in range(after + 1, self.stored + 1):
            if self.outcome(record) is Outcome.PENDING:
                self.standings[record] = Outcome.HELD, at


@dataclass(slots=True)
class Ledger:
    """All submissions, by id."""

    pages: dict[UUID, Page] = field(default_factory=dict)

    @property
    def totals(self) -> Counter[str]:
        return sum((page.counts for page in self.pages.values()), Counter[str]())

    @property
    def conflicts(self) -> int:
        return sum(len(page.conflicts) for page in self.pages.values())


def word(submission_id: UUID, record: int, outcome: Outcome, seconds: int) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=indicator_id(submission_id, record),
        submission_id=submission_id,
        record=record,
        outcome=outcome,
        reason="because",
        message="Because.",
        at=NOON + timedelta(seconds=seconds),
        by="verifier",
    )
