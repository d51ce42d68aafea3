"""Climb until a rung answers, weigh what else is said of the same, and see who warns whom."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.vocabulary import Outcome
from services.attribution.domain.answers import Enquiry, Source
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.encryptions import with_keys
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.climbing import Climb, ranked, rungs_for
from services.attribution.domain.ladder.networks import country
from services.attribution.domain.ladder.routing import routed
from services.attribution.domain.ladder.rules import Ladder
from services.attribution.domain.ladder.values import (
    TO_NETWORK_OWNER,
    TO_TEAM,
    Attributed,
    Doubted,
    Route,
    Settled,
    Step,
    Verdict,
    Waiting,
)
from services.attribution.domain.ladder.weighing import agree, weigh

CONTRADICTION, TOO_UNCERTAIN = "sources-contradict", "too-uncertain"
MESSAGES = {
    CONTRADICTION: "Two of our sources contradict each other on whose this asset is; a person looks at it.",
    TOO_UNCERTAIN: "We are not certain enough whose this asset is; a person looks at it.",
    "several-companies": "Several companies could have this asset; a person looks at it.",
}


def decide(
    findings: Findings,
    *,
    directory: Directory,
    ladder: Ladder,
    at: datetime,
    online: frozenset[Source] = frozenset(),
    may_wait: bool = False,
    unreachable: frozenset[str] = frozenset(),
) -> Verdict:
    """The first rung that leads to somebody with enough confidence, at none of the `unreachable` addresses.

    `Waiting` only with `may_wait`: then a question to a source that is `online`, which stands above what is known and
    has no answer, is asked first. An answer may open the next question.
    """
    case = Case(findings, directory=directory, ladder=ladder, at=at, online=online, unreachable=unreachable)
    steps: list[Step] = []
    asks: list[Enquiry] = []
    rungs = rungs_for(case)
    for place, rung in enumerate(rungs):
        said = iter(rung(case))
        for step in said:
            if step.asks:
                asks += step.asks
            if step.evidence is not None:
                steps.append(step)
            if step.is_end:
                return nobody(_evidence(steps))
            candidate = step.candidate
            if candidate is not None and candidate.confidence >= ladder.threshold and not (asks and may_wait):
                return _keyed(_chosen(case, steps, rest=_rest(case, said, rungs[place + 1 :])), directory)
        if asks and may_wait:
            return Waiting(tuple(dict.fromkeys(asks)))
    return _nobody(case, steps)


def _keyed(verdict: Verdict, directory: Directory) -> Verdict:
    if not isinstance(verdict, Attributed) or not directory.encryptions:
        return verdict
    return msgspec.structs.replace(verdict, recipient=with_keys(verdict.recipient, directory.encryptions))


def _rest(case: Case, said: Iterator[Step], rungs: Sequence[Climb]) -> Iterator[Step]:
    """What else is said of names and addresses, as far as it is known; networks have no say in whose a name is."""
    yield from said
    for rung in rungs:
        if rung is country:
            return
        yield from rung(case)


def _chosen(case: Case, steps: Sequence[Step], *, rest: Iterator[Step]) -> Verdict:
    best = steps[-1]
    if best.candidate is None:
        raise ValueError("the last step leads to nobody")
    if best.candidate.route is TO_NETWORK_OWNER or best.candidate.route is TO_TEAM:
        # Who can only pass it on: a person who finds the organisation itself does better.
        if doubt := _doubt(steps):
            return _doubted(steps, doubt, _evidence(steps))
        return routed(case, best, best.candidate.confidence, _evidence_for(best, steps))
    if not _is_spoken_of_twice(case):
        return routed(case, best, best.candidate.confidence, _evidence_for(best, steps))
    weighed = weigh(best, (*steps[:-1], *rest), ladder=case.ladder)
    counted = (*steps, *(step for step in weighed.counted if step not in steps))
    if weighed.is_torn:
        return _doubted((*steps, *weighed.counted), CONTRADICTION, _evidence(counted))
    if weighed.confidence < case.ladder.threshold:
        return _doubted((*steps, *weighed.counted), TOO_UNCERTAIN, _evidence(counted))
    return routed(case, best, weighed.confidence, _evidence_for(best, counted))


def _is_spoken_of_twice(case: Case) -> bool:
    """Could a second witness say something of the same? Of most records there is only one."""
    findings, question = case.findings, case.findings.question
    return bool(
        findings.answers
        or findings.learnt is not None
        or len(question.names) > 1
        or question.certificate_name
        or question.reverse_name
        or (findings.by_name is not None and findings.by_address is not None)
    )


def _nobody(case: Case, steps: Sequence[Step]) -> Verdict:
    """Whom one would not write to without a look is shown to a person."""
    evidence = _evidence(steps)
    doubt = _doubt(steps)
    if doubt or any(step.candidate is not None for step in steps):
        return _doubted(steps, doubt or TOO_UNCERTAIN, evidence)
    return Settled(
        route=Route.NONE,
        outcome=Outcome.UNATTRIBUTABLE,
        reason="no-recipient",
        message="We found nobody to warn about this asset: neither an organisation nor the owner of the network.",
        evidence=evidence,
    )


def nobody(evidence: tuple[Evidence, ...]) -> Settled:
    """A person has looked and found nobody to warn."""
    return Settled(
        route=Route.NONE,
        outcome=Outcome.UNATTRIBUTABLE,
        reason="nobody-to-warn",
        message="A person has looked for somebody to warn about this asset and found nobody.",
        evidence=evidence,
    )


def _doubted(steps: Sequence[Step], reason: str, evidence: tuple[Evidence, ...]) -> Doubted:
    return Doubted(tuple(ranked(steps)), reason, MESSAGES[reason], evidence)


def _evidence_for(best: Step, steps: Sequence[Step]) -> tuple[Evidence, ...]:
    """With a mark on what speaks of somebody else, which the recipient must never be told."""
    return tuple(
        step.evidence
        if step is best or _speaks_of_nobody(step) or agree(best, step)
        else msgspec.structs.replace(step.evidence, leads_elsewhere=True)
        for step in steps
        if step.evidence is not None
    )


def _speaks_of_nobody(step: Step) -> bool:
    return step.candidate is None and step.organisation_id is None


def _evidence(steps: Sequence[Step]) -> tuple[Evidence, ...]:
    return tuple([step.evidence for step in steps if step.evidence is not None])


def _doubt(steps: Sequence[Step]) -> str:
    for step in steps:
        if step.doubt:
            return step.doubt
    return ""


def tried_out(decision: Attributed, *, partner: str, mails_to: str) -> Attributed:
    """What may be said of a decision on a partner's test: its kind and language, and nothing of whom it found.

    Neither of how they were found: that an asset is registered with us, or whose network it lies in, tells it too.
    """
    recipient = Recipient(
        kind=decision.recipient.kind,
        name=partner,
        email=mails_to,
        language=decision.recipient.language,
        test_of=partner,
    )
    last = decision.evidence[-1]
    evidence = Evidence(source="test", asked="", answered="", at=last.at, confidence=last.confidence)
    return Attributed(decision.route, recipient, decision.confidence, (evidence,))
