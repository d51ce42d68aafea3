"""Notifications as people look for them."""

from datetime import datetime
from uuid import UUID

from libs.common.contracts import HAND_OVER
from libs.common.db import Transaction
from services.notifier.domain.notification import Notification, Wanted
from services.notifier.store.notifications import COLUMNS, notification


async def newest_notifications(
    tx: Transaction, wanted: Wanted, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Notification]:
    """A page of notifications, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n
        WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR recipient_key IN ($2, $9 || $2))
          AND ($3::text IS NULL OR incident = $3) AND ($7::boolean IS NULL OR is_test = $7)
          AND ($8::text IS NULL OR kind = $8)
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $6
        """,  # noqa: S608 - constants only
        wanted.state,
        wanted.recipient,
        wanted.incident,
        moment,
        last,
        limit,
        wanted.is_test,
        wanted.kind,
        HAND_OVER,
    )
    return [notification(row) for row in rows]
