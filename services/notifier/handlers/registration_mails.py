"""Registrations by organisations themselves: who is asked and told what, by mail. They are sent like digests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec

from libs.common.contracts import Event, RegistrationFollowed, RegistrationToConfirm
from libs.common.db import Transaction
from libs.common.metrics import REGISTRATION_MAILS
from services.notifier.domain.digests.digest import AnyRegistrationMail, RegistrationNews
from services.notifier.domain.notification import State
from services.notifier.domain.registrations.following import GONE, WAITING, still_to_tell
from services.notifier.store import digests, registration_mails

TOGETHER_WITHIN = timedelta(minutes=1)
"""News waits so long for other news of its registration: the registries are asked one after the other."""

OVERTAKEN = "overtaken"


async def take_up_questions(
    events: Sequence[RegistrationToConfirm], *, tx: Transaction, now: datetime
) -> Sequence[Event]:
    """Keep what is to be mailed, but for what is too old; one that comes again changes nothing."""
    unique = {event.event_id: event for event in events if now < event.expires_at}
    added = await registration_mails.add_questions(tx, list(unique.values()), now=now)
    tx.after_commit(partial(REGISTRATION_MAILS.labels(State.QUEUED).inc, added))
    return ()


async def take_up_news(events: Sequence[RegistrationFollowed], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Keep the last word on each registration, and what of it is news; an older one, or one again, changes nothing."""
    newer = [event for event in events if await registration_mails.is_newest(tx, event)]
    news = [event for event in newer if event.news]
    added = await registration_mails.add_news(tx, news, wait=TOGETHER_WITHIN, now=now)
    tx.after_commit(partial(REGISTRATION_MAILS.labels(State.QUEUED).inc, added))
    return ()


async def as_things_stand(tx: Transaction, mail: RegistrationNews, *, now: datetime) -> RegistrationNews | None:
    """Put all that waits to be told of a registration into one mail, as things stand now: the last of those that wait.

    This mail as it goes when that is the one, and has something to tell; else None, and it is overtaken.
    """
    later = await registration_mails.lock_later(tx, mail)
    newest = await registration_mails.newest_word(tx, mail.registration_id)
    waiting = [mail, *(each for each in later if each.state in WAITING)]
    told = still_to_tell(waiting, newest, gone=[each for each in later if each.state in GONE])
    if told is None:
        return None
    *others, last = waiting
    await registration_mails.rewrite(tx, last, told, now=now)
    if last is mail:
        return msgspec.structs.replace(mail, followed=told)
    for other in others[1:]:
        await digests.cancel_digest(tx, other.id, reason=OVERTAKEN)
        tx.after_commit(partial(REGISTRATION_MAILS.labels(State.CANCELLED).inc, 1))
    return None


async def newest_registration_mails(
    tx: Transaction, state: State | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[AnyRegistrationMail]:
    """A page of them, newest first."""
    return await registration_mails.newest_registration_mails(tx, state, before=before, limit=limit)


async def registration_mail_with_id(tx: Transaction, mail_id: UUID) -> AnyRegistrationMail | None:
    return await registration_mails.registration_mail_with_id(tx, mail_id)
