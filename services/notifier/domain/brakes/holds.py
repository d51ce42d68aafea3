"""What keeps the mails of an incident or of a partner back until a person has looked, and which mails it reaches."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.vocabulary import NotificationKind
from services.notifier.domain.notification import BrakeScope, Notification


class HoldKind(StrEnum):
    """Why mails wait: only a sample of a new incident's has gone, or there are unusually many."""

    FIRST_WAVE = "first-wave"
    UNUSUAL_VOLUME = "unusual-volume"


class HoldState(StrEnum):
    """`releasing`: its mails may go, and are being put back into the queue of the sender."""

    STANDING = "standing"
    RELEASING = "releasing"
    RELEASED = "released"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Mails wait for an approver. `scope` is `incident` or `partner`, `value` its name, `reason` says why in words.

    `waits_since`: when the first mail was kept back. `asked_by`: who wants it released, where that takes two.
    """

    id: UUID
    kind: HoldKind
    scope: BrakeScope
    value: str
    state: HoldState
    reason: str
    since: datetime
    waits_since: datetime | None = None
    asked_by: str | None = None
    asked_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    note: str = ""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a mail as decides whether a hold keeps it back."""

    incident: str
    partners: tuple[str, ...] = ()
    kind: NotificationKind = NotificationKind.WARNING
    is_test: bool = False
    is_sample: bool = False


def held_of(notification: Notification) -> Held:
    return Held(
        incident=notification.incident,
        partners=notification.partners,
        kind=notification.kind,
        is_test=notification.is_test,
        is_sample=notification.is_sample,
    )


def keeps_back(hold: Hold, mail: Held) -> bool:
    """Whether this mail waits for this hold. A correction never does, nor what a partner tries out on itself."""
    if hold.state is not HoldState.STANDING or mail.kind is not NotificationKind.WARNING or mail.is_test:
        return False
    if hold.kind is HoldKind.FIRST_WAVE and mail.is_sample:
        return False
    return hold.value == mail.incident if hold.scope is BrakeScope.INCIDENT else hold.value in mail.partners


def keeping_back(mail: Held, holds: Iterable[Hold]) -> list[Hold]:
    """Those of these holds that this mail waits for; it may go when there are none."""
    return [hold for hold in holds if keeps_back(hold, mail)]
