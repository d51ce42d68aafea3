"""Corrections: what each takes back of which notification, and when it may go out."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from services.notifier.domain.notification import State
from services.notifier.domain.withdrawal import Corrected
from services.notifier.store.attributed import read_target
from services.notifier.store.withdrawals import MAY_HAVE_ARRIVED

NOTHING_TO_CORRECT = "nothing-to-correct"


async def open_corrections(tx: Transaction, original_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """By original the correction that others can still join; they were locked with their originals."""
    rows = await tx.fetch(
        """
        SELECT corrects, id FROM notifications
        WHERE corrects = ANY($1::uuid[]) AND state = 'planned' AND kind = 'correction'
        """,
        list(original_ids),
    )
    return {row["corrects"]: row["id"] for row in rows}


async def add_corrections(
    tx: Transaction, originals: Mapping[UUID, UUID], *, references: Mapping[UUID, str], due_at: datetime, now: datetime
) -> None:
    """New ones, by their ids, each like the original that it corrects. None has an outcome of targets to say."""
    await tx.fetch(
        """
        INSERT INTO notifications (id, reference, recipient_key, recipient_domain, incident, created_at, recipient,
                                   recipient_confidence, severity, urgency, confidence, partners, targets_total, due_at,
                                   state, is_test, settled, kind, corrects)
        SELECT given.id, given.reference, o.recipient_key, o.recipient_domain, o.incident, $5, o.recipient,
               o.recipient_confidence, o.severity, o.urgency, o.confidence, o.partners, 0, $4,
               'planned', o.is_test, true, 'correction', o.id
        FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS given (id, reference, original_id)
        JOIN notifications o ON o.id = given.original_id
        """,
        list(originals),
        [references[correction_id] for correction_id in originals],
        list(originals.values()),
        due_at,
        now,
    )


async def note_corrected(tx: Transaction, given: Sequence[Corrected], *, corrections: Mapping[UUID, UUID]) -> None:
    """What each correction takes back; `corrections` has the one of each original."""
    await tx.fetch(
        """
        WITH noted AS (
            INSERT INTO corrections (original_id, threat_id, withdrawal_id, correction_id)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
            RETURNING original_id, threat_id, correction_id
        ), counted AS (
            SELECT noted.correction_id, count(*) AS targets FROM noted
            JOIN targets t ON t.notification_id = noted.original_id AND t.threat_id = noted.threat_id GROUP BY 1
        )
        UPDATE notifications n SET targets_total = n.targets_total + counted.targets
        FROM counted WHERE n.id = counted.correction_id
        """,
        [each.original_id for each in given],
        [each.threat_id for each in given],
        [each.withdrawal_id for each in given],
        [corrections[each.original_id] for each in given],
    )


async def close_due_corrections(tx: Transaction, *, now: datetime, limit: int) -> list[State]:
    """Close up to `limit` corrections that are due: into the queue, or cancelled where there is nothing to correct.

    Answers the new state of each. One whose original has no end yet waits for it: it must not overtake it, and what was
    not told needs no correction. No incident that is paused or closed keeps back that we were wrong.
    """
    rows = await tx.fetch(
        f"""
        WITH due AS (
            SELECT c.id, c.corrects FROM notifications c JOIN notifications o ON o.id = c.corrects
            WHERE c.state = 'planned' AND c.kind = 'correction' AND c.due_at <= $1
              AND (o.settled OR o.state = 'bounced')
            LIMIT $2 FOR UPDATE OF c SKIP LOCKED
        ), wrong AS (
            SELECT due.id, due.corrects, count(t.target_id) AS targets
            FROM due JOIN corrections k ON k.correction_id = due.id
            LEFT JOIN targets t ON t.notification_id = k.original_id AND t.threat_id = k.threat_id GROUP BY 1, 2
        ), decided AS (
            SELECT wrong.id, wrong.targets, wrong.targets > 0 AND {MAY_HAVE_ARRIVED} AS is_told
            FROM wrong JOIN notifications n ON n.id = wrong.corrects
        )
        UPDATE notifications SET
            state = CASE WHEN is_told THEN 'queued' ELSE 'cancelled' END,
            reason = CASE WHEN is_told THEN '' ELSE $3 END, targets_total = targets,
            queued_at = CASE WHEN is_told THEN $1 END, next_attempt_at = CASE WHEN is_told THEN $1 END
        FROM decided WHERE notifications.id = decided.id RETURNING notifications.state
        """,  # noqa: S608 - constants only
        now,
        limit,
        NOTHING_TO_CORRECT,
    )
    return [State(row["state"]) for row in rows]


async def corrected_targets(tx: Transaction, correction_ids: Sequence[UUID]) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each of these corrections takes back, oldest first."""
    rows = await tx.fetch(
        """
        SELECT c.correction_id, t.attributed FROM corrections c
        JOIN targets t ON t.notification_id = c.original_id AND t.threat_id = c.threat_id
        WHERE c.correction_id = ANY($1::uuid[]) ORDER BY c.correction_id, t.decided_at, t.target_id
        """,
        correction_ids,
    )
    found: dict[UUID, list[Target]] = defaultdict(list)
    for row in rows:
        found[row["correction_id"]].append(read_target(row["attributed"]))
    return {correction_id: tuple(wrong) for correction_id, wrong in found.items()}


async def holding_in_part(tx: Transaction, original_ids: Collection[UUID]) -> set[UUID]:
    """Those of these notifications that said something that nobody has withdrawn."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT t.notification_id AS id FROM targets t
        WHERE t.notification_id = ANY($1::uuid[]) AND NOT EXISTS (
            SELECT FROM withdrawals w WHERE w.threat_id = t.threat_id
            AND w.at >= (convert_from(t.attributed, 'UTF8')::json ->> 'received_at')::timestamptz
        )
        """,
        list(original_ids),
    )
    return {row["id"] for row in rows}
