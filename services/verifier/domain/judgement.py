"""How the checks become a verdict, a grade and a severity."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from libs.common.contracts import ListedOperator, RawIndicator, Reopened
from libs.common.vocabulary import Credibility, Outcome, Severity
from services.verifier.domain.checks import CHECKS, LOOKS, OUTCOME_OF_FAILED, REFUTING
from services.verifier.domain.checks.exploitation import found_exploited
from services.verifier.domain.checks.exposure import found_exposed
from services.verifier.domain.checks.times import first_seen
from services.verifier.domain.corroboration import DOUBT, others_of
from services.verifier.domain.rules import Rules
from services.verifier.domain.sightings import held_with, threat_after
from services.verifier.domain.values import (
    Case,
    CheckResult,
    History,
    Judgement,
    Reason,
    Threat,
    Verdict,
)

SEVERITIES = tuple(Severity)
WORST = SEVERITIES[0]

INTRODUCTIONS: Mapping[Outcome, str] = {
    Outcome.DUPLICATE: "A sighting of a threat that is",
    Outcome.REFUTED: "Not a threat:",
    Outcome.EXPIRED: "Too old:",
    Outcome.OUT_OF_SCOPE: "Not for us:",
    Outcome.HELD: "A person looks at it:",
}

SEVERITY = "severity"
"""Not a check: the last of the reasons, which says how the severity comes about."""

NEVER_WAIVED = frozenset({"sharing", "incident"})

# Members looked up once: in Python 3.11 each look-up of one costs more than the comparison with it.
PASS, FAIL, WARN = CheckResult.PASS, CheckResult.FAIL, CheckResult.WARN
VERIFIED, HELD, DUPLICATE = Verdict.VERIFIED, Verdict.HELD, Outcome.DUPLICATE

T = TypeVar("T")


def judge_all(indicators: Sequence[RawIndicator], history: History, rules: Rules, now: datetime) -> list[Judgement]:
    """Judge a batch in order: what an earlier indicator of it makes known, the later ones know."""
    return _in_order(indicators, history, lambda indicator, known: judge(indicator, known, rules, now))


def settle_review(
    held: Sequence[Judgement], history: History, rules: Rules, *, verified: bool, by: str, now: datetime
) -> list[Judgement]:
    """What becomes of held indicators when a person has decided."""
    said = Reason("review", PASS if verified else FAIL, 1.0, f"decided by {by}")

    def settle(judgement: Judgement, known: History) -> Judgement:
        reasons = (*(reason for reason in judgement.reasons if reason.check != SEVERITY), said)
        case = known.case_of(judgement.indicator, rules.catalogue.incident_of(judgement.indicator.indicator))
        weighed = weigh(reasons, rules.fails_as, rules.base_confidence[judgement.indicator.reliability])
        if verified:
            return _verified(case, rules, now, weighed)
        return _decided(case, rules, now, weighed, outcome=Outcome.REFUTED, because=said)

    return _in_order(held, history, settle)


def release(held: Sequence[Judgement], history: History, rules: Rules, now: datetime) -> list[Judgement]:
    """Judge held records anew, as somebody else has found the same meanwhile: those that nothing holds any more."""
    anew = _in_order(held, history, lambda each, known: judge(each.indicator, known, rules, now))
    return [_after_waiting(after, before.at) for before, after in zip(held, anew, strict=True) if after.is_verified]


def _after_waiting(judgement: Judgement, since: datetime) -> Judgement:
    waited = Reason("waited", PASS, 0.0, f"held since {since:%Y-%m-%d %H:%M} UTC, until somebody else found it too")
    return msgspec.structs.replace(judgement, reasons=(*judgement.reasons[:-1], waited, judgement.reasons[-1]))


def _in_order(items: Iterable[T], history: History, decide: Callable[[T, History], Judgement]) -> list[Judgement]:
    threats, held = dict(history.threats), dict(history.held)
    growing = msgspec.structs.replace(history, threats=threats, held=held)
    judgements = []
    for item in items:
        judgement = decide(item, growing)
        judgements.append(judgement)
        threat_id = judgement.threat_id
        if judgement.verdict is VERIFIED:
            threats[threat_id] = threat_after(judgement, threats.get(threat_id))
        elif judgement.verdict is HELD:
            held[threat_id] = held_with(judgement, held.get(threat_id, ()))
    return judgements


def judge(event: RawIndicator, history: History, rules: Rules, now: datetime) -> Judgement:
    """Weigh all checks; never stops at the first, so a partner sees every reason."""
    case = history.case_of(event, rules.catalogue.incident_of(event.indicator))
    reasons = [look(case, rules, now) for look in LOOKS]
    fails_as, limit = rules.fails_as, rules.hold_below_confidence
    if (trust := _trust_in(case, now)) is not None:
        reasons.append(trust)
        fails_as, limit = _without_what_is_held(fails_as), 0.0
    weighed = weigh(reasons, fails_as, rules.base_confidence[event.reliability])
    if (failed := weighed.first_failed) is not None:
        return _decided(case, rules, now, weighed, outcome=_outcome_of(failed, fails_as), because=failed)
    if weighed.confidence >= limit:
        return _verified(case, rules, now, weighed)
    if weighed.corroborated:
        return msgspec.structs.replace(_verified(case, rules, now, weighed), is_doubted=True)
    doubt = Reason(DOUBT, FAIL, 1.0, f"confidence {weighed.confidence:.2f} is below the limit")
    return _decided(case, rules, now, weighed.and_also(doubt), outcome=Outcome.HELD, because=doubt)


def _without_what_is_held(fails_as: Mapping[str, Outcome | None]) -> Mapping[str, Outcome | None]:
    """Checks that leave it to people no longer matter. A marking that forbids and a missing advisory still do."""
    outcomes = {check.name: fails_as.get(check.name, check.fails_as) for check in CHECKS}
    held = (name for name, outcome in outcomes.items() if outcome is Outcome.HELD and name not in NEVER_WAIVED)
    return {**fails_as, **dict.fromkeys(held)}


def _trust_in(case: Case, now: datetime) -> Reason | None:
    """A person has looked at this threat, and is not to be asked again for a while."""
    known = case.known
    if known is None or known.trusted_until is None or now >= known.trusted_until:
        return None
    until = f"{known.trusted_until:%Y-%m-%d}"
    return Reason("remembered", PASS, 0.0, f"{known.trusted_by} has decided; counts until {until}")


class Weighed(msgspec.Struct, frozen=True):
    """All findings on one indicator, and what they come to; `confidence` is what warnings have left of it."""

    reasons: tuple[Reason, ...]
    first_failed: Reason | None
    confidence: float
    improbable: bool
    corroborated: bool

    def and_also(self, reason: Reason) -> "Weighed":
        """With a conclusion, which weighs nothing itself."""
        return msgspec.structs.replace(self, reasons=(*self.reasons, reason))


def weigh(reasons: Iterable[Reason], fails_as: Mapping[str, Outcome | None], base_confidence: float) -> Weighed:
    """In one pass: this runs for every record of every feed. A failure that is no matter does not count.

    `base_confidence` is what there is of it before anything is known of the record itself.
    """
    first_failed, confidence, improbable, corroborated = None, base_confidence, False, False
    for reason in (found := tuple(reasons)):
        result = reason.result
        if result is FAIL:
            if _outcome_of(reason, fails_as) is None:
                continue
            first_failed = first_failed or reason
            improbable = improbable or reason.check in REFUTING
        elif result is WARN:
            confidence *= 1.0 - reason.weight
        elif result is PASS and reason.check == "corroborated":
            corroborated = True
    return Weighed(found, first_failed, round(confidence, 3), improbable, corroborated)


def _outcome_of(failed: Reason, fails_as: Mapping[str, Outcome | None]) -> Outcome | None:
    """How a record ends that fails this check; a person's "no" refutes it."""
    return fails_as.get(failed.check, OUTCOME_OF_FAILED.get(failed.check, Outcome.REFUTED))


