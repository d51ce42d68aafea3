"""A mail came back: kept once, counted, and told to whoever acts on it."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from libs.common.db import Transaction
from libs.common.ids import derived_id
from libs.common.metrics import MAILS_RETURNED
from libs.common.outbox import enqueue
from libs.common.vocabulary import FeedbackKind, ReturnKind
from services.feedback.domain.answer import AnswerForm
from services.feedback.domain.feedback import Place
from services.feedback.domain.incoming.mail import read
from services.feedback.domain.incoming.recognised import House, Recognised, recognise, with_timing
from services.feedback.domain.incoming.returned import Returned, event_of_return
from services.feedback.domain.notification import Notification
from services.feedback.handlers.answering import take_answer, take_opt_out
from services.feedback.store import incoming, notifications

ANSWERS = frozenset({ReturnKind.REPLY, ReturnKind.UNSUBSCRIBE})


async def take_mail(
    tx: Transaction, content: bytes, *, size_bytes: int, to: str, house: House, now: datetime
) -> Returned:
    """Keep a mail and say what it is; one that the mail server brings again changes nothing.

    `content` is as much of it as is looked at.

    One that names none of our mails is kept and counted, and nobody acts on it: anybody can write a bounce.
    """
    found = recognise(await asyncio.to_thread(read, content), to=to, house=house)
    notification = await _notification_of(tx, found)
    if notification is not None:
        found = with_timing(found, sent_at=notification.sent_at, at=now)
    digest = hashlib.sha256(content).hexdigest()
    return_id = derived_id("return", to.lower(), digest, size_bytes)
    returned = _returned(found, notification, return_id=return_id, size_bytes=size_bytes, now=now)
    if not await incoming.add(tx, returned):
        return returned
    tx.after_commit(partial(MAILS_RETURNED.labels(found.kind, found.trust).inc, 1))
    if notification is not None and found.kind in ANSWERS:
        await _answer(tx, notification, found, now=now)
    elif returned.notification_id is not None and found.kind is not ReturnKind.LOOP:
        await enqueue(tx, [event_of_return(returned)])
    return returned


async def _notification_of(tx: Transaction, found: Recognised) -> Notification | None:
    """The mail that it is about, where it has been told to us by now."""
    if found.notification_id is not None:
        return await notifications.notification(tx, found.notification_id)
    if found.reference:
        return await notifications.notification_by_reference(tx, found.reference)
    return None


def _returned(
    found: Recognised, notification: Notification | None, *, return_id: UUID, size_bytes: int, now: datetime
) -> Returned:
    known = notification.notification_id if notification else found.notification_id
    return Returned(
        return_id=return_id,
        received_at=now,
        kind=found.kind,
        trust=found.trust,
        notification_id=known,
        reference=notification.reference if notification else found.reference,
        address=found.recipient,
        permanence=found.permanence,
        code=found.code,
        detail=found.detail,
        size_bytes=size_bytes,
    )


async def _answer(tx: Transaction, notification: Notification, found: Recognised, *, now: datetime) -> None:
    """What a person wrote by mail is as good as what they write on their page."""
    if found.kind is ReturnKind.UNSUBSCRIBE:
        await take_opt_out(tx, notification, now=now)
    elif found.kind is ReturnKind.REPLY and found.detail:
        form = AnswerForm(kind=FeedbackKind.QUESTION, text=found.detail)
        await take_answer(tx, notification, form, now=now)


async def list_incoming(
    tx: Transaction, *, kind: ReturnKind | None, before: Place | None, limit: int
) -> Sequence[Returned]:
    """What came back by mail, newest first."""
    return await incoming.newest(tx, kind=kind, before=before, limit=limit)
