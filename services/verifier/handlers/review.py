"""A person decides what the rules left open."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.outbox import enqueue
from libs.common.problems import Problem, not_found
from libs.common.vocabulary import REVIEW_UNDONE, IncidentState, Outcome
from services.verifier import store
from services.verifier.domain import FalsePositive, History, Judgement, Rules, Verdict, reports_of, settle_review
from services.verifier.domain.review import Decision, PastDecision
from services.verifier.handlers.verify import event_of, found_by_others

MOST_AT_ONCE = 5000


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decides, and why. With `remember`, the same of the same asset is decided so for that long."""

    decision: Decision
    note: str
    by: str
    remember: timedelta | None = None

    @property
    def is_verified(self) -> bool:
        return self.decision is Decision.VERIFY


async def review_indicators(
    tx: Transaction, indicator_ids: Collection[UUID], *, said: Said, rules: Rules, now: datetime
) -> list[Judgement]:
    """Decide held indicators. Their outcomes and threats leave through the outbox.

    Raises a problem for an indicator that waits for nobody, or that has no approved incident to be told about.
    """
    held = await store.held_verdicts(tx, indicator_ids)
    if len(held) != len(set(indicator_ids)):
        await _refuse_decided(tx, set(indicator_ids) - {each.indicator.indicator_id for each in held})
    if said.is_verified:
        _require_approved_incidents(held, rules)
    history = await store.history_of(
        tx,
        threat_ids={judgement.threat_id for judgement in held},
        assets={judgement.indicator.key for judgement in held},
        now=now,
    )
    if said.is_verified:
        _require_none_withdrawn(history)

    decided = [
        msgspec.structs.replace(judgement, decided_by=said.by, note=said.note)
        for judgement in settle_review(held, history, rules, verified=said.is_verified, by=said.by, now=now)
    ]

    await store.replace_verdicts(tx, decided, by=said.by, note=said.note)
    verified_now = [each for each in decided if each.verdict is Verdict.VERIFIED]
    await store.record_sightings(tx, verified_now, known=history.threats.keys())
    await store.ask_anew(tx, found_by_others(verified_now, history))
    await store.add_decisions(tx, [_decision(judgement, said, now) for judgement in held])
    await _remember(tx, decided, said, now=now)
    await store.add_reports(tx, reports_of(verified_now, history))
    await enqueue(tx, [event_of(judgement) for judgement in decided])
    return decided


async def review_matching(
    tx: Transaction, wanted: store.HeldFilter, *, said: Said, rules: Rules, now: datetime
) -> tuple[int, bool]:
    """Decide what matches, at most 5,000 at once: how many were decided, and whether more are waiting."""
    held = await store.held_page(tx, wanted, limit=MOST_AT_ONCE + 1)
    chosen = [judgement.indicator.indicator_id for judgement in held[:MOST_AT_ONCE]]
    decided = await review_indicators(tx, chosen, said=said, rules=rules, now=now)
    return len(decided), len(held) > MOST_AT_ONCE


async def _remember(tx: Transaction, decided: Sequence[Judgement], said: Said, *, now: datetime) -> None:
    """A "no" is a false positive at the asset; a "yes" lets the threat pass what would be left to a person."""
    if said.remember is None:
        return
    until = now + said.remember
    if said.is_verified:
        threat_ids = {judgement.threat_id for judgement in decided}
        await store.trust_threats(tx, threat_ids, until=until, by=said.by)
        return
    wrong = [
        FalsePositive(
            asset=judgement.indicator.key,
            identifier=judgement.indicator.indicator.identifier,
            reason=said.note or "a person has rejected it",
            expires_at=until,
        )
        for judgement in decided
        if judgement.indicator.key
    ]
    await store.add_false_positives(tx, wrong, by=said.by, now=now)


def _decision(held: Judgement, said: Said, now: datetime) -> PastDecision:
    return PastDecision(
        decision_id=new_id(),
        indicator_id=held.indicator.indicator_id,
        decision=said.decision,
        note=said.note,
        decided_by=said.by,
        decided_at=now,
        before=held.before,
        remembered_until=now + said.remember if said.remember else None,
    )


async def _refuse_decided(tx: Transaction, indicator_ids: Collection[UUID]) -> None:
    """Of these nobody is asked any more, or never was: say who was faster, and when."""
    known = (await store.stored_verdicts(tx, indicator_ids)).values()
    decided = [judgement for judgement in known if judgement.outcome is not Outcome.HELD]
    if len(decided) < len(indicator_ids):
        raise not_found("held indicator")
    first = min(decided, key=lambda judgement: judgement.at)
    who = first.decided_by or "The rules"
    what = first.outcome.value if first.outcome else first.verdict.value
    raise Problem(
        409, "already-decided", "This is decided already", f"{who} decided at {first.at:%Y-%m-%dT%H:%M:%SZ}: {what}."
    )


def _require_none_withdrawn(history: History) -> None:
    """What had been received of a threat when it was withdrawn is not mailed any more, whoever says what."""
    withdrawn = [threat for threat in history.threats.values() if threat.closed_reason == REVIEW_UNDONE]
    if withdrawn:
        raise Problem(
            409,
            "threat-withdrawn",
            "Somebody has taken back that this is a threat",
            f"{withdrawn[0].asset}: what had been received of it by then is not mailed any more.",
        )


def _require_approved_incidents(held: Collection[Judgement], rules: Rules) -> None:
    for judgement in held:
        incident = rules.catalogue.incident_of(judgement.indicator.indicator)
        if incident is None or incident.state is not IncidentState.APPROVED:
            raise Problem(
                409,
                "no-approved-incident",
                "Nobody could be told what to do",
                f"First approve an incident that covers {judgement.indicator.indicator.identifier}.",
            )
