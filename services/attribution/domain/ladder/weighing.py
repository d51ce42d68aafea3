"""What other witnesses say of the same: agreement raises confidence, contradiction lowers it."""

from collections.abc import Iterable
from typing import NamedTuple

from services.attribution.domain.ladder.published import domain_of
from services.attribution.domain.ladder.rules import Ladder
from services.attribution.domain.ladder.values import Step
from services.attribution.domain.names import is_of_one_owner

CONTACTS = "contacts"
"""That an organisation has its mail at a domain leads to it, and confirms nobody else's word: it is our own record."""


class Weighed(NamedTuple):
    """`counted` are the steps that made a difference. Torn: one witness says two things of equal weight."""

    confidence: float
    is_torn: bool
    counted: tuple[Step, ...]


def weigh(best: Step, others: Iterable[Step], *, ladder: Ladder) -> Weighed:
    """Each witness counts once. A contradiction costs as much as it is itself worth believing."""
    confidence = best.candidate.confidence if best.candidate is not None else 0.0
    is_torn, counted, heard = False, [], {best.witness, CONTACTS}
    for other in others:
        if other.candidate is None:
            continue
        if agree(best, other):
            if other.witness not in heard:
                confidence = min(1.0, confidence + ladder.agreement_gain)
                counted.append(other)
        elif _contradict(best, other):
            is_torn = is_torn or other.witness == best.witness
            confidence -= ladder.conflict_cost * other.candidate.confidence
            counted.append(other)
        heard.add(other.witness)
    return Weighed(max(0.0, round(confidence, 4)), is_torn, tuple(counted))


def agree(step: Step, other: Step) -> bool:
    """The same organisation, or the same address, or two addresses at one domain if not of two organisations."""
    if step.organisation_id is not None and other.organisation_id is not None:
        return step.organisation_id == other.organisation_id
    ours = step.candidate.recipient if step.candidate is not None else None
    theirs = other.candidate.recipient if other.candidate is not None else None
    if ours is None or theirs is None or ours.kind is not theirs.kind:
        return False
    return ours.email == theirs.email or is_of_one_owner(domain_of(ours.email), domain_of(theirs.email))


def _contradict(step: Step, other: Step) -> bool:
    """Two organisations for one thing. A name and the address it is at may well have two owners."""
    if step.organisation_id is None or other.organisation_id is None:
        return False
    return step.about is other.about and step.organisation_id != other.organisation_id
