"""A verified threat finds its recipient, or the reason why nobody is warned."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import Event, IndicatorSettled, TargetAttributed, ThreatVerified
from libs.common.db import Transaction
from libs.common.metrics import ATTRIBUTIONS
from services.attribution import store
from services.attribution.domain.attributions import Attribution, target_id_of
from services.attribution.domain.enquiries import Patience, PendingThreat, asked_for
from services.attribution.domain.ladder import Attributed, Decision, Doubted, Settled, Waiting, told, tried_out
from services.attribution.domain.unattributed import is_left_to_a_person
from services.attribution.handlers.deciding import Decider


async def attribute_threats(
    events: Sequence[ThreatVerified],
    /,
    *,
    tx: Transaction,
    now: datetime,
    decider: Decider,
    asked: asyncio.Event,
) -> Sequence[Event]:
    """Attribute a batch; an indicator that was attributed before keeps its first decision, whatever is known today.

    Answers a `TargetAttributed` or an `IndicatorSettled` for each indicator, made from what is stored; those whose
    recipient an outside source can still change stand aside until it has answered. Those that find nobody, or only
    somebody doubtful, also get in line for a person (`GET /v1/unattributed`), unless they are tests. Sets `asked` when
    there is something to ask.
    """
    threats = {event.indicator_id: event for event in events}
    standing = await store.attributions.of_indicators(tx, list(threats))
    new = [threat for threat in threats.values() if threat.indicator_id not in standing]

    decisions = await decider.decide([decider.about(threat, may_wait=True) for threat in new], tx=tx, at=now)

    decided, waiting = [], []
    for threat, decision in zip(new, decisions, strict=True):
        if isinstance(decision, Waiting):
            waiting.append((threat, decision))
        else:
            decided.append((threat, decision))
    standing |= await keep(decided, tx=tx, now=now)
    if waiting:
        await _stand_aside(waiting, tx=tx, now=now, patience=decider.patience)
        tx.after_commit(asked.set)
    return [event_of(threat, standing[key]) for key, threat in threats.items() if key in standing]


async def keep(
    decided: Sequence[tuple[ThreatVerified, Decision]], *, tx: Transaction, now: datetime
) -> dict[UUID, Attribution]:
    """Keep what was decided; what is left to a person gets in line, unless it is a test."""
    kept = await store.attributions.record(tx, decided, now=now)
    left = (threat for threat, decision in decided if is_left_to_a_person(decision) and not threat.is_test)
    await store.attributions.put_in_line(tx, left, now=now)
    for route, count in Counter(decision.route for _, decision in decided).items():
        ATTRIBUTIONS.labels(route).inc(count)
    return kept


async def _stand_aside(
    waiting: Sequence[tuple[ThreatVerified, Waiting]], *, tx: Transaction, now: datetime, patience: Patience
) -> None:
    pending = [
        PendingThreat(threat=threat, arrived_at=now, decide_by=patience.decide_by(threat, now=now))
        for threat, _ in waiting
    ]
    await store.enquiries.stand_aside(tx, pending)
    asked = [asked for threat, decision in waiting for asked in asked_for(threat, decision.enquiries)]
    await store.enquiries.ask(tx, asked, now=now)


def event_of(threat: ThreatVerified, standing: Attribution) -> Event:
    """The news of a decision, the same each time it is told."""
    match standing.decision:
        case Attributed() as decision:
            return target_of(threat, decision)
        case Settled() | Doubted() as decision:
            return IndicatorSettled(
                indicator_id=threat.indicator_id,
                submission_id=threat.submission_id,
                record=threat.record,
                outcome=decision.outcome,
                reason=decision.reason,
                message=decision.message,
                at=standing.decided_at,
                by="attribution",
                traceparent=threat.traceparent,
            )


def target_of(threat: ThreatVerified, decision: Attributed) -> TargetAttributed:
    """What the notifier hears. Of a test it never learns who was found, so it can't tell or write to them."""
    if threat.test_mails_to is not None:
        decision = tried_out(decision, partner=threat.partner, mails_to=threat.test_mails_to)
    return TargetAttributed(
        target_id=target_id_of(threat.indicator_id),
        threat_id=threat.threat_id,
        indicator_id=threat.indicator_id,
        submission_id=threat.submission_id,
        record=threat.record,
        partner=threat.partner,
        received_at=threat.received_at,
        indicator=threat.indicator,
        incident=threat.incident,
        severity=threat.severity,
        grade=threat.grade,
        first_seen_at=threat.first_seen_at,
        recipient=decision.recipient,
        confidence=decision.confidence,
        evidence=told(decision.evidence),
        handed_over=decision.handed_over,
        copies=decision.copies,
        reopened=threat.reopened,
        traceparent=threat.traceparent,
    )
