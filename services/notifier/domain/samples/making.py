"""Makes the mail that somebody wants to see, of an incident that there is and of findings that there are not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import IncidentChanged, Recipient
from libs.common.ids import derived_id
from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.amount.repeats import Again, Reminder
from services.notifier.domain.notification import Consignment, Notification, State
from services.notifier.domain.samples.findings import Dates, sample_targets
from services.notifier.domain.samples.wish import SampleMail, Wish

TEAM = "CSIRT-EXAMPLE"
TESTING = "example"
SEEN_BEFORE = timedelta(hours=3)
FIRST_SEEN_BEFORE = timedelta(days=2)
REOPENED_AFTER = timedelta(days=40)
REMINDED_AFTER = timedelta(days=30)
CORRECTED_AFTER = timedelta(days=5)


def sample_consignment(
    wish: Wish, incident: IncidentChanged, others: Sequence[IncidentChanged] = (), *, name: str, now: datetime
) -> Consignment:
    """A mail to somebody who does not exist; `name` is what an organisation could be called."""
    recipient = Recipient(
        kind=wish.kind,
        name=TEAM if wish.kind is RecipientKind.NATIONAL_CERT else name,
        email="info@example.com",
        language=wish.language,
    )
    whole = _consignment(wish, incident, recipient, name=name, now=now)
    told_with = (_consignment(wish, each, recipient, name=name, now=now, number=n) for n, each in enumerate(others, 2))
    whole = msgspec.structs.replace(whole, companions=tuple(told_with))
    return _as_test(whole, recipient, by=TESTING) if wish.is_test else whole


def addressed(consignment: Consignment, *, email: str, by: str, id_: UUID) -> Consignment:
    """The same to somebody who does exist: marked as a test by them, and another mail each time."""
    recipient = msgspec.structs.replace(consignment.notification.recipient, email=email)
    named = msgspec.structs.replace(
        consignment, notification=msgspec.structs.replace(consignment.notification, id=id_, mail_id=None)
    )
    return _as_test(named, recipient, by=by)


def _as_test(consignment: Consignment, recipient: Recipient, *, by: str) -> Consignment:
    """Of a real test nothing is told of whom it found. Here nobody was: what is made up of them can be read."""
    to = msgspec.structs.replace(recipient, test_of=by)
    return msgspec.structs.replace(
        consignment,
        notification=msgspec.structs.replace(consignment.notification, recipient=to),
        companions=tuple(_as_test(each, recipient, by=by) for each in consignment.companions),
    )


def _consignment(
    wish: Wish, incident: IncidentChanged, recipient: Recipient, *, name: str, now: datetime, number: int = 0
) -> Consignment:
    told_at = _told_at(wish, now)
    notification = _notification(wish, incident, recipient, number, now)
    original = None if told_at is None else _original(wish, notification, told_at)
    return Consignment(
        notification=_about(original, notification, wish),
        incident=_with_advice(wish, incident),
        targets=sample_targets(wish, incident, recipient, name=name, dates=_dates(wish, told_at, now)),
        original=original,
        rest_holds=wish.in_part,
    )


def _told_at(wish: Wish, now: datetime) -> datetime | None:
    """When the mail left that this one is about, if it is about one."""
    if wish.is_reminder:
        return now - REMINDED_AFTER * (wish.mails or 1)
    return now - CORRECTED_AFTER if wish.mail is SampleMail.CORRECTION else None


def _dates(wish: Wish, told_at: datetime | None, now: datetime) -> Dates:
    """What is corrected was seen before it was told; what is reminded of, since as well."""
    last_seen = (told_at if told_at and wish.mail is SampleMail.CORRECTION else now) - SEEN_BEFORE
    first_seen = (told_at or now) - (REOPENED_AFTER if wish.reopened else FIRST_SEEN_BEFORE)
    return Dates(first_seen=first_seen, last_seen=last_seen, now=now)


def _original(wish: Wish, notification: Notification, told_at: datetime) -> Notification:
    """Of what was perhaps told no answer came: we know when it was to leave."""
    return msgspec.structs.replace(
        notification,
        id=derived_id("sample-original", notification.id),
        reference=_reference(1),
        queued_at=told_at,
        sent_at=None if wish.perhaps_told else told_at,
    )


def _about(original: Notification | None, notification: Notification, wish: Wish) -> Notification:
    if original is None:
        return notification
    if wish.mail is SampleMail.CORRECTION:
        return msgspec.structs.replace(notification, kind=NotificationKind.CORRECTION, corrects=original.id)
    reminder = Reminder(
        first=original.id,
        first_at=original.sent_at or original.created_at,
        mails=wish.mails or 1,
        again=wish.again or Again.STILL_THERE,
    )
    return msgspec.structs.replace(notification, reminder=reminder)


def _with_advice(wish: Wish, incident: IncidentChanged) -> IncidentChanged:
    if wish.advice_language is None:
        return incident
    return msgspec.structs.replace(incident, advisory={wish.advice_language: incident.advisory[wish.advice_language]})


def _reference(number: int) -> str:
    return f"TOC-{number:010}"


def _notification(
    wish: Wish, incident: IncidentChanged, recipient: Recipient, number: int, now: datetime
) -> Notification:
    return Notification(
        id=derived_id("sample-notification", incident.slug, recipient.kind, recipient.language),
        reference=_reference(number),
        recipient=recipient,
        incident=incident.slug,
        severity=wish.severity_of(incident),
        confidence=1.0,
        state=State.QUEUED,
        reason="",
        note="",
        partners=("sample",),
        targets_total=wish.findings,
        created_at=now,
        due_at=now,
        queued_at=now,
        next_attempt_at=now,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
        settled=False,
        decided_by=None,
        decided_at=None,
        is_first_to_recipient=wish.is_first and number == 0,
    )
