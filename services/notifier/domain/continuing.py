"""Whether a person can have another contact asked for, of what could not be delivered."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.notification import Notification, State
from services.notifier.domain.planning import DEAD
from services.notifier.domain.replies import NOT_ENCRYPTED


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """How far the search for another contact has got for one target of a mail.

    `asked_again` counts the questions of people, `asked_again_at` is when the last was; `exhausted_at` when the answer
    was that nobody is left.
    """

    target: Target
    asked_again: int = 0
    asked_again_at: datetime | None = None
    exhausted_at: datetime | None = None
    has_gone_on: bool = False


class Why(StrEnum):
    """Why nobody else is asked for."""

    NOT_OURS = "Only warnings go on to another contact, and not what is handed over or tried out."
    ARRIVED = "It has not failed to arrive: only what bounced or failed goes on to another contact."
    ENCRYPTED_ONLY = "It may leave encrypted only, and another contact may read it less well kept."
    CLOSED = "Its incident is closed: nobody is written to about it."
    BEING_ASKED = "Another contact is being asked for already: it goes on by itself."
    GATHERING = "Some of it has just gone on, and that mail is being gathered: ask again when it has left."
    GONE_ON = "It has gone on to another contact: look at the notification that continues it."


def to_ask_again(
    notification: Notification, sought: Sequence[Sought], *, is_closed: bool, is_gathering: bool
) -> Sequence[Sought] | Why:
    """The targets that nobody is told of who can be; or why there are none.

    `is_closed`: the incident is; `is_gathering`: targets can still join a mail that continues this one.
    """
    stranded = [each for each in sought if not each.has_gone_on]
    reasons = {
        Why.NOT_OURS: not _is_ours(notification),
        Why.ARRIVED: not _has_failed(notification),
        Why.ENCRYPTED_ONLY: notification.reason == NOT_ENCRYPTED,
        Why.CLOSED: is_closed,
        Why.BEING_ASKED: any(_is_being_asked(each, notification) for each in stranded),
        Why.GONE_ON: not stranded,
        Why.GATHERING: is_gathering,
    }
    return next((why for why, holds in reasons.items() if holds), stranded)


def _is_ours(notification: Notification) -> bool:
    is_handed_over = notification.recipient.kind is RecipientKind.NATIONAL_CERT
    return notification.kind is NotificationKind.WARNING and not notification.is_test and not is_handed_over


def _has_failed(notification: Notification) -> bool:
    """Also what waited for the last contact that there may be, when its address was found dead."""
    was_given_up = notification.state is State.CANCELLED and notification.reason in DEAD
    return was_given_up or notification.state in {State.BOUNCED, State.FAILED}


def _is_being_asked(each: Sought, notification: Notification) -> bool:
    """A refusal by policy asks for nobody; nor does a mail that has failed."""
    has_asked = notification.gone_on_at is not None or not notification.settled
    return notification.state is State.BOUNCED and has_asked and each.exhausted_at is None
