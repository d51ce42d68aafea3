"""What registries publish is kept as packed columns, a version for each source; what was there before is taken over.

The tables of before stay as they are, for replicas of the release before this one.
"""

from collections.abc import Iterable, Iterator

import cramjam
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.common.flattening import flatten

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROWS = 100_000
SLICE = 4 * 1024 * 1024
WIDTHS = {"ipv4": 4, "ipv6": 16, "asn": 4}

RANGES = """
SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
       convert_to(string_agg(coalesce(country, '  '), ''), 'UTF8') AS country,
       string_agg(int4send(coalesce(abuse_desk, -1)), ''::bytea) AS desk,
       string_agg(int4send(coalesce(inherited_from, -1)), ''::bytea) AS "inherited-from",
       convert_to(string_agg(netname || E'\\n', ''), 'UTF8') AS name,
       convert_to(string_agg(status || E'\\n', ''), 'UTF8') AS status
FROM (SELECT * FROM network_range WHERE snapshot_id = %s AND space = '%s'
      AND position >= %s AND position < %s ORDER BY position) AS slice
"""
ROUTES = """
SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
       convert_to(string_agg(array_to_string(origins, ' ') || E'\\n', ''), 'UTF8') AS origins
FROM (SELECT * FROM network_route WHERE snapshot_id = %s AND space = '%s'
      AND position >= %s AND position < %s ORDER BY position) AS slice
"""
DELEGATIONS = """
SELECT string_agg(first, ''::bytea) AS first, string_agg(last, ''::bytea) AS last,
       convert_to(string_agg(country, ''), 'UTF8') AS country
FROM (SELECT * FROM delegation WHERE snapshot_id = %s AND space = '%s'
      AND position >= %s AND position < %s ORDER BY position) AS slice
"""
SYSTEMS = """
SELECT string_agg(int4send((CASE WHEN asn > 2147483647 THEN asn - 4294967296 ELSE asn END)::int), ''::bytea) AS asn,
       convert_to(string_agg(name || E'\\n', ''), 'UTF8') AS "asn-name",
       string_agg(int4send(coalesce(abuse_desk, -1)), ''::bytea) AS "asn-desk"
FROM (SELECT * FROM network_system WHERE snapshot_id = %s ORDER BY asn) AS systems
"""
DESKS = """
SELECT convert_to(string_agg(email || E'\\n', ''), 'UTF8') AS "desk-email",
       convert_to(string_agg(name || E'\\n', ''), 'UTF8') AS "desk-name"
FROM (SELECT * FROM abuse_desk WHERE snapshot_id = %s ORDER BY number) AS desks
"""


