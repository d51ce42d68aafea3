"""Who has decided what about mails that wait, and which of it is still being carried out."""

from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from services.notifier.domain.brakes.decisions import Action, Decision
from services.notifier.domain.notification import BrakeScope

DECISION_COLUMNS = "id, at, by, action, scope, value, note, hold_id, mails, done, is_open"


async def record_decision(tx: Transaction, decision: Decision) -> None:
    await tx.fetch(
        f"INSERT INTO brake_decisions ({DECISION_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",  # noqa: S608 - constants only
        *(getattr(decision, name) for name in DECISION_COLUMNS.split(", ")),
    )


async def newest_decisions(
    tx: Transaction, *, hold_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Decision]:
    """A page of decisions, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {DECISION_COLUMNS} FROM brake_decisions
        WHERE ($1::uuid IS NULL OR hold_id = $1) AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::uuid))
        ORDER BY at DESC, id DESC LIMIT $4
        """,  # noqa: S608 - constants only
        hold_id,
        moment,
        last,
        limit,
    )
    return [_decision(row) for row in rows]


async def lock_open_decision(tx: Transaction) -> Decision | None:
    """The oldest that is not carried out, and that nobody else is carrying out."""
    rows = await tx.fetch(
        f"""
        SELECT {DECISION_COLUMNS} FROM brake_decisions WHERE is_open ORDER BY at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        """  # noqa: S608 - constants only
    )
    return _decision(rows[0]) if rows else None


async def is_being_cancelled(tx: Transaction, hold_id: UUID) -> bool:
    """Whether mails behind this hold are being taken back."""
    return bool(await tx.fetch("SELECT FROM brake_decisions WHERE is_open AND hold_id = $1", hold_id))


async def note_done(tx: Transaction, decision_id: UUID, *, mails: int) -> None:
    """So many more were reached; none means that it is carried out."""
    await tx.fetch("UPDATE brake_decisions SET done = done + $2, is_open = $2 > 0 WHERE id = $1", decision_id, mails)


def _decision(row: Record) -> Decision:
    return Decision(**dict(row) | {"action": Action(row["action"]), "scope": BrakeScope(row["scope"])})
