"""Threats for which nobody was found, or nobody who is sure, and the word of the person who knows better."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Evidence, Recipient, ThreatVerified
from libs.common.vocabulary import Outcome
from services.attribution.domain.directory import question_of
from services.attribution.domain.ladder import Attributed, Candidate, Decision, Doubted, Ladder, Settled, candidate_of
from services.attribution.domain.ladder import nobody as ladder_nobody
from services.attribution.domain.organisations import Organisation


class Unattributed(msgspec.Struct, frozen=True, kw_only=True):
    """A threat in the line, with what speaks for whom. `is_decided` once a person, or a late answer, has decided."""

    target_id: UUID
    threat: ThreatVerified
    waiting_since: datetime
    decision: Decision
    is_decided: bool = False

    @property
    def owned_part(self) -> str:
        """What a person is asked the owner of, and what is learnt from the answer."""
        return question_of(self.threat.indicator).owned_part

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Who could be meant, most certain first."""
        return self.decision.candidates if isinstance(self.decision, Doubted) else ()

    @property
    def reason(self) -> str:
        """Why it is in the line."""
        return self.decision.reason if isinstance(self.decision, Settled | Doubted) else ""


class Refused(msgspec.Struct, frozen=True):
    """A person's word that can't be followed, and why."""

    code: str
    message: str


def is_left_to_a_person(decision: Decision) -> bool:
    """Nobody was found, or nobody who is sure enough."""
    return isinstance(decision, Doubted) or (
        isinstance(decision, Settled) and decision.outcome is Outcome.UNATTRIBUTABLE
    )


def name_recipient(
    waiting: Unattributed, organisation: Organisation, *, decided_by: str, at: datetime, ladder: Ladder
) -> Attributed | Refused:
    """The decision that follows when a person says whose the asset is."""
    avoiding = (waiting.threat.indicator.asset.email or "").lower()
    candidate = candidate_of(organisation, ladder=ladder, at=at, avoiding=avoiding)
    if candidate is not None and candidate.recipient is None:
        return Refused("vital-organisation", "A vital organisation is warned by its own team; hand this over to them.")
    if candidate is None or candidate.recipient is None:
        return Refused("no-contact", "This organisation has no contact that can be written to; add one first.")
    answered = f"{decided_by} says that it is of {organisation.name}"
    return _attributed(waiting, candidate, candidate.recipient, answered, at=at)


def choose_candidate(waiting: Unattributed, number: int, *, decided_by: str, at: datetime) -> Attributed | Refused:
    """The decision that follows when a person takes one of those who were not sure enough."""
    if number >= len(waiting.candidates):
        return Refused("no-such-candidate", f"There are {len(waiting.candidates)} candidates, counted from 0.")
    candidate = waiting.candidates[number]
    if candidate.recipient is None:
        return Refused("vital-organisation", "A vital organisation is warned by its own team; hand this over to them.")
    return _attributed(
        waiting, candidate, candidate.recipient, f"{decided_by} chose {candidate.recipient.email}", at=at
    )


def nobody(waiting: Unattributed, *, decided_by: str, at: datetime) -> Settled:
    """The decision that follows when a person says that there is nobody to warn."""
    evidence = _word(waiting, f"{decided_by} found nobody to warn", at=at, confidence=0.0)
    return ladder_nobody((*waiting.decision.evidence, evidence))


def _attributed(
    waiting: Unattributed, candidate: Candidate, recipient: Recipient, answered: str, *, at: datetime
) -> Attributed:
    """What the rungs said led elsewhere, or not far enough: whoever is told now is told of the person's word alone."""
    before = (msgspec.structs.replace(step, leads_elsewhere=True) for step in waiting.decision.evidence)
    evidence = _word(waiting, answered, at=at, confidence=candidate.confidence)
    return Attributed(candidate.route, recipient, candidate.confidence, (*before, evidence), candidate.copies)


def _word(waiting: Unattributed, answered: str, *, at: datetime, confidence: float) -> Evidence:
    return Evidence(source="person", asked=waiting.owned_part, answered=answered, at=at, confidence=confidence)
