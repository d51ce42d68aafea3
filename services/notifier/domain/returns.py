"""What came back about a mail: whether it did not arrive, whether somebody else is to be told, who is silenced."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import address_of, is_team
from libs.common.vocabulary import Permanence, ReturnKind, Trust
from services.notifier.domain.notification import Notification, State
from services.notifier.domain.outcome import may_go_on
from services.notifier.domain.planning import SuppressionReason

SOFT_BOUNCES = 3
"""So many of an address's mails come back within `SOFT_BOUNCES_WITHIN` before it counts as dead."""

SOFT_BOUNCES_WITHIN = timedelta(days=90)


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, as it is stored. `kind` is a `ReturnKind`, or the `FeedbackKind` of an answer."""

    return_id: UUID
    notification_id: UUID
    kind: str
    trust: Trust
    permanence: Permanence | None
    code: str
    detail: str
    address: str
    at: datetime


class Verdict(msgspec.Struct, frozen=True):
    """What follows. `bounces`: the mail did not arrive; `goes_on`: another contact is asked for."""

    bounces: bool = False
    goes_on: bool = False
    suppresses: SuppressionReason | None = None


NOTHING = Verdict()


def verdict_on(returned: Return, notification: Notification, *, soft_bounces: int) -> Verdict:
    """`soft_bounces`: how many mails to the same address came back so that it may take mail again, this one included.

    What a partner tries out is shown, and nothing follows from it. Nothing that comes back silences a team.
    """
    verdict = _verdict_on(returned, notification, soft_bounces=soft_bounces)
    return msgspec.structs.replace(verdict, suppresses=None) if is_team(notification.recipient.key) else verdict


def _verdict_on(returned: Return, notification: Notification, *, soft_bounces: int) -> Verdict:
    if notification.is_test or not _is_believed(returned, notification):
        return NOTHING
    match returned.kind:
        case ReturnKind.COMPLAINT:
            return Verdict(suppresses=SuppressionReason.COMPLAINT)
        case ReturnKind.UNSUBSCRIBE:
            return Verdict(suppresses=SuppressionReason.OPT_OUT)
        case ReturnKind.BOUNCE:
            return _on_bounce(returned, notification, soft_bounces=soft_bounces)
        case _:
            return NOTHING


def _is_believed(returned: Return, notification: Notification) -> bool:
    """Who knows the token or the Message-ID has seen the mail. A reference is passed on by people, so more is asked:
    a bounce by it has to name the address that we wrote to.
    """
    if returned.trust in (Trust.TOKEN, Trust.MESSAGE_ID):
        return True
    return returned.trust is Trust.REFERENCE and returned.address == address_of(notification.recipient.key)


def _on_bounce(returned: Return, notification: Notification, *, soft_bounces: int) -> Verdict:
    """A refusal by policy is about us: the next contact's server would refuse us too."""
    is_about_us = returned.permanence is Permanence.POLICY
    is_dead = returned.permanence is Permanence.PERMANENT or soft_bounces >= SOFT_BOUNCES
    goes_on = not is_about_us and may_go_on(notification)
    # Of a mail in doubt no outcome is said: it can only go on.
    did_not_arrive = notification.state is State.SENT or (notification.state is State.IN_DOUBT and goes_on)
    return Verdict(
        bounces=did_not_arrive,
        goes_on=did_not_arrive and goes_on,
        suppresses=SuppressionReason.BOUNCED if is_dead and not is_about_us else None,
    )
