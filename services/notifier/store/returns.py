"""What came back about our mails and what was answered, and the mails that go on to the next contact."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from libs.common.contracts import FeedbackReceived, MailReturned
from libs.common.db import Transaction
from libs.common.vocabulary import Permanence, Trust
from services.notifier.domain.returns import Return
from services.notifier.domain.timeline import Follower

COLUMNS = "r.return_id, r.notification_id, r.kind, r.trust, r.permanence, r.code, r.detail, r.address, r.at"

RECORD = """
    INSERT INTO returns (return_id, notification_id, kind, trust, permanence, code, detail, address, at)
    SELECT given.* FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                               $8::text[], $9::timestamptz[])
      AS given (return_id, notification_id, kind, trust, permanence, code, detail, address, at)
    WHERE EXISTS (SELECT FROM notifications n WHERE n.id = given.notification_id)
    ON CONFLICT DO NOTHING RETURNING return_id
"""

NOTE = """
    INSERT INTO returns (return_id, notification_id, kind, trust, code, detail, address, at, heeded_at, incident,
                         useful, clear)
    SELECT return_id, notification_id, kind, trust, '', detail, '', at, at, incident, useful, clear
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
                $8::smallint[], $9::smallint[])
      AS given (return_id, notification_id, kind, trust, detail, at, incident, useful, clear)
    ON CONFLICT DO NOTHING
"""


async def record_returns(tx: Transaction, events: Sequence[MailReturned]) -> int:
    """Keep each once, if there is such a notification; how many are new."""
    rows = await tx.fetch(
        RECORD,
        [event.return_id for event in events],
        [event.notification_id for event in events],
        [event.kind for event in events],
        [event.trust for event in events],
        [event.permanence for event in events],
        [event.code for event in events],
        [event.detail for event in events],
        [event.address for event in events],
        [event.at for event in events],
    )
    return len(rows)


async def note_answers(tx: Transaction, answers: Sequence[FeedbackReceived]) -> None:
    """Keep what recipients said on their pages, each once. A rating names no notification, and gets none here."""
    await tx.fetch(
        NOTE,
        [answer.feedback_id for answer in answers],
        [answer.notification_id for answer in answers],
        [answer.kind for answer in answers],
        [Trust.NONE if answer.notification_id is None else Trust.TOKEN for answer in answers],
        ["" if answer.notification_id is None else answer.text[:500] for answer in answers],
        [answer.at for answer in answers],
        [answer.incident for answer in answers],
        [answer.useful for answer in answers],
        [answer.clear for answer in answers],
    )


async def returns_to_heed(tx: Transaction, *, limit: int) -> list[Return]:
    """Those that have had no effect yet, and whose mail is not under way; locked with it. Two replicas take others."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM returns r JOIN notifications n ON n.id = r.notification_id
        WHERE r.heeded_at IS NULL AND n.state <> 'sending'
        ORDER BY r.at, r.return_id LIMIT $1 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - constants only
        limit,
    )
    return [_return(row) for row in rows]


async def mark_heeded(tx: Transaction, return_ids: Collection[UUID], *, now: datetime) -> None:
    await tx.fetch("UPDATE returns SET heeded_at = $2 WHERE return_id = ANY($1::uuid[])", list(return_ids), now)


async def soft_bounces_of(tx: Transaction, recipient_key: str, *, now: datetime, within: timedelta) -> int:
    """How many mails to this address have come back lately that it may yet take."""
    rows = await tx.fetch(
        """
        SELECT count(DISTINCT r.notification_id) AS mails FROM notifications n
        JOIN returns r ON r.notification_id = n.id
        WHERE n.recipient_key = $1 AND n.created_at > $2 AND r.kind = 'bounce'
          AND r.permanence IN ('mailbox-full', 'temporary')
        """,
        recipient_key,
        now - within,
    )
    mails: int = rows[0]["mails"]
    return mails


async def mark_bounced(tx: Transaction, notification_id: UUID, *, reason: str, gone_on_at: datetime | None) -> None:
    """It did not arrive, though the relay took it. It is not sent again by itself, but may go on to somebody else."""
    await tx.fetch(
        """
        UPDATE notifications SET state = 'bounced', reason = $2, next_attempt_at = NULL,
                                 gone_on_at = coalesce($3, gone_on_at)
        WHERE id = $1 AND state IN ('sent', 'in-doubt')
        """,
        notification_id,
        reason,
        gone_on_at,
    )


async def returns_of(tx: Transaction, notification_id: UUID) -> list[Return]:
    """What came back about one, oldest first."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM returns r WHERE r.notification_id = $1 ORDER BY r.at, r.return_id LIMIT 500",  # noqa: S608
        notification_id,
    )
    return [_return(row) for row in rows]


async def followers_of(tx: Transaction, notification_id: UUID) -> list[Follower]:
    """Those that continue or correct this one."""
    rows = await tx.fetch(
        """
        SELECT reference, kind, true AS is_continuing, created_at, recipient_key AS email
        FROM notifications WHERE continues = $1 OR id IN (
            SELECT c.notification_id FROM targets t JOIN targets c ON c.first_target_id = coalesce(
                t.first_target_id, t.target_id
            )
            WHERE t.notification_id = $1
              AND convert_from(c.attributed, 'UTF8')::json #>> '{continued,notification_id}' = $1::text
              AND convert_from(c.attributed, 'UTF8')::json #>> '{continued,is_anew}' IS NULL
        )
        UNION ALL
        SELECT reference, kind, false, created_at, recipient_key FROM notifications WHERE corrects = $1
        """,
        notification_id,
    )
    return [Follower(**row) for row in rows]


def _return(row: Record) -> Return:
    values = dict(row)
    permanence = Permanence(row["permanence"]) if row["permanence"] else None
    return Return(**values | {"trust": Trust(row["trust"]), "permanence": permanence})
