"""Records that were judged, as they came, to be judged again."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import RawIndicator
from libs.common.db import Transaction
from services.verifier.domain import Threat, ThreatState
from services.verifier.store.threats import threat_of

ROWS_AT_ONCE = 2000

JUDGED = """
SELECT indicator, judged_at FROM verdicts
WHERE judged_at >= $1 AND judged_at < $2 AND NOT is_test AND decided_by IS NULL
ORDER BY judged_at DESC, indicator_id LIMIT $3
"""

KNOWN_BEFORE = """
SELECT t.*, min(v.first_seen_at) AS first_seen_then, count(*) AS sightings_then,
       array_agg(DISTINCT v.partner) AS partners_then,
       max(v.judged_at) FILTER (WHERE v.outcome IS NULL) AS announced_then
FROM verdicts v JOIN threats t USING (threat_id)
WHERE threat_id = ANY($1::uuid[]) AND v.judged_at < $2 AND v.verdict = 'verified'
GROUP BY t.threat_id
"""

_indicator = msgspec.json.Decoder(RawIndicator)


async def judged_records(
    tx: Transaction, *, since: datetime, until: datetime, most: int
) -> AsyncIterator[list[tuple[RawIndicator, datetime]]]:
    """Those that rules have judged since then, the newest `most` of them, in the order in which they were judged."""
    newest = f"SELECT * FROM ({JUDGED}) AS newest ORDER BY judged_at"  # noqa: S608 - ours
    async for rows in tx.stream(newest, since, until, most, rows_at_once=ROWS_AT_ONCE):
        yield [(_indicator.decode(row["indicator"]), row["judged_at"]) for row in rows]


async def judged_records_count(tx: Transaction, *, since: datetime, until: datetime) -> tuple[int, int]:
    """How many there are, and how many more people have decided, whom no rule overrules."""
    (row,) = await tx.fetch(
        """
        SELECT count(*) FILTER (WHERE decided_by IS NULL) AS by_rules, count(decided_by) AS by_people
        FROM verdicts WHERE judged_at >= $1 AND judged_at < $2 AND NOT is_test
        """,
        since,
        until,
    )
    return row["by_rules"], row["by_people"]


async def threats_known_before(tx: Transaction, threat_ids: Collection[UUID], *, moment: datetime) -> list[Threat]:
    """These threats as their records told of them then. One that has never been told of is not among them."""
    rows = await tx.fetch(KNOWN_BEFORE, list(threat_ids), moment)
    return [_as_of(moment, row) for row in rows if row["announced_then"] is not None]


def _as_of(moment: datetime, row: asyncpg.Record) -> Threat:
    """What closed it since then had not closed it yet; all else that is of today does not change what is decided."""
    threat = threat_of(row)
    was_closed = threat.closed_at is not None and threat.closed_at < moment
    partners = frozenset(row["partners_then"])
    return msgspec.structs.replace(
        threat,
        state=ThreatState.CLOSED if was_closed else ThreatState.OPEN,
        first_seen_at=row["first_seen_then"],
        sightings=row["sightings_then"],
        partners=partners,
        sources=frozenset(row["sources"]) or partners,
        announced_at=row["announced_then"],
        closed_at=threat.closed_at if was_closed else None,
    )
