"""Holds: put up, looked at, asked about, released."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.volume import Day, Subject
from services.notifier.domain.notification import BrakeScope
from services.notifier.store.volumes import day_of

HOLD_COLUMNS = "id, kind, scope, value, state, reason, since, waits_since, asked_by, asked_at, ended_by, ended_at, note"

IN_EARNEST = "n.kind = 'warning' AND NOT n.is_test"

REACHES = """
    (CASE h.scope WHEN 'incident' THEN h.value = n.incident WHEN 'partner' THEN h.value = ANY(n.partners) END
     AND NOT (h.kind = 'first-wave' AND n.is_sample))
"""

HELD = f"""
    ({IN_EARNEST} AND EXISTS (SELECT FROM holds h WHERE h.state = 'standing' AND {REACHES}))
"""
"""Whether a hold keeps `n` back: `keeps_back`, in SQL.

For each mail by itself, which is dear, so PostgreSQL reads the queue in its order and stops early, also while it has no
statistics. With lists of what is held it read all of it and sorted that: half a second with 50,000 mails.
"""


async def put_up(tx: Transaction, holds: Sequence[Hold]) -> list[Hold]:
    """Store new ones; answers those that were not standing already."""
    if not holds:
        return []
    holds = sorted(holds, key=lambda hold: (hold.scope, hold.value, hold.kind))
    rows = await tx.fetch(
        f"""
        INSERT INTO holds (id, kind, scope, value, state, reason, since)
        SELECT given.id, given.kind, given.scope, given.value, 'standing', given.reason, given.since
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
          AS given (id, kind, scope, value, reason, since)
        ON CONFLICT DO NOTHING RETURNING {HOLD_COLUMNS}
        """,  # noqa: S608 - constants only
        [hold.id for hold in holds],
        [hold.kind for hold in holds],
        [hold.scope for hold in holds],
        [hold.value for hold in holds],
        [hold.reason for hold in holds],
        [hold.since for hold in holds],
    )
    return [_hold(row) for row in rows]


async def incidents_begun(tx: Transaction, slugs: Collection[str]) -> set[str]:
    """Those of these incidents that have had their first wave, or about which somebody was mailed in earnest."""
    rows = await tx.fetch(
        f"""
        SELECT slug FROM unnest($1::text[]) AS asked (slug) WHERE EXISTS (
            SELECT FROM holds h WHERE h.scope = 'incident' AND h.value = slug AND h.kind = 'first-wave'
        ) OR EXISTS (
            SELECT FROM notifications n WHERE n.incident = slug AND {IN_EARNEST} AND n.sent_at IS NOT NULL
        )
        """,  # noqa: S608 - constants only
        list(slugs),
    )
    return {row["slug"] for row in rows}


async def hold_with_id(tx: Transaction, hold_id: UUID, *, lock: bool = False) -> Hold | None:
    """One hold; with `lock`, nobody else changes it before this transaction ends."""
    locking = "FOR UPDATE" if lock else ""
    rows = await tx.fetch(
        f"SELECT {HOLD_COLUMNS} FROM holds WHERE id = $1 {locking}",  # noqa: S608 - constants only
        hold_id,
    )
    return _hold(rows[0]) if rows else None


async def newest_holds(
    tx: Transaction, *, state: HoldState | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Hold]:
    """A page of holds, newest first."""
    moment, last = before or (None, None)
    rows = await tx.fetch(
        f"""
        SELECT {HOLD_COLUMNS} FROM holds
        WHERE ($1::text IS NULL OR state = $1) AND ($2::timestamptz IS NULL OR (since, id) < ($2, $3::uuid))
        ORDER BY since DESC, id DESC LIMIT $4
        """,  # noqa: S608 - constants only
        state,
        moment,
        last,
        limit,
    )
    return [_hold(row) for row in rows]


async def standing_holds(tx: Transaction) -> list[Hold]:
    rows = await tx.fetch(f"SELECT {HOLD_COLUMNS} FROM holds WHERE state = 'standing'")  # noqa: S608 - constants only
    return [_hold(row) for row in rows]


async def lock_waves(tx: Transaction) -> list[Hold]:
    """The first waves that stand and that nobody else is looking at."""
    rows = await tx.fetch(
        f"""
        SELECT {HOLD_COLUMNS} FROM holds WHERE state = 'standing' AND kind = 'first-wave'
        ORDER BY value FOR UPDATE SKIP LOCKED
        """  # noqa: S608 - constants only
    )
    return [_hold(row) for row in rows]


async def note_asked(tx: Transaction, hold_id: UUID, *, by: str, now: datetime) -> None:
    await tx.fetch("UPDATE holds SET asked_by = $2, asked_at = $3 WHERE id = $1", hold_id, by, now)


async def release(tx: Transaction, hold_id: UUID, *, by: str, note: str, today: Day, now: datetime) -> None:
    """Its mails may go. `today` is what the day has brought until now: so much has been agreed to."""
    await tx.fetch(
        """
        UPDATE holds SET state = 'releasing', ended_by = $2, ended_at = $3, note = $4, released_mails = $5,
                         released_records = $6
        WHERE id = $1
        """,
        hold_id,
        by,
        now,
        note,
        today.mails,
        today.records,
    )


async def agreed_today(tx: Transaction, subjects: Iterable[Subject], *, now: datetime) -> dict[Subject, Day]:
    """What there was when each of these was last released today."""
    asked = list(subjects)
    rows = await tx.fetch(
        """
        SELECT h.scope, h.value, max(h.released_mails) AS mails, max(h.released_records) AS records
        FROM unnest($1::text[], $2::text[]) AS asked (scope, value)
        JOIN holds h ON h.scope = asked.scope AND h.value = asked.value
        WHERE (h.ended_at AT TIME ZONE 'UTC')::date = $3 AND h.released_mails IS NOT NULL GROUP BY 1, 2
        """,
        [scope for scope, _ in asked],
        [value for _, value in asked],
        day_of(now),
    )
    return {
        (BrakeScope(row["scope"]), row["value"]): Day(mails=row["mails"], records=row["records"] or 0) for row in rows
    }


def _hold(row: Record) -> Hold:
    return Hold(
        **dict(row)
        | {
            "kind": HoldKind(row["kind"]),
            "scope": BrakeScope(row["scope"]),
            "state": HoldState(row["state"]),
        }
    )
