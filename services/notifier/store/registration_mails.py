"""Mails to organisations that register by themselves, and the last word on how far each registration is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import RegistrationFollowed, RegistrationToConfirm
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.digests.digest import (
    AnyRegistrationMail,
    RegistrationMail,
    RegistrationNews,
    SideMailKind,
    WantedDigests,
)
from services.notifier.domain.notification import State
from services.notifier.domain.planning import domain_of
from services.notifier.store.digests import (
    COLUMNS,
    NewSideMail,
    add_side_mails,
    newest_side_mails,
    side_mail,
    side_mail_with_id,
)

KINDS = (SideMailKind.REGISTRATION, SideMailKind.REGISTRATION_NEWS)


async def add_questions(tx: Transaction, asked: Sequence[RegistrationToConfirm], *, now: datetime) -> int:
    """Keep each once, until it is over. Answers how many are new."""
    mails = [
        NewSideMail(
            id=each.event_id,
            kind=SideMailKind.REGISTRATION,
            email=each.email,
            due=each,
            about=each.registration_id,
            forget_at=each.expires_at,
        )
        for each in asked
    ]
    return await add_side_mails(tx, mails, now=now)


async def add_news(tx: Transaction, news: Sequence[RegistrationFollowed], *, wait: timedelta, now: datetime) -> int:
    """Keep each once. Answers how many are new."""
    mails = [
        NewSideMail(
            id=each.event_id,
            kind=SideMailKind.REGISTRATION_NEWS,
            email=each.email,
            due=each,
            about=each.registration_id,
            revision=each.revision,
            wait=wait,
        )
        for each in news
    ]
    return await add_side_mails(tx, mails, now=now)


async def is_newest(tx: Transaction, followed: RegistrationFollowed) -> bool:
    """Keep it as the last word on its registration, unless there is one as new: then the answer is no."""
    return bool(
        await tx.fetch(
            """
            INSERT INTO followed_registrations AS known (registration_id, revision, followed) VALUES ($1, $2, $3)
            ON CONFLICT (registration_id) DO UPDATE SET revision = excluded.revision, followed = excluded.followed
            WHERE known.revision < excluded.revision RETURNING revision
            """,
            followed.registration_id,
            followed.revision,
            encode(followed),
        )
    )


async def newest_word(tx: Transaction, registration_id: UUID) -> RegistrationFollowed:
    """There is one for each registration that has news."""
    [row] = await tx.fetch("SELECT followed FROM followed_registrations WHERE registration_id = $1", registration_id)
    return msgspec.json.decode(row["followed"], type=RegistrationFollowed)


async def lock_later(tx: Transaction, mail: RegistrationNews) -> list[RegistrationNews]:
    """The later news of a registration, the last one last. Only later ones are locked, so nobody waits in a circle."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM digests
        WHERE about = $1 AND revision > $2 ORDER BY revision FOR UPDATE
        """,  # noqa: S608 - constants only
        mail.registration_id,
        mail.followed.revision,
    )
    return [found for row in rows if isinstance(found := side_mail(row), RegistrationNews)]


async def rewrite(tx: Transaction, mail: RegistrationNews, followed: RegistrationFollowed, *, now: datetime) -> None:
    """Have it tell this, now."""
    key = followed.email.lower()
    await tx.fetch(
        """
        UPDATE digests SET due = $2, revision = $3, recipient_key = $4, recipient_domain = $5,
                           next_attempt_at = least(next_attempt_at, $6)
        WHERE id = $1
        """,
        mail.id,
        encode(followed),
        followed.revision,
        key,
        domain_of(key),
        now,
    )


async def forget_questions(tx: Transaction, *, now: datetime) -> None:
    """Of a registration that nobody may confirm any more nothing is kept: whose address that was, nobody knows."""
    await tx.fetch(
        """
        WITH forgotten AS (DELETE FROM digests WHERE forget_at <= $1 AND state <> 'sending' RETURNING id)
        DELETE FROM digest_attempts USING forgotten WHERE digest_id = forgotten.id
        """,
        now,
    )


async def newest_registration_mails(
    tx: Transaction, state: State | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[AnyRegistrationMail]:
    """A page of them, newest first."""
    found = await newest_side_mails(tx, KINDS, WantedDigests(state=state), before=before, limit=limit)
    return [mail for mail in found if isinstance(mail, RegistrationMail | RegistrationNews)]


async def registration_mail_with_id(tx: Transaction, mail_id: UUID) -> AnyRegistrationMail | None:
    mail = await side_mail_with_id(tx, mail_id)
    return mail if isinstance(mail, RegistrationMail | RegistrationNews) else None
