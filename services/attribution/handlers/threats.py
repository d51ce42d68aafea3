"""A verified threat finds its recipient, or the reason why nobody is warned."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from libs.common.contracts import Event, IndicatorSettled, TargetAttributed, ThreatVerified
from libs.common.db import Transaction
from libs.common.metrics import ATTRIBUTIONS
from libs.common.vocabulary import Outcome
from services.attribution import store
from services.attribution.domain.attributions import Attribution, target_id_of
from services.attribution.domain.directory import Directory, Findings, Question, question_of
from services.attribution.domain.ladder import (
    Attributed,
    Decision,
    Doubted,
    Ladder,
    Settled,
    Verdict,
    Waiting,
    decide,
    tried_out,
)
from services.attribution.domain.organisations import Organisation
from services.attribution.handlers.directory import LiveDirectory

WANT_A_PERSON = frozenset({Outcome.UNATTRIBUTABLE, Outcome.HELD})


async def attribute_threats(
    events: Sequence[ThreatVerified],
    /,
    *,
    tx: Transaction,
    now: datetime,
    directory: LiveDirectory,
    ladder: Ladder,
) -> Sequence[Event]:
    """Attribute a batch; an indicator that was attributed before keeps its first decision, whatever is known today.

    Answers one `TargetAttributed` or `IndicatorSettled` for each indicator, made from what is stored. Those with no
    recipient also get in line for a person (`GET /v1/unattributed`), unless they are tests.
    """
    threats = {event.indicator_id: event for event in events}
    standing = await store.attributions.of_indicators(tx, list(threats))
    new = [threat for threat in threats.values() if threat.indicator_id not in standing]
    questions = [question_of(threat.indicator) for threat in new]
    known = await directory.latest(tx)
    learnt = await learnt_organisations(tx, questions, known)

    decisions = decide_all(questions, known, learnt=learnt, ladder=ladder, at=now)

    standing |= await store.attributions.record(tx, list(zip(new, decisions, strict=True)), now=now)
    in_earnest = (threat for threat in new if not threat.is_test)
    waiting = (threat for threat in in_earnest if _wants_a_person(standing[threat.indicator_id]))
    await store.attributions.put_in_line(tx, waiting, now=now)
    for route, count in Counter(decision.route for decision in decisions).items():
        ATTRIBUTIONS.labels(route).inc(count)
    return [event_of(threat, standing[threat.indicator_id]) for threat in threats.values()]


async def learnt_organisations(
    tx: Transaction, questions: Sequence[Question], known: Directory
) -> dict[str, Organisation]:
    """By the part that is owned: whose it is by the word of a person."""
    owners = await store.directory.learnt(tx, {question.owned_part for question in questions}) if questions else {}
    organisations = known.registered.organisations
    return {part: organisations[owner] for part, owner in owners.items() if owner in organisations}


def decide_all(
    questions: Sequence[Question],
    known: Directory,
    *,
    learnt: dict[str, Organisation],
    ladder: Ladder,
    at: datetime,
) -> list[Decision]:
    """Each question by itself; nothing is carried over from one to the next."""
    found = known.find(questions)
    return [_kept(decide(_with_learnt(findings, learnt), directory=known, ladder=ladder, at=at)) for findings in found]


def _with_learnt(findings: Findings, learnt: dict[str, Organisation]) -> Findings:
    organisation = learnt.get(findings.question.owned_part) if learnt else None
    return msgspec.structs.replace(findings, learnt=organisation) if organisation is not None else findings


def _kept(verdict: Verdict) -> Decision:
    """What a person has to look at is held until then."""
    match verdict:
        case Doubted():
            return verdict.settled
        case Waiting():
            raise AssertionError("nothing waits where nobody may be asked")
        case Attributed() | Settled():
            return verdict


def event_of(threat: ThreatVerified, standing: Attribution) -> Event:
    """The news of a decision, the same each time it is told."""
    match standing.decision:
        case Attributed() as decision:
            return target_of(threat, decision)
        case Settled(outcome=outcome, reason=reason, message=message):
            return IndicatorSettled(
                indicator_id=threat.indicator_id,
                submission_id=threat.submission_id,
                record=threat.record,
                outcome=outcome,
                reason=reason,
                message=message,
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
        evidence=decision.evidence,
        reopened=threat.reopened,
        traceparent=threat.traceparent,
    )


def _wants_a_person(standing: Attribution) -> bool:
    return isinstance(standing.decision, Settled) and standing.decision.outcome in WANT_A_PERSON
