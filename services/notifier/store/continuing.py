"""What could not be delivered, and whether somebody else was found who could be told."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import RecipientsExhausted
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from services.notifier.domain.continuing import Sought
from services.notifier.store.attributed import read_target

LOCK = 7_310_554
"""Advisory lock: many plan at once, or one plans what goes on to another contact."""

GONE_ON = """
    EXISTS (
        SELECT FROM targets c
        WHERE c.first_target_id = coalesce(t.first_target_id, t.target_id) AND c.decided_at > t.decided_at
    )
"""
"""Whether `t` went on to another contact."""


async def wait_for_planning(tx: Transaction, *, alone: bool) -> None:
    """Until those that plan what goes on are done, and while it plans such itself (`alone`), all others.

    What goes on may be told in the mail of any other group of its recipient: whoever plans it has to see them all.
    """
    kind = "" if alone else "_shared"
    await tx.fetch(f"SELECT pg_advisory_xact_lock{kind}($1)", LOCK)


async def pass_on(tx: Transaction, notification_ids: Collection[UUID], *, reason: str, now: datetime) -> None:
    """These, which are locked, are not sent to their address: another contact is asked for."""
    await tx.fetch(
        """
        UPDATE notifications SET state = 'bounced', reason = $2, gone_on_at = $3, next_attempt_at = NULL, wait = '',
                                 is_held = false
        WHERE id = ANY($1::uuid[])
        """,
        list(notification_ids),
        reason,
        now,
    )


async def give_up(tx: Transaction, events: Sequence[RecipientsExhausted], *, now: datetime) -> list[Target]:
    """Mark that nobody is left to tell of these targets; answers those whose outcome is to be said by that.

    A notification of which that holds for all targets has no outcome left to say.
    """
    target_ids = [event.target_id for event in events]
    locked = await tx.fetch(
        """
        SELECT id FROM notifications
        WHERE id IN (SELECT notification_id FROM targets WHERE target_id = ANY($1::uuid[])) AND state = 'bounced'
        ORDER BY recipient_key, incident, id FOR UPDATE
        """,
        target_ids,
    )
    notification_ids = [row["id"] for row in locked]
    rows = await tx.fetch(
        """
        WITH given AS (
            SELECT t.target_id, NOT n.settled AND t.given_up_at IS NULL AS is_news
            FROM unnest($1::uuid[], $2::int[]) AS asked (target_id, asked_again)
            JOIN targets t USING (target_id, asked_again) JOIN notifications n ON n.id = t.notification_id
            WHERE n.id = ANY($3::uuid[]) AND t.exhausted_at IS NULL
        )
        UPDATE targets t SET exhausted_at = $4, given_up_at = CASE WHEN given.is_news THEN $4 ELSE t.given_up_at END
        FROM given WHERE t.target_id = given.target_id RETURNING given.is_news, t.attributed
        """,
        target_ids,
        [event.asked_again for event in events],
        notification_ids,
        now,
    )
    await tx.fetch(
        """
        UPDATE notifications n SET settled = true WHERE n.id = ANY($1::uuid[]) AND NOT n.settled AND NOT EXISTS (
            SELECT FROM targets t WHERE t.notification_id = n.id AND t.copy_of IS NULL AND t.given_up_at IS NULL
        )
        """,
        notification_ids,
    )
    return [read_target(row["attributed"]) for row in rows if row["is_news"]]


async def sought_for(tx: Transaction, notification_id: UUID) -> list[Sought]:
    """How far the search for another contact has got for each target of a mail, but for copies and what is left out."""
    rows = await tx.fetch(
        f"""
        SELECT t.attributed, t.asked_again, t.asked_again_at, {GONE_ON} AS has_gone_on,
               CASE WHEN t.asked_again = 0 THEN coalesce(t.exhausted_at, t.given_up_at)
                    ELSE t.exhausted_at END AS exhausted_at
        FROM targets t
        WHERE t.notification_id = $1 AND t.copy_of IS NULL AND t.left_out_at IS NULL
        ORDER BY t.decided_at, t.target_id
        """,  # noqa: S608 - constants only
        notification_id,
    )
    return [
        Sought(
            target=read_target(row["attributed"]),
            asked_again=row["asked_again"],
            asked_again_at=row["asked_again_at"],
            exhausted_at=row["exhausted_at"],
            has_gone_on=row["has_gone_on"],
        )
        for row in rows
    ]


async def is_gathering(tx: Transaction, notification_id: UUID) -> bool:
    """Whether targets can still join a mail that continues this one."""
    return bool(await tx.fetch("SELECT FROM notifications WHERE continues = $1 AND state = 'planned'", notification_id))


async def ask_again(
    tx: Transaction, notification_id: UUID, target_ids: Sequence[UUID], *, note: str, by: str, now: datetime
) -> None:
    """A person has somebody else asked for who can be told of these targets of a mail, which is locked."""
    await tx.fetch(
        """
        UPDATE targets SET asked_again = asked_again + 1, asked_again_at = $2, exhausted_at = NULL
        WHERE target_id = ANY($1::uuid[])
        """,
        target_ids,
        now,
    )
    await tx.fetch(
        """
        UPDATE notifications SET state = 'bounced', gone_on_at = coalesce(gone_on_at, $2), decided_by = $3,
                                 decided_at = $2, note = $4
        WHERE id = $1
        """,
        notification_id,
        now,
        by,
        note,
    )
