"""Orders of people: brakes and suppressions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.notifier.domain.notification import Brake, BrakeScope
from services.notifier.domain.planning import StoredSuppression, Suppression, SuppressionReason, covering_values


async def record_suppressions(
    tx: Transaction, suppressions: Sequence[Suppression], *, note: str, by: str, now: datetime
) -> list[StoredSuppression]:
    """Store, and read back; one that is there already stays as it is."""
    ids = [derived_id("suppression", item.value, item.incident) for item in suppressions]
    await tx.fetch(
        """
        INSERT INTO suppressions (id, value, incident, reason, note, created_at, created_by)
        SELECT *, $5, $6::timestamptz, $7 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT DO NOTHING
        """,
        ids,
        [item.value for item in suppressions],
        [item.incident for item in suppressions],
        [item.reason for item in suppressions],
        note,
        now,
        by,
    )
    rows = await tx.fetch("SELECT * FROM suppressions WHERE id = ANY($1::uuid[])", ids)
    return [_suppression(row) for row in rows]


async def suppressions_of(tx: Transaction, recipients: Iterable[str]) -> list[Suppression]:
    """Those that cover any of these addresses, by themselves or by a domain above them."""
    values = {value for recipient in recipients for value in covering_values(recipient)}
    rows = await tx.fetch(
        "SELECT value, reason, incident FROM suppressions WHERE value = ANY($1::text[])", list(values)
    )
    return [
        Suppression(value=row["value"], reason=SuppressionReason(row["reason"]), incident=row["incident"])
        for row in rows
    ]


async def newest_suppressions(
    tx: Transaction, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[StoredSuppression]:
    """A page of suppressions, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        """
        SELECT * FROM suppressions WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid)
        ORDER BY created_at DESC, id DESC LIMIT $3
        """,
        moment,
        last,
        limit,
    )
    return [_suppression(row) for row in rows]


async def delete_suppression(tx: Transaction, suppression_id: UUID) -> bool:
    """Whether there was one."""
    return bool(await tx.fetch("DELETE FROM suppressions WHERE id = $1 RETURNING id", suppression_id))


async def record_brake(tx: Transaction, brake: Brake) -> None:
    """Engage or release; the last word on a scope stands."""
    await tx.fetch(
        """
        INSERT INTO brakes (scope, value, engaged, reason, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope, value) DO UPDATE
        SET engaged = excluded.engaged, reason = excluded.reason, changed_at = excluded.changed_at,
            changed_by = excluded.changed_by
        """,
        brake.scope,
        brake.value,
        brake.engaged,
        brake.reason,
        brake.changed_at,
        brake.changed_by,
    )


async def all_brakes(tx: Transaction) -> list[Brake]:
    """Every brake that was ever touched, the latest touched first."""
    rows = await tx.fetch("SELECT * FROM brakes ORDER BY changed_at DESC, scope, value")
    return [Brake(**dict(row) | {"scope": BrakeScope(row["scope"])}) for row in rows]


def _suppression(row: Record) -> StoredSuppression:
    return StoredSuppression(
        id=row["id"],
        suppression=Suppression(value=row["value"], reason=SuppressionReason(row["reason"]), incident=row["incident"]),
        note=row["note"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
