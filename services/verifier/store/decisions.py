"""What people decided of held records, kept with what stood before, so that it can be taken back."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from services.verifier.domain.review import Decision, PastDecision
from services.verifier.domain.values import Before

COLUMNS = (
    "decision_id",
    "indicator_id",
    "decision",
    "note",
    "decided_by",
    "decided_at",
    "remembered_until",
    "before",
)

_before = msgspec.json.Decoder(Before)


async def add_decisions(tx: Transaction, decisions: Iterable[PastDecision]) -> None:
    await tx.copy("decisions", columns=COLUMNS, rows=map(_row, decisions))


async def last_decision(tx: Transaction, indicator_id: UUID) -> PastDecision | None:
    """Locked, so that only one person takes it back."""
    rows = await tx.fetch(
        "SELECT * FROM decisions WHERE indicator_id = $1 ORDER BY decision_id DESC LIMIT 1 FOR UPDATE", indicator_id
    )
    return _decision(rows[0]) if rows else None


async def decisions_on(tx: Transaction, indicator_ids: Collection[UUID]) -> list[PastDecision]:
    """All of them, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM decisions WHERE indicator_id = ANY($1::uuid[]) ORDER BY decision_id", list(indicator_ids)
    )
    return [_decision(row) for row in rows]


async def decided_together(tx: Transaction, decision: PastDecision) -> list[PastDecision]:
    """All that the same person decided in the same go and nobody has taken back since, this one too; locked."""
    rows = await tx.fetch(
        """
        SELECT * FROM decisions WHERE decided_at = $1 AND decided_by = $2 AND undone_at IS NULL
        ORDER BY indicator_id FOR UPDATE
        """,
        decision.decided_at,
        decision.decided_by,
    )
    return [_decision(row) for row in rows]


async def mark_undone(tx: Transaction, decisions: Iterable[PastDecision], *, by: str, note: str, now: datetime) -> None:
    await tx.fetch(
        "UPDATE decisions SET undone_at = $2, undone_by = $3, undo_note = $4 WHERE decision_id = ANY($1::uuid[])",
        [decision.decision_id for decision in decisions],
        now,
        by,
        note,
    )


def _row(decision: PastDecision) -> tuple[object, ...]:
    return (
        decision.decision_id,
        decision.indicator_id,
        decision.decision.value,
        decision.note,
        decision.decided_by,
        decision.decided_at,
        decision.remembered_until,
        msgspec.json.encode(decision.before).decode(),
    )


def _decision(row: asyncpg.Record) -> PastDecision:
    return PastDecision(
        decision_id=row["decision_id"],
        indicator_id=row["indicator_id"],
        decision=Decision(row["decision"]),
        note=row["note"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        remembered_until=row["remembered_until"],
        before=_before.decode(row["before"]),
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
        undo_note=row["undo_note"],
    )
