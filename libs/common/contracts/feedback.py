"""What feedback says: how recipients answered."""

from datetime import datetime
from uuid import UUID

from libs.common.contracts.event import Event, topic
from libs.common.vocabulary import FeedbackKind


@topic("feedback-received")
class FeedbackReceived(Event, frozen=True, kw_only=True, omit_defaults=True, tag="feedback-received.v1"):
    """A recipient answered. A `rating` names only its incident; everything else names its notification and threats."""

    feedback_id: UUID
    kind: FeedbackKind
    incident: str
    at: datetime
    useful: int | None = None
    clear: int | None = None
    text: str = ""
    notification_id: UUID | None = None
    recipient_key: str | None = None
    threat_ids: tuple[UUID, ...] = ()

    @property
    def key(self) -> str:
        return self.incident

    @property
    def event_id(self) -> UUID:
        return self.feedback_id
