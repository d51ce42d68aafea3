"""Mails beside the notifications: digests to their partners, claims that are put to a registry's contact, and what an
organisation that registers by itself is asked and told.

Their states are those of a notification, but for those that wait for people.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import ClaimToConfirm, DigestDue, RegistrationFollowed, RegistrationToConfirm
from services.notifier.domain.notification import State


class SideMailKind(StrEnum):
    """What a side mail is, as it is kept."""

    DIGEST = "digest"
    CLAIM = "claim"
    REGISTRATION = "registration"
    REGISTRATION_NEWS = "registration-news"


class SideMail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail that is no notification. `tries` counts answers of the relay, `doubts` the lost answers."""

    id: UUID
    state: State
    reason: str
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    subject: str | None
    tries: int
    doubts: int

    @property
    def expires_at(self) -> datetime | None:
        """From when on it is not sent any more, if ever."""
        return None

    @property
    def organisation_id(self) -> UUID | None:
        """Whose it is, as attribution knows it; who is not written to as an organisation gets none."""
        return None


class Digest(SideMail, frozen=True, kw_only=True):
    """One mail to one partner."""

    due: DigestDue

    @property
    def email(self) -> str:
        return self.due.email


class ClaimMail(SideMail, frozen=True, kw_only=True):
    """One mail to a registry's contact. The code in it is forgotten once the mail has come to its end."""

    claim: ClaimToConfirm

    @property
    def email(self) -> str:
        return self.claim.email

    @property
    def expires_at(self) -> datetime | None:
        return self.claim.expires_at

    @property
    def without_code(self) -> ClaimToConfirm:
        """What may be kept of it."""
        return msgspec.structs.replace(self.claim, code="", url="")


class RegistrationMail(SideMail, frozen=True, kw_only=True):
    """The question to an address whether it is right that it has registered."""

    asked: RegistrationToConfirm

    @property
    def email(self) -> str:
        return self.asked.email

    @property
    def registration_id(self) -> UUID:
        return self.asked.registration_id

    @property
    def expires_at(self) -> datetime | None:
        return self.asked.expires_at


class RegistrationNews(SideMail, frozen=True, kw_only=True):
    """How far a registration is, to whoever has confirmed it. `news` of what is `followed` says of which assets."""

    followed: RegistrationFollowed

    @property
    def email(self) -> str:
        return self.followed.email

    @property
    def organisation_id(self) -> UUID | None:
        return self.followed.organisation_id

    @property
    def registration_id(self) -> UUID:
        return self.followed.registration_id


AnyRegistrationMail = RegistrationMail | RegistrationNews
AnySideMail = Digest | ClaimMail | AnyRegistrationMail
FINAL = (State.SENT, State.FAILED, State.CANCELLED, State.REHEARSED)
"""From which none of them comes back."""


class WantedDigests(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; None means any."""

    state: State | None = None
    partner: str | None = None
