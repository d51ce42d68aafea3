"""Records and their outcomes: one row each, and their counts by submission beside them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.db import Transaction
from services.intake.domain.outcomes import Change, Conflict, RecordKey, Standing
from services.intake.domain.submissions import RecordRow, Violation

_COLUMNS = ("submission_id", "record", "outcome", "reason", "message", "at", "errors")


async def add(tx: Transaction, submission_id: UUID, rows: Iterable[RecordRow]) -> None:
    """Append a slice of a submission. Its lease makes sure that no slice is appended twice."""
    await tx.copy(
        "records",
        columns=_COLUMNS,
        rows=[
            (submission_id, row.record, row.outcome, row.reason, row.message, row.at, _json(row.errors)) for row in rows
        ],
    )


async def grow_counts(tx: Transaction, growth: Mapping[tuple[UUID, str], int]) -> None:
    """Add to the counts by (submission, outcome); always in the same order, so that no two wait for each other."""
    places = sorted(growth)
    await tx.fetch(
        """
        INSERT INTO submission_counts (submission_id, outcome, records)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])
        ON CONFLICT (submission_id, outcome) DO UPDATE SET records = submission_counts.records + excluded.records
        """,
        [submission_id for submission_id, _ in places],
        [outcome for _, outcome in places],
        [growth[place] for place in places],
    )


async def counts_of(tx: Transaction, submission_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Each submission's records by outcome, the rejected ones too."""
    counts: dict[UUID, dict[str, int]] = {submission_id: {} for submission_id in submission_ids}
    for row in await tx.fetch("SELECT * FROM submission_counts WHERE submission_id = ANY($1::uuid[])", submission_ids):
        counts[row["submission_id"]][row["outcome"]] = row["records"]
    return counts


async def records_after(
    tx: Transaction, submission_id: UUID, record: int, *, outcome: str | None, limit: int
) -> list[RecordRow]:
    """In the order of the payload."""
    rows = await tx.fetch(
        """
        SELECT record, outcome, reason, message, at, errors FROM records
        WHERE submission_id = $1 AND record > $2 AND ($3::text IS NULL OR outcome = $3)
        ORDER BY record LIMIT $4
        """,
        submission_id,
        record,
        outcome,
        limit,
    )
    return [_row(row) for row in rows]


async def standings(tx: Transaction, keys: Sequence[RecordKey]) -> dict[RecordKey, Standing]:
    """Where these records stand; those that are not there are left out."""
    rows = await tx.fetch(
        """
        SELECT submission_id, record, outcome, at FROM records
        JOIN unnest($1::uuid[], $2::int[]) AS wanted (submission_id, record) USING (submission_id, record)
        """,
        [submission_id for submission_id, _ in keys],
        [record for _, record in keys],
    )
    return {(row["submission_id"], row["record"]): Standing(row["outcome"], row["at"]) for row in rows}


async def change_outcomes(tx: Transaction, changes: Mapping[RecordKey, Change]) -> list[tuple[UUID, str, str]]:
    """Write new outcomes of records that still stand where they stood; returns (submission, previous, new) of those."""
    rows = await tx.fetch(
        """
        UPDATE records SET outcome = news.outcome, reason = news.reason, message = news.message, at = news.at
        FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                    $8::timestamptz[])
             AS news (submission_id, record, previous, outcome, reason, message, at, previous_at)
        WHERE records.submission_id = news.submission_id AND records.record = news.record
              AND records.outcome = news.previous AND records.at = news.previous_at
        RETURNING news.submission_id, news.previous, news.outcome
        """,
        [submission_id for submission_id, _ in changes],
        [record for _, record in changes],
        [change.previous.outcome for change in changes.values()],
        [change.news.outcome.value for change in changes.values()],
        [change.news.reason for change in changes.values()],
        [change.news.message for change in changes.values()],
        [change.news.at for change in changes.values()],
        [change.previous.at for change in changes.values()],
    )
    return [(row["submission_id"], row["previous"], row["outcome"]) for row in rows]


async def hold_unpublished(
    tx: Transaction, submission_id: UUID, *, after: int, reason: str, message: str, at: datetime
) -> int:
    """Records that nobody behind us has heard of, because we gave up before them, wait for a person; how many."""
    rows = await tx.fetch(
        """
        UPDATE records SET outcome = 'held', reason = $3, message = $4, at = $5
        WHERE submission_id = $1 AND record > $2 AND outcome = 'pending' RETURNING record
        """,
        submission_id,
        after,
        reason,
        message,
        at,
    )
    return len(rows)


async def add_conflicts(tx: Transaction, conflicts: Sequence[Conflict]) -> int:
    """Note contradictions for a person to look into; returns how many were new."""
    rows = await tx.fetch(
        """
        INSERT INTO outcome_conflicts (submission_id, record, refused, kept, refused_from, at)
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
        ON CONFLICT DO NOTHING RETURNING record
        """,
        [conflict.news.submission_id for conflict in conflicts],
        [conflict.news.record for conflict in conflicts],
        [conflict.news.outcome.value for conflict in conflicts],
        [conflict.kept for conflict in conflicts],
        [conflict.news.by for conflict in conflicts],
        [conflict.news.at for conflict in conflicts],
    )
    return len(rows)


def _json(violations: tuple[Violation, ...]) -> str | None:
    return msgspec.json.encode(violations).decode() if violations else None


def _row(row: Record) -> RecordRow:
    errors = msgspec.convert(row["errors"] or (), tuple[Violation, ...])
    return RecordRow(row["record"], row["outcome"], row["reason"], row["message"], row["at"], errors)
