"""What a result of sending is to the others: a new state, and the events that say so."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import assert_never
from uuid import UUID

import msgspec

from libs.common.contracts import (
    Event,
    IndicatorSettled,
    NotificationSent,
    NotifiedTarget,
    RecipientUnreachable,
)
from libs.common.contracts import TargetAttributed as Target
from libs.common.text import plain
from libs.common.vocabulary import NotificationKind, Outcome, RecipientKind
from services.notifier.domain.meanings import ENHANCED
from services.notifier.domain.notification import MOST_CONTACTS, Consignment, Notification, State
from services.notifier.domain.planning import is_said
from services.notifier.domain.replies import Deferred, Failed, InDoubt, Rehearsed, Released, Result, Sent

BY = "notifier"
DETAIL_CHARACTERS = 500
ASSET_CHARACTERS = 256
TARGETS_IN_EVENT = 2000
"""In each `NotificationSent`: so it stays under the 1 MiB that a message may have. A mail with more has several."""

SENT = "The mail relay took the mail to the recipient."
HANDED_OVER = "handed-over"
SENT_TO_TEAM = "Handed over to the national or sector team whose task it is to warn of this."
DRY_RUN = "dry-run"
REHEARSED = "The system runs dry: the mail relay would have taken the mail to the recipient, and none was sent."
MESSAGES_OF_TESTS: Mapping[RecipientKind, str] = {
    RecipientKind.ORGANISATION: "Sent to you as a test; in earnest an organisation would have got it.",
    RecipientKind.NETWORK_OWNER: "Sent to you as a test; in earnest the owner of the network would have got it.",
    RecipientKind.NATIONAL_CERT: "Sent to you as a test; in earnest a national or sector team would have got it.",
}

ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt made of a notification. No `result` means that nothing was tried: the attempt is struck out.

    Of a digest it is the same, and `notification_id` is the digest's.
    """

    notification_id: UUID
    attempt: int
    state: State
    result: str | None
    reason: str = ""
    smtp_code: int | None = None
    detail: str = ""
    next_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    subject: str | None = None
    settled: bool = False


def change_of(consignment: Consignment, result: Result, *, subject: str | None, now: datetime) -> Change:
    """What a result makes of the notification and of its attempt."""
    notification = consignment.notification
    change = change_after(result, of=notification.id, attempt=notification.tries, subject=subject, now=now)
    if isinstance(result, Rehearsed) and notification.sent_at:
        # A person has it sent again, in a dry run: it stays one that was sent, once.
        return msgspec.structs.replace(change, state=State.SENT, reason="")
    if asks_next_contact(consignment, result):
        # Its outcome is that of the mail to the next contact, or that there is none.
        return msgspec.structs.replace(change, state=State.BOUNCED, result="bounced", settled=False)
    return change


def asks_next_contact(consignment: Consignment, result: Result) -> bool:
    """Whether what could not be handed over goes on to another contact."""
    is_refused = isinstance(result, Failed) and result.wants_next_contact
    return is_refused and bool(consignment.targets) and may_go_on(consignment.notification)


def may_go_on(notification: Notification) -> bool:
    """Whether another contact may be asked for: not for what a partner tries out, and not without end.

    Nor for what is handed over: a team is the last to ask, and what it alone hears is nobody else's.
    """
    is_warning = notification.kind is NotificationKind.WARNING and not notification.is_test
    is_handed_over = notification.recipient.kind is RecipientKind.NATIONAL_CERT
    return is_warning and not is_handed_over and notification.contact < MOST_CONTACTS


def change_after(result: Result, *, of: UUID, attempt: int, subject: str | None, now: datetime) -> Change:
    """What a result makes of any mail that we try to hand over, and of that attempt."""
    change = partial(Change, notification_id=of, attempt=attempt, subject=subject)
    match result:
        case Sent(code, text):
            return change(
                state=State.SENT, result="sent", smtp_code=code, detail=_detail(text), sent_at=now, settled=True
            )
        case Rehearsed(code, text):
            return change(
                state=State.REHEARSED,
                result="rehearsed",
                reason=DRY_RUN,
                smtp_code=code,
                detail=_detail(text),
                settled=True,
            )
        case Deferred(code, text, again_at):
            return change(
                state=State.DEFERRED, result="deferred", smtp_code=code, detail=_detail(text), next_attempt_at=again_at
            )
        case Failed(reason, text, code):
            return change(
                state=State.FAILED, result="failed", reason=reason, smtp_code=code, detail=_detail(text), settled=True
            )
        case InDoubt(text, again_at):
            return change(state=State.IN_DOUBT, result="in-doubt", detail=_detail(text), next_attempt_at=again_at)
        case Released():
            return change(state=State.QUEUED, result=None, next_attempt_at=now)
        case _:
            assert_never(result)


def _detail(text: str) -> str:
    return plain(text, DETAIL_CHARACTERS)


