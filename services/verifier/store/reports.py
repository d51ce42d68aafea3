"""What is known of feeds and their partners: rows that batches add, made fewer from time to time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from libs.common.db import Transaction
from services.verifier.domain.reports import Feed, Report, TrackRecord

COLUMNS = ("partner", "identifier", "reported_at", "verified", "wrong")

# What has no verified threat tells of silence about none, and is not kept: the names in it are the partner's own.
COMPACT = """
WITH fewer AS (
    SELECT partner, identifier, sum(verified) + sum(wrong) AS known FROM reports GROUP BY partner, identifier
    HAVING count(*) > 1 OR sum(verified) + sum(wrong) = 0
), taken AS (
    DELETE FROM reports USING fewer
    WHERE reports.partner = fewer.partner AND reports.identifier = fewer.identifier
    RETURNING reports.*, fewer.known
)
INSERT INTO reports (partner, identifier, reported_at, verified, wrong)
SELECT partner, identifier, max(reported_at), sum(verified), sum(wrong) FROM taken GROUP BY partner, identifier
HAVING max(known) > 0
"""


async def add_reports(tx: Transaction, reports: Sequence[Report]) -> None:
    """Touches no row that another batch touches, so replicas never wait for each other."""
    if reports:
        rows = [(*_key(each.feed), each.reported_at, each.verified, each.wrong) for each in reports]
        await tx.copy("reports", columns=COLUMNS, rows=rows)


async def compact_reports(tx: Transaction) -> None:
    """One row for each feed, as far as batches that are under way have not added more.

    Two at once do no harm: each adds up what it has taken away itself.
    """
    await tx.fetch(COMPACT)


async def reported_at(tx: Transaction, feeds: Collection[Feed]) -> Mapping[Feed, datetime]:
    """When these feeds last reported; without those that never did."""
    rows = await tx.fetch(
        """
        SELECT partner, identifier, max(reported_at) AS reported_at FROM reports
        JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[])) AS asked (partner, identifier)
             USING (partner, identifier)
        WHERE reported_at IS NOT NULL GROUP BY partner, identifier
        """,
        [feed.partner for feed in feeds],
        [feed.identifier for feed in feeds],
    )
    return {Feed(row["partner"], row["identifier"]): row["reported_at"] for row in rows}


async def track_records(tx: Transaction) -> Mapping[str, TrackRecord]:
    """Of every partner that had a threat verified."""
    rows = await tx.fetch(
        """
        SELECT partner, sum(verified)::bigint AS verified, sum(wrong)::bigint AS wrong FROM reports
        GROUP BY partner HAVING sum(verified) > 0
        """
    )
    return {row["partner"]: TrackRecord(row["verified"], row["wrong"]) for row in rows}


def _key(feed: Feed) -> tuple[str, str]:
    return feed.partner, feed.identifier
