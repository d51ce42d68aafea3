"""Claims on being the first: an Idempotency-Key, or the payload itself. Of two at once the primary key lets one win.

A test never claims what a real push could, nor the reverse.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from services.intake.domain.submissions import Submission


@dataclass(frozen=True, slots=True)
class Claim:
    """Who was first, and with which payload."""

    submission_id: UUID
    fingerprint: bytes


async def claim_key(tx: Transaction, key: str, submission: Submission) -> Claim | None:
    """Claim an Idempotency-Key for good; answers with the claim that was there before, if there was one."""
    return await _claim(tx, f"key:{key}", submission, expired_before=None)


async def claim_payload(tx: Transaction, submission: Submission, *, expired_before: datetime) -> Claim | None:
    """Claim a payload; a claim from before `expired_before` has ended and is taken over."""
    return await _claim(tx, f"payload:{submission.fingerprint.hex()}", submission, expired_before=expired_before)


async def _claim(
    tx: Transaction, claim: str, submission: Submission, *, expired_before: datetime | None
) -> Claim | None:
    claim = f"test:{claim}" if submission.is_test else claim
    won = await tx.fetch(
        """
        INSERT INTO claims (partner_id, claim, fingerprint, submission_id, claimed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (partner_id, claim) DO UPDATE
        SET submission_id = excluded.submission_id, claimed_at = excluded.claimed_at
        WHERE claims.claimed_at < $6::timestamptz
        RETURNING claim
        """,
        submission.partner_id,
        claim,
        submission.fingerprint,
        submission.id,
        submission.received_at,
        expired_before,
    )
    return None if won else await _standing(tx, submission.partner_id, claim)


async def _standing(tx: Transaction, partner_id: UUID, claim: str) -> Claim | None:
    rows = await tx.fetch(
        "SELECT submission_id, fingerprint FROM claims WHERE partner_id = $1 AND claim = $2", partner_id, claim
    )
    return Claim(rows[0]["submission_id"], rows[0]["fingerprint"]) if rows else None
