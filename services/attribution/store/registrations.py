"""Which registered assets the verifier has been told of. In batches: one import may bring a hundred thousand."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind

MOST_AT_ONCE = 5_000

Registration = tuple[UUID, AssetKind, str]
"""Organisation, kind and value."""

TELL = """
UPDATE organisation_asset SET is_told = true
WHERE asset_id IN (
    SELECT asset_id FROM organisation_asset WHERE NOT is_told LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING organisation_id, kind, value
"""

RELEASE = """
DELETE FROM organisation_asset
WHERE asset_id IN (SELECT asset_id FROM organisation_asset WHERE organisation_id = $1 LIMIT $2 FOR UPDATE)
RETURNING organisation_id, kind, value
"""


async def with_ids(tx: Transaction, asset_ids: Sequence[UUID]) -> list[Registration]:
    """Those of them that there are."""
    rows = await tx.fetch(
        "SELECT organisation_id, kind, value FROM organisation_asset WHERE asset_id = ANY($1::uuid[])", asset_ids
    )
    return _registrations(rows)


async def take_untold(tx: Transaction) -> list[Registration]:
    """Some assets that nobody has been told of; from now on they count as told."""
    return _registrations(await tx.fetch(TELL, MOST_AT_ONCE))


async def are_untold(tx: Transaction) -> bool:
    return bool(await tx.fetch("SELECT FROM organisation_asset WHERE NOT is_told LIMIT 1"))


async def hold_all(tx: Transaction, organisation_id: UUID) -> None:
    """Let nobody else change its assets until the transaction ends."""
    await tx.fetch(
        """SELECT count(*) FROM (SELECT FROM organisation_asset WHERE organisation_id = $1
                                 ORDER BY asset_id FOR UPDATE) AS held""",
        organisation_id,
    )


async def release_some(tx: Transaction, organisation_id: UUID) -> list[Registration]:
    """Some of its assets, which are its own no longer."""
    return _registrations(await tx.fetch(RELEASE, organisation_id, MOST_AT_ONCE))


def _registrations(rows: list[asyncpg.Record]) -> list[Registration]:
    return [(row["organisation_id"], AssetKind(row["kind"]), row["value"]) for row in rows]
