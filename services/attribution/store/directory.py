"""Fills the directory: organisations as a whole, registry snapshots in slices of packed columns.

Postgres packs (`string_agg` over bytes), so a snapshot of millions of ranges arrives as a few hundred large values
instead of millions of rows: 40 times faster, and nothing of it is ever an object.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from libs.common.intervals import Space
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.networks import Packed, RangeColumns, System
from services.attribution.domain.organisations import (
    Contact,
    ContactRole,
    Criticality,
    Organisation,
    RegisteredAsset,
    by_role,
    kept_claim,
)

SLICE_ROWS = 100_000


class Snapshot(msgspec.Struct, frozen=True):
    """Which import serves."""

    snapshot_id: int
    made_on: date


async def newest_snapshot(tx: Transaction, kind: str) -> Snapshot | None:
    rows = await tx.fetch(
        "SELECT snapshot_id, made_on FROM snapshot WHERE kind = $1 ORDER BY snapshot_id DESC LIMIT 1", kind
    )
    return Snapshot(rows[0]["snapshot_id"], rows[0]["made_on"]) if rows else None


async def hold_snapshot(tx: Transaction, snapshot_id: int) -> bool:
    """Keep an import from removing the snapshot while it is being read; False if it is gone already."""
    rows = await tx.fetch("SELECT 1 FROM snapshot WHERE snapshot_id = $1 FOR SHARE", snapshot_id)
    return bool(rows)


async def organisations(tx: Transaction, ids: Iterable[UUID] | None = None) -> dict[UUID, Organisation]:
    """Those with these ids, or all, with their contacts in the order in which they are tried."""
    wanted = None if ids is None else list(ids)
    contacts: defaultdict[UUID, list[Contact]] = defaultdict(list)
    for row in await tx.fetch(
        """SELECT organisation_id, email, role, language FROM organisation_contact
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1) ORDER BY contact_id""",
        wanted,
    ):
        language = Language(row["language"]) if row["language"] else None
        contacts[row["organisation_id"]].append(Contact(row["email"], ContactRole(row["role"]), language))
    rows = await tx.fetch(
        """SELECT organisation_id, name, country, language, criticality, sector, other_names, kvk_number
           FROM organisation
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1)""",
        wanted,
    )
    return {row["organisation_id"]: _organisation(row, contacts[row["organisation_id"]]) for row in rows}


async def registered_assets(tx: Transaction) -> list[RegisteredAsset]:
    rows = await tx.fetch("SELECT kind, value, organisation_id FROM organisation_asset")
    return [RegisteredAsset(kept_claim(AssetKind(row["kind"]), row["value"]), row["organisation_id"]) for row in rows]


async def learnt(tx: Transaction, owned_parts: Iterable[str]) -> dict[str, UUID]:
    """Whose these names, addresses and ASes are by the word of a person."""
    rows = await tx.fetch(
        "SELECT owned_part, organisation_id FROM learnt_asset WHERE owned_part = ANY($1::text[])", list(owned_parts)
    )
    return {row["owned_part"]: row["organisation_id"] for row in rows}


async def abuse_desks(tx: Transaction, snapshot_id: int) -> list[AbuseDesk]:
    """By their number."""
    rows = await tx.fetch("SELECT email, name FROM abuse_desk WHERE snapshot_id = $1 ORDER BY number", snapshot_id)
    return [AbuseDesk(row["email"], row["name"]) for row in rows]


async def range_columns(tx: Transaction, snapshot_id: int, space: Space) -> RangeColumns:
    columns = await _packed(
        tx,
        """SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
                  string_agg(coalesce(country, '  '), '') AS countries,
                  string_agg(int4send(coalesce(abuse_desk, -1)), ''::bytea) AS desks,
                  string_agg(int4send(coalesce(inherited_from, -1)), ''::bytea) AS inherited_from,
                  string_agg(netname || E'\n', '') AS netnames,
                  string_agg(CASE WHEN status IN ('ASSIGNED PI', 'ASSIGNED ANYCAST') THEN 'i'
                             WHEN status LIKE 'ASSIGNED%' OR status = 'ALLOCATED-ASSIGNED PA' THEN 'a'
                             ELSE '-' END, '') AS kinds
           FROM (SELECT * FROM network_range WHERE snapshot_id = $1 AND space = $2
                 AND position >= $3 AND position < $4 ORDER BY position) AS slice""",
        snapshot_id,
        space,
    )
    return RangeColumns(**{name: columns[name] for name in RangeColumns.__struct_fields__})


async def route_columns(
    tx: Transaction, snapshot_id: int, space: Space
) -> tuple[Packed, Packed, list[tuple[int, ...]]]:
    """First and last addresses, packed, and the origins of each route."""
    columns = await _packed(
        tx,
        """SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
                  string_agg(array_to_string(origins, ' ') || ',', '') AS origins
           FROM (SELECT * FROM network_route WHERE snapshot_id = $1 AND space = $2
                 AND position >= $3 AND position < $4 ORDER BY position) AS slice""",
        snapshot_id,
        space,
    )
    # Most prefixes of one AS have the same origins: one tuple for all of them.
    known: dict[str, tuple[int, ...]] = {}
    texts = columns["origins"].decode().split(",")[:-1]
    origins = [known.setdefault(text, tuple(map(int, text.split()))) for text in texts]
    return columns["first"], columns["last"], origins


async def systems(tx: Transaction, snapshot_id: int, desks: list[AbuseDesk]) -> dict[int, System]:
    rows = await tx.fetch("SELECT asn, name, abuse_desk FROM network_system WHERE snapshot_id = $1", snapshot_id)
    return {row["asn"]: System(row["asn"], row["name"], _desk(desks, row["abuse_desk"])) for row in rows}


async def delegation_columns(tx: Transaction, snapshot_id: int, space: Space) -> tuple[Packed, Packed, Packed]:
    """First and last numbers and the countries, packed."""
    columns = await _packed(
        tx,
        """SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
                  string_agg(country, '') AS countries
           FROM (SELECT * FROM delegation WHERE snapshot_id = $1 AND space = $2
                 AND position >= $3 AND position < $4 ORDER BY position) AS slice""",
        snapshot_id,
        space,
    )
    return columns["first"], columns["last"], columns["countries"]


async def _packed(tx: Transaction, sql: str, snapshot_id: int, space: Space) -> defaultdict[str, bytearray]:
    """Each column of the query over all rows. Positions are dense, so the first slice without rows ends it."""
    columns: defaultdict[str, bytearray] = defaultdict(bytearray)
    start = 0
    while True:
        (row,) = await tx.fetch(sql, snapshot_id, space, start, start + SLICE_ROWS)
        if row["first"] is None:
            return columns
        for name, value in row.items():
            columns[name] += value.encode() if isinstance(value, str) else value
        start += SLICE_ROWS


def _desk(desks: list[AbuseDesk], number: int | None) -> AbuseDesk | None:
    return desks[number] if number is not None else None


def _organisation(row: asyncpg.Record, contacts: Iterable[Contact]) -> Organisation:
    return Organisation(
        organisation_id=row["organisation_id"],
        name=row["name"],
        country=row["country"],
        language=Language(row["language"]),
        criticality=Criticality(row["criticality"]),
        contacts=by_role(contacts),
        sector=row["sector"],
        other_names=tuple(row["other_names"]),
        company_numbers=(row["kvk_number"],) if row["kvk_number"] else (),
    )
