"""Claims that are put to a registry's contact: taken up, and what is kept of them. They are sent like digests."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import ClaimToConfirm
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.digests.digest import ClaimMail
from services.notifier.domain.notification import State
from services.notifier.domain.planning import domain_of
from services.notifier.store.digests import COLUMNS, claim_mail


async def add_claims(tx: Transaction, claims: Sequence[ClaimToConfirm], *, now: datetime) -> int:
    """Keep each once; those that are there already stay as they are. Answers how many are new."""
    keys = [each.email.lower() for each in claims]
    rows = await tx.fetch(
        """
        INSERT INTO digests (id, kind, partner, recipient_key, recipient_domain, due, state, created_at,
                             next_attempt_at)
        SELECT id, 'claim', '', recipient_key, recipient_domain, due, 'queued', $5, $5
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
          AS given (id, recipient_key, recipient_domain, due)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        [each.request_id for each in claims],
        keys,
        [domain_of(key) for key in keys],
        [encode(each) for each in claims],
        now,
    )
    return len(rows)


async def forget_code(tx: Transaction, mail: ClaimMail) -> None:
    """The code is a secret that nobody needs any more."""
    await tx.fetch("UPDATE digests SET due = $2 WHERE id = $1", mail.id, encode(mail.without_code))


async def newest_claim_mails(
    tx: Transaction, state: State | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[ClaimMail]:
    """A page of them, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM digests
        WHERE kind = 'claim' AND ($1::text IS NULL OR state = $1)
          AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $4
        """,  # noqa: S608 - constants only
        state,
        moment,
        last,
        limit,
    )
    return [claim_mail(row) for row in rows]


async def claim_mail_with_id(tx: Transaction, request_id: UUID) -> ClaimMail | None:
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM digests WHERE id = $1 AND kind = 'claim'", request_id)  # noqa: S608
    return claim_mail(rows[0]) if rows else None
