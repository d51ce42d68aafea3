"""What organisations have registered by themselves, and how often each mailbox was asked about it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationFollowed
from libs.common.db import Transaction
from libs.common.vocabulary import Language
from services.feedback.domain.registration.registration import Registration, mailbox_of

ALL = ""
"""Whose mails are those of everybody."""

REMEMBERED = timedelta(days=7)
"""How long the mails to a mailbox are counted."""

COLUMNS = """registration_id, organisation, kvk_number, email, language, assets::text, asked_at, expires_at,
    confirmed_at, withdrawn_at, merged_into, revision, changes, changed_on, followed::text"""

# What is due to be forgotten is not there any more, whether anybody has taken it away yet or not.
FIND = f"SELECT {COLUMNS} FROM registrations WHERE (expires_at IS NULL OR expires_at > $1)"  # noqa: S608 - constants

SAVE = """
INSERT INTO registrations (registration_id, organisation, kvk_number, email, mailbox, language, assets, asked_at,
    expires_at, confirmed_at, withdrawn_at, merged_into, revision, changes, changed_on, followed)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10, $11, $12, $13, $14, $15, $16::text::jsonb)
ON CONFLICT (registration_id) DO UPDATE SET
    assets = excluded.assets, asked_at = excluded.asked_at, expires_at = excluded.expires_at,
    confirmed_at = excluded.confirmed_at, withdrawn_at = excluded.withdrawn_at, merged_into = excluded.merged_into,
    revision = excluded.revision, changes = excluded.changes, changed_on = excluded.changed_on,
    followed = excluded.followed
"""

FOLLOW = """
UPDATE registrations SET followed = news.followed::jsonb, followed_revision = news.revision
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS news (registration_id, revision, followed)
WHERE registrations.registration_id = news.registration_id AND followed_revision < news.revision
    AND withdrawn_at IS NULL
"""

_assets = msgspec.json.Decoder(tuple[ClaimedAsset, ...])
_followed = msgspec.json.Decoder(tuple[FollowedAsset, ...])


async def one(
    tx: Transaction, registration_id: UUID, *, now: datetime, is_to_change: bool = False
) -> Registration | None:
    """One that is not forgotten; locked where it is to be changed."""
    lock = " FOR UPDATE" if is_to_change else ""
    rows = await tx.fetch(f"{FIND} AND registration_id = $2{lock}", now, registration_id)
    return _registration(rows[0]) if rows else None


async def of_mailbox(tx: Transaction, mailbox: str, *, now: datetime) -> Sequence[Registration]:
    """All that somebody has registered, the oldest first; locked, as somebody looks in order to change one of them."""
    rows = await tx.fetch(f"{FIND} AND mailbox = $2 ORDER BY registration_id FOR UPDATE", now, mailbox)
    return [_registration(row) for row in rows]


async def save(tx: Transaction, registration: Registration) -> None:
    """Keep it as it is now. Whose it is never changes."""
    await tx.fetch(
        SAVE,
        registration.registration_id,
        registration.organisation,
        registration.kvk_number,
        registration.email,
        mailbox_of(registration.email),
        registration.language,
        msgspec.json.encode(registration.assets).decode(),
        registration.asked_at,
        registration.expires_at,
        registration.confirmed_at,
        registration.withdrawn_at,
        registration.merged_into,
        registration.revision,
        registration.changes,
        registration.changed_on,
        msgspec.json.encode(registration.followed).decode(),
    )


async def follow(tx: Transaction, news: Sequence[RegistrationFollowed]) -> None:
    """Keep how far the proofs are: the greatest revision wins. Each registration once, in the order of ids."""
    await tx.fetch(
        FOLLOW,
        [each.registration_id for each in news],
        [each.revision for each in news],
        [msgspec.json.encode(each.assets).decode() for each in news],
    )


async def mails_of_today(tx: Transaction, mailbox: str, *, today: date) -> tuple[int, int]:
    """How many mails went to everybody today, and how many to this mailbox. Whoever asks next waits for our end."""
    await tx.fetch(
        """INSERT INTO registration_mails (day, mailbox, mails)
           SELECT $1, mailbox, 0 FROM unnest($2::text[]) AS mailbox ON CONFLICT DO NOTHING""",
        today,
        [ALL, mailbox],
    )
    rows = await tx.fetch(
        """SELECT mailbox, mails FROM registration_mails WHERE day = $1 AND mailbox = ANY($2::text[])
           ORDER BY mailbox FOR UPDATE""",
        today,
        [ALL, mailbox],
    )
    mails = {row["mailbox"]: row["mails"] for row in rows}
    return mails[ALL], mails[mailbox]


async def mails_lately(tx: Transaction, mailbox: str, *, today: date) -> int:
    """How many mails went to this mailbox as far back as is remembered."""
    since = today - REMEMBERED
    rows = await tx.fetch(
        "SELECT coalesce(sum(mails), 0)::int AS mails FROM registration_mails WHERE day > $1 AND mailbox = $2",
        since,
        mailbox,
    )
    return int(rows[0]["mails"])


async def count_mail(tx: Transaction, mailbox: str, *, today: date) -> None:
    await tx.fetch(
        "UPDATE registration_mails SET mails = mails + 1 WHERE day = $1 AND mailbox = ANY($2::text[])",
        today,
        [ALL, mailbox],
    )


async def forget(tx: Transaction, *, now: datetime) -> int:
    """Take away what is due, and the counts of days long past. Returns how many nobody had confirmed."""
    await tx.fetch("DELETE FROM registration_mails WHERE day <= $1", now.date() - REMEMBERED)
    gone = await tx.fetch("DELETE FROM registrations WHERE expires_at <= $1 RETURNING confirmed_at", now)
    return sum(row["confirmed_at"] is None for row in gone)


def _registration(row: asyncpg.Record) -> Registration:
    return Registration(
        registration_id=row["registration_id"],
        organisation=row["organisation"],
        kvk_number=row["kvk_number"],
        email=row["email"],
        language=Language(row["language"]),
        assets=_assets.decode(row["assets"]),
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        confirmed_at=row["confirmed_at"],
        withdrawn_at=row["withdrawn_at"],
        merged_into=row["merged_into"],
        revision=row["revision"],
        changes=row["changes"],
        changed_on=row["changed_on"],
        followed=_followed.decode(row["followed"]),
    )
