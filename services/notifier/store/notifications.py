"""Notifications and their attempts: claimed, answered, and changed by people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import HAND_OVER, Recipient
from libs.common.db import Transaction
from libs.common.vocabulary import NotificationKind, Severity
from services.notifier.domain.amount.repeats import Reminder
from services.notifier.domain.notification import Attempt, Notification, State
from services.notifier.domain.outcome import Change
from services.notifier.domain.planning import ORGANISATION
from services.notifier.store.brakes import BRAKED, in_domain
from services.notifier.store.holds import HELD

COLUMNS = """
    n.id, n.reference, n.recipient, n.incident, n.severity, n.confidence, n.state, n.reason, n.note,
    n.partners, n.targets_total, n.created_at, n.due_at, n.queued_at, n.next_attempt_at, n.sent_at, n.subject, n.tries,
    n.doubts, n.settled, n.decided_by, n.decided_at, n.kind, n.corrects,
    n.continues, n.contact,
    n.is_first_to_recipient, n.wait, n.let_go_at, n.mail_id, n.reminder, n.is_sample, n.gone_on_at
"""

NOTHING_WENT_THERE_BEFORE = """
    (SELECT o.id FROM notifications o
     WHERE o.recipient_key = n.recipient_key AND o.id <> n.id AND o.kind = 'warning'
       AND o.state NOT IN ('failed', 'cancelled', 'rehearsed', 'bounced')
       AND (o.tries > 0 OR o.id = ANY($1::uuid[]) AND (o.urgency, o.id) < (n.urgency, n.id))
     LIMIT 1) IS NULL
"""
"""Of `n`, one of those of `$1`, which are taken up together."""


async def lost_notifications(
    tx: Transaction, *, now: datetime, limit: int, held: Collection[UUID]
) -> list[Notification]:
    """Those whose sender said nothing within its lease: it died, and whether the mail went out is not known.

    Not those that are `held` by who asks.
    """
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n
        WHERE state = 'sending' AND lease_until < $1 AND id <> ALL($3::uuid[])
        ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - constants only
        now,
        limit,
        list(held),
    )
    return [notification(row) for row in rows]


async def due_notifications(
    tx: Transaction, *, now: datetime, limit: int, but_to: Sequence[str] = ()
) -> list[Notification]:
    """The most urgent that no brake, hold or incident keeps back. Locked: a second sender takes other ones.

    A correction goes out whatever has become of the incident. None to the domains of `but_to`.
    """
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.state IN ('queued', 'deferred', 'in-doubt') AND n.next_attempt_at <= $1
          AND (i.state = 'approved' OR n.kind = 'correction') AND n.recipient_domain <> ALL($3::text[]) AND NOT {BRAKED}
          AND NOT n.is_held AND NOT {HELD}
        ORDER BY n.urgency, n.next_attempt_at LIMIT $2 FOR UPDATE OF n SKIP LOCKED
        """,  # noqa: S608 - constants only
        now,
        limit,
        list(but_to),
    )
    return [notification(row) for row in rows]


async def claim_notifications(
    tx: Transaction, mails: Mapping[UUID, UUID | None], *, now: datetime, lease_until: datetime
) -> list[Notification]:
    """Take these, which are due, and write down the intent; what goes with others has the name of their mail.

    `tries` is the number of the attempt.
    """
    rows = await tx.fetch(
        f"""
        WITH claimed AS (
            UPDATE notifications n
            SET state = 'sending', lease_until = $3, tries = n.tries + 1, wait = '',
                let_go_at = coalesce(n.let_go_at, $2), mail_id = given.mail_id,
                is_first_to_recipient = CASE WHEN n.tries > 0 THEN n.is_first_to_recipient
                                             ELSE n.kind = 'warning' AND {NOTHING_WENT_THERE_BEFORE} END
            FROM unnest($1::uuid[], $4::uuid[]) AS given (id, mail_id) WHERE n.id = given.id RETURNING {COLUMNS}
        ), intent AS (
            INSERT INTO attempts (notification_id, number, started_at) SELECT id, tries, $2 FROM claimed
        )
        SELECT * FROM claimed
        """,  # noqa: S608 - constants only
        list(mails),
        now,
        lease_until,
        list(mails.values()),
    )
    return [notification(row) for row in rows]


