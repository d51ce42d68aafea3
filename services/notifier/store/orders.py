"""Orders of people whom not to write."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.notifier.domain.planning import StoredSuppression, Suppression, SuppressionReason, covering_values


async def record_suppressions(
    tx: Transaction, suppressions: Sequence[Suppression], *, note: str, by: str, now: datetime
) -> list[StoredSuppression]:
    """Store, and read back; one that is there already stays as it is, unless it would end before the new one."""
    ids = [derived_id("suppression", item.value, item.incident) for item in suppressions]
    await tx.fetch(
        """
        INSERT INTO suppressions AS known (id, value, incident, reason, until, note, created_at, created_by)
        SELECT DISTINCT ON (id) *, $6, $7::timestamptz, $8
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
          AS given (id, value, incident, reason, until)
        ORDER BY id
        ON CONFLICT (id) DO UPDATE
        SET reason = excluded.reason, until = excluded.until, note = excluded.note, created_at = excluded.created_at,
            created_by = excluded.created_by, ended_at = NULL, ended_by = NULL
        WHERE known.ended_at IS NOT NULL OR coalesce(known.until, 'infinity') < coalesce(excluded.until, 'infinity')
        """,
        ids,
        [item.value for item in suppressions],
        [item.incident for item in suppressions],
        [item.reason for item in suppressions],
        [item.until for item in suppressions],
        note,
        now,
        by,
    )
    rows = await tx.fetch("SELECT * FROM suppressions WHERE id = ANY($1::uuid[])", ids)
    return [_suppression(row) for row in rows]


async def suppressions_of(
    tx: Transaction, recipients: Iterable[tuple[str, UUID | None]], *, now: datetime
) -> list[Suppression]:
    """Those in force that cover any of these, each a key and perhaps an organisation."""
    values = {value for key, organisation_id in recipients for value in covering_values(key, organisation_id)}
    rows = await tx.fetch(
        """
        SELECT value, reason, incident, until FROM suppressions
        WHERE value = ANY($1::text[]) AND ended_at IS NULL AND (until IS NULL OR until > $2)
        """,
        list(values),
        now,
    )
    return [_order(row) for row in rows]


async def newest_suppressions(
    tx: Transaction,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
    ended: bool = False,
    now: datetime | None = None,
) -> list[StoredSuppression]:
    """A page of suppressions, newest first: those in force, or those that have ended."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        """
        SELECT * FROM suppressions
        WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid))
          AND (ended_at IS NOT NULL OR coalesce(until, 'infinity') <= coalesce($5, now())) = $4
        ORDER BY created_at DESC, id DESC LIMIT $3
        """,
        moment,
        last,
        limit,
        ended,
        now,
    )
    return [_suppression(row) for row in rows]


async def end_suppression(tx: Transaction, suppression_id: UUID, *, by: str, now: datetime) -> bool:
    """End it before its time; whether there was one in force."""
    return bool(
        await tx.fetch(
            """
            UPDATE suppressions SET ended_at = $2, ended_by = $3
            WHERE id = $1 AND ended_at IS NULL AND (until IS NULL OR until > $2) RETURNING id
            """,
            suppression_id,
            now,
            by,
        )
    )


def _suppression(row: Record) -> StoredSuppression:
    return StoredSuppression(
        id=row["id"],
        suppression=_order(row),
        note=row["note"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
    )


def _order(row: Record) -> Suppression:
    return Suppression(
        value=row["value"],
        reason=SuppressionReason(row["reason"]),
        incident=row["incident"],
        until=row["until"],
    )