def events_of(consignment: Consignment, result: Result, *, subject: str, now: datetime) -> Sequence[Event]:
    """What is said of a result. An outcome is said once; a mail that a person sends again changes nothing in it."""
    notification = consignment.notification
    match result:
        case Sent():
            settled = _settle_as_sent(consignment, now=now)
            return (
                settled
                if notification.sent_at
                else [*notifications_sent(consignment, subject=subject, now=now), *settled]
            )
        case Rehearsed():
            return settle(consignment, outcome=Outcome.SUPPRESSED, reason=DRY_RUN, message=REHEARSED, now=now)
        case Failed(reason, text, code) if asks_next_contact(consignment, result):
            said = ENHANCED.match(text)
            why = said[0] if said else str(code or reason)
            return unreachable(notification, consignment.targets, reason=why, now=now)
        case Failed(reason, text, code):
            message = nameless(f"{code} {text}" if code else text)
            return settle(consignment, outcome=Outcome.FAILED, reason=reason, message=message, now=now)
        case Deferred() | InDoubt() | Released():
            return ()
        case _:
            assert_never(result)


def _settle_as_sent(consignment: Consignment, *, now: datetime) -> Sequence[IndicatorSettled]:
    """What a team has got was not ours to warn of: its reference is the team's, and nothing to a partner."""
    notification = consignment.notification
    kind = notification.recipient.kind
    is_ours = kind is not RecipientKind.NATIONAL_CERT
    in_earnest = SENT if is_ours else SENT_TO_TEAM
    return settle(
        consignment,
        outcome=Outcome.NOTIFIED if is_ours else Outcome.OUT_OF_SCOPE,
        reason=notification.reference if is_ours else HANDED_OVER,
        message=MESSAGES_OF_TESTS[kind] if notification.is_test else in_earnest,
        now=now,
    )


def unreachable(
    notification: Notification, targets: Iterable[Target], *, reason: str, now: datetime, asked_again: int = 0
) -> list[RecipientUnreachable]:
    """The question to attribution who else can be told of these targets. Nobody is told in place of a copy's team."""
    return [
        RecipientUnreachable(
            target=target,
            notification_id=notification.id,
            reference=notification.reference,
            reason=reason,
            is_settled=notification.settled or asked_again > 0 or is_said(target),
            at=now,
            asked_again=asked_again,
            traceparent=target.traceparent,
        )
        for target in targets
        if target.copy_of is None
    ]


def settle(
    consignment: Consignment, *, outcome: Outcome, reason: str, message: str, now: datetime
) -> Sequence[IndicatorSettled]:
    """The word to the partners about every target of a mail, unless it was said before."""
    if consignment.notification.settled:
        return ()
    return settled_targets(consignment.targets, outcome=outcome, reason=reason, message=message, now=now)


def settled_targets(
    targets: Iterable[Target], *, outcome: Outcome, reason: str, message: str, now: datetime
) -> list[IndicatorSettled]:
    """The word to the partners about these targets; `message` names nobody.

    A copy has no outcome, and what was said of one before it went on is not said again.
    """
    return [
        IndicatorSettled(
            indicator_id=target.indicator_id,
            submission_id=target.submission_id,
            record=target.record,
            outcome=outcome,
            reason=reason,
            message=message,
            at=now,
            by=BY,
            traceparent=target.traceparent,
        )
        for target in targets
        if target.copy_of is None and not is_said(target)
    ]


def notifications_sent(consignment: Consignment, *, subject: str, now: datetime) -> list[NotificationSent]:
    """The word to feedback about a mail that the relay took; of many targets in several parts."""
    notification, targets = consignment.notification, consignment.targets
    starts = range(0, len(targets), TARGETS_IN_EVENT) or range(1)
    return [
        NotificationSent(
            notification_id=notification.id,
            reference=notification.reference,
            recipient_key=notification.recipient.key,
            recipient_kind=notification.recipient.kind,
            language=notification.recipient.language,
            incident=notification.incident,
            category=consignment.incident.category,
            subject=subject,
            sent_at=now,
            targets=tuple(map(_notified, targets[start : start + TARGETS_IN_EVENT])),
            is_test=notification.is_test,
            kind=notification.kind,
            part=part,
            parts=len(starts),
            traceparent=targets[0].traceparent if targets else "",
        )
        for part, start in enumerate(starts, start=1)
    ]


def _notified(target: Target) -> NotifiedTarget:
    return NotifiedTarget(
        target_id=target.target_id,
        threat_id=target.threat_id,
        asset=target.indicator.asset.key[:ASSET_CHARACTERS],
    )


def nameless(text: str) -> str:
    """A relay's words without the addresses in them: a partner learns why a mail failed, not whose it was."""
    return ADDRESS.sub("[recipient]", plain(text, DETAIL_CHARACTERS))
