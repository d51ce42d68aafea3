"""Sums over everything: from the counts, which is cheap, and from the records themselves, which proves the counts."""

from datetime import datetime

from libs.common.db import Transaction
from services.intake.domain.reconciliation import Mismatch


async def pending_records(tx: Transaction) -> int:
    """Records on their way through the services behind us. Reads an index of the submissions that have some."""
    rows = await tx.fetch(
        """
        SELECT coalesce(sum(records), 0)::bigint AS pending FROM submission_counts
        WHERE outcome = 'pending' AND records > 0
        """
    )
    pending: int = rows[0]["pending"]
    return pending


async def oldest_pending(tx: Transaction) -> datetime | None:
    """When the oldest submission that still has pending records was received."""
    rows = await tx.fetch(
        """
        SELECT min(received_at) AS received_at FROM submission_counts
        JOIN submissions ON submissions.id = submission_counts.submission_id
        WHERE outcome = 'pending' AND records > 0
        """
    )
    oldest: datetime | None = rows[0]["received_at"]
    return oldest


async def totals(tx: Transaction) -> dict[str, int]:
    """All records by outcome, the rejected ones too."""
    rows = await tx.fetch("SELECT outcome, sum(records)::bigint AS records FROM submission_counts GROUP BY outcome")
    return {row["outcome"]: row["records"] for row in rows if row["records"]}


async def submissions_by_status(tx: Transaction) -> dict[str, int]:
    rows = await tx.fetch("SELECT status, count(*) AS submissions FROM submissions GROUP BY status")
    return {row["status"]: row["submissions"] for row in rows}


async def conflicts(tx: Transaction) -> int:
    rows = await tx.fetch("SELECT count(*) AS conflicts FROM outcome_conflicts")
    count: int = rows[0]["conflicts"]
    return count


async def mismatches(tx: Transaction) -> list[Mismatch]:
    """Where counts and records disagree. One statement, so that both are of the same moment; it reads every record."""
    rows = await tx.fetch(
        """
        SELECT submission_id, outcome, coalesce(counted.records, 0) AS counted, coalesce(kept.records, 0) AS kept
        FROM (SELECT submission_id, outcome, count(*) AS records FROM records GROUP BY submission_id, outcome) AS kept
        FULL JOIN submission_counts AS counted USING (submission_id, outcome)
        WHERE coalesce(counted.records, 0) <> coalesce(kept.records, 0)
        ORDER BY submission_id, outcome
        """
    )
    return [Mismatch(row["submission_id"], row["outcome"], row["counted"], row["kept"]) for row in rows]