def _verified(case: Case, rules: Rules, now: datetime, weighed: Weighed) -> Judgement:
    if case.known is not None and not _is_news_again(case, case.known, rules, now):
        known_since = f"known since {case.known.first_seen_at:%Y-%m-%d %H:%M} UTC"
        sighting = Reason("sighting", PASS, 0.0, known_since)
        return _decided(case, rules, now, weighed.and_also(sighting), outcome=DUPLICATE, because=sighting)
    judgement = _decided(case, rules, now, weighed, outcome=None, because=None)
    if (listed := _listed(case, rules)) is not None:
        judgement = msgspec.structs.replace(judgement, listed=listed)
    if case.known is None or case.known.closed_at is None:
        return judgement
    reopened = Reopened(closed_at=case.known.closed_at, reason=case.known.closed_reason or "")
    return msgspec.structs.replace(judgement, reopened=reopened)


def _listed(case: Case, rules: Rules) -> ListedOperator | None:
    """Whom another team warns, unless a file of rules says that it is no matter."""
    indicator = case.event.indicator
    operator = rules.vital_assets.owner_of(indicator.asset, indicator.asn)
    is_ignored = operator is not None and rules.fails_as.get("vital", Outcome.OUT_OF_SCOPE) is None
    return None if is_ignored else operator


