"""What a reconciliation comes to, and what intake's own sums are at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.common.vocabulary import Outcome
from services.intake.domain.reconciliation.differences import Difference
from services.intake.domain.submissions import REJECTED

MOST_KEPT = 100


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of all books. `differences` are the first hundred of `differences_total`.

    `under_way`: records that had not come to rest, by where they are missing; `waiting`: records that wait at the
    notifier, by state. `no_verdict` says why there is none: then what is under way may as well be lost.
    """

    began_at: datetime
    ended_at: datetime
    submissions: int
    outcomes: Mapping[str, int]
    waiting: Mapping[str, int]
    under_way: Mapping[str, int]
    differences: tuple[Difference, ...]
    differences_total: int
    no_verdict: str | None = None

    @property
    def records(self) -> int:
        """All that were accepted."""
        return sum(self.outcomes.values())

    @property
    def sound(self) -> bool | None:
        """None without a verdict; one difference that can't go by itself is a verdict already."""
        if self.differences_total:
            return False
        return None if self.no_verdict else True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The state of all records at one moment, as intake counts them."""

    at: datetime
    totals: Mapping[str, int]
    submissions: Mapping[str, int]
    oldest_unsettled_at: datetime | None
    outcome_conflicts: int

    @property
    def outcomes(self) -> dict[str, int]:
        """The accepted records by outcome."""
        return {outcome: records for outcome, records in self.totals.items() if outcome != REJECTED}

    @property
    def accepted(self) -> int:
        return sum(self.outcomes.values())

    @property
    def rejected(self) -> int:
        return self.totals.get(REJECTED, 0)

    @property
    def pending(self) -> int:
        return self.totals.get(Outcome.PENDING.value, 0)

    @property
    def oldest_unsettled_seconds(self) -> float:
        """The system's one honest number; 0 when nothing waits."""
        since = self.oldest_unsettled_at
        return (self.at - since).total_seconds() if since else 0.0
