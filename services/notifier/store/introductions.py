"""Who has had mail from us before."""

from collections.abc import Sequence
from uuid import UUID

from libs.common.db import Transaction
from libs.common.vocabulary import NotificationKind
from services.notifier.domain.notification import Notification


async def first_mails(tx: Transaction, about: Sequence[Notification]) -> set[UUID]:
    """Those of these warnings before which nothing has reached their recipient.

    Sent once more, a mail says the same as before: only what was made before it counts. What partners try out reaches
    nobody and introduces nobody.
    """
    asked = [item for item in about if item.kind is NotificationKind.WARNING and not item.is_test]
    if not asked:
        return set()
    rows = await tx.fetch(
        """
        SELECT given.id FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS given (id, recipient_key, created_at)
        WHERE NOT EXISTS (
            SELECT FROM notifications n
            WHERE n.recipient_key = given.recipient_key AND n.created_at < given.created_at
              AND n.sent_at IS NOT NULL AND NOT n.is_test
        )
        """,
        [item.id for item in asked],
        [item.recipient.key for item in asked],
        [item.created_at for item in asked],
    )
    return {row["id"] for row in rows}
