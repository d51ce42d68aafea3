"""Mails that wait: drawn for a first wave, put out of the sender's sight and back, counted, and taken in bulk."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from libs.common.vocabulary import RecipientKind, Severity
from services.notifier.domain.brakes.decisions import Decision
from services.notifier.domain.brakes.first_wave import Candidate
from services.notifier.domain.brakes.holds import Hold
from services.notifier.domain.brakes.release import Amount
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.store.brakes import within
from services.notifier.store.holds import HELD, IN_EARNEST, REACHES

WAITS = "n.state IN ('queued', 'deferred', 'in-doubt')"
KIND = "convert_from(n.recipient, 'UTF8')::json ->> 'kind'"

WITHIN = within("$1", "$2")

BEHIND = f"""
    ($3::uuid IS NULL OR (
        {IN_EARNEST} AND NOT (n.is_sample AND (SELECT h.kind FROM holds h WHERE h.id = $3) = 'first-wave')
    ))
"""  # noqa: S608 - constants only


async def sample_of(tx: Transaction, incident: str) -> Counter[RecipientKind]:
    """How many mails go with its first wave, by kind of recipient; not the cancelled, or those passed on untried."""
    rows = await tx.fetch(
        f"""
        SELECT {KIND} AS kind, count(*) AS mails FROM notifications n
        WHERE n.incident = $1 AND n.is_sample AND n.state <> 'cancelled' AND NOT (n.state = 'bounced' AND n.tries = 0)
        GROUP BY 1
        """,  # noqa: S608 - constants only
        incident,
    )
    return Counter({RecipientKind(row["kind"]): row["mails"] for row in rows})


async def mails_about(tx: Transaction, incident: str) -> int:
    """All of them in earnest that have gone, or may go."""
    rows = await tx.fetch(
        f"""
        SELECT count(*) AS mails FROM notifications n
        WHERE n.incident = $1 AND {IN_EARNEST} AND n.state NOT IN ('cancelled', 'rehearsed')
        """,  # noqa: S608 - constants only
        incident,
    )
    mails: int = rows[0]["mails"]
    return mails


async def lock_candidates(tx: Transaction, incident: str, *, of_each_kind: int) -> list[Candidate]:
    """So many mails to each kind of recipient that could go with the first wave, the lowest ids; locked."""
    rows = await tx.fetch(
        f"""
        WITH ranked AS (
            SELECT n.id, {KIND} AS kind, row_number() OVER (PARTITION BY {KIND} ORDER BY n.id) AS place
            FROM notifications n WHERE n.incident = $1 AND {WAITS} AND {IN_EARNEST} AND NOT n.is_sample
        )
        SELECT n.id, ranked.kind FROM ranked JOIN notifications n ON n.id = ranked.id
        WHERE ranked.place <= $2 AND {WAITS} FOR UPDATE OF n SKIP LOCKED
        """,  # noqa: S608 - constants only
        incident,
        of_each_kind,
    )
    return [Candidate(row["id"], RecipientKind(row["kind"])) for row in rows]


async def mark_sampled(tx: Transaction, notification_ids: Sequence[UUID]) -> None:
    """These, which are locked, go with the first wave."""
    await tx.fetch(
        "UPDATE notifications SET is_sample = true, is_held = false WHERE id = ANY($1::uuid[])", notification_ids
    )


async def put_out_of_sight(tx: Transaction, standing: Sequence[Hold], *, limit: int) -> int:
    """Mark mails that these holds keep back, so that the sender does not read them again and again; how many."""
    rows = await tx.fetch(
        f"""
        WITH behind AS (
            SELECT n.id FROM notifications n
            WHERE {WAITS} AND NOT n.is_held AND (n.incident = ANY($2::text[]) OR n.partners && $3::text[]) AND {HELD}
            LIMIT $1 FOR UPDATE OF n SKIP LOCKED
        )
        UPDATE notifications n SET is_held = true FROM behind WHERE n.id = behind.id RETURNING n.id
        """,  # noqa: S608 - constants only
        limit,
        [hold.value for hold in standing if hold.scope is BrakeScope.INCIDENT],
        [hold.value for hold in standing if hold.scope is BrakeScope.PARTNER],
    )
    return len(rows)


async def put_back(tx: Transaction, *, limit: int) -> int:
    """Show the sender mails that no hold keeps back any more; how many. Ends the releases that have nothing left."""
    releasing = await tx.fetch("SELECT id FROM holds WHERE state = 'releasing' FOR UPDATE SKIP LOCKED")
    if not releasing:
        return 0
    rows = await tx.fetch(
        f"""
        WITH free AS (
            SELECT n.id FROM notifications n WHERE {WAITS} AND n.is_held AND NOT {HELD}
            LIMIT $1 FOR UPDATE OF n SKIP LOCKED
        )
        UPDATE notifications n SET is_held = false FROM free WHERE n.id = free.id RETURNING n.id
        """,  # noqa: S608 - constants only
        limit,
    )
    await tx.fetch(
        f"""
        UPDATE holds SET state = 'released' WHERE id = ANY($1::uuid[]) AND NOT EXISTS (
            SELECT FROM notifications n WHERE {WAITS} AND n.is_held AND NOT {HELD}
        )
        """,  # noqa: S608 - constants only
        [row["id"] for row in releasing],
    )
    return len(rows)


async def note_waiting(tx: Transaction, *, now: datetime) -> None:
    """Say since when mails wait behind each hold, and that none does any more."""
    await tx.fetch(
        f"""
        WITH looked AS (
            SELECT h.id, h.waits_since IS NOT NULL AS is_known, EXISTS (
                SELECT FROM notifications n WHERE {WAITS} AND n.is_held AND {IN_EARNEST} AND {REACHES}
            ) AS waits
            FROM holds h WHERE h.state = 'standing' FOR UPDATE SKIP LOCKED
        )
        UPDATE holds h SET waits_since = CASE WHEN looked.waits THEN $1::timestamptz END
        FROM looked WHERE h.id = looked.id AND looked.waits <> looked.is_known
        """,  # noqa: S608 - constants only
        now,
    )


async def amounts_by_state(
    tx: Transaction, scope: BrakeScope, value: str, *, hold_id: UUID | None, states: Collection[State]
) -> dict[State, Amount]:
    """How many mails in these states there are within a scope, or behind a hold, and to whom."""
    rows = await tx.fetch(
        f"""
        SELECT n.state, {KIND} AS kind, n.severity, count(*) AS mails, sum(n.targets_total) AS targets
        FROM notifications n WHERE n.state = ANY($4::text[]) AND {WITHIN} AND {BEHIND} GROUP BY 1, 2, 3
        """,  # noqa: S608 - constants only
        scope,
        value,
        hold_id,
        list(states),
    )
    return {state: _amount([row for row in rows if row["state"] == state]) for state in State if state in states}


def _amount(rows: Sequence[Record]) -> Amount:
    kinds: Counter[RecipientKind] = Counter()
    severities: Counter[Severity] = Counter()
    for row in rows:
        kinds[RecipientKind(row["kind"])] += row["mails"]
        severities[Severity(row["severity"])] += row["mails"]
    return Amount(mails=kinds.total(), targets=sum(row["targets"] for row in rows), kinds=kinds, severities=severities)


async def lock_next(
    tx: Transaction, decision: Decision, *, states: Collection[State], limit: int
) -> list[tuple[UUID, int]]:
    """Some of the mails that a decision is about, with how many targets they have; locked.

    Only what was there when it was made. In the order in which `open_groups` locks, so that the two never wait for
    each other.
    """
    rows = await tx.fetch(
        f"""
        SELECT n.id, n.targets_total FROM notifications n
        WHERE n.state = ANY($4::text[]) AND {WITHIN} AND {BEHIND} AND n.created_at <= $5
        ORDER BY n.recipient_key, n.incident, n.id LIMIT $6 FOR UPDATE OF n
        """,  # noqa: S608 - constants only
        decision.scope,
        decision.value,
        decision.hold_id,
        list(states),
        decision.at,
        limit,
    )
    return [(row["id"], row["targets_total"]) for row in rows]


async def approve_notifications(
    tx: Transaction, notification_ids: Sequence[UUID], *, by: str, note: str, now: datetime
) -> None:
    """These, which are locked and wait for a person, may go."""
    await tx.fetch(
        """
        UPDATE notifications
        SET state = 'queued', decided_by = $2, decided_at = $3, note = $4, queued_at = $3, next_attempt_at = $3
        WHERE id = ANY($1::uuid[])
        """,
        notification_ids,
        by,
        now,
        note,
    )
