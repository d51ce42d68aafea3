"""How many mails were let go on a day, and which wait for another one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from libs.common.db import Transaction
from services.notifier.domain.amount.caps import Count
from services.notifier.domain.amount.policy import Slot
from services.notifier.domain.amount.waits import Wait
from services.notifier.domain.notification import Notification
from services.notifier.store.brakes import BRAKED
from services.notifier.store.holds import HELD
from services.notifier.store.notifications import COLUMNS, notification


async def used_on(tx: Transaction, day: date, counts: Iterable[Count]) -> dict[Count, int]:
    """How many mails of these were let go on this day. Nobody else lets any of them go before this transaction ends."""
    wanted = sorted({(each.scope.value, each.value) for each in counts})
    if not wanted:
        return {}
    rows = await tx.fetch(
        """
        INSERT INTO daily_mails AS known (day, scope, value, mails)
        SELECT $1, scope, value, 0 FROM unnest($2::text[], $3::text[]) AS given (scope, value)
        ON CONFLICT (day, scope, value) DO UPDATE SET mails = known.mails RETURNING scope, value, mails
        """,
        day,
        [scope for scope, _ in wanted],
        [value for _, value in wanted],
    )
    return {Count(Wait(row["scope"]), row["value"]): row["mails"] for row in rows}


async def count_mails(tx: Transaction, day: date, counts: Iterable[Count]) -> None:
    """Note mails that are let go; `used_on` has locked what they count for."""
    added = Counter((each.scope.value, each.value) for each in counts)
    if not added:
        return
    await tx.fetch(
        """
        UPDATE daily_mails known SET mails = known.mails + given.mails
        FROM unnest($2::text[], $3::text[], $4::int[]) AS given (scope, value, mails)
        WHERE known.day = $1 AND known.scope = given.scope AND known.value = given.value
        """,
        day,
        [scope for scope, _ in added],
        [value for _, value in added],
        list(added.values()),
    )


async def forget_days_before(tx: Transaction, day: date) -> None:
    """What nobody asks for any more."""
    await tx.fetch("DELETE FROM daily_mails WHERE day < $1", day)


async def hold(tx: Transaction, held: Mapping[UUID, Slot], *, now: datetime) -> None:
    """These, which are due and locked, wait until their slots."""
    if not held:
        return
    await tx.fetch(
        """
        UPDATE notifications n
        SET next_attempt_at = given.at, wait = given.wait,
            held_since = CASE WHEN given.is_over THEN coalesce(n.held_since, $5) ELSE n.held_since END
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bool[]) AS given (id, at, wait, is_over)
        WHERE n.id = given.id
        """,
        list(held),
        [slot.at for slot in held.values()],
        [slot.wait or "" for slot in held.values()],
        [slot.wait in OVER_A_CAP for slot in held.values()],
        now,
    )


async def held_too_long(tx: Transaction, notification_ids: Sequence[UUID], *, since: datetime) -> list[UUID]:
    """Those of these that wait for a day with room for them since before then."""
    rows = await tx.fetch(
        "SELECT id FROM notifications WHERE id = ANY($1::uuid[]) AND held_since < $2", notification_ids, since
    )
    return [row["id"] for row in rows]


async def planned_for_full_recipients(
    tx: Transaction, day: date, *, most: int, now: datetime, limit: int
) -> list[Notification]:
    """Warnings that are due, not critical, and to recipients who have had so many mails on this day; locked."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n
        JOIN daily_mails d ON d.day = $1 AND d.scope = '{Wait.RECIPIENT_CAP}' AND d.value = n.recipient_key
        WHERE n.state = 'planned' AND n.kind = 'warning' AND n.due_at <= $2 AND n.urgency > 0 AND d.mails >= $3
        LIMIT $4 FOR UPDATE OF n SKIP LOCKED
        """,  # noqa: S608 - constants only
        day,
        now,
        most,
        limit,
    )
    return [notification(row) for row in rows]


async def put_off(tx: Transaction, slots: Mapping[UUID, Slot], *, now: datetime) -> None:
    """These, which are planned and locked, stay so until their slots: others can go on joining them."""
    await tx.fetch(
        """
        UPDATE notifications n SET due_at = given.at, wait = given.wait, held_since = coalesce(n.held_since, $4)
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS given (id, at, wait) WHERE n.id = given.id
        """,
        list(slots),
        [slot.at for slot in slots.values()],
        [slot.wait or "" for slot in slots.values()],
        now,
    )


OVER_A_CAP = (
    Wait.ONE_ROUND_UP_A_DAY,
    Wait.RECIPIENT_CAP,
    Wait.DOMAIN_CAP,
    Wait.INCIDENT_CAP,
    Wait.TOTAL_CAP,
)


MAY_GO = f"""
    n.state IN ('queued', 'deferred', 'in-doubt') AND n.next_attempt_at <= $1 AND i.state = 'approved' AND NOT {BRAKED}
    AND NOT n.is_held AND NOT {HELD}
"""


async def low_ones_due(
    tx: Transaction, recipient_keys: Sequence[str], *, least_urgency: int, now: datetime
) -> list[Notification]:
    """All that may go to these recipients now and is of low severity, the most urgent first; locked.

    What a second sender has locked is left to it.
    """
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.recipient_key = ANY($2::text[]) AND n.urgency >= $3 AND n.kind = 'warning' AND NOT n.is_test
          AND {MAY_GO}
        ORDER BY n.recipient_key, n.urgency, n.created_at, n.id FOR UPDATE OF n SKIP LOCKED
        """,  # noqa: S608 - constants only
        now,
        recipient_keys,
        least_urgency,
    )
    return [notification(row) for row in rows]


async def with_more_to_come(
    tx: Transaction, recipient_keys: Sequence[str], *, least_urgency: int, now: datetime
) -> set[str]:
    """Those of these recipients for whom the planner has yet to close what is due and of low severity."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT n.recipient_key FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.recipient_key = ANY($1::text[]) AND n.state = 'planned' AND n.kind = 'warning' AND n.urgency >= $2
          AND n.due_at <= $3 AND i.state = 'approved'
        """,
        recipient_keys,
        least_urgency,
        now,
    )
    return {row["recipient_key"] for row in rows}


async def left_of_mails(tx: Transaction, mail_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """Of mails that carry several notifications: how many may go out now with each."""
    rows = await tx.fetch(
        f"""
        SELECT n.mail_id, count(*) AS left FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.mail_id = ANY($2::uuid[]) AND {MAY_GO} GROUP BY n.mail_id
        """,  # noqa: S608 - constants only
        now,
        mail_ids,
    )
    return {row["mail_id"]: row["left"] for row in rows}
