"""What goes in one mail, or went: for whoever looks at it. Nothing is locked or changed."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from services.notifier.domain.notification import Notification
from services.notifier.store.holds import HELD
from services.notifier.store.notifications import COLUMNS, NOTHING_WENT_THERE_BEFORE, notification


async def waiting_with(
    tx: Transaction, item: Notification, *, until: datetime, least_urgency: int, least_confidence: float
) -> list[Notification]:
    """One of low severity, and what is due by then for the same recipient, in the order of their mail.

    Not what waits for a person, or will. An engaged brake that stops all of a domain's mails parts none of them.
    """
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n LEFT JOIN incidents i ON i.slug = n.incident
        WHERE n.recipient_key = $1 AND n.urgency >= $4 AND n.kind = 'warning' AND n.let_go_at IS NULL AND (
            n.id = $2 OR i.state = 'approved' AND NOT n.is_held AND NOT {HELD} AND NOT EXISTS (
                SELECT FROM brakes b WHERE b.engaged
                AND (b.scope = 'incident' AND b.value = n.incident OR b.scope = 'partner' AND b.value = ANY(n.partners))
            ) AND (
                n.state = 'planned' AND n.due_at <= $3 AND n.confidence >= $5
                OR n.state = 'queued' AND n.next_attempt_at <= $3
            )
        )
        ORDER BY n.urgency, n.created_at, n.id
        """,  # noqa: S608 - constants only
        item.recipient.key,
        item.id,
        until,
        least_urgency,
        least_confidence,
    )
    return [notification(row) for row in rows]


async def all_in_mail(tx: Transaction, mail_id: UUID) -> list[Notification]:
    """What went in one mail, in its order; not locked."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM notifications n WHERE mail_id = $1 ORDER BY urgency, created_at, id",  # noqa: S608 - constants only
        mail_id,
    )
    return [notification(row) for row in rows]


async def firsts_to_recipients(tx: Transaction, together: Collection[UUID]) -> set[UUID]:
    """Those warnings of these, if they are taken up together, that are the first to their recipients."""
    rows = await tx.fetch(
        f"""
        SELECT n.id FROM notifications n
        WHERE n.id = ANY($1::uuid[]) AND n.kind = 'warning' AND {NOTHING_WENT_THERE_BEFORE}
        """,  # noqa: S608 - constants only
        list(together),
    )
    return {row["id"] for row in rows}
