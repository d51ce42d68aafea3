"""Targets: what was decided on each, and which notification carries it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import FeedbackReceived
from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts.wire import encode
from libs.common.db import Transaction
from libs.common.vocabulary import IncidentState
from services.notifier.domain.planning import Decision, History, Suppressed
from services.notifier.domain.proofs import rests_on
from services.notifier.store.attributed import read_target
from services.notifier.store.incidents import states_of
from services.notifier.store.orders import suppressions_of
from services.notifier.store.told import told_of
from services.notifier.store.withdrawals import withdrawn_until

ROWS_AT_ONCE = 500


class StoredDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on a target the first time that it came. `reason` and `message` say why it is suppressed."""

    suppressed: bool
    reason: str
    message: str
    decided_at: datetime


async def decisions_on(tx: Transaction, target_ids: Iterable[UUID]) -> dict[UUID, StoredDecision]:
    """The decisions on those of these targets that came before."""
    rows = await tx.fetch(
        """
        SELECT target_id, notification_id IS NULL AND unproven_at IS NULL AS suppressed, reason, message, decided_at
        FROM targets WHERE target_id = ANY($1::uuid[])
        """,
        list(target_ids),
    )
    return {
        row["target_id"]: StoredDecision(
            suppressed=row["suppressed"],
            reason=row["reason"] or "",
            message=row["message"] or "",
            decided_at=row["decided_at"],
        )
        for row in rows
    }


async def history_of(tx: Transaction, targets: Sequence[Target], *, now: datetime) -> History:
    """What the decisions on these targets depend on: a few questions for the whole batch."""
    recipients = {(target.recipient.key, target.recipient.organisation_id) for target in targets}
    threats = {target.threat_id for target in targets}
    states = await states_of(tx, {target.incident for target in targets})
    return History(
        withdrawn=await withdrawn_until(tx, threats),
        suppressions=await suppressions_of(tx, recipients, now=now),
        told=await told_of(tx, threats),
        closed=frozenset(slug for slug, state in states.items() if state is IncidentState.CLOSED),
        approved=frozenset(slug for slug, state in states.items() if state is IncidentState.APPROVED),
    )


async def record_fixes(tx: Transaction, answers: Sequence[FeedbackReceived]) -> None:
    """Note that recipients called threats fixed: if they are seen again, that is not the same news.

    An answer is about its mail and those before it: where it comes again after the threat has come back, it says
    nothing of the later one.
    """
    fixes = [(threat_id, answer) for answer in answers for threat_id in answer.threat_ids]
    if not fixes:
        return
    await tx.fetch(
        """
        UPDATE targets SET fixed_at = fix.at
        FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS fix (threat_id, notification_id, at)
        WHERE targets.threat_id = fix.threat_id AND targets.fixed_at IS NULL AND targets.decided_at <= coalesce(
            (SELECT max(decided_at) FROM targets AS told WHERE told.notification_id = fix.notification_id), 'infinity'
        )
        """,
        [threat_id for threat_id, _ in fixes],
        [answer.notification_id for _, answer in fixes],
        [answer.at for _, answer in fixes],
    )


async def record_decisions(
    tx: Transaction, decisions: Sequence[Decision], *, notifications: Mapping[UUID, UUID], now: datetime
) -> dict[UUID, StoredDecision]:
    """Store decisions on targets that are new; `notifications` has the one that each planned target has joined."""
    made = {decision.target.target_id: _made(decision, now) for decision in decisions}
    await tx.copy(
        "targets",
        columns=(
            "target_id",
            "threat_id",
            "submission_id",
            "notification_id",
            "reason",
            "message",
            "decided_at",
            "attributed",
            "first_target_id",
            "copy_of",
            "rests_on",
        ),
        rows=[_row(decision.target, made[decision.target.target_id], notifications) for decision in decisions],
    )
    return made


def _made(decision: Decision, now: datetime) -> StoredDecision:
    if isinstance(decision, Suppressed):
        return StoredDecision(suppressed=True, reason=decision.reason, message=decision.message, decided_at=now)
    return StoredDecision(suppressed=False, reason="", message="", decided_at=now)


def _row(target: Target, made: StoredDecision, notifications: Mapping[UUID, UUID]) -> tuple[object, ...]:
    return (
        target.target_id,
        target.threat_id,
        target.submission_id,
        notifications.get(target.target_id),
        made.reason or None,
        made.message or None,
        made.decided_at,
        encode(target),
        target.continued.target_id if target.continued else None,
        target.copy_of,
        rests_on(target) or None,
    )


CARRIED = """
    SELECT notification_id, attributed FROM targets WHERE notification_id = ANY($1::uuid[]) AND left_out_at IS NULL
    ORDER BY notification_id, decided_at, target_id
"""


async def targets_of(
    tx: Transaction, notification_ids: Sequence[UUID], *, most: int | None = None
) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each warning carries, oldest first; `most`: of all together no more than the first ones."""
    limit = "" if most is None else f"LIMIT {most:d}"
    rows = await tx.fetch(f"{CARRIED} {limit}", notification_ids)
    targets: dict[UUID, list[Target]] = defaultdict(list)
    for row in rows:
        targets[row["notification_id"]].append(read_target(row["attributed"]))
    return {notification_id: tuple(carried) for notification_id, carried in targets.items()}


async def many_targets_of(tx: Transaction, notification_id: UUID) -> tuple[Target, ...]:
    """Those of a large warning, oldest first. Read in pieces: rows of a mail with 10,000 take 20 MB beside them."""
    targets: list[Target] = []
    async for rows in tx.stream(CARRIED, [notification_id], rows_at_once=ROWS_AT_ONCE):
        targets += [read_target(row["attributed"]) for row in rows]
    return tuple(targets)
