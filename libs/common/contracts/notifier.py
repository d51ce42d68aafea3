"""What the notifier says: a mail has left, or could not reach its recipient."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.attribution import TargetAttributed, address_of
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

    A correction warns of nothing: its targets are those of which an earlier notification was wrong. Of a notification
    with many targets there are several, each with a `part` of them, numbered from 1 to `parts`.
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
    part: int = 1
    parts: int = 1

    @property
    def key(self) -> str:
        return self.recipient_key

    @property
    def event_id(self) -> UUID:
        further = (self.part,) if self.part > 1 else ()
        return derived_id("notification-sent", self.notification_id, *further)


@topic("recipient-unreachable")
class RecipientUnreachable(Event, frozen=True, kw_only=True, omit_defaults=True, tag="recipient-unreachable.v1"):
    """The recipient of a target can't be reached: another contact is asked for. `reason`: the mail server's code.

    `notification_id` is the mail that did not arrive; with `is_settled` the record's outcome has been said already.
    `asked_again` counts how often a person has asked anew, when nobody was left: then there is no limit to contacts.

    With `is_unproven` it was not tried: the asset does not count as the recipient's any more, so it is asked anew who
    is to be told.
    """

    target: TargetAttributed
    notification_id: UUID
    reference: str
    reason: str
    is_settled: bool
    at: datetime
    asked_again: int = 0
    is_unproven: bool = False

    @property
    def failed(self) -> tuple[str, ...]:
        """The addresses that were tried, in this order."""
        before = self.target.continued.failed if self.target.continued else ()
        return before if self.is_unproven else (*before, address_of(self.target.recipient.key))

    @property
    def key(self) -> str:
        return self.target.indicator.asset.key

    @property
    def event_id(self) -> UUID:
        return derived_id("recipient-unreachable", self.target.target_id, self.at)
