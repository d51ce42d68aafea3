"""What every service says to intake: where a record ended."""

from datetime import datetime
from uuid import UUID

from libs.common.contracts.event import Event, topic
from libs.common.ids import sibling_id
from libs.common.vocabulary import Outcome


@topic("indicator-outcome")
class IndicatorSettled(Event, frozen=True, kw_only=True, omit_defaults=True, tag="indicator-settled.v1"):
    """A record has reached its outcome. `reason` is a code, `message` a sentence for its partner.

    The id is that of the record's outcome: `held` for one reason after another has the same, and a later `at`.
    """

    indicator_id: UUID
    submission_id: UUID
    record: int
    outcome: Outcome
    reason: str
    message: str
    at: datetime
    by: str

    @property
    def key(self) -> str:
        return str(self.submission_id)

    @property
    def event_id(self) -> UUID:
        return sibling_id(self.indicator_id, f"indicator-settled {self.outcome}")