async def record_changes(tx: Transaction, given: Sequence[Change], *, now: datetime) -> set[UUID]:
    """Write down what became of a batch of attempts; answers the notifications that it was theirs to change.

    An answer that comes after the lease ends the doubt, until another sender takes the notification up: that is another
    attempt, and what the first one says of its own then comes too late.
    """
    changed = await _change_notifications(tx, given, now=now)
    changes = [change for change in given if change.notification_id in changed]
    tried = [change for change in changes if change.result is not None]
    await tx.fetch(
        """
        UPDATE attempts a SET ended_at = $6, result = given.result, smtp_code = given.smtp_code, detail = given.detail
        FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[])
          AS given (notification_id, number, result, smtp_code, detail)
        WHERE a.notification_id = given.notification_id AND a.number = given.number
        """,
        [change.notification_id for change in tried],
        [change.attempt for change in tried],
        [change.result for change in tried],
        [change.smtp_code for change in tried],
        [change.detail for change in tried],
        now,
    )
    if released := [change for change in changes if change.result is None]:
        await tx.fetch(
            """
            DELETE FROM attempts a USING unnest($1::uuid[], $2::int[]) AS given (notification_id, number)
            WHERE a.notification_id = given.notification_id AND a.number = given.number
            """,
            [change.notification_id for change in released],
            [change.attempt for change in released],
        )
    return changed


async def _change_notifications(tx: Transaction, changes: Sequence[Change], *, now: datetime) -> set[UUID]:
    rows = await tx.fetch(
        """
        UPDATE notifications n
        SET state = given.state, reason = given.reason, lease_until = NULL,
            next_attempt_at = given.next_attempt_at, sent_at = coalesce(n.sent_at, given.sent_at),
            subject = coalesce(given.subject, n.subject), settled = n.settled OR given.settled,
            doubts = n.doubts - (n.state = 'in-doubt')::int + (given.state = 'in-doubt' AND given.tried)::int,
            tries = n.tries - (NOT given.tried)::int, is_held = false,
            gone_on_at = CASE WHEN given.state = 'bounced' THEN $10 ELSE n.gone_on_at END
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::bool[],
                    $8::bool[], $9::int[])
          AS given (id, state, reason, next_attempt_at, sent_at, subject, settled, tried, attempt)
        WHERE n.id = given.id AND n.state IN ('sending', 'in-doubt') AND n.tries = given.attempt
        RETURNING n.id
        """,
        [change.notification_id for change in changes],
        [change.state for change in changes],
        [change.reason for change in changes],
        [change.next_attempt_at for change in changes],
        [change.sent_at for change in changes],
        [change.subject for change in changes],
        [change.settled for change in changes],
        [change.result is not None for change in changes],
        [change.attempt for change in changes],
        now,
    )
    return {row["id"] for row in rows}


async def notification_with_id(tx: Transaction, notification_id: UUID, *, lock: bool = False) -> Notification | None:
    """One notification; with `lock`, nobody else changes it before this transaction ends."""
    locking = "FOR UPDATE" if lock else ""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM notifications n WHERE id = $1 {locking}",  # noqa: S608 - constants only
        notification_id,
    )
    return notification(rows[0]) if rows else None


