"""The incidents as the verifier last told them."""

from collections.abc import Iterable, Sequence

import msgspec

from libs.common.contracts import IncidentChanged
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from libs.common.vocabulary import IncidentState


async def record_incidents(tx: Transaction, changes: Sequence[IncidentChanged]) -> None:
    """Keep the newest revision of each; an older one that comes late changes nothing."""
    newest = {change.slug: change for change in sorted(changes, key=lambda change: change.revision)}
    await tx.fetch(
        """
        INSERT INTO incidents (slug, revision, state, changed)
        SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::bytea[])
        ON CONFLICT (slug) DO UPDATE
        SET revision = excluded.revision, state = excluded.state, changed = excluded.changed
        WHERE incidents.revision < excluded.revision
        """,
        list(newest),
        [change.revision for change in newest.values()],
        [change.state for change in newest.values()],
        [encode(change) for change in newest.values()],
    )


async def states_of(tx: Transaction, slugs: Iterable[str]) -> dict[str, IncidentState]:
    """The state of each of these incidents, as far as they are known."""
    rows = await tx.fetch("SELECT slug, state FROM incidents WHERE slug = ANY($1::text[])", list(slugs))
    return {row["slug"]: IncidentState(row["state"]) for row in rows}


async def closed_with_mail_left(tx: Transaction) -> list[str]:
    """The closed incidents about which a warning still waits."""
    rows = await tx.fetch(
        """
        SELECT slug FROM incidents i WHERE state = 'closed' AND EXISTS (
            SELECT FROM notifications n WHERE n.incident = i.slug AND n.kind = 'warning'
            AND n.state IN ('planned', 'awaiting-approval', 'queued', 'deferred', 'in-doubt')
        )
        """
    )
    return [row["slug"] for row in rows]


async def incidents_named(tx: Transaction, slugs: Iterable[str]) -> dict[str, IncidentChanged]:
    """The incidents with these names, as far as they are known."""
    rows = await tx.fetch("SELECT slug, changed FROM incidents WHERE slug = ANY($1::text[])", list(set(slugs)))
    return {row["slug"]: msgspec.json.decode(row["changed"], type=IncidentChanged) for row in rows}
