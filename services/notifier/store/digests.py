"""Digests and claims, and their attempts: taken up once, claimed one at a time, answered."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import ClaimToConfirm, DigestDue
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.digests.digest import AnySideMail, ClaimMail, Digest, WantedDigests
from services.notifier.domain.notification import Attempt, State
from services.notifier.domain.outcome import Change
from services.notifier.domain.planning import domain_of
from services.notifier.store.brakes import DIGEST_BRAKED

COLUMNS = "id, kind, due, state, reason, created_at, next_attempt_at, sent_at, subject, tries, doubts"

DIGEST = "digest"


async def add_digests(tx: Transaction, due: Sequence[DigestDue], *, now: datetime) -> int:
    """Keep each once; those that are there already stay as they are. Answers how many are new."""
    keys = [each.email.lower() for each in due]
    rows = await tx.fetch(
        """
        INSERT INTO digests (id, partner, recipient_key, recipient_domain, due, state, created_at, next_attempt_at)
        SELECT id, partner, recipient_key, recipient_domain, due, 'queued', $6, $6
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[])
          AS given (id, partner, recipient_key, recipient_domain, due)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        [each.digest_id for each in due],
        [each.partner for each in due],
        keys,
        [domain_of(key) for key in keys],
        [encode(each) for each in due],
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
    return _mail(rows[0]) if rows else None


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
    return _mail(rows[0])


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
    return [_mail(row) for row in rows]


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
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM digests WHERE id = $1 AND kind = 'digest'", digest_id)  # noqa: S608 - constants only
    return _digest(rows[0]) if rows else None


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
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM digests
        WHERE kind = 'digest' AND ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR partner = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $5
        """,  # noqa: S608 - constants only
        wanted.state,
        wanted.partner,
        moment,
        last,
        limit,
    )
    return [_digest(row) for row in rows]


def _mail(row: Record) -> AnySideMail:
    return _digest(row) if row["kind"] == DIGEST else claim_mail(row)


def _digest(row: Record) -> Digest:
    values = {name: value for name, value in row.items() if name != "kind"}
    return Digest(**values | {"due": msgspec.json.decode(row["due"], type=DigestDue), "state": State(row["state"])})


def claim_mail(row: Record) -> ClaimMail:
    values = {name: value for name, value in row.items() if name not in ("kind", "due")}
    claim = msgspec.json.decode(row["due"], type=ClaimToConfirm)
    return ClaimMail(**values | {"claim": claim, "state": State(row["state"])})
