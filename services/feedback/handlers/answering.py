"""Pages and events: answers, ratings, what is known of our mails, and the public numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import msgspec

from libs.common.contracts import Event, IncidentChanged, NotificationSent, address_of
from libs.common.db import Transaction
from libs.common.links import RatingLink
from libs.common.metrics import FEEDBACK
from libs.common.outbox import enqueue
from libs.common.references import is_reference, normalise_reference
from libs.common.simulator import COMPLAINT
from libs.common.vocabulary import FeedbackKind
from services.feedback.domain.answer import Answer, AnswerForm, answer, event_of_answer, opt_out, simulated_complaint
from services.feedback.domain.feedback import Feedback, Place
from services.feedback.domain.notification import Notification, Verification
from services.feedback.domain.rating import Incomplete, RatingForm, event_of_rating, nonce_hash_of, rate
from services.feedback.domain.statistics import Statistics, statistics
from services.feedback.store import feedback, notifications


class Taken(msgspec.Struct, frozen=True):
    """Feedback that counts. Not `first`: it was here before, and the earlier one stands."""

    kind: FeedbackKind
    first: bool


class Correspondence(msgspec.Struct, frozen=True):
    """A notification and what its recipient answered so far, oldest first."""

    notification: Notification
    answers: Sequence[Answer]


async def note_notifications(sent: Sequence[NotificationSent], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Keep what answers will need, and count. A notification that is known already stays as it is.

    A mail to the simulator's address for complaints is complained about at once.
    """
    await notifications.note(tx, sent)
    for event in sent:
        if address_of(event.recipient_key) == COMPLAINT:
            known = await notifications.notification(tx, event.notification_id)
            if known is not None:
                await _record(tx, simulated_complaint(known, now=now), known)
    return ()


async def note_incidents(changed: Sequence[IncidentChanged], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Keep the titles of incidents for the public page; the highest revision wins, in whatever order they come."""
    newest = {event.slug: event for event in sorted(changed, key=lambda event: event.revision)}
    await notifications.note_incidents(tx, list(newest.values()))
    return ()


async def is_rated(tx: Transaction, link: RatingLink) -> bool:
    """Whether this link was used."""
    return await feedback.is_rated(tx, nonce_hash_of(link.nonce))


async def take_rating(tx: Transaction, link: RatingLink, form: RatingForm, *, now: datetime) -> Taken | Incomplete:
    """A link counts once, also when two browsers send it at the same moment. One of a test counts for nothing."""
    rating = rate(form, incident=link.incident, nonce=link.nonce, now=now)
    if isinstance(rating, Incomplete):
        return rating
    if link.is_test:
        return Taken(FeedbackKind.RATING, first=True)
    first = await feedback.add_rating(tx, rating)
    if first:
        await enqueue(tx, [event_of_rating(rating)])
        tx.after_commit(partial(FEEDBACK.labels(FeedbackKind.RATING).inc, 1))
    return Taken(FeedbackKind.RATING, first)


async def correspondence(tx: Transaction, notification_id: UUID) -> Correspondence | None:
    """A notification and its answers; None while we have not heard of it yet."""
    notification = await notifications.notification(tx, notification_id)
    if notification is None:
        return None
    return Correspondence(notification, await feedback.answers_to(tx, notification_id))


async def take_answer(
    tx: Transaction, notification: Notification, form: AnswerForm, *, now: datetime
) -> Taken | Incomplete:
    """An answer counts once for each kind and set of threats."""
    given = answer(notification, form, now=now)
    if isinstance(given, Incomplete):
        return given
    return await _record(tx, given, notification)


async def take_opt_out(tx: Transaction, notification: Notification, *, now: datetime) -> Taken:
    """No more mails to this recipient; the notifier hears it."""
    return await _record(tx, opt_out(notification, now=now), notification)


async def _record(tx: Transaction, given: Answer, notification: Notification) -> Taken:
    """An answer to a test is kept for whoever looks, and nobody acts on it."""
    first = await feedback.add_answer(tx, given)
    if first and not notification.is_test:
        await enqueue(tx, [event_of_answer(given, notification)])
        tx.after_commit(partial(FEEDBACK.labels(given.kind).inc, 1))
    return Taken(given.kind, first)


async def verify(tx: Transaction, typed: str) -> Verification:
    """Whether we sent a mail with this reference, in whatever spelling; its date (UTC) and subject if so."""
    reference = normalise_reference(typed)
    found = await notifications.notification_by_reference(tx, reference) if is_reference(reference) else None
    if found is None:
        return Verification(genuine=False)
    sent_on = found.sent_at.astimezone(UTC).date()
    return Verification(genuine=True, sent_on=sent_on, subject=found.subject, is_test=found.is_test)


async def public_statistics(tx: Transaction, *, small_number: int) -> Statistics:
    """The numbers that everybody may see."""
    tallies = await notifications.tallies_by_month(tx)
    sums = await feedback.rating_sums(tx)
    titles = await notifications.titles(tx)
    return statistics(tallies, sums, titles=titles, small_number=small_number)


async def list_feedback(
    tx: Transaction,
    *,
    kind: FeedbackKind | None,
    incident: str | None,
    is_test: bool = False,
    before: Place | None,
    limit: int,
) -> Sequence[Feedback]:
    """What came back in earnest, or instead of it to tests; newest first."""
    return await feedback.feedback(tx, kind=kind, incident=incident, is_test=is_test, before=before, limit=limit)
