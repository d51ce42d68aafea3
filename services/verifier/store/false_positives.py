"""What is known to be wrong, by asset and finding, until it expires."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.verifier.domain import FalsePositive

INSERT = """
INSERT INTO false_positives (false_positive_id, asset, identifier, reason, expires_at, added_at, added_by)
SELECT *, $6::timestamptz, $7::text FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
ON CONFLICT (false_positive_id) DO UPDATE SET reason = excluded.reason, expires_at = excluded.expires_at
"""


async def false_positives_at(
    tx: Transaction, *, assets: Collection[str], now: datetime
) -> dict[str, tuple[FalsePositive, ...]]:
    """Those in force for these assets."""
    rows = await tx.fetch(
        "SELECT * FROM false_positives WHERE asset = ANY($1::text[]) AND expires_at > $2", list(assets), now
    )
    by_asset: dict[str, tuple[FalsePositive, ...]] = {}
    for row in rows:
        by_asset[row["asset"]] = (*by_asset.get(row["asset"], ()), _false_positive(row))
    return by_asset


async def add_false_positives(
    tx: Transaction, entries: Sequence[FalsePositive], *, by: str, now: datetime
) -> list[UUID]:
    """Add or prolong; their ids, in order."""
    ids = [derived_id("false-positive", entry.asset, entry.identifier) for entry in entries]
    unique = dict(zip(ids, entries, strict=True))
    await tx.fetch(
        INSERT,
        list(unique),
        [entry.asset for entry in unique.values()],
        [entry.identifier for entry in unique.values()],
        [entry.reason for entry in unique.values()],
        [entry.expires_at for entry in unique.values()],
        now,
        by,
    )
    return ids


async def false_positives(tx: Transaction, *, after: UUID | None, limit: int) -> list[tuple[UUID, FalsePositive]]:
    rows = await tx.fetch(
        "SELECT * FROM false_positives WHERE false_positive_id > $1 ORDER BY false_positive_id LIMIT $2",
        after or UUID(int=0),
        limit,
    )
    return [(row["false_positive_id"], _false_positive(row)) for row in rows]


async def delete_false_positive(tx: Transaction, false_positive_id: UUID) -> bool:
    """Whether there was one."""
    rows = await tx.fetch(
        "DELETE FROM false_positives WHERE false_positive_id = $1 RETURNING false_positive_id", false_positive_id
    )
    return bool(rows)


def _false_positive(row: asyncpg.Record) -> FalsePositive:
    return FalsePositive(
        asset=row["asset"], identifier=row["identifier"], reason=row["reason"], expires_at=row["expires_at"]
    )
