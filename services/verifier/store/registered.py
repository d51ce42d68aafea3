"""What organisations have registered, as attribution told it: one row for each organisation, kind and value."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.intervals import Interval, Space
from libs.common.vocabulary import AssetKind
from services.verifier.domain.registered import Ends

Registration = tuple[UUID, AssetKind, str, Interval | None, bool, int, datetime]
"""Organisation, kind, value, the range that it is, whether it stands, the revision of that word, and when it came."""

PUT = """
INSERT INTO registered_assets AS known
    (organisation_id, kind, value, space, first, last, is_registered, revision, said_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bool[], $8::bigint[],
                     $9::timestamptz[])
ON CONFLICT (kind, value, organisation_id) DO UPDATE SET
    is_registered = excluded.is_registered, revision = excluded.revision, said_at = excluded.said_at
WHERE known.revision < excluded.revision
RETURNING kind
"""

CHANGED = """
INSERT INTO registered_versions AS known (kind, version) SELECT kind, 1 FROM unnest($1::text[]) AS kind ORDER BY kind
ON CONFLICT (kind) DO UPDATE SET version = known.version + 1
"""
"""Held until the transaction ends, so that versions rise in the order in which changes are seen."""

RANGES = """
SELECT space, string_agg(first, ''::bytea ORDER BY first, last) AS first,
       string_agg(last, ''::bytea ORDER BY first, last) AS last
FROM registered_assets WHERE kind = 'ip-range' AND is_registered GROUP BY space
"""


async def put_registrations(tx: Transaction, registrations: Sequence[Registration]) -> None:
    """Each once. One that says less than what is known already, by its revision, changes nothing."""
    ends = [interval.packed if interval else (None, None) for _, _, _, interval, *_ in registrations]
    changed = await tx.fetch(
        PUT,
        [organisation_id for organisation_id, *_ in registrations],
        [kind for _, kind, *_ in registrations],
        [value for _, _, value, *_ in registrations],
        [interval.space if interval else None for _, _, _, interval, *_ in registrations],
        [first for first, _ in ends],
        [last for _, last in ends],
        [is_registered for *_, is_registered, _, _ in registrations],
        [revision for *_, revision, _ in registrations],
        [said_at for *_, said_at in registrations],
    )
    if changed:
        await tx.fetch(CHANGED, sorted({row["kind"] for row in changed}))


async def registered_versions(tx: Transaction) -> Mapping[AssetKind, int]:
    """How often each kind has changed."""
    rows = await tx.fetch("SELECT kind, version FROM registered_versions")
    return {AssetKind(row["kind"]): row["version"] for row in rows}


async def registered_ranges(tx: Transaction) -> Mapping[Space, Ends]:
    """Packed by Postgres, so that hundreds of thousands are two values and not as many objects."""
    return {Space(row["space"]): (row["first"], row["last"]) for row in await tx.fetch(RANGES)}


async def registered_values(tx: Transaction, kind: AssetKind) -> str:
    """One a line."""
    (row,) = await tx.fetch(
        "SELECT string_agg(value, E'\\n') AS lines FROM registered_assets WHERE kind = $1 AND is_registered", kind
    )
    return row["lines"] or ""
