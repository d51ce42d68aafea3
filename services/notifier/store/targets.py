"""Targets: what was decided on each, and which of them wait for a mail."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from services.notifier.domain.grouping import Draft, Waiting
from services.notifier.domain.planning import (
    Decision,
    History,
    Planned,
    Suppressed,
    Warned,
    domain_of,
)
from services.notifier.store.incidents import closed_of
from services.notifier.store.orders import suppressions_of

DAY = timedelta(days=1)


class StoredDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on a target the first time that it came."""

    suppressed: bool
    reason: str
    message: str
    decided_at: datetime


async def history_of(
    tx: Transaction, targets: Sequence[Target], *, repeat_interval: timedelta, now: datetime
) -> History:
    """What the decisions on these targets depend on: a few questions for the whole batch."""
    recipients = list({target.recipient.key for target in targets})
    return History(
        suppressions=await suppressions_of(tx, recipients),
        warned=await _warned(tx, targets, since=now - repeat_interval),
        incidents=await _incidents_of(tx, recipients, since=now - DAY),
        closed=await closed_of(tx, {target.incident for target in targets}),
    )


async def _warned(tx: Transaction, targets: Sequence[Target], *, since: datetime) -> frozenset[Warned]:
    rows = await tx.fetch(
        """
        SELECT DISTINCT asked.recipient_key, asked.threat_id
        FROM unnest($1::text[], $2::uuid[]) AS asked (recipient_key, threat_id)
        JOIN targets t USING (recipient_key, threat_id)
        JOIN notifications n ON n.id = t.notification_id
        WHERE n.created_at > $3 AND n.state NOT IN ('failed', 'cancelled') AND t.fixed_at IS NULL
        """,
        [target.recipient.key for target in targets],
        [target.threat_id for target in targets],
        since,
    )
    return frozenset(Warned(row["recipient_key"], row["threat_id"]) for row in rows)