def _is_news_again(case: Case, known: Threat, rules: Rules, now: datetime) -> bool:
    """A closed threat that is seen after what closed it; an open one that has become worse, or is seen for long.

    The last reminds whoever was warned, and reaches whoever could not be found the first time.
    """
    if known.closed_at is not None:
        return known.is_refuted_by(case.event.indicator.seen_at)
    return now - known.announced_at >= rules.renew_after or _is_worse(case, known, rules)


def _is_worse(case: Case, known: Threat, rules: Rules) -> bool:
    """Than all that was told of it: one that goes up and down is news once for each step up."""
    told = known.told_severity
    if told is None or told is WORST:
        return False
    severity, _ = severity_of(case, rules)
    return SEVERITIES.index(severity) < SEVERITIES.index(told)


def _decided(
    case: Case,
    rules: Rules,
    now: datetime,
    weighed: Weighed,
    *,
    outcome: Outcome | None,
    because: Reason | None,
) -> Judgement:
    event, indicator, incident = case.event, case.event.indicator, case.incident
    first_seen_at = first_seen(indicator, rules.products)
    severity, why = severity_of(case, rules)
    return Judgement(
        indicator=event,
        verdict=_verdict(outcome),
        outcome=outcome,
        reason=because.check if because else "verified",
        message=_message(outcome, because),
        grade=f"{event.reliability}{credibility(weighed, case, rules, now)}",
        severity=severity,
        confidence=weighed.confidence,
        reasons=(*weighed.reasons, why),
        threat_id=case.threat_id,
        incident=incident.slug if incident else None,
        first_seen_at=min(first_seen_at, case.known.first_seen_at) if case.known else first_seen_at,
        rules_version=rules.version,
        at=now,
    )


def _verdict(outcome: Outcome | None) -> Verdict:
    if outcome is None or outcome is DUPLICATE:
        return VERIFIED
    return HELD if outcome is Outcome.HELD else Verdict.REJECTED


def _message(outcome: Outcome | None, because: Reason | None) -> str:
    if because is None:
        return "Verified; on its way to be attributed."
    return f"{INTRODUCTIONS.get(outcome or Outcome.HELD, '')} {because.detail}".strip() + "."


def credibility(weighed: Weighed, case: Case, rules: Rules, now: datetime) -> Credibility:
    """The number of the Admiralty scale: how likely this is in itself, beside the partner's letter.

    It takes one who would be believed alone to confirm it; several who would not are possibly right.
    """
    if weighed.improbable:
        return Credibility.IMPROBABLE
    if weighed.corroborated and _is_any_believed(weighed, case, rules, now):
        return Credibility.CONFIRMED
    if weighed.confidence >= rules.probable_from:
        return Credibility.PROBABLE
    if weighed.corroborated or weighed.confidence >= rules.possible_from:
        return Credibility.POSSIBLE
    return Credibility.DOUBTFUL


def _is_any_believed(weighed: Weighed, case: Case, rules: Rules, now: datetime) -> bool:
    return weighed.confidence >= rules.hold_below_confidence or others_of(case, rules, now).are_believed


def severity_of(case: Case, rules: Rules) -> tuple[Severity, Reason]:
    """How severe it is, and why."""
    indicator, incident = case.event.indicator, case.incident
    exploited, exposed = found_exploited(indicator, rules), found_exposed(indicator)
    return worst_of(
        indicator.severity,
        incident.severity if incident else None,
        exploited.severity if exploited else None,
        exposed.severity if exposed else None,
    )


@lru_cache(maxsize=1_024)
def worst_of(
    record: Severity | None, incident: Severity | None, exploited: Severity | None, exposure: Severity | None
) -> tuple[Severity, Reason]:
    """The worst of what each says, and all that they say; medium where nobody says anything."""
    names = ("the record", "its incident", "what is exploited", "how open it is")
    voices = (record, incident, exploited, exposure)
    said = [(name, severity) for name, severity in zip(names, voices, strict=True) if severity is not None]
    worst = min((severity for _, severity in said), key=SEVERITIES.index, default=Severity.MEDIUM)
    words = ", ".join(f"{severity} by {name}" for name, severity in said) or "medium, as nothing says otherwise"
    return worst, Reason(SEVERITY, PASS, 0.0, words)
