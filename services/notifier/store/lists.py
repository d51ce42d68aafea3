"""Notifications as people look for them."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Recipient
from libs.common.db import Transaction
from services.notifier.domain.notification import Notification, PlannedGroup, Wanted
from services.notifier.store.notifications import COLUMNS, notification


async def newest_notifications(
    tx: Transaction, wanted: Wanted, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Notification]:
    """A page of notifications, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n
        WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR recipient_key = $2)
          AND ($3::text IS NULL OR incident = $3)
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $6
        """,  # noqa: S608 - constants only
        wanted.state,
        wanted.recipient,
        wanted.incident,
        moment,
        last,
        limit,
    )
    return [notification(row) for row in rows]


async def planned_groups(
    tx: Transaction, wanted: Wanted, *, after: tuple[str, str] | None, limit: int
) -> list[PlannedGroup]:
    """A page of what waits, by recipient and incident."""
    recipient, incident = after or (None, None)
    rows = await tx.fetch(
        """
        SELECT (array_agg(attributed ORDER BY decided_at))[1] ->> 'recipient' AS recipient, incident,
               count(*) AS targets_total, min(decided_at) AS first_at, min(due_at) AS due_at
        FROM targets
        WHERE state = 'planned' AND ($1::text IS NULL OR recipient_key = $1) AND ($2::text IS NULL OR incident = $2)
          AND ($3::text IS NULL OR (recipient_key, incident) > ($3, $4::text))
        GROUP BY recipient_key, incident ORDER BY recipient_key, incident LIMIT $5
        """,
        wanted.recipient,
        wanted.incident,
        recipient,
        incident,
        limit,
    )
    return [
        PlannedGroup(**dict(row) | {"recipient": msgspec.json.decode(row["recipient"], type=Recipient)}) for row in rows
    ]