async def record_fixes(tx: Transaction, threat_ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that a recipient called these threats fixed: if they are seen again, that is not the same news."""
    if threat_ids:
        await tx.fetch(
            "UPDATE targets SET fixed_at = $2 WHERE threat_id = ANY($1::uuid[]) AND fixed_at IS NULL", threat_ids, now
        )


async def _incidents_of(tx: Transaction, recipients: Sequence[str], *, since: datetime) -> Mapping[str, frozenset[str]]:
    rows = await tx.fetch(
        """
        SELECT recipient_key, incident FROM notifications
        WHERE recipient_key = ANY($1::text[]) AND created_at > $2 AND state NOT IN ('failed', 'cancelled')
        UNION
        SELECT recipient_key, incident FROM targets WHERE recipient_key = ANY($1::text[]) AND state = 'planned'
        """,
        recipients,
        since,
    )
    incidents: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        incidents[row["recipient_key"]].add(row["incident"])
    return {recipient: frozenset(slugs) for recipient, slugs in incidents.items()}


async def record_decisions(
    tx: Transaction, decisions: Sequence[Decision], *, now: datetime
) -> dict[UUID, StoredDecision]:
    """Store, and read back: on a target that came before, the first decision stands."""
    targets = [decision.target for decision in decisions]
    suppressed = [decision if isinstance(decision, Suppressed) else None for decision in decisions]
    await tx.fetch(
        """
        INSERT INTO targets (target_id, recipient_key, recipient_domain, incident, threat_id, submission_id,
                             state, reason, message, due_at, attributed, decided_at)
        SELECT *, $12::timestamptz FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[],
                                               $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::jsonb[])
        ON CONFLICT DO NOTHING
        """,
        [target.target_id for target in targets],
        [target.recipient.key for target in targets],
        [domain_of(target.recipient.key) for target in targets],
        [target.incident for target in targets],
        [target.threat_id for target in targets],
        [target.submission_id for target in targets],
        ["suppressed" if refusal else "planned" for refusal in suppressed],
        [refusal.reason if refusal else "" for refusal in suppressed],
        [refusal.message if refusal else "" for refusal in suppressed],
        [decision.due_at if isinstance(decision, Planned) else None for decision in decisions],
        [encode(target).decode() for target in targets],
        now,
    )
    return await _decisions_on(tx, [target.target_id for target in targets])


async def _decisions_on(tx: Transaction, target_ids: Sequence[UUID]) -> dict[UUID, StoredDecision]:
    rows = await tx.fetch(
        "SELECT target_id, state, reason, message, decided_at FROM targets WHERE target_id = ANY($1::uuid[])",
        target_ids,
    )
    return {
        row["target_id"]: StoredDecision(
            suppressed=row["state"] == "suppressed",
            reason=row["reason"],
            message=row["message"],
            decided_at=row["decided_at"],
        )
        for row in rows
    }


async def due_targets(tx: Transaction, *, now: datetime, groups: int, per_group: int) -> list[Waiting]:
    """Up to `groups` recipient-incident pairs with a due target and an approved incident, with all that wait for them.

    Sorted by pair, then oldest first. The rows are locked, so a second planner takes other ones.
    """
    rows = await tx.fetch(
        """
        WITH due AS (
            SELECT DISTINCT t.recipient_key, t.incident FROM targets t JOIN incidents i ON i.slug = t.incident
            WHERE t.state = 'planned' AND t.due_at <= $1 AND i.state = 'approved' LIMIT $2
        )
        SELECT waiting.attributed::text FROM due, LATERAL (
            SELECT attributed, decided_at, target_id FROM targets t
            WHERE t.recipient_key = due.recipient_key AND t.incident = due.incident AND t.state = 'planned'
            ORDER BY decided_at, target_id LIMIT $3 FOR UPDATE SKIP LOCKED
        ) AS waiting
        ORDER BY due.recipient_key, due.incident, waiting.decided_at, waiting.target_id
        """,
        now,
        groups,
        per_group,
    )
    return [_waiting(_target(row)) for row in rows]


def _waiting(target: Target) -> Waiting:
    return Waiting(
        target_id=target.target_id,
        recipient=target.recipient,
        incident=target.incident,
        severity=target.severity,
        confidence=target.confidence,
        partner=target.partner,
    )


async def assign_targets(tx: Transaction, drafts: Sequence[Draft]) -> None:
    """Bind the targets to the notification that carries them."""
    pairs = [(target_id, draft.id) for draft in drafts for target_id in draft.target_ids]
    await tx.fetch(
        """
        UPDATE targets SET state = 'assigned', notification_id = given.notification_id
        FROM unnest($1::uuid[], $2::uuid[]) AS given (target_id, notification_id)
        WHERE targets.target_id = given.target_id AND targets.state = 'planned'
        """,
        [target_id for target_id, _ in pairs],
        [notification_id for _, notification_id in pairs],
    )


async def waiting_targets(tx: Transaction, *, recipient: str | None, incidents: Sequence[str] | None) -> list[UUID]:
    """What waits for a mail to this address or domain (None: any), about these incidents (None: any); locked."""
    rows = await tx.fetch(
        """
        SELECT target_id FROM targets
        WHERE state = 'planned'
          AND ($1::text IS NULL OR recipient_key = $1 OR right('.' || recipient_domain, length($1) + 1) = '.' || $1)
          AND ($2::text[] IS NULL OR incident = ANY($2))
        ORDER BY target_id FOR UPDATE
        """,
        recipient,
        incidents,
    )
    return [row["target_id"] for row in rows]


async def suppress_targets(
    tx: Transaction, target_ids: Sequence[UUID], *, reason: str, message: str, now: datetime
) -> list[Target]:
    """Suppress these, which wait for a mail."""
    rows = await tx.fetch(
        """
        UPDATE targets SET state = 'suppressed', reason = $2, message = $3, decided_at = $4
        WHERE target_id = ANY($1::uuid[]) AND state = 'planned' RETURNING attributed::text
        """,
        target_ids,
        reason,
        message,
        now,
    )
    return [_target(row) for row in rows]


async def targets_of(tx: Transaction, notification_ids: Sequence[UUID]) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each notification carries, oldest first."""
    rows = await tx.fetch(
        """
        SELECT notification_id, attributed::text FROM targets WHERE notification_id = ANY($1::uuid[])
        ORDER BY notification_id, decided_at, target_id
        """,
        notification_ids,
    )
    targets: dict[UUID, list[Target]] = defaultdict(list)
    for row in rows:
        targets[row["notification_id"]].append(_target(row))
    return {notification_id: tuple(carried) for notification_id, carried in targets.items()}


_decoder = msgspec.json.Decoder(Target)


def _target(row: Record) -> Target:
    return _decoder.decode(row["attributed"])
