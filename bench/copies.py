"""Fills a service's tables with copies of the rows that they hold, as if the same had come again and again before.

So the rows are real ones, whatever their columns are. Each copy is of another time, and has ids, assets, recipients and
references of its own; ids that sort by time still do. What is longer than 200 bytes is cut (nobody reads it: no look-up
hits a copy), which keeps ten million indicators within some gigabytes; keys and indexes are as they would be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

TABLES: Mapping[str, Sequence[str]] = {
    "intake": ("submissions", "submission_counts", "records"),
    "verifier": ("verdicts", "threats"),
    "attribution": ("attribution", "unattributed"),
    "notifier": ("notifications", "targets", "attempts"),
    "feedback": ("notifications",),
}
"""What grows with the feeds."""

OF_THEIR_OWN = {"asset", "asset_key", "recipient_key", "recipient_domain", "reference"}
"""Texts that differ from copy to copy."""

SHARED = {"partner_id"}
"""Ids of what does not grow with the feeds."""

SPAN_SECONDS = 90 * 24 * 3600
AT_ONCE = 20
CUT_AT = 200

ID_OF_COPY = """
CREATE FUNCTION pg_temp.id_of_copy(id uuid, copy int, milliseconds bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN substr(id::text, 15, 1) NOT IN ('7', '8') THEN md5(id::text || copy)::uuid ELSE (
        lpad(to_hex(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint - copy * milliseconds), 12, '0')
        || right(id::text, 23))::uuid END
$$
"""

COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO' AND is_generated = 'NEVER'
"""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str

    @property
    def of_copy(self) -> str:
        """What a copy has instead. `copy` is its number, `$1` the milliseconds from one to the next."""
        quoted = f'"{self.name}"'
        match self.type:
            case "uuid" if self.name not in SHARED:
                return f"pg_temp.id_of_copy({quoted}, copy, $1)"
            case "timestamp with time zone":
                return f"{quoted} - copy * $1 * interval '1 millisecond'"
            case "text" if self.name in OF_THEIR_OWN:
                return f"{quoted} || '.' || copy"
            case "text":
                return f"left({quoted}, {CUT_AT})"
            case "bytea":
                return f"substring({quoted} FOR {CUT_AT})"
            case _:
                return quoted


async def multiply(superuser_url: str, tables: Iterable[str], *, copies: int) -> None:
    """Add so many copies of all rows to these tables of a database.

    Indexes are left alone meanwhile and made anew in the end: twenty times faster than entry by entry.
    """
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(ID_OF_COPY)
        await connection.execute("SET maintenance_work_mem = '512MB'")
        for table in tables:
            await _multiply(connection, table, copies=copies)
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    finally:
        await connection.close()


async def _multiply(connection: "asyncpg.Connection[asyncpg.Record]", table: str, *, copies: int) -> None:
    columns = [Column(row["column_name"], row["data_type"]) for row in await connection.fetch(COLUMNS, table)]
    await connection.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {table}")
    await connection.execute("UPDATE pg_index SET indisready = false WHERE indrelid = $1::text::regclass", table)
    step_milliseconds = SPAN_SECONDS * 1000 // copies
    for first in range(copies, 0, -AT_ONCE):
        oldest_first = f"generate_series({first}, {max(1, first - AT_ONCE + 1)}, -1) AS copy"
        await connection.execute(
            f"INSERT INTO {table} ({_names(columns)}) SELECT {_of_copy(columns)} FROM {oldest_first}, sample",
            step_milliseconds,
        )
    await connection.execute(f"REINDEX TABLE {table}")
    await connection.execute("DROP TABLE sample")


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _of_copy(columns: Iterable[Column]) -> str:
    return ", ".join(column.of_copy for column in columns)
