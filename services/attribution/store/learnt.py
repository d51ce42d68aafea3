"""What people have taught about assets."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import Recipient
from libs.common.db import Transaction
from services.attribution.domain.learnt import Lesson

_RECIPIENT = msgspec.json.Decoder(Recipient)


async def in_force(tx: Transaction, owned_parts: Iterable[str], *, now: datetime) -> dict[str, Lesson]:
    """What is known of these names, addresses, accounts and ASes by the word of a person that still counts."""
    rows = await tx.fetch(
        """SELECT owned_part, organisation_id, recipient, decided_by, decided_at, until, note FROM learnt_asset
           WHERE owned_part = ANY($1::text[]) AND (until IS NULL OR until > $2)""",
        list(owned_parts),
        now,
    )
    return {row["owned_part"]: _lesson(row) for row in rows}


async def learn(tx: Transaction, lesson: Lesson) -> None:
    """The newest word counts."""
    await tx.fetch(
        """INSERT INTO learnt_asset (owned_part, organisation_id, recipient, decided_by, decided_at, until, note)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (owned_part) DO UPDATE SET organisation_id = EXCLUDED.organisation_id,
               recipient = EXCLUDED.recipient, decided_by = EXCLUDED.decided_by, decided_at = EXCLUDED.decided_at,
               until = EXCLUDED.until, note = EXCLUDED.note""",
        lesson.owned_part,
        lesson.organisation_id,
        msgspec.json.encode(lesson.recipient).decode() if lesson.recipient else None,
        lesson.said_by,
        lesson.said_at,
        lesson.until,
        lesson.note,
    )


async def page(tx: Transaction, *, after: str | None, limit: int) -> list[Lesson]:
    rows = await tx.fetch(
        """SELECT owned_part, organisation_id, recipient, decided_by, decided_at, until, note FROM learnt_asset
           WHERE $1::text IS NULL OR owned_part > $1 ORDER BY owned_part LIMIT $2""",
        after,
        limit,
    )
    return [_lesson(row) for row in rows]


async def forget(tx: Transaction, owned_part: str) -> bool:
    """False where nothing was known."""
    return bool(await tx.fetch("DELETE FROM learnt_asset WHERE owned_part = $1 RETURNING 1", owned_part))


def _lesson(row: asyncpg.Record) -> Lesson:
    organisation_id: UUID | None = row["organisation_id"]
    return Lesson(
        owned_part=row["owned_part"],
        organisation_id=organisation_id,
        recipient=_RECIPIENT.decode(row["recipient"]) if row["recipient"] else None,
        said_by=row["decided_by"],
        said_at=row["decided_at"],
        until=row["until"],
        note=row["note"],
    )
