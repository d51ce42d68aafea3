"""Which registered assets the verifier has been told of. In batches: one import may bring a hundred thousand."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind

MOST_AT_ONCE = 5_000

Registration = tuple[UUID, AssetKind, str]
"""Organisation, kind and value."""

COUNTS = "proof_state = 'proven' AND NOT contested"
"""An asset that does not is nobody's for the time being: nobody hears of it, and nobody is warned about it."""

STANDS = "NOT (self_claimed AND proven_at IS NULL)"
"""What an organisation claims by itself stands against nobody, and stands in nobody's way, before it has been proven
once: else whoever has a mail address could contest, silence or find out what others have registered."""

TELL = f"""
UPDATE organisation_asset SET is_told = true
WHERE asset_id IN (
    SELECT asset_id FROM organisation_asset WHERE NOT is_told AND {COUNTS} LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING organisation_id, kind, value
"""  # noqa: S608 - our own words

CHANGE = f"""
UPDATE organisation_asset SET is_told = NOT is_told
WHERE asset_id = ANY($1::uuid[]) AND is_told <> ({COUNTS})
RETURNING organisation_id, kind, value, is_told
"""  # noqa: S608 - our own words

RELEASE = """
DELETE FROM organisation_asset
WHERE asset_id IN (SELECT asset_id FROM organisation_asset WHERE organisation_id = $1 LIMIT $2 FOR UPDATE)
RETURNING organisation_id, kind, value, is_told
"""


class Changed(msgspec.Struct, frozen=True):
    """Assets that count now and were not told, and such as were told and do not count any more."""

    registered: list[Registration]
    withheld: list[Registration]


async def take_changed(tx: Transaction, asset_ids: Sequence[UUID]) -> Changed:
    """Of these assets, those of which something else has been told than what is so; from now on it counts as told."""
    rows = await tx.fetch(CHANGE, asset_ids)
    return Changed(
        registered=_registrations([row for row in rows if row["is_told"]]),
        withheld=_registrations([row for row in rows if not row["is_told"]]),
    )


async def take_back_all(tx: Transaction, organisation_id: UUID) -> list[Registration]:
    """All that was told of an organisation; nothing counts as told of it from now on."""
    rows = await tx.fetch(
        """UPDATE organisation_asset SET is_told = false WHERE organisation_id = $1 AND is_told
           RETURNING organisation_id, kind, value""",
        organisation_id,
    )
    return _registrations(rows)


async def take_untold(tx: Transaction) -> list[Registration]:
    """Some assets that nobody has been told of; from now on they count as told."""
    return _registrations(await tx.fetch(TELL, MOST_AT_ONCE))


async def are_untold(tx: Transaction) -> bool:
    return bool(await tx.fetch(f"SELECT FROM organisation_asset WHERE NOT is_told AND {COUNTS} LIMIT 1"))


async def release_some(tx: Transaction, organisation_id: UUID) -> tuple[int, list[Registration]]:
    """Take some of its assets away: how many, and those of them that were told."""
    rows = await tx.fetch(RELEASE, organisation_id, MOST_AT_ONCE)
    return len(rows), _registrations([row for row in rows if row["is_told"]])


def _registrations(rows: list[asyncpg.Record]) -> list[Registration]:
    return [(row["organisation_id"], AssetKind(row["kind"]), row["value"]) for row in rows]
