"""What is in of each source: versions, and their columns in slices.

A version is written in one transaction. Until that commits, readers see the one before it and nothing else. Millions of
rows are a few hundred slices of packed columns, so that neither a COPY nor a look at them has to touch each row.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import date

import asyncpg
import cramjam
import msgspec

from libs.common.db import Transaction
from services.attribution.domain.columns import Columns, in_slices
from services.attribution.domain.sources import Version

SLICE_BYTES = 4 * 1024 * 1024
FASTEST = 1

_COUNTS = msgspec.json.Decoder(dict[str, int])
_VERSION = """SELECT version_id, source, made_on, imported_at, digest, file_digest, file_parts, counts::text
              FROM source_version"""


async def current(tx: Transaction) -> dict[str, Version]:
    """The version that serves, of each source that was ever brought in."""
    rows = await tx.fetch(f"{_VERSION} ORDER BY version_id")
    return {row["source"]: _version(row) for row in rows}


async def hold(tx: Transaction, versions: Collection[int]) -> bool:
    """Keep imports from removing these versions while they are being read; False if one is gone already."""
    rows = await tx.fetch("SELECT 1 FROM source_version WHERE version_id = ANY($1::int[]) FOR SHARE", list(versions))
    return len(rows) == len(versions)


async def open_version(tx: Transaction, version: Version) -> int:
    (row,) = await tx.fetch(
        """INSERT INTO source_version (source, made_on, imported_at, digest, file_digest, file_parts, counts)
           VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb) RETURNING version_id""",
        version.source,
        version.made_on,
        version.imported_at,
        version.digest,
        version.file_digest,
        version.file_parts,
        msgspec.json.encode(version.counts).decode(),
    )
    return int(row["version_id"])


async def write_columns(tx: Transaction, version_id: int, columns: Columns) -> None:
    """Add columns to a version. One without content has an empty slice, so that it is there when it is read."""
    for name, column in columns.items():
        for number, part in enumerate(in_slices(column, bytes_at_once=SLICE_BYTES) if len(column) else (b"",)):
            packed = await asyncio.to_thread(_packed, part)
            row = (version_id, name, number, packed)
            await tx.copy("source_column", columns=("version_id", "name", "slice", "content"), rows=[row])


async def read_columns(tx: Transaction, version_id: int, names: Iterable[str] | None = None) -> dict[str, bytearray]:
    """The columns with these names, or all of them. One without rows is empty. None is ever in memory twice."""
    rows = await tx.fetch(
        """SELECT name, count(*) AS slices FROM source_column
           WHERE version_id = $1 AND ($2::text[] IS NULL OR name = ANY($2)) GROUP BY name ORDER BY name""",
        version_id,
        None if names is None else list(names),
    )
    columns: dict[str, bytearray] = {name: bytearray() for name in names or ()}
    for row in rows:
        columns[row["name"]] = await _column(tx, version_id, row["name"], slices=row["slices"])
    return columns


async def _column(tx: Transaction, version_id: int, name: str, *, slices: int) -> bytearray:
    """Of its exact size: the last slice tells it, since all before are full. Cutting one to size would free nothing."""
    last = await asyncio.to_thread(cramjam.zstd.decompress, await _slice(tx, version_id, name, slices - 1))
    start = (slices - 1) * SLICE_BYTES
    column = bytearray(start + len(last))
    with memoryview(column) as whole:
        whole[start:] = last
        for number in range(slices - 1):
            packed = await _slice(tx, version_id, name, number)
            with whole[number * SLICE_BYTES : (number + 1) * SLICE_BYTES] as place:
                await asyncio.to_thread(cramjam.zstd.decompress_into, packed, place)
    return column


async def _slice(tx: Transaction, version_id: int, name: str, number: int) -> bytes:
    (row,) = await tx.fetch(
        "SELECT content FROM source_column WHERE version_id = $1 AND name = $2 AND slice = $3",
        version_id,
        name,
        number,
    )
    content: bytes = row["content"]
    return content


async def remove_older(tx: Transaction, source: str, *, than: int) -> None:
    removed = [
        row["version_id"]
        for row in await tx.fetch(
            "DELETE FROM source_version WHERE source = $1 AND version_id < $2 RETURNING version_id", source, than
        )
    ]
    await tx.fetch("DELETE FROM source_column WHERE version_id = ANY($1::int[])", removed)


async def redate(tx: Transaction, version_id: int, *, made_on: date, file_digest: str, file_parts: int) -> None:
    """A newer file says the same: the rows stay, and are of its day."""
    await tx.fetch(
        """UPDATE source_version SET made_on = greatest(made_on, $2), file_digest = $3, file_parts = $4
           WHERE version_id = $1""",
        version_id,
        made_on,
        file_digest,
        file_parts,
    )


async def redate_whole(tx: Transaction, source: str, *, parts: Collection[str]) -> None:
    """What is put together is of the day of its oldest part."""
    await tx.fetch(
        """UPDATE source_version SET made_on = (SELECT min(made_on) FROM source_version WHERE source = ANY($2::text[]))
           WHERE source = $1""",
        source,
        list(parts),
    )


def in_force_from(current_versions: Mapping[str, Version], file_digest: str) -> list[Version]:
    """All that a file brought, if all of it is still in force; else nothing."""
    found = [version for version in current_versions.values() if version.file_digest == file_digest]
    return found if found and len(found) == found[0].file_parts else []


def _packed(part: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(part, level=FASTEST))


def _version(row: asyncpg.Record) -> Version:
    return Version(
        version_id=row["version_id"],
        source=row["source"],
        made_on=row["made_on"],
        imported_at=row["imported_at"],
        digest=row["digest"],
        file_digest=row["file_digest"],
        file_parts=row["file_parts"],
        counts=_COUNTS.decode(row["counts"]),
    )
