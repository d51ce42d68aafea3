"""Webhooks as their partners see and change them, and the list of what was sent to each."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from services.intake.domain.webhooks.deliveries import Delivery, Disabled, State, Webhook


async def webhook(tx: Transaction, partner_id: UUID) -> Webhook | None:
    rows = await tx.fetch("SELECT * FROM webhooks WHERE partner_id = $1", partner_id)
    return _webhook(rows[0]) if rows else None


async def put(tx: Transaction, partner_id: UUID, *, url: str, secret: bytes, now: datetime) -> bool:
    """Set where it leads, and let it start afresh; True if it is new, for only then `secret` is the one it has."""
    rows = await tx.fetch(
        """
        INSERT INTO webhooks (partner_id, url, secret, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (partner_id) DO UPDATE SET url = excluded.url, disabled = NULL, failing_since = NULL
        RETURNING secret = $3 AS is_new
        """,
        partner_id,
        url,
        secret,
        now,
    )
    is_new: bool = rows[0]["is_new"]
    return is_new


async def remove(tx: Transaction, partner_id: UUID) -> bool:
    """False if there is none."""
    return bool(await tx.fetch("DELETE FROM webhooks WHERE partner_id = $1 RETURNING partner_id", partner_id))


async def change_secret(tx: Transaction, partner_id: UUID, *, secret: bytes, previous_until: datetime) -> None:
    """Sign with both until then; one that was on its way out before goes at once."""
    await tx.fetch(
        """
        UPDATE webhooks SET previous_secret = secret, previous_secret_until = $3, secret = $2 WHERE partner_id = $1
        """,
        partner_id,
        secret,
        previous_until,
    )


async def deliveries_before(
    tx: Transaction, partner_id: UUID, before: UUID, *, state: State | None, limit: int
) -> list[Delivery]:
    """The newest first."""
    rows = await tx.fetch(
        """
        SELECT * FROM webhook_deliveries
        WHERE partner_id = $1 AND id < $2 AND ($3::text IS NULL OR state = $3) ORDER BY id DESC LIMIT $4
        """,
        partner_id,
        before,
        state,
        limit,
    )
    return [delivery_of(row) for row in rows]


async def delivery(tx: Transaction, partner_id: UUID, delivery_id: UUID) -> Delivery | None:
    rows = await tx.fetch("SELECT * FROM webhook_deliveries WHERE partner_id = $1 AND id = $2", partner_id, delivery_id)
    return delivery_of(rows[0]) if rows else None


async def send_again(
    tx: Transaction, partner_id: UUID, delivery_id: UUID, *, now: datetime, give_up_at: datetime
) -> bool:
    """Let an event that has ended wait for its turn once more; False if it is still on its way."""
    rows = await tx.fetch(
        """
        UPDATE webhook_deliveries SET state = 'waiting', due_at = $3, give_up_at = $4
        WHERE partner_id = $1 AND id = $2 AND state IN ('delivered', 'given-up') RETURNING id
        """,
        partner_id,
        delivery_id,
        now,
        give_up_at,
    )
    return bool(rows)


def delivery_of(row: Record) -> Delivery:
    return Delivery(
        id=row["id"],
        partner_id=row["partner_id"],
        event=row["event"],
        submission_id=row["submission_id"],
        sequence=row["sequence"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        give_up_at=row["give_up_at"],
        attempted_at=row["attempted_at"],
        status=row["status"],
        error=row["error"],
    )


def _webhook(row: Record) -> Webhook:
    return Webhook(
        partner_id=row["partner_id"],
        url=row["url"],
        disabled=Disabled(row["disabled"]) if row["disabled"] else None,
        failing_since=row["failing_since"],
        succeeded_at=row["succeeded_at"],
        previous_secret_until=row["previous_secret_until"],
        created_at=row["created_at"],
    )
