"""Of which day an imported list is, in a table for each family of lists."""

from typing import TypeVar

from libs.common.db import Transaction
from services.verifier.domain.lists import Edition

S = TypeVar("S", bound=str)


async def editions_in(tx: Transaction, table: str, sources: type[S]) -> dict[S, Edition[S]]:
    """By source. `table` is one of ours."""
    rows = await tx.fetch(f"SELECT source, made_at, entries, imported_at, imported_by FROM {table}")  # noqa: S608
    return {
        (source := sources(row["source"])): Edition(
            source=source,
            made_at=row["made_at"],
            entries=row["entries"],
            imported_at=row["imported_at"],
            imported_by=row["imported_by"],
        )
        for row in rows
    }


async def put_edition(tx: Transaction, table: str, edition: Edition[S]) -> bool:
    """False where a newer one is there already. `table` is one of ours.

    Its row is held until the transaction ends, so that of two imports the later one waits.
    """
    rows = await tx.fetch(
        f"""
        INSERT INTO {table} AS known (source, made_at, entries, imported_at, imported_by)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (source) DO UPDATE SET made_at = excluded.made_at, entries = excluded.entries,
            imported_at = excluded.imported_at, imported_by = excluded.imported_by
        WHERE known.made_at <= excluded.made_at
        RETURNING source
        """,  # noqa: S608
        str(edition.source),
        edition.made_at,
        edition.entries,
        edition.imported_at,
        edition.imported_by,
    )
    return bool(rows)
