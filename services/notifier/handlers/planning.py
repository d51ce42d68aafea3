"""Events that come in: targets to mail, incidents that change, recipients who ask not to be written to."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts import FeedbackReceived, IncidentChanged, IndicatorSettled
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from libs.common.vocabulary import FeedbackKind, Outcome
from services.notifier.domain.outcome import settled_targets
from services.notifier.domain.planning import PlanningPolicy, Suppression, SuppressionReason, plan
from services.notifier.handlers.withdrawing import silence, withdraw_closed
from services.notifier.store import incidents, orders, targets

__all__ = ["PlanningPolicy", "heed_feedback", "plan_targets", "take_up_incidents"]


async def plan_targets(
    events: Sequence[Target], *, tx: Transaction, now: datetime, policy: PlanningPolicy
) -> Sequence[IndicatorSettled]:
    """Plan each target's mail, or suppress it. A target that came before keeps its first decision.

    Returns one `IndicatorSettled` for each that is suppressed; the others are settled when their mail is.
    """
    history = await targets.history_of(tx, events, repeat_interval=policy.repeat_interval, now=now)

    decisions = plan(events, history=history, policy=policy, now=now)

    stored = await targets.record_decisions(tx, decisions, now=now)
    return [
        settled
        for event in events
        if (decision := stored[event.target_id]).suppressed
        for settled in settled_targets(
            [event],
            outcome=Outcome.SUPPRESSED,
            reason=decision.reason,
            message=decision.message,
            now=decision.decided_at,
        )
    ]


async def take_up_incidents(
    events: Sequence[IncidentChanged], *, tx: Transaction, now: datetime
) -> Sequence[IndicatorSettled]:
    """Keep each incident's newest word; a closed one takes what has not gone out with it (said through the outbox)."""
    await incidents.record_incidents(tx, events)
    await withdraw_closed(tx, by="verifier", now=now)
    return ()


async def heed_feedback(
    events: Sequence[FeedbackReceived], *, tx: Transaction, now: datetime
) -> Sequence[IndicatorSettled]:
    """An opt-out silences its recipient, also for what already waits. What is fixed is news when it is seen again."""
    fixed = [event for event in events if event.kind is FeedbackKind.FIXED]
    await targets.record_fixes(tx, [threat_id for event in fixed for threat_id in event.threat_ids], now=now)
    leaving = {event.recipient_key for event in events if event.kind is FeedbackKind.OPT_OUT} - {None}
    suppressions = [
        Suppression(value=recipient, reason=SuppressionReason.OPT_OUT) for recipient in sorted(filter(None, leaving))
    ]
    await orders.record_suppressions(tx, suppressions, note="the recipient asked for it", by="feedback", now=now)
    for suppression in suppressions:
        await silence(tx, suppression, by="feedback", now=now)
    return ()
