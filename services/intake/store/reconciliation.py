"""Intake's own books: sums over everything, which are cheap, and submissions recounted from their records."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.intake.domain.reconciliation.accounts import Own, Window
from services.intake.domain.reconciliation.report import Reconciliation
from services.intake.domain.submissions import Status

PENDING = """
    SELECT id::text AS id, received_at AS since FROM submission_counts JOIN submissions ON id = submission_id
    WHERE outcome = 'pending' AND records > 0
"""

PROCESSING = "SELECT id::text AS id, received_at AS since FROM submissions WHERE status = 'processing'"

# One statement, so that records and counts are of one moment.
BOOKS = """
    SELECT submission_id, outcome, NULL AS reason, records, true AS is_count FROM submission_counts
    WHERE submission_id > $1 AND submission_id <= $2 AND outcome <> 'rejected' AND records <> 0
    UNION ALL
    SELECT submission_id, outcome, reason, count(*) AS records, false AS is_count
    FROM (
        SELECT submission_id, outcome,
               CASE WHEN outcome = 'held' AND reason IN ('dead-letter', 'processing-failed') THEN reason END AS reason
        FROM records WHERE submission_id > $1 AND submission_id <= $2 AND outcome <> 'rejected'
    ) AS kept
    GROUP BY submission_id, outcome, reason
"""


async def pending_records(tx: Transaction) -> int:
    """Accepted records without an outcome. Reads an index of the submissions that have some."""
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
    rows = await tx.fetch(f"SELECT min(since) AS received_at FROM ({PENDING}) AS pending")  # noqa: S608 - constants only
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


async def next_window(
    tx: Transaction, *, after: UUID, through: UUID, most_submissions: int, most_records: int
) -> Window:
    """The next submissions, with `most_records` together but at least one; the last window ends at `through`."""
    rows = await tx.fetch(
        """
        SELECT id, (SELECT coalesce(sum(records), 0) FROM submission_counts WHERE submission_id = id)::bigint AS records
        FROM submissions WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3
        """,
        after,
        through,
        most_submissions + 1,
    )
    taken, records = 0, 0
    for row in rows:
        records += row["records"]
        if taken and (records > most_records or taken == most_submissions):
            return Window(after, rows[taken - 1]["id"], taken)
        taken += 1
    return Window(after, through, taken)


async def submissions_between(tx: Transaction, *, after: UUID, through: UUID) -> int:
    rows = await tx.fetch("SELECT count(*) AS submissions FROM submissions WHERE id > $1 AND id <= $2", after, through)
    count: int = rows[0]["submissions"]
    return count


async def own_books(tx: Transaction, window: Window) -> dict[UUID, Own]:
    """Each submission of a window, recounted: reads every record of it."""
    statuses = await _statuses(tx, window)
    conflicts = await _conflicts(tx, window)
    kept: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    counted: dict[UUID, dict[str, int]] = defaultdict(dict)
    set_aside: dict[tuple[UUID, str], int] = {}
    for row in await tx.fetch(BOOKS, window.after, window.through):
        if row["is_count"]:
            counted[row["submission_id"]][row["outcome"]] = row["records"]
        else:
            kept[row["submission_id"]][row["outcome"]] += row["records"]
            set_aside[row["submission_id"], row["reason"]] = row["records"]
    return {
        submission_id: Own(
            submission_id=submission_id,
            status=status,
            outcomes=dict(kept[submission_id]),
            counted=counted[submission_id],
            dead_letters=set_aside.get((submission_id, "dead-letter"), 0),
            given_up=set_aside.get((submission_id, "processing-failed"), 0),
            conflicts=conflicts.get(submission_id, 0),
        )
        for submission_id, status in statuses.items()
    }


async def _statuses(tx: Transaction, window: Window) -> dict[UUID, Status]:
    rows = await tx.fetch("SELECT id, status FROM submissions WHERE id > $1 AND id <= $2", window.after, window.through)
    return {row["id"]: Status(row["status"]) for row in rows}


async def _conflicts(tx: Transaction, window: Window) -> dict[UUID, int]:
    rows = await tx.fetch(
        """
        SELECT submission_id, count(*) AS records FROM outcome_conflicts
        WHERE submission_id > $1 AND submission_id <= $2 GROUP BY submission_id
        """,
        window.after,
        window.through,
    )
    return {row["submission_id"]: row["records"] for row in rows}


async def accepted(tx: Transaction, window: Window) -> dict[UUID, int]:
    """How many records of each submission were accepted by now, from the counts."""
    rows = await tx.fetch(
        """
        SELECT id, coalesce(sum(records) FILTER (WHERE outcome <> 'rejected'), 0)::bigint AS records
        FROM submissions LEFT JOIN submission_counts ON submission_id = id WHERE id > $1 AND id <= $2 GROUP BY id
        """,
        window.after,
        window.through,
    )
    return {row["id"]: row["records"] for row in rows}


async def add_run(tx: Transaction, run: Reconciliation) -> None:
    await tx.fetch(
        "INSERT INTO reconciliations (began_at, sound, report) VALUES ($1, $2, $3)",
        run.began_at,
        run.sound,
        msgspec.json.encode(run).decode(),
    )


async def last_run(tx: Transaction, *, with_verdict: bool = False) -> Reconciliation | None:
    """The newest, or the newest that came to a verdict."""
    rows = await tx.fetch(
        "SELECT report FROM reconciliations WHERE sound IS NOT NULL OR NOT $1 ORDER BY began_at DESC LIMIT 1",
        with_verdict,
    )
    return msgspec.json.decode(rows[0]["report"], type=Reconciliation) if rows else None


async def try_to_lead(tx: Transaction, lock: int) -> bool:
    """Whether no other transaction holds this advisory lock; ours does then, until it ends."""
    rows = await tx.fetch("SELECT pg_try_advisory_xact_lock($1) AS is_ours", lock)
    is_ours: bool = rows[0]["is_ours"]
    return is_ours
