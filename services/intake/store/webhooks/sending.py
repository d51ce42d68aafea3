"""Deliveries on their way out. Whoever attempts one holds its lease; who comes after another has it changes nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from services.intake.domain.webhooks.deliveries import Attempted, Claimed, Delivery, Disabled
from services.intake.store.webhooks.registered import delivery_of

# One that fails is tried with a single delivery, so that a receiver that is down is not knocked at by a hundred.
CLAIM = """
    UPDATE webhook_deliveries AS delivery
    SET state = 'sending', is_fresh = false, attempts = delivery.attempts + 1, lease = $1, attempted_at = $2,
        due_at = $3
    FROM (
        SELECT due.id, webhooks.url, webhooks.secret,
               CASE WHEN previous_secret_until > $2 THEN previous_secret END AS previous_secret
        FROM webhooks
        JOIN partners ON partners.id = webhooks.partner_id AND partners.enabled
        CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries AS waiting
            WHERE waiting.partner_id = webhooks.partner_id AND waiting.state IN ('waiting', 'sending')
                  AND waiting.due_at <= $2
            ORDER BY waiting.due_at LIMIT CASE WHEN webhooks.failing_since IS NULL THEN $4::int ELSE 1 END
            FOR UPDATE SKIP LOCKED) AS due
        WHERE webhooks.disabled IS NULL AND webhooks.partner_id <> ALL($5::uuid[])
    ) AS due
    WHERE delivery.id = due.id
    RETURNING delivery.*, due.url, due.secret, due.previous_secret
"""

DUE = """
    SELECT webhook_deliveries.id::text AS id, due_at AS since
    FROM webhook_deliveries JOIN webhooks USING (partner_id) JOIN partners ON partners.id = partner_id
    WHERE state IN ('waiting', 'sending') AND disabled IS NULL AND failing_since IS NULL AND enabled
"""
"""For the watch: what should have been attempted by now. Of a webhook that fails its partner is told."""


async def claim(
    tx: Transaction, *, lease: UUID, now: datetime, until: datetime, limit_each: int, busy: Collection[UUID] = ()
) -> list[Claimed]:
    """Take what is due, or was begun by somebody who fell silent; but for partners that are `busy` with us already."""
    rows = await tx.fetch(CLAIM, lease, now, until, limit_each, list(busy))
    return [_claimed(row) for row in rows]


async def add_ping(tx: Transaction, ping: Delivery, *, lease: UUID) -> Claimed | None:
    """A ping, claimed by whoever makes it; None if there is no webhook."""
    rows = await tx.fetch(
        """
        WITH added AS (
            INSERT INTO webhook_deliveries (id, partner_id, event, sequence, state, is_fresh, attempts, created_at,
                                            due_at, give_up_at, lease, attempted_at)
            SELECT $1, partner_id, $3, 1, 'sending', false, 1, $4, $5, $5, $6, $4 FROM webhooks WHERE partner_id = $2
            RETURNING *)
        SELECT added.*, url, secret, CASE WHEN previous_secret_until > $4 THEN previous_secret END AS previous_secret
        FROM added JOIN webhooks USING (partner_id)
        """,
        ping.id,
        ping.partner_id,
        ping.event,
        ping.created_at,
        ping.due_at,
        lease,
    )
    return _claimed(rows[0]) if rows else None


async def hold(tx: Transaction, partner_id: UUID) -> None:
    """Have a webhook before its deliveries, as who removes it does: the other way round both might wait for ever."""
    await tx.fetch("SELECT FROM webhooks WHERE partner_id = $1 FOR UPDATE", partner_id)


async def record(tx: Transaction, attempts: Sequence[Attempted]) -> None:
    """Write what attempts came to. A yes counts also when the event was given up meanwhile."""
    await tx.fetch(
        """
        UPDATE webhook_deliveries AS delivery
        SET state = told.state, due_at = told.due_at, status = told.status, error = told.error
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::text[])
             AS told (id, lease, state, due_at, status, error)
        WHERE delivery.id = told.id AND delivery.lease = told.lease
              AND (delivery.state = 'sending' OR told.state = 'delivered')
        """,
        [each.claimed.delivery.id for each in attempts],
        [each.claimed.lease for each in attempts],
        [each.state.value for each in attempts],
        [each.due_at for each in attempts],
        [each.answer.status for each in attempts],
        [each.answer.trouble for each in attempts],
    )


async def succeeded(tx: Transaction, partner_id: UUID, *, now: datetime) -> None:
    await tx.fetch("UPDATE webhooks SET failing_since = NULL, succeeded_at = $2 WHERE partner_id = $1", partner_id, now)


async def failed(tx: Transaction, partner_id: UUID, *, now: datetime) -> datetime:
    """Since when the webhook has been failing; now, if there is none any more."""
    rows = await tx.fetch(
        """
        UPDATE webhooks SET failing_since = coalesce(failing_since, $2) WHERE partner_id = $1 RETURNING failing_since
        """,
        partner_id,
        now,
    )
    since: datetime = rows[0]["failing_since"] if rows else now
    return since


async def disable(tx: Transaction, partner_id: UUID, *, reason: Disabled) -> bool:
    """Send nothing more, and give up what waits; False if that was so before."""
    rows = await tx.fetch(
        "UPDATE webhooks SET disabled = $2 WHERE partner_id = $1 AND disabled IS NULL RETURNING partner_id",
        partner_id,
        reason.value,
    )
    await give_up_waiting(tx, partner_id)
    return bool(rows)


async def give_up_waiting(tx: Transaction, partner_id: UUID) -> None:
    await tx.fetch(
        """
        UPDATE webhook_deliveries SET state = 'given-up', is_fresh = false, error = coalesce(error, 'disabled')
        WHERE partner_id = $1 AND state IN ('waiting', 'sending')
        """,
        partner_id,
    )


async def disabled_by_failure(tx: Transaction) -> int:
    rows = await tx.fetch("SELECT count(*) AS webhooks FROM webhooks WHERE disabled IN ('failing', 'gone')")
    webhooks: int = rows[0]["webhooks"]
    return webhooks


def _claimed(row: Record) -> Claimed:
    secrets = (row["secret"], row["previous_secret"])
    return Claimed(delivery=delivery_of(row), lease=row["lease"], url=row["url"], secrets=tuple(filter(None, secrets)))
