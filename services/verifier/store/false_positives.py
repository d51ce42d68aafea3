"""What is known to be wrong, until it expires: by threat, by asset, or by what many assets share."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.verifier.domain import FalsePositive, StoredFalsePositive

CONDITIONS = ("asset", "ip_range", "domain", "identifier", "partner", "incident", "rule")

INSERT = """
INSERT INTO false_positives (false_positive_id, threat_id, asset, ip_range, domain, identifier, partner, incident,
                             rule, reason, expires_at, added_at, added_by)
SELECT *, $12::timestamptz, $13::text
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::timestamptz[])
ON CONFLICT (false_positive_id) DO UPDATE
SET reason = excluded.reason, expires_at = greatest(false_positives.expires_at, excluded.expires_at)
"""

AT_ASSETS = """
SELECT * FROM false_positives
WHERE asset = ANY($1::text[]) AND (threat_id IS NULL OR threat_id = ANY($2::uuid[])) AND expires_at > $3
"""


async def false_positives_at(
    tx: Transaction, *, assets: Collection[str], threat_ids: Collection[UUID], now: datetime
) -> dict[str, tuple[FalsePositive, ...]]:
    """Those in force for these threats, and for all at these assets, which are theirs; by asset."""
    rows = await tx.fetch(AT_ASSETS, list(assets), list(threat_ids), now)
    by_asset: dict[str, tuple[FalsePositive, ...]] = {}
    for row in rows:
        by_asset[row["asset"]] = (*by_asset.get(row["asset"], ()), _entry(row))
    return by_asset


async def false_positives_anywhere(tx: Transaction, *, now: datetime) -> list[FalsePositive]:
    """Those in force that are not about one asset. A person wrote each of them, so they are few."""
    rows = await tx.fetch(
        "SELECT * FROM false_positives WHERE asset IS NULL AND expires_at > $1 ORDER BY false_positive_id", now
    )
    return [_entry(row) for row in rows]


async def add_false_positives(
    tx: Transaction, entries: Sequence[FalsePositive], *, by: str, now: datetime
) -> list[UUID]:
    """Add or prolong; their ids, in order."""
    ids = [_id_of(entry) for entry in entries]
    unique = dict(sorted(zip(ids, entries, strict=True), key=itemgetter(0)))  # so that two replicas lock in one order
    columns = ("threat_id", *CONDITIONS, "reason", "expires_at")
    values = [[getattr(entry, column) for entry in unique.values()] for column in columns]
    await tx.fetch(INSERT, list(unique), *values, now, by)
    return ids


async def false_positives(tx: Transaction, *, after: UUID | None, limit: int) -> list[StoredFalsePositive]:
    rows = await tx.fetch(
        "SELECT * FROM false_positives WHERE false_positive_id > $1 ORDER BY false_positive_id LIMIT $2",
        after or UUID(int=0),
        limit,
    )
    return [_stored(row) for row in rows]


async def false_positive(tx: Transaction, false_positive_id: UUID) -> StoredFalsePositive | None:
    rows = await tx.fetch("SELECT * FROM false_positives WHERE false_positive_id = $1", false_positive_id)
    return _stored(rows[0]) if rows else None


async def delete_false_positive(tx: Transaction, false_positive_id: UUID) -> bool:
    """Whether there was one."""
    rows = await tx.fetch(
        "DELETE FROM false_positives WHERE false_positive_id = $1 RETURNING false_positive_id", false_positive_id
    )
    return bool(rows)


async def forget_at_assets(tx: Transaction, findings: Iterable[tuple[str, str]]) -> None:
    """Findings at assets, by asset and identifier: such ones there count again, whoever said otherwise."""
    await tx.fetch(
        "DELETE FROM false_positives WHERE false_positive_id = ANY($1::uuid[])",
        [derived_id("false-positive", asset, identifier) for asset, identifier in findings],
    )


def _id_of(entry: FalsePositive) -> UUID:
    """The same for whatever says the same again, so that it prolongs."""
    if entry.threat_id is not None:
        return derived_id("false-positive-threat", entry.threat_id)
    wider = (entry.ip_range, entry.domain, entry.partner, entry.incident)
    rule = (entry.rule,) if entry.rule else ()
    return derived_id("false-positive", entry.asset, entry.identifier, *(wider if any(wider) or rule else ()), *rule)


def _entry(row: asyncpg.Record) -> FalsePositive:
    return FalsePositive(
        threat_id=row["threat_id"],
        reason=row["reason"],
        expires_at=row["expires_at"],
        **{condition: row[condition] for condition in CONDITIONS},
    )


def _stored(row: asyncpg.Record) -> StoredFalsePositive:
    return StoredFalsePositive(
        id=row["false_positive_id"], entry=_entry(row), added_at=row["added_at"], added_by=row["added_by"]
    )
