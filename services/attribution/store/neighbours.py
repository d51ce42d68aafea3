"""Names that records have placed at addresses."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from libs.common.db import Transaction
from services.attribution.domain.neighbours import MOST_NAMES

RENEWED_AFTER = timedelta(days=30)
"""That a name is still there is written down once a month, not with each record."""


async def seen_at(
    tx: Transaction, addresses: Collection[str], *, new: Sequence[tuple[str, str]], on: date, since: date
) -> dict[str, set[str]]:
    """All names seen at these addresses since then; `new` pairs of address and name are kept first.

    An address that has MOST_NAMES gets no others. Sorted pairs: two replicas never wait for each other in a circle.
    """
    rows = await tx.fetch(
        """WITH kept AS (
               INSERT INTO name_at_address (address, name, seen_on)
               SELECT said.address, said.name, $4::date FROM unnest($2::text[], $3::text[]) AS said (address, name)
               WHERE coalesce(
                   (SELECT seen_on <= $7::date FROM name_at_address AS known
                    WHERE known.address = said.address AND known.name = said.name),
                   $6 > (SELECT count(*) FROM name_at_address AS there WHERE there.address = said.address))
               ORDER BY said.address, said.name
               ON CONFLICT (address, name) DO UPDATE SET seen_on = EXCLUDED.seen_on
               RETURNING address, name
           )
           SELECT address, name FROM kept
           UNION ALL
           SELECT address, name FROM name_at_address WHERE address = ANY($1::text[]) AND seen_on >= $5::date""",
        list(addresses),
        [address for address, _ in new],
        [name for _, name in new],
        on,
        since,
        MOST_NAMES,
        on - RENEWED_AFTER,
    )
    found: dict[str, set[str]] = {}
    for address, name in rows:
        found.setdefault(address, set()).add(name)
    return found


async def remove_old(tx: Transaction, *, before: date, limit: int) -> int:
    """Names that have not been seen since then: addresses change hands."""
    rows = await tx.fetch(
        """DELETE FROM name_at_address WHERE (address, name) IN (
               SELECT address, name FROM name_at_address WHERE seen_on < $1
               ORDER BY seen_on, address, name LIMIT $2 FOR UPDATE SKIP LOCKED
           ) RETURNING 1""",
        before,
        limit,
    )
    return len(rows)
