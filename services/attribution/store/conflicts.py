"""Which claims overlap, and the conflicts that a person decides."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.intervals import Interval, address_of
from libs.common.vocabulary import AssetKind
from services.attribution.domain.conflicts import Conflict, Held, Keep, Relation, Rivalry, Upkeep
from services.attribution.domain.organisations import kept_claim
from services.attribution.store.registrations import STANDS

FEW = 20
"""More changed assets than this, and reading all of them is quicker than to look around each."""

HELD = f"""SELECT asset_id, organisation_id, kind, value, created_at, proof_state = 'proven' AS is_proven
FROM (SELECT * FROM organisation_asset WHERE {STANDS}) AS organisation_asset"""  # noqa: S608 - our own words
FIRST = "host(network(split_part(value, ' - ', 1)::inet))::inet"
LAST = "CASE WHEN value LIKE '% - %' THEN split_part(value, ' - ', 2)::inet ELSE host(broadcast(value::inet))::inet END"
COLUMNS = "conflict_id, relation, found_at, first_id, second_id, keep, note, decided_by, decided_at"


async def around(tx: Transaction, asset_ids: Collection[UUID]) -> list[Held]:
    """These assets and all that may overlap with one of them; with many, simply all."""
    if len(asset_ids) > FEW:
        return _held(await tx.fetch(HELD))
    rows = await tx.fetch(f"{HELD} WHERE asset_id = ANY($1::uuid[])", list(asset_ids))
    found = {each.asset_id: each for each in _held(rows)}
    for each in list(found.values()):
        interval = each.claim.interval
        near = await _near_range(tx, interval) if interval is not None else await _near_name(tx, each)
        found |= {other.asset_id: other for other in near}
    return list(found.values())


async def _near_name(tx: Transaction, held: Held) -> list[Held]:
    """The same, what it lies below, and what lies below it."""
    value = held.claim.value
    parents = [value]
    while held.claim.kind is AssetKind.DOMAIN and (value := value.partition(".")[2]):
        parents.append(value)
    return _held(
        await tx.fetch(
            f"""{HELD} WHERE kind = $1 AND value = ANY($2::text[])
                UNION {HELD} WHERE kind = $1 AND kind = 'domain' AND value LIKE '%.' || $3""",
            held.claim.kind,
            parents,
            held.claim.value,
        )
    )


async def _near_range(tx: Transaction, interval: Interval) -> list[Held]:
    return _held(
        await tx.fetch(
            f"{HELD} WHERE kind = $1 AND {FIRST} <= $3::inet AND {LAST} >= $2::inet",
            AssetKind.IP_RANGE,
            address_of(interval.space, interval.first),
            address_of(interval.space, interval.last),
        )
    )


async def of_assets(tx: Transaction, asset_ids: Collection[UUID]) -> list[Conflict]:
    """Open or decided, in which one of these assets is."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM asset_conflict
            WHERE first_id = ANY($1::uuid[]) OR second_id = ANY($1::uuid[])""",  # noqa: S608
        list(asset_ids),
    )
    return [_conflict(row) for row in rows]


async def rivals(tx: Transaction, asset_id: UUID) -> list[UUID]:
    """The assets with which this one is in conflict, decided or not."""
    return [other for each in await of_assets(tx, [asset_id]) for other in each.pair if other != asset_id]


async def rivals_of_organisation(tx: Transaction, organisation_id: UUID) -> list[UUID]:
    """The assets of others with which one of its own is in conflict."""
    rows = await tx.fetch(
        """SELECT second_id AS rival FROM asset_conflict JOIN organisation_asset AS mine ON mine.asset_id = first_id
           WHERE mine.organisation_id = $1
           UNION SELECT first_id FROM asset_conflict JOIN organisation_asset AS mine ON mine.asset_id = second_id
           WHERE mine.organisation_id = $1""",
        organisation_id,
    )
    return [row["rival"] for row in rows]


async def keep_up(tx: Transaction, upkeep: Upkeep, *, now: datetime) -> None:
    await tx.fetch("DELETE FROM asset_conflict WHERE conflict_id = ANY($1::uuid[])", list(upkeep.ended))
    await _write(tx, ((new_id(), rivalry) for rivalry in upkeep.opened), now=now)
    await _write(tx, upkeep.renewed, now=now)


async def _write(tx: Transaction, rivalries: Iterable[tuple[UUID, Rivalry]], *, now: datetime) -> None:
    """New ones are added; what is there is open, or open again since now."""
    rows = list(rivalries)
    await tx.fetch(
        """INSERT INTO asset_conflict (conflict_id, first_id, second_id, relation, contests_first, contests_second,
                                       found_at)
           SELECT *, $7 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bool[], $6::bool[])
           ON CONFLICT (conflict_id) DO UPDATE SET relation = EXCLUDED.relation,
               contests_first = EXCLUDED.contests_first, contests_second = EXCLUDED.contests_second,
               found_at = CASE WHEN asset_conflict.keep IS NULL THEN asset_conflict.found_at ELSE $7 END,
               keep = NULL, note = NULL, decided_by = NULL, decided_at = NULL""",
        [conflict_id for conflict_id, _ in rows],
        [rivalry.first.asset_id for _, rivalry in rows],
        [rivalry.second.asset_id for _, rivalry in rows],
        [rivalry.relation for _, rivalry in rows],
        [rivalry.ruling.contests_first for _, rivalry in rows],
        [rivalry.ruling.contests_second for _, rivalry in rows],
        now,
    )


async def mark_contested(tx: Transaction, asset_ids: Collection[UUID]) -> None:
    """Each of these assets is contested while an open conflict contests it."""
    await tx.fetch(
        """UPDATE organisation_asset AS asset SET contested = NOT contested
           WHERE asset_id = ANY($1::uuid[]) AND contested <> (
               EXISTS (SELECT FROM asset_conflict
                       WHERE first_id = asset.asset_id AND contests_first AND decided_at IS NULL)
               OR EXISTS (SELECT FROM asset_conflict
                          WHERE second_id = asset.asset_id AND contests_second AND decided_at IS NULL))""",
        list(asset_ids),
    )


async def open_page(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Conflict]:
    """Those that wait for a person, longest first."""
    since, last = after or (None, None)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM asset_conflict
            WHERE decided_at IS NULL AND ($1::timestamptz IS NULL OR (found_at, conflict_id) > ($1, $2::uuid))
            ORDER BY found_at, conflict_id LIMIT $3""",  # noqa: S608
        since,
        last,
        limit,
    )
    return [_conflict(row) for row in rows]


async def one(tx: Transaction, conflict_id: UUID) -> Conflict | None:
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM asset_conflict WHERE conflict_id = $1", conflict_id)  # noqa: S608
    return _conflict(rows[0]) if rows else None


async def decide(tx: Transaction, conflict_id: UUID, keep: Keep, *, note: str, by: str, now: datetime) -> None:
    await tx.fetch(
        """UPDATE asset_conflict SET keep = $2, note = $3, decided_by = $4, decided_at = $5 WHERE conflict_id = $1""",
        conflict_id,
        keep,
        note,
        by,
        now,
    )


def _held(rows: Iterable[asyncpg.Record]) -> list[Held]:
    return [
        Held(
            asset_id=row["asset_id"],
            organisation_id=row["organisation_id"],
            claim=kept_claim(AssetKind(row["kind"]), row["value"]),
            is_proven=row["is_proven"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


def _conflict(row: asyncpg.Record) -> Conflict:
    return Conflict(
        conflict_id=row["conflict_id"],
        relation=Relation(row["relation"]),
        found_at=row["found_at"],
        first_id=row["first_id"],
        second_id=row["second_id"],
        keep=Keep(row["keep"]) if row["keep"] is not None else None,
        note=row["note"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )
