"""A batch of records has come from intake."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import Event, IndicatorSettled, RawIndicator, ThreatVerified
from libs.common.db import Transaction
from libs.common.errors import Transient
from libs.common.metrics import VERDICTS
from services.verifier import store
from services.verifier.domain import History, Judgement, Threat, Verdict, judge_all, reports_of, threat_id_of
from services.verifier.domain.corroboration import DOUBT
from services.verifier.handlers.in_force import RulesInForce


async def verify_indicators(
    indicators: Sequence[RawIndicator], /, *, tx: Transaction, now: datetime, rules: RulesInForce
) -> Sequence[Event]:
    """Judge a batch; an indicator judged before keeps its first verdict.

    One event for each indicator: `ThreatVerified`, or `IndicatorSettled` with the outcome. Source: Admiralty scale for
    the grade, RSIT for the category.
    """
    earlier = await store.stored_verdicts(tx, [indicator.indicator_id for indicator in indicators])
    fresh = list({each.indicator_id: each for each in indicators if each.indicator_id not in earlier}.values())
    history = await store.history_of(
        tx, threat_ids={threat_id_of(each) for each in fresh}, assets={each.key for each in fresh}, now=now
    )

    judgements = judge_all(fresh, history, rules.current, now)

    await record(tx, judgements, history)
    return [event_of(judgement) for judgement in (*earlier.values(), *judgements)]


async def record(tx: Transaction, judgements: Sequence[Judgement], history: History) -> None:
    """Store new verdicts, the sightings that they are, and that their feeds report.

    Raises `Transient` if another replica has judged the same indicator, or found or held the same threat in the
    meantime, as can happen while partitions change hands: the batch is then repeated, and sees what the other has
    stored.
    """
    verified = [judgement for judgement in judgements if judgement.verdict is Verdict.VERIFIED]
    confirmed = found_by_others(verified, history)
    await _require_heard_of_all(tx, _held_for_doubt(judgements) - confirmed, history)
    await store.record_verdicts(tx, judgements)
    await store.record_sightings(tx, verified, known=history.threats.keys())
    await store.ask_anew(tx, confirmed)
    await store.add_reports(tx, reports_of(judgements, history))
    for verdict, count in Counter(judgement.verdict for judgement in judgements).items():
        VERDICTS.labels(verdict.value).inc(count)


def found_by_others(verified: Iterable[Judgement], history: History) -> set[UUID]:
    """Threats that somebody has found who had not found them before: what is held of them may be confirmed by that."""
    found: set[UUID] = set()
    for judgement in verified:
        known = history.threats.get(judgement.threat_id)
        if known is None or judgement.reopened is not None or judgement.indicator.source not in known.sources:
            found.add(judgement.threat_id)
    return found


def _held_for_doubt(judgements: Iterable[Judgement]) -> set[UUID]:
    return {
        judgement.threat_id
        for judgement in judgements
        if judgement.reason == DOUBT and judgement.verdict is Verdict.HELD and not judgement.indicator.is_test
    }


async def _require_heard_of_all(tx: Transaction, doubted: Collection[UUID], history: History) -> None:
    """Raise `Transient` if another replica has heard the same of one of these threats meanwhile.

    From here to the end of the transaction none can, so of two doubted records that come at the same time the later one
    is judged with the earlier.
    """
    if not doubted:
        return
    await store.claim(tx, doubted, known=history.threats.keys())
    held = await store.held_sightings(tx, doubted)
    threats = {threat.threat_id: threat for threat in await store.threats_with_ids(tx, doubted)}
    for threat_id in doubted:
        is_known = _told_by(threats.get(threat_id)) == _told_by(history.threats.get(threat_id))
        if not is_known or held.get(threat_id) != history.held.get(threat_id):
            raise Transient("another replica has heard of the same threat meanwhile")


def _told_by(threat: Threat | None) -> tuple[object, ...] | None:
    """As much of a threat as confirms others."""
    return (threat.sources, threat.closed_at, threat.is_doubted) if threat else None


def event_of(judgement: Judgement) -> Event:
    """What the others hear of a judgement."""
    event = judgement.indicator
    if judgement.outcome is None:
        return ThreatVerified(
            threat_id=judgement.threat_id,
            indicator_id=event.indicator_id,
            submission_id=event.submission_id,
            record=event.record,
            partner=event.partner,
            received_at=event.received_at,
            indicator=event.indicator,
            incident=judgement.incident or "",
            severity=judgement.severity,
            grade=judgement.grade,
            confidence=judgement.confidence,
            first_seen_at=judgement.first_seen_at,
            test_mails_to=event.test_mails_to,
            reopened=judgement.reopened,
            listed=judgement.listed,
            traceparent=event.traceparent,
        )
    return IndicatorSettled(
        indicator_id=event.indicator_id,
        submission_id=event.submission_id,
        record=event.record,
        outcome=judgement.outcome,
        reason=judgement.reason,
        message=judgement.message,
        at=judgement.at,
        by="verifier",
        traceparent=event.traceparent,
    )