def upgrade() -> None:
    op.create_table(
        "source_version",
        sa.Column("version_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.Text(), nullable=False),
        sa.Column("file_parts", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("version_id"),
        comment="what is in of a source: the newest of its versions serves, the others are removed with it",
    )
    op.create_table(
        "source_column",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slice", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "name", "slice"),
        comment="a part of a packed column of millions of rows, compressed with zstd",
    )
    op.execute("ALTER TABLE source_column ALTER COLUMN content SET STORAGE EXTERNAL")
    op.add_column("import_run", sa.Column("share_done", sa.Double(), server_default=sa.text("0"), nullable=False))
    _take_over_ripe()
    _take_over_delegations()


def _take_over_ripe() -> None:
    found = _version("ripe", source="ripe")
    if found is None:
        return
    snapshot, version = found
    for space in ("ipv4", "ipv6"):
        ranges = _columns(RANGES, snapshot, space)
        if not ranges:
            continue
        desks, sources = (_swapped(ranges.pop(name)) for name in ("desk", "inherited-from"))
        statuses, words = _worded(ranges.pop("status"))
        starts, owners = _pieces(space, ranges["first"], ranges["last"])
        taken = {**ranges, "desk": desks, "inherited-from": sources, "starts": starts, "owners": owners}
        _write(version, space, {**taken, "status": statuses, "status-words": words})
    for space in ("ipv4", "ipv6"):
        routes = _columns(ROUTES, snapshot, space)
        if routes:
            numbers, words = _worded(routes["origins"])
            starts, owners = _pieces(space, routes["first"], routes["last"])
            columns = {"route-starts": starts, "route-owners": owners, "origins": numbers, "origins-words": words}
            _write(version, space, columns)
    for query in (SYSTEMS, DESKS):
        columns = {name: value or b"" for name, value in _row(query % snapshot).items()}
        numbers = {name: _swapped(value) if name in ("asn", "asn-desk") else value for name, value in columns.items()}
        _write(version, "", numbers)


def _take_over_delegations() -> None:
    """They do not say whose they were; until now it could only be one registry's."""
    found = _version("delegated", source="delegated-ripencc")
    if found is None:
        return
    snapshot, version = found
    for space in ("ipv4", "ipv6", "asn"):
        _write(version, space, _columns(DELEGATIONS, snapshot, space))


def _version(kind: str, *, source: str) -> tuple[int, int] | None:
    rows = op.get_bind().exec_driver_sql(
        f"""INSERT INTO source_version (source, made_on, imported_at, digest, file_digest, file_parts, counts)
            SELECT '{source}', made_on, imported_at, '', '', 1, '{{}}' FROM snapshot WHERE kind = '{kind}'
            ORDER BY snapshot_id DESC LIMIT 1
            RETURNING version_id, (SELECT max(snapshot_id) FROM snapshot WHERE kind = '{kind}')"""  # noqa: S608  # ours
    )
    row = rows.first()
    return None if row is None else (row[1], row[0])


def _row(query: str) -> dict[str, bytes]:
    return dict(op.get_bind().exec_driver_sql(query).mappings().one())


def _columns(query: str, snapshot: int, space: str) -> dict[str, bytes]:
    """Each column of all rows. Positions are dense, so the first part without rows ends it."""
    parts: dict[str, list[bytes]] = {}
    start = 0
    while (row := _row(query % (snapshot, space, start, start + ROWS)))["first"] is not None:
        for name, value in row.items():
            parts.setdefault(name, []).append(value)
        start += ROWS
    return {name: b"".join(values) for name, values in parts.items()}


def _swapped(column: bytes) -> bytes:
    """Numbers of 4 bytes, the other end first."""
    swapped = bytearray(len(column))
    for place in range(4):
        swapped[place::4] = column[3 - place :: 4]
    return bytes(swapped)


def _worded(column: bytes) -> tuple[bytes, bytes]:
    known: dict[bytes, int] = {}
    numbers = [known.setdefault(word, len(known)) for word in column.split(b"\n")[:-1]]
    return b"".join(number.to_bytes(4, "little") for number in numbers), b"".join(b"%s\n" % word for word in known)


def _pieces(space: str, first: bytes, last: bytes) -> tuple[bytes, bytes]:
    width = WIDTHS[space]
    starts, owners = bytearray(), bytearray()
    for start, owner in flatten(zip(_numbers(first, width), _numbers(last, width), strict=True), end=1 << 8 * width):
        starts += start.to_bytes(width, "big" if width == 16 else "little")
        owners += owner.to_bytes(4, "little", signed=True)
    return bytes(starts), bytes(owners)


def _numbers(column: bytes, width: int) -> Iterator[int]:
    return (int.from_bytes(column[place : place + width], "big") for place in range(0, len(column), width))


def _write(version: int, space: str, columns: dict[str, bytes]) -> None:
    prefix = f"{space}/" if space else ""
    rows = [
        {"version": version, "name": prefix + name, "slice": number, "content": bytes(cramjam.zstd.compress(part))}
        for name, column in columns.items()
        for number, part in enumerate(_slices(column))
    ]
    for row in rows:
        op.get_bind().execute(sa.text("INSERT INTO source_column VALUES (:version, :name, :slice, :content)"), row)


def _slices(column: bytes) -> Iterable[bytes]:
    return (column[place : place + SLICE] for place in range(0, len(column), SLICE))
