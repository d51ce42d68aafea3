"""What is known to be wrong, by threat or by asset and finding, until it expires."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.verifier.domain import FalsePositive

INSERT = """
INSERT INTO false_positives (false_positive_id, asset, identifier, threat_id, reason, expires_at, added_at, added_by)
SELECT *, $7::timestamptz, $8::text
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
ON CONFLICT (false_positive_id) DO UPDATE SET reason = excluded.reason, expires_at = excluded.expires_at
"""

IN_FORCE = """
SELECT * FROM false_positives
WHERE asset = ANY($1::text[]) AND (threat_id IS NULL OR threat_id = ANY($2::uuid[])) AND expires_at > $3
"""


async def false_positives_at(
    tx: Transaction, *, assets: Collection[str], threat_ids: Collection[UUID], now: datetime
) -> dict[str, tuple[FalsePositive, ...]]:
    """Those in force for these threats, and for all at these assets, which are theirs; by asset."""
    rows = await tx.fetch(IN_FORCE, list(assets), list(threat_ids), now)
    by_asset: dict[str, tuple[FalsePositive, ...]] = {}
    for row in rows:
        by_asset[row["asset"]] = (*by_asset.get(row["asset"], ()), _false_positive(row))
    return by_asset


async def add_false_positives(
    tx: Transaction, entries: Sequence[FalsePositive], *, by: str, now: datetime
) -> list[UUID]:
    """Add or prolong; their ids, in order."""
    ids = [_id_of(entry) for entry in entries]
    unique = dict(zip(ids, entries, strict=True))
    await tx.fetch(
        INSERT,
        list(unique),
        [entry.asset for entry in unique.values()],
        [entry.identifier for entry in unique.values()],
        [entry.threat_id for entry in unique.values()],
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


def _id_of(entry: FalsePositive) -> UUID:
    """The same for whatever says the same again, so that it prolongs."""
    if entry.threat_id is not None:
        return derived_id("false-positive-threat", entry.threat_id)
    return derived_id("false-positive", entry.asset, entry.identifier)


def _false_positive(row: asyncpg.Record) -> FalsePositive:
    return FalsePositive(
        asset=row["asset"],
        identifier=row["identifier"],
        threat_id=row["threat_id"],
        reason=row["reason"],
        expires_at=row["expires_at"],
    )
