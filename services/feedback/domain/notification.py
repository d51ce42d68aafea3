"""What is known of a mail that left, and what a stranger may learn of it."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from libs.common.contracts import NotifiedTarget
from libs.common.vocabulary import Language, NotificationKind


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that left, as far as answers to it need it. `traceparent` is the trace of the mail; answers join it.

    One that `is_test` went to a partner that tried something out: what is answered to it is kept, and goes no further.
    A correction takes back what an earlier mail said.
    """

    notification_id: UUID
    reference: str
    recipient_key: str
    language: Language
    incident: str
    subject: str
    sent_at: datetime
    targets: tuple[NotifiedTarget, ...]
    traceparent: str
    is_test: bool = False
    kind: NotificationKind = NotificationKind.WARNING

    @property
    def assets_by_threat(self) -> dict[UUID, str]:
        """Each threat once, in the order of the mail."""
        return {target.threat_id: target.asset for target in self.targets}


class Verification(msgspec.Struct, frozen=True):
    """The answer to "is this mail from you?". A mail that `is_test` went to a partner that tried something out."""

    genuine: bool
    sent_on: date | None = None
    subject: str | None = None
    is_test: bool = False
