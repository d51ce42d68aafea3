"""Whether the sums hold: every accepted record in exactly one outcome, and counts that say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.vocabulary import Outcome
from services.intake.domain.submissions import REJECTED


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A submission whose count of an outcome is not what its records say."""

    submission_id: UUID
    outcome: str
    counted: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The state of all records at one moment."""

    at: datetime
    totals: Mapping[str, int]
    submissions: Mapping[str, int]
    oldest_pending_received_at: datetime | None
    outcome_conflicts: int
    mismatches: tuple[Mismatch, ...]

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
    def oldest_pending_seconds(self) -> float:
        """The system's one honest number; 0 when nothing waits."""
        since = self.oldest_pending_received_at
        return (self.at - since).total_seconds() if since else 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the books are right; whether everything is settled already is another question (`pending`)."""
        return not self.mismatches and not self.outcome_conflicts
