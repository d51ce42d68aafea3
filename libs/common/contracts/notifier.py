"""What the notifier says: a mail has left."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.ids import derived_id
from libs.common.vocabulary import Language, NotificationKind, RecipientKind


class NotifiedTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One target of a notification, with as much as a recipient's answer needs to find its way back."""

    target_id: UUID
    threat_id: UUID
    asset: str


@topic("notification-sent")
class NotificationSent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="notification-sent.v1"):
    """A notification was accepted by the mail relay. One that `is_test` went to a partner and counts for nothing.

    A correction warns of nothing: its targets are those of which an earlier notification was wrong.
    """

    notification_id: UUID
    reference: str
    recipient_key: str
    recipient_kind: RecipientKind
    language: Language
    incident: str
    category: str
    subject: str
    sent_at: datetime
    targets: tuple[NotifiedTarget, ...]
    is_test: bool = False
    kind: NotificationKind = NotificationKind.WARNING

    @property
    def key(self) -> str:
        return self.recipient_key

    @property
    def event_id(self) -> UUID:
        return derived_id("notification-sent", self.notification_id)
