"""The incidents as the verifier last told them."""

from collections.abc import Iterable, Sequence

import msgspec

from libs.common.contracts import IncidentChanged
from libs.common.contracts.wire import encode
from libs.common.db import Transaction


async def record_incidents(tx: Transaction, changes: Sequence[IncidentChanged]) -> None:
    """Keep the newest revision of each; an older one that comes late changes nothing."""
    newest = {change.slug: change for change in sorted(changes, key=lambda change: change.revision)}
    await tx.fetch(
        """
        INSERT INTO incidents (slug, revision, state, changed)
        SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::jsonb[])
        ON CONFLICT (slug) DO UPDATE
        SET revision = excluded.revision, state = excluded.state, changed = excluded.changed
        WHERE incidents.revision < excluded.revision
        """,
        list(newest),
        [change.revision for change in newest.values()],
        [change.state for change in newest.values()],
        [encode(change).decode() for change in newest.values()],
    )


async def incidents_named(tx: Transaction, slugs: Iterable[str]) -> dict[str, IncidentChanged]:
    """The incidents with these names, as far as they are known."""
    rows = await tx.fetch("SELECT slug, changed::text FROM incidents WHERE slug = ANY($1::text[])", list(set(slugs)))
    return {row["slug"]: msgspec.json.decode(row["changed"], type=IncidentChanged) for row in rows}
