"""What feedback says: how recipients answered, and which mails came back."""

from datetime import datetime
from uuid import UUID

from libs.common.contracts.event import Event, topic
from libs.common.ids import derived_id
from libs.common.vocabulary import FeedbackKind, Permanence, ReturnKind, Trust


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


@topic("mail-returned")
class MailReturned(Event, frozen=True, kw_only=True, omit_defaults=True, tag="mail-returned.v1"):
    """A mail came back that is about one of ours, with how surely it is.

    `address`, `permanence`, `code` and `detail` are what a bounce says; the address may be one that ours was forwarded
    to. Whoever acts on it looks whether there is such a notification: a bounce can be made up.
    """

    return_id: UUID
    notification_id: UUID
    kind: ReturnKind
    trust: Trust
    at: datetime
    permanence: Permanence | None = None
    code: str = ""
    detail: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        return str(self.notification_id)

    @property
    def event_id(self) -> UUID:
        return derived_id("mail-returned", self.return_id)
