"""What feedback says: how recipients answered, and which mails came back."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, FeedbackKind, Language, Permanence, ReturnKind, Trust


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


class ClaimedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an organisation says is its own. `value` is canonical."""

    kind: AssetKind
    value: str


@topic("registration-to-confirm")
class RegistrationToConfirm(Event, frozen=True, kw_only=True, omit_defaults=True, tag="registration-to-confirm.v1"):
    """Somebody has registered an organisation and gave this address, whose owner is to be asked whether that is right.

    The notifier makes the link to the page from `registration_id`; nobody else is told it.
    """

    registration_id: UUID
    organisation: str
    email: str
    language: Language
    assets: tuple[ClaimedAsset, ...]
    asked_at: datetime
    expires_at: datetime

    @property
    def key(self) -> str:
        return self.email.lower()

    @property
    def event_id(self) -> UUID:
        return derived_id("registration-to-confirm", self.registration_id, self.asked_at)


@topic("registration-confirmed")
class RegistrationConfirmed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="registration-confirmed.v1"):
    """What an organisation has registered, confirmed by whoever reads its address: all of it, each time it changes.

    The one with the greatest `revision` counts: an asset that is no longer among `assets` was taken back, and with
    `is_withdrawn` all of it was. Nothing of this proves that an asset is theirs.
    """

    registration_id: UUID
    revision: int
    organisation: str
    email: str
    language: Language
    assets: tuple[ClaimedAsset, ...]
    at: datetime
    kvk_number: str | None = None
    is_withdrawn: bool = False

    @property
    def key(self) -> str:
        return str(self.registration_id)

    @property
    def event_id(self) -> UUID:
        return derived_id("registration-confirmed", self.registration_id, self.revision)