async def others_in_mail(tx: Transaction, named_after: UUID) -> list[Notification]:
    """What went in one mail with the notification that it was named after; locked."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM notifications n WHERE mail_id = $1 AND id <> $1 ORDER BY id FOR UPDATE",  # noqa: S608 - constants only
        named_after,
    )
    return [notification(row) for row in rows]


async def notifications_with_ids(tx: Transaction, notification_ids: Collection[UUID]) -> dict[UUID, Notification]:
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM notifications n WHERE id = ANY($1::uuid[])",  # noqa: S608 - constants only
        list(notification_ids),
    )
    return {row["id"]: notification(row) for row in rows}


async def id_of_reference(tx: Transaction, reference: str) -> UUID | None:
    """The first that had it; those that continue it are told of there."""
    rows = await tx.fetch("SELECT id FROM notifications WHERE reference = $1 AND continues IS NULL", reference)
    return rows[0]["id"] if rows else None


async def decide_notification(
    tx: Transaction, notification_id: UUID, *, state: State, reason: str, note: str, by: str, now: datetime
) -> None:
    """A person's decision. One that goes back into the queue starts with a clean slate of doubts and of patience."""
    await tx.fetch(
        """
        UPDATE notifications
        SET state = $2, reason = $3, decided_by = $4, decided_at = $5, note = $6, settled = settled OR $2 = 'cancelled',
            queued_at = CASE WHEN $2 = 'queued' THEN $5 ELSE queued_at END,
            next_attempt_at = CASE WHEN $2 = 'queued' THEN $5 END,
            doubts = CASE WHEN $2 = 'queued' THEN 0 ELSE doubts END,
            mail_id = CASE WHEN $2 = 'queued' THEN NULL ELSE mail_id END, wait = '', is_held = false
        WHERE id = $1
        """,
        notification_id,
        state,
        reason,
        by,
        now,
        note,
    )


async def open_notifications(
    tx: Transaction,
    *,
    recipient: str | None,
    spares_teams: bool,
    incidents: Sequence[str] | None,
    kind: NotificationKind | None,
) -> list[UUID]:
    """What has not gone out to this address, domain or organisation, about these incidents, of this kind (None: any).

    Locked, in the order in which `open_groups` locks, so that the two never wait for each other. What is handed over to
    a team at that address is among it, unless it is spared. A mail under way is left alone.
    """
    rows = await tx.fetch(
        f"""
        SELECT id FROM notifications
        WHERE state IN ('planned', 'awaiting-approval', 'queued', 'deferred', 'in-doubt')
          AND ($1::text IS NULL OR recipient_key IN ($1, $4 || $1)
               OR {in_domain("recipient_domain", given="$1")}
               OR starts_with($1, $6)
                  AND convert_from(recipient, 'UTF8')::json ->> 'organisation_id' = substr($1, length($6) + 1))
          AND NOT ($5 AND starts_with(recipient_key, $4))
          AND ($2::text[] IS NULL OR incident = ANY($2)) AND ($3::text IS NULL OR kind = $3)
        ORDER BY recipient_key, incident, id FOR UPDATE
        """,  # noqa: S608 - a name of a column
        recipient,
        incidents,
        kind,
        HAND_OVER,
        spares_teams,
        ORGANISATION,
    )
    return [row["id"] for row in rows]


async def cancel_notifications(
    tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, by: str, now: datetime
) -> list[UUID]:
    """Cancel these, which are locked; answers those whose outcome is to be said now."""
    rows = await tx.fetch(
        """
        WITH given AS (SELECT id, settled FROM notifications WHERE id = ANY($1::uuid[]))
        UPDATE notifications n SET state = 'cancelled', reason = $2, decided_by = $3, decided_at = $4,
                                   next_attempt_at = NULL, settled = true, is_held = false
        FROM given WHERE n.id = given.id RETURNING n.id, given.settled AS settled_before
        """,
        notification_ids,
        reason,
        by,
        now,
    )
    return [row["id"] for row in rows if not row["settled_before"]]


async def attempts_of(tx: Transaction, notification_id: UUID) -> list[Attempt]:
    """Every try, oldest first."""
    rows = await tx.fetch(
        """
        SELECT number, started_at, ended_at, result, smtp_code, detail FROM attempts
        WHERE notification_id = $1 ORDER BY number
        """,
        notification_id,
    )
    return [Attempt(**row) for row in rows]


def notification(row: Record) -> Notification:
    """A row that was selected with `COLUMNS`."""
    values = dict(row)
    return Notification(
        **values
        | {
            "recipient": msgspec.json.decode(row["recipient"], type=Recipient),
            "severity": Severity(row["severity"]),
            "state": State(row["state"]),
            "partners": tuple(row["partners"]),
            "kind": NotificationKind(row["kind"]),
            "reminder": msgspec.json.decode(row["reminder"], type=Reminder) if row["reminder"] else None,
        }
    )
