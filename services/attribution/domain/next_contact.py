"""Who else can be told, when those who were asked first can't be reached."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.ladder import OTHER_CONTACT, Attributed, Candidate, Route, climb, country_of

MOST_CONTACTS = 3
"""Of one threat, the first among them."""


class Exhausted(msgspec.Struct, frozen=True):
    """Nobody is left, and why."""

    evidence: tuple[Evidence, ...]


def next_contact(
    findings: Findings, *, failed: tuple[str, ...], directory: Directory, constituency: frozenset[str], at: datetime
) -> Attributed | Exhausted:
    """Climb on past those that `failed`, of which the last could not be reached just now."""
    evidence = [
        Evidence(source="delivery", asked=address, answered="could not be reached", at=at, confidence=0.0)
        for address in failed
    ]
    if len(failed) >= MOST_CONTACTS:
        return Exhausted(tuple(evidence))
    country, _ = country_of(findings, directory)
    for step in climb(findings, directory=directory, at=at):
        evidence.append(step.evidence)
        if step.candidate is None:
            continue
        if step.candidate.recipient is None:
            break  # a vital organisation is warned by others, and so is whoever stands behind it
        is_foreign = country is not None and country not in constituency
        if step.candidate.route is Route.NETWORK_OWNER and is_foreign:
            continue
        for candidate in _contacts_of(step.candidate, directory):
            if not _is_out(candidate.recipient, findings, failed):
                return Attributed(candidate.route, candidate.recipient, candidate.confidence, tuple(evidence))
    return Exhausted(tuple(evidence))


class Reachable(msgspec.Struct, frozen=True):
    """A candidate that can be written to."""

    route: Route
    recipient: Recipient
    confidence: float


def _contacts_of(candidate: Candidate, directory: Directory) -> Iterator[Reachable]:
    """The one that the rung names, and where it is an organisation's, its others in their order."""
    first = candidate.recipient
    if first is None:
        return
    yield Reachable(candidate.route, first, candidate.confidence)
    owner = first.organisation_id
    organisation = directory.registered.organisations.get(owner) if owner is not None else None
    if first.kind is not RecipientKind.ORGANISATION or organisation is None:
        return
    for contact in organisation.contacts:
        language = contact.language or organisation.language
        recipient = msgspec.structs.replace(first, email=contact.email, language=language)
        yield Reachable(candidate.route, recipient, min(candidate.confidence, OTHER_CONTACT))


def _is_out(recipient: Recipient, findings: Findings, failed: tuple[str, ...]) -> bool:
    address = recipient.email.lower()
    return address in failed or address == findings.question.reported_email
