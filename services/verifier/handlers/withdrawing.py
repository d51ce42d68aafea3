"""Threats turn out to be none: they are closed, what was planned is not mailed, and who was told may hear of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import ThreatWithdrawn
from libs.common.db import Transaction
from libs.common.ids import derived_id
from libs.common.outbox import enqueue
from libs.common.vocabulary import FeedbackKind
from services.verifier import store
from services.verifier.domain import Threat
from services.verifier.handlers.false_positives import reach_of

MOST_AT_ONCE = 5_000


async def correct_false_positive(
    tx: Transaction, false_positive_id: UUID, *, days: int, by: str, now: datetime
) -> tuple[int, bool]:
    """Withdraw what an entry covers of what was believed before it: how many threats, and whether more are left.

    At most 5,000 at once; asked again, it goes on where it was. Raises the 404 problem where there is no such entry.
    """
    reach = await reach_of(tx, false_positive_id, days=days, now=now)
    wrong = [threat for threat in reach.threats if threat.closed_reason != FeedbackKind.FALSE_POSITIVE]
    chosen = wrong[:MOST_AT_ONCE]
    reason = FeedbackKind.FALSE_POSITIVE.value
    await withdraw(tx, chosen, withdrawal_id=false_positive_id, reason=reason, corrects=True, by=by, now=now)
    return len(chosen), len(wrong) > MOST_AT_ONCE


async def withdraw(
    tx: Transaction,
    threats: Sequence[Threat],
    *,
    withdrawal_id: UUID,
    reason: str,
    corrects: bool,
    by: str,
    now: datetime,
) -> None:
    """Close them, whatever closed them before, and tell the notifier through the outbox."""
    await store.withdraw_threats(tx, [threat.threat_id for threat in threats], reason=reason, now=now)
    await enqueue(
        tx,
        [
            ThreatWithdrawn(
                withdrawal_id=derived_id("withdrawal", withdrawal_id, now.isoformat()),
                threat_id=threat.threat_id,
                asset=threat.asset,
                incident=threat.incident,
                reason=reason,
                corrects=corrects,
                by=by,
                at=now,
            )
            for threat in threats
        ],
    )
