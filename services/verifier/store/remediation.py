"""Who was warned of which threats, and what became of those."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.vocabulary import REVIEW_UNDONE, FeedbackKind
from services.verifier.domain import NOT_SEEN_AGAIN, Remediation

# Locked by id first, as sightings and answers lock them: so nobody waits for each other in a circle.
WARNED = """
WITH told AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS row (threat_id, first_at, last_at)
), locked AS (
    SELECT threat_id FROM threats WHERE threat_id = ANY($1::uuid[]) ORDER BY threat_id FOR UPDATE
)
UPDATE threats SET first_warned_at = least(first_warned_at, told.first_at),
                   last_warned_at = greatest(last_warned_at, told.last_at)
FROM told JOIN locked USING (threat_id) WHERE threats.threat_id = told.threat_id
"""

# A threat that had fallen silent before anybody was warned of it does not count as remediated.
REMEDIATION = f"""
WITH warned AS (
    SELECT incident, first_warned_at, last_seen_at, closed_at,
           CASE WHEN closed_reason IN ('{FeedbackKind.FALSE_POSITIVE}', '{REVIEW_UNDONE}') THEN 'wrong'
                WHEN closed_reason = '{FeedbackKind.FIXED}' THEN 'fixed'
                WHEN (closed_at IS NULL OR closed_reason = '{NOT_SEEN_AGAIN}') AND quiet_at > first_warned_at
                     THEN 'silent'
                WHEN last_seen_at > first_warned_at THEN 'still-seen'
                ELSE 'unknown' END AS fate
    FROM threats
    WHERE first_warned_at >= $1 AND NOT is_test AND ($2::text IS NULL OR incident = $2)
)
SELECT incident, count(*) AS warned,
       count(*) FILTER (WHERE fate IN ('fixed', 'silent')) AS remediated,
       count(*) FILTER (WHERE fate = 'still-seen') AS still_seen,
       count(*) FILTER (WHERE fate = 'wrong') AS wrong,
       count(*) FILTER (WHERE fate = 'unknown') AS unknown,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(
           CASE fate WHEN 'fixed' THEN closed_at ELSE last_seen_at END - first_warned_at, interval '0'
       )) FILTER (WHERE fate IN ('fixed', 'silent')))::float8 / 86400 AS median_days
FROM warned GROUP BY GROUPING SETS ((incident), ()) ORDER BY incident NULLS LAST
"""  # noqa: S608 - one of ours


async def note_warnings(tx: Transaction, warnings: Mapping[UUID, tuple[datetime, datetime]]) -> None:
    """Note on threats when they were first and last warned of, as far as this batch knows."""
    if warnings:
        first, last = zip(*warnings.values(), strict=True)
        await tx.fetch(WARNED, list(warnings), list(first), list(last))


async def remediation(tx: Transaction, *, incident: str | None, since: datetime) -> list[Remediation]:
    """Of threats first warned of since then: by incident, and last of all together, which is there also if none is."""
    rows = await tx.fetch(REMEDIATION, since, incident)
    return [Remediation(**row) for row in rows]
