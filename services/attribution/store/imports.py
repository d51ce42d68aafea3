"""Imports: their runs, and the tables that a snapshot fills.

A snapshot is written in one transaction. Until that commits, readers see the one before it and nothing else.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from libs.common.delegated import Delegation
from libs.common.intervals import Interval, Space
from services.attribution.domain.abuse import AbuseDesk, ResolvedRange, ResolvedSystem
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState, Mistake, Progress
from services.attribution.domain.ripe import RangeObject, RouteObject

_MISTAKES = msgspec.json.Decoder(tuple[Mistake, ...])
_CHANGES = msgspec.json.Decoder(FileChanges)
_COUNTS = msgspec.json.Decoder(dict[str, int])
SNAPSHOT_TABLES = ("abuse_desk", "network_range", "network_route", "network_system", "delegation")


async def save_run(tx: Transaction, run: ImportRun) -> None:
    """Write the run as it is now."""
    await tx.fetch(
        """INSERT INTO import_run (import_id, kind, state, started_by, bytes_total, bytes_read, records, skipped,
                                   errors, message, started_at, updated_at, is_preview, changes)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9::text::jsonb, $10, $11, $12, $13, $14)
           ON CONFLICT (import_id) DO UPDATE SET state = EXCLUDED.state, bytes_read = EXCLUDED.bytes_read,
               records = EXCLUDED.records, skipped = EXCLUDED.skipped, errors = EXCLUDED.errors,
               message = EXCLUDED.message, updated_at = EXCLUDED.updated_at,
               changes = EXCLUDED.changes""",
        run.import_id,
        run.kind,
        run.state,
        run.started_by,
        run.bytes_total,
        run.progress.bytes_read,
        run.progress.records,
        msgspec.json.encode(run.progress.skipped).decode(),
        msgspec.json.encode(run.errors).decode(),
        run.message,
        run.started_at,
        run.updated_at,
        run.is_preview,
        msgspec.json.encode(run.changes).decode() if run.changes is not None else None,
    )


async def run(tx: Transaction, import_id: UUID) -> ImportRun | None:
    rows = await tx.fetch(
        """SELECT import_id, kind, state, started_by, bytes_total, bytes_read, records, skipped::text, errors::text,
                  message, started_at, updated_at, is_preview, changes
           FROM import_run WHERE import_id = $1""",
        import_id,
    )
    return _run(rows[0]) if rows else None


async def become_only_import(tx: Transaction, kind: ImportKind) -> bool:
    """False if another import of this kind is under way. Holds until the transaction ends."""
    (row,) = await tx.fetch("SELECT pg_try_advisory_xact_lock(hashtext($1)) AS ours", f"import-{kind}")
    return bool(row["ours"])


async def open_snapshot(tx: Transaction, kind: ImportKind, *, made_on: date, now: datetime) -> int:
    (row,) = await tx.fetch(
        "INSERT INTO snapshot (kind, made_on, imported_at) VALUES ($1, $2, $3) RETURNING snapshot_id",
        kind,
        made_on,
        now,
    )
    return int(row["snapshot_id"])


async def remove_older_snapshots(tx: Transaction, kind: ImportKind, *, than: int) -> None:
    rows = await tx.fetch("DELETE FROM snapshot WHERE kind = $1 AND snapshot_id < $2 RETURNING snapshot_id", kind, than)
    removed = [row["snapshot_id"] for row in rows]
    for table in SNAPSHOT_TABLES:
        await tx.fetch(f"DELETE FROM {table} WHERE snapshot_id = ANY($1::int[])", removed)  # noqa: S608  # our own names


async def make_staging(tx: Transaction) -> None:
    """Tables for objects as they come, in any order; they vanish with the transaction."""
    await tx.fetch(
        """CREATE TEMPORARY TABLE staged_range (space text, first bytea, last bytea, netname text, description text,
           country text, organisation text, abuse_contact text, status text, ripe_maintained boolean)
           ON COMMIT DROP"""
    )
    await tx.fetch(
        "CREATE TEMPORARY TABLE staged_route (space text, first bytea, last bytea, origin bigint) ON COMMIT DROP"
    )


async def stage_ranges(tx: Transaction, ranges: Iterable[RangeObject]) -> int:
    columns = (
        "space", "first", "last", "netname", "description",
        "country", "organisation", "abuse_contact", "status", "ripe_maintained",
    )  # fmt: skip
    return await tx.copy("staged_range", columns=columns, rows=map(_staged_range, ranges))


async def stage_routes(tx: Transaction, routes: Iterable[RouteObject]) -> int:
    rows = ((item.interval.space.value, *item.interval.packed, item.origin) for item in routes)
    return await tx.copy("staged_route", columns=("space", "first", "last", "origin"), rows=rows)


async def sort_ranges(tx: Transaction) -> None:
    """Number the staged ranges so that they can be read in order, slice by slice: parents before what lies in them."""
    await tx.fetch(
        """CREATE TEMPORARY TABLE sorted_range ON COMMIT DROP AS
           SELECT row_number() OVER (PARTITION BY space ORDER BY first, last DESC) AS number, * FROM staged_range"""
    )
    await tx.fetch("CREATE INDEX ON sorted_range (space, number)")
    await tx.fetch("ANALYZE sorted_range")


async def sorted_ranges(tx: Transaction, space: Space, *, start: int, count: int) -> list[RangeObject]:
    """The ranges numbered `start` + 1 to `start` + `count`."""
    rows = await tx.fetch(
        "SELECT * FROM sorted_range WHERE space = $1 AND number > $2 AND number <= $3 ORDER BY number",
        space.value,
        start,
        start + count,
    )
    return [_range_object(space, row) for row in rows]


async def write_ranges(
    tx: Transaction, snapshot_id: int, ranges: Sequence[ResolvedRange], *, start: int, desks: dict[AbuseDesk, int]
) -> None:
    """Append ranges at the positions from `start` on; desks that are new get their numbers in `desks`."""
    columns = (
        "snapshot_id", "space", "position", "first", "last", "netname",
        "organisation", "country", "status", "abuse_desk", "inherited_from",
    )  # fmt: skip
    rows = [
        (
            snapshot_id, item.interval.space.value, position, *item.interval.packed, item.netname,
            item.organisation, item.country, item.status, _number(item.desk, desks), item.inherited_from,
        )
        for position, item in enumerate(ranges, start)
    ]  # fmt: skip
    await tx.copy("network_range", columns=columns, rows=rows)


async def write_systems(
    tx: Transaction, snapshot_id: int, systems: Iterable[ResolvedSystem], *, desks: dict[AbuseDesk, int]
) -> None:
    rows = [(snapshot_id, item.asn, item.name, item.organisation, _number(item.desk, desks)) for item in systems]
    await tx.copy("network_system", columns=("snapshot_id", "asn", "name", "organisation", "abuse_desk"), rows=rows)


async def write_desks(tx: Transaction, snapshot_id: int, desks: dict[AbuseDesk, int]) -> None:
    rows = [(snapshot_id, number, desk.email, desk.name) for desk, number in desks.items()]
    await tx.copy("abuse_desk", columns=("snapshot_id", "number", "email", "name"), rows=rows)


async def write_routes(tx: Transaction, snapshot_id: int) -> None:
    """Gather the staged routes: one row for a prefix, with all who say that they announce it."""
    await tx.fetch(
        """INSERT INTO network_route (snapshot_id, space, position, first, last, origins)
           SELECT $1, space, row_number() OVER (PARTITION BY space ORDER BY first, last DESC) - 1, first, last, origins
           FROM (SELECT space, first, last, array_agg(DISTINCT origin) AS origins FROM staged_route
                 GROUP BY space, first, last) AS prefix""",
        snapshot_id,
    )


async def write_delegations(tx: Transaction, snapshot_id: int, delegations: Iterable[Delegation]) -> None:
    """Delegations come sorted by space and first number."""
    rows, position, space = [], 0, None
    for item in delegations:
        position = position + 1 if item.interval.space is space else 0
        space = item.interval.space
        rows.append((snapshot_id, space.value, position, *item.interval.packed, item.country))
    await tx.copy("delegation", columns=("snapshot_id", "space", "position", "first", "last", "country"), rows=rows)


def _number(desk: AbuseDesk | None, desks: dict[AbuseDesk, int]) -> int | None:
    return None if desk is None else desks.setdefault(desk, len(desks))


def _staged_range(item: RangeObject) -> tuple[object, ...]:
    return (
        item.interval.space.value,
        *item.interval.packed,
        item.netname,
        item.description,
        item.country,
        item.organisation,
        item.abuse_contact,
        item.status,
        item.ripe_maintained,
    )


def _range_object(space: Space, row: asyncpg.Record) -> RangeObject:
    return RangeObject(
        interval=Interval(space, int.from_bytes(row["first"], "big"), int.from_bytes(row["last"], "big")),
        netname=row["netname"],
        description=row["description"],
        country=row["country"],
        organisation=row["organisation"],
        abuse_contact=row["abuse_contact"],
        status=row["status"],
        ripe_maintained=row["ripe_maintained"],
    )


def _run(row: asyncpg.Record) -> ImportRun:
    return ImportRun(
        import_id=row["import_id"],
        kind=ImportKind(row["kind"]),
        state=ImportState(row["state"]),
        started_by=row["started_by"],
        bytes_total=row["bytes_total"],
        progress=Progress(row["bytes_read"], row["records"], _COUNTS.decode(row["skipped"])),
        errors=_MISTAKES.decode(row["errors"]),
        message=row["message"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        is_preview=row["is_preview"],
        changes=_CHANGES.decode(row["changes"]) if row["changes"] is not None else None,
    )
