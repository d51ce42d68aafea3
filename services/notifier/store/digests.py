"""Digests and other side mails, and their attempts: taken up once, claimed one at a time, answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import (
    ClaimToConfirm,
    DigestDue,
    Event,
    RegistrationFollowed,
    RegistrationToConfirm,
)
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.digests.digest import (
    AnySideMail,
    ClaimMail,
    Digest,
    RegistrationMail,
    RegistrationNews,
    SideMailKind,
    WantedDigests,
)
from services.notifier.domain.notification import Attempt, State
from services.notifier.domain.outcome import Change
from services.notifier.domain.planning import domain_of
from services.notifier.store.brakes import DIGEST_BRAKED

COLUMNS = "id, kind, due, state, reason, created_at, next_attempt_at, sent_at, subject, tries, doubts"


class NewSideMail(msgspec.Struct, frozen=True, kw_only=True):
    """One to be kept: for whom, and all that it says. Only a digest has a partner.

    `about` and `revision` say of which registration it tells, and how far that is. It waits for `wait`, for others of
    its registration, and is forgotten altogether at `forget_at`.
    """

    id: UUID
    kind: SideMailKind
    email: str
    due: Event
    partner: str = ""
    about: UUID | None = None
    revision: int | None = None
    wait: timedelta = timedelta()
    forget_at: datetime | None = None


async def add_digests(tx: Transaction, due: Sequence[DigestDue], *, now: datetime) -> int:
    """Keep each once; those that are there already stay as they are. Answers how many are new."""
    mails = [
        NewSideMail(id=each.digest_id, kind=SideMailKind.DIGEST, email=each.email, due=each, partner=each.partner)
        for each in due
    ]
    return await add_side_mails(tx, mails, now=now)


async def add_side_mails(tx: Transaction, mails: Sequence[NewSideMail], *, now: datetime) -> int:
    """Keep each once; those that are there already stay as they are. Answers how many are new."""
    keys = [each.email.lower() for each in mails]
    rows = await tx.fetch(
        """
        INSERT INTO digests (id, kind, partner, recipient_key, recipient_domain, due, about, revision, forget_at,
                             state, created_at, next_attempt_at)
        SELECT id, kind, partner, recipient_key, recipient_domain, due, about, revision, forget_at,
               'queued', $11::timestamptz, $11::timestamptz + wait
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::uuid[], $8::bigint[],
                    $9::timestamptz[], $10::interval[])
          AS given (id, kind, partner, recipient_key, recipient_domain, due, about, revision, forget_at, wait)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        [each.id for each in mails],
        [each.kind for each in mails],
        [each.partner for each in mails],
        keys,
        [domain_of(key) for key in keys],
        [encode(each.due) for each in mails],
        [each.about for each in mails],
        [each.revision for each in mails],
        [each.forget_at for each in mails],
        [each.wait for each in mails],
        now,
    )
    return len(rows)


async def due_digest(tx: Transaction, *, now: datetime) -> AnySideMail | None:
    """The one that has waited longest and may go out. Locked: a second sender takes another one."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM digests
        WHERE state IN ('queued', 'deferred', 'in-doubt') AND next_attempt_at <= $1 AND NOT {DIGEST_BRAKED}
        ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - constants only
        now,
    )
    return side_mail(rows[0]) if rows else None


async def claim_digest(tx: Transaction, digest_id: UUID, *, now: datetime, lease_until: datetime) -> AnySideMail:
    """Take this one, which is locked, and write down the intent. `tries` is the number of the attempt."""
    rows = await tx.fetch(
        f"""
        WITH claimed AS (
            UPDATE digests SET state = 'sending', lease_until = $3, tries = tries + 1 WHERE id = $1 RETURNING {COLUMNS}
        ), intent AS (
            INSERT INTO digest_attempts (digest_id, number, started_at) SELECT id, tries, $2 FROM claimed
        )
        SELECT * FROM claimed
        """,  # noqa: S608 - constants only
        digest_id,
        now,
        lease_until,
    )
    return side_mail(rows[0])


async def cancel_digest(tx: Transaction, digest_id: UUID, *, reason: str) -> None:
    await tx.fetch(
        "UPDATE digests SET state = 'cancelled', reason = $2, next_attempt_at = NULL WHERE id = $1", digest_id, reason
    )


async def lost_digests(tx: Transaction, *, now: datetime) -> list[AnySideMail]:
    """Those whose sender said nothing within its lease: it died, and whether the mail went out is not known."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM digests WHERE state = 'sending' AND lease_until < $1 FOR UPDATE SKIP LOCKED",  # noqa: S608
        now,
    )
    return [side_mail(row) for row in rows]


async def record_change(tx: Transaction, change: Change, *, now: datetime) -> bool:
    """Write down what became of an attempt; False if another sender has taken the digest up since."""
    rows = await tx.fetch(
        """
        UPDATE digests
        SET state = $3, reason = $4, lease_until = NULL, next_attempt_at = $5, sent_at = $6,
            subject = coalesce($7, subject), tries = tries - (NOT $8)::int,
            doubts = doubts - (state = 'in-doubt')::int + ($3 = 'in-doubt' AND $8)::int
        WHERE id = $1 AND state IN ('sending', 'in-doubt') AND tries = $2 RETURNING id
        """,
        change.notification_id,
        change.attempt,
        change.state,
        change.reason,
        change.next_attempt_at,
        change.sent_at,
        change.subject,
        change.result is not None,
    )
    if rows and change.result is not None:
        await _end_attempt(tx, change, now=now)
    elif rows:
        await tx.fetch(
            "DELETE FROM digest_attempts WHERE digest_id = $1 AND number = $2", change.notification_id, change.attempt
        )
    return bool(rows)


async def _end_attempt(tx: Transaction, change: Change, *, now: datetime) -> None:
    await tx.fetch(
        """
        UPDATE digest_attempts SET ended_at = $3, result = $4, smtp_code = $5, detail = $6
        WHERE digest_id = $1 AND number = $2
        """,
        change.notification_id,
        change.attempt,
        now,
        change.result,
        change.smtp_code,
        change.detail,
    )


async def digest_with_id(tx: Transaction, digest_id: UUID) -> Digest | None:
    mail = await side_mail_with_id(tx, digest_id)
    return mail if isinstance(mail, Digest) else None


async def side_mail_with_id(tx: Transaction, mail_id: UUID) -> AnySideMail | None:
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM digests WHERE id = $1", mail_id)  # noqa: S608 - constants only
    return side_mail(rows[0]) if rows else None


async def attempts_at(tx: Transaction, digest_id: UUID) -> list[Attempt]:
    """Every try, oldest first."""
    rows = await tx.fetch(
        """
        SELECT number, started_at, ended_at, result, smtp_code, detail FROM digest_attempts
        WHERE digest_id = $1 ORDER BY number
        """,
        digest_id,
    )
    return [Attempt(**row) for row in rows]


async def newest_digests(
    tx: Transaction, wanted: WantedDigests, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Digest]:
    """A page of digests, newest first."""
    found = await newest_side_mails(tx, [SideMailKind.DIGEST], wanted, before=before, limit=limit)
    return [mail for mail in found if isinstance(mail, Digest)]


async def newest_side_mails(
    tx: Transaction,
    kinds: Sequence[SideMailKind],
    wanted: WantedDigests,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AnySideMail]:
    """A page of those of these kinds, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM digests
        WHERE kind = ANY($1::text[]) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR partner = $3)
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $6
        """,  # noqa: S608 - constants only
        list(kinds),
        wanted.state,
        wanted.partner,
        moment,
        last,
        limit,
    )
    return [side_mail(row) for row in rows]


def side_mail(row: Record) -> AnySideMail:
    """A row with `COLUMNS` as what it is."""
    values = {name: value for name, value in row.items() if name not in ("kind", "due")}
    values["state"] = State(row["state"])
    due: bytes = row["due"]
    match SideMailKind(row["kind"]):
        case SideMailKind.DIGEST:
            return Digest(**values, due=msgspec.json.decode(due, type=DigestDue))
        case SideMailKind.CLAIM:
            return ClaimMail(**values, claim=msgspec.json.decode(due, type=ClaimToConfirm))
        case SideMailKind.REGISTRATION:
            return RegistrationMail(**values, asked=msgspec.json.decode(due, type=RegistrationToConfirm))
        case SideMailKind.REGISTRATION_NEWS:
            return RegistrationNews(**values, followed=msgspec.json.decode(due, type=RegistrationFollowed))
        case _ as never:
            assert_never(never)
