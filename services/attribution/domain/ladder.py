"""The ladder: from whom a threat hits to who can reach them. Each rung leaves its evidence, also when it knows nothing.

1. registered asset   name (closest parent), then smallest range, then AS    1.0, other contact of theirs 0.95
2. learnt             a person once said whose this asset is                 0.9
3. network            abuse-c of the range, own or inherited                 0.6, 0.5
4. AS                 abuse-c of the AS                                      0.4
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.vocabulary import Language, Outcome, RecipientKind
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.organisations import ContactRole, Organisation, RegisteredAsset, usable

SECURITY_CONTACT = 1.0
OTHER_CONTACT = 0.95
LEARNT = 0.9
OWN_DESK = 0.6
INHERITED_DESK = 0.5
AS_DESK = 0.4
NOTHING = 0.0


class Route(StrEnum):
    """Which way a warning goes. `national-cert` is part of the interface; no rung leads there yet."""

    ORGANISATION = "organisation"
    NETWORK_OWNER = "network-owner"
    VITAL = "vital"
    NATIONAL_CERT = "national-cert"
    NONE = "none"


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """Somebody who could be written to. A vital organisation has no recipient: it is handed over."""

    route: Route
    confidence: float
    recipient: Recipient | None


class Step(msgspec.Struct, frozen=True, gc=False):
    """One rung: what it answered, and whom it leads to, if anybody."""

    evidence: Evidence
    candidate: Candidate | None = None


class Attributed(msgspec.Struct, frozen=True, gc=False):
    """There is a recipient."""

    route: Route
    recipient: Recipient
    confidence: float
    evidence: tuple[Evidence, ...]


class Settled(msgspec.Struct, frozen=True, gc=False):
    """Nobody is written to, and why. `message` is for the partner and names nobody."""

    route: Route
    outcome: Outcome
    reason: str
    message: str
    evidence: tuple[Evidence, ...]


Decision = Attributed | Settled


def decide(findings: Findings, *, directory: Directory, constituency: frozenset[str], at: datetime) -> Decision:
    """Climb until a rung answers."""
    evidence: list[Evidence] = []
    for step in climb(findings, directory=directory, at=at):
        evidence.append(step.evidence)
        if step.candidate is not None:
            return _decision(step.candidate, findings, directory, constituency, tuple(evidence))
    return Settled(
        route=Route.NONE,
        outcome=Outcome.UNATTRIBUTABLE,
        reason="no-recipient",
        message="We found nobody to warn about this asset: neither an organisation nor the owner of the network.",
        evidence=tuple(evidence),
    )


def _decision(
    candidate: Candidate,
    findings: Findings,
    directory: Directory,
    constituency: frozenset[str],
    evidence: tuple[Evidence, ...],
) -> Decision:
    if candidate.recipient is None:
        return Settled(
            route=Route.VITAL,
            outcome=Outcome.OUT_OF_SCOPE,
            reason="vital-organisation",
            message="This asset belongs to a vital organisation and is handed over to the team that warns those.",
            evidence=evidence,
        )
    country, _ = country_of(findings, directory)
    if candidate.route is Route.NETWORK_OWNER and country is not None and country not in constituency:
        return Settled(
            route=Route.NONE,
            outcome=Outcome.OUT_OF_SCOPE,
            reason="foreign-network",
            message=f"This asset lies in a network in {country}, which is outside the countries that we serve.",
            evidence=evidence,
        )
    return Attributed(candidate.route, candidate.recipient, candidate.confidence, evidence)


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


def climb(findings: Findings, *, directory: Directory, at: datetime) -> Iterator[Step]:
    """All rungs, best first. Lazy: who needs only the first answer stops there."""
    yield from _registered_rungs(findings, directory, at)
    yield from _learnt_rung(findings, at)
    country, source = country_of(findings, directory)
    yield Step(_evidence(source, findings.question.asked, country or "country not known", at, NOTHING))
    yield from _network_rung(findings, directory, country, at)
    yield from _system_rung(findings, directory, country, at)


def ranked(steps: Iterable[Step]) -> list[Candidate]:
    """All who could be written to, most certain first."""
    candidates = [step.candidate for step in steps if step.candidate is not None]
    return sorted(candidates, key=lambda candidate: -candidate.confidence)


def country_of(findings: Findings, directory: Directory) -> tuple[str | None, str]:
    """The country and who says so: registered asset, then network, then delegation, then the partner's record."""
    claims = (findings.by_name, findings.by_address, findings.by_asn)
    registered = next((directory.organisation(asset).country for asset in claims if asset is not None), None)
    if registered:
        return registered, "registered-asset"
    if findings.network is not None and findings.network.country:
        return findings.network.country, _dated("ripe:country", directory.networks.made_on)
    if findings.delegated_country:
        return findings.delegated_country, _dated("delegated", directory.delegations.made_on)
    return findings.question.claimed_country, "partner:country"


def _registered_rungs(findings: Findings, directory: Directory, at: datetime) -> Iterator[Step]:
    """Only what the record names is asked for, so that each answer belongs to a question."""
    question = findings.question
    rungs = (
        ("registered-domain", ", ".join(question.names), findings.by_name),
        ("registered-range", question.address.text if question.address else "", findings.by_address),
        ("registered-asn", _numbers(findings.asns), findings.by_asn),
    )
    for source, asked, asset in rungs:
        if asked:
            yield _registered_step(findings, directory, source=source, asked=asked, asset=asset, at=at)


def _registered_step(
    findings: Findings, directory: Directory, *, source: str, asked: str, asset: RegisteredAsset | None, at: datetime
) -> Step:
    if asset is None:
        return Step(_evidence(source, asked, "not registered", at, NOTHING))
    organisation = directory.organisation(asset)
    candidate = candidate_of(organisation, at=at, avoiding=findings.question.reported_email)
    return _organisation_step(source, asked, f"{asset.claim.value} of {organisation.name}", candidate, at)


def _learnt_rung(findings: Findings, at: datetime) -> Iterator[Step]:
    """Silent without an answer: what nobody ever taught us was not asked of anybody."""
    if findings.learnt is not None:
        candidate = candidate_of(findings.learnt, at=at, avoiding=findings.question.reported_email, at_most=LEARNT)
        answered = f"a person said that it is of {findings.learnt.name}"
        yield _organisation_step("learnt", findings.question.owned_part, answered, candidate, at)


def _organisation_step(source: str, asked: str, answered: str, candidate: Candidate | None, at: datetime) -> Step:
    if candidate is None:
        return Step(_evidence(source, asked, f"{answered}, without a contact that can be written to", at, NOTHING))
    if candidate.route is Route.VITAL:
        answered = f"{answered}, a vital organisation"
    return Step(_evidence(source, asked, answered, at, candidate.confidence), candidate)


def candidate_of(
    organisation: Organisation, *, at: datetime, avoiding: str | None = None, at_most: float = SECURITY_CONTACT
) -> Candidate | None:
    """The organisation's best contact in force that is not the address under report; None if it has none."""
    if organisation.is_handed_over:
        return Candidate(Route.VITAL, at_most, None)
    contacts = usable(organisation.contacts, at)
    contact = next((contact for contact in contacts if contact.email.lower() != avoiding), None)
    if contact is None:
        return None
    recipient = Recipient(
        kind=RecipientKind.ORGANISATION,
        name=organisation.name,
        email=contact.email,
        language=contact.language or organisation.language,
        organisation_id=organisation.organisation_id,
    )
    confidence = SECURITY_CONTACT if contact.role is ContactRole.SECURITY else OTHER_CONTACT
    return Candidate(Route.ORGANISATION, min(confidence, at_most), recipient)


def _network_rung(findings: Findings, directory: Directory, country: str | None, at: datetime) -> Iterator[Step]:
    network, address = findings.network, findings.question.address
    if address is None:
        return
    source = _dated("ripe:abuse-c", directory.networks.made_on)
    if network is None:
        yield Step(_evidence(source, address.text, "no range known", at, NOTHING))
        return
    answered = f"{network.interval} {network.netname}"
    if network.desk is None:
        yield Step(_evidence(source, address.text, f"{answered}, no abuse contact", at, NOTHING))
        return
    inherited = f", inherited from {network.inherited_from}" if network.inherited_from else ""
    confidence = INHERITED_DESK if network.inherited_from else OWN_DESK
    answered = f"{answered}: {network.desk.email}{inherited}"
    yield _desk_step(findings, network.desk, country, _evidence(source, address.text, answered, at, confidence))


def _system_rung(findings: Findings, directory: Directory, country: str | None, at: datetime) -> Iterator[Step]:
    if not findings.asns:
        return
    source = _dated("ripe:aut-num", directory.networks.made_on)
    asked = _numbers(findings.asns)
    system = findings.system
    if system is None or system.desk is None:
        answered = "not known" if system is None else f"AS{system.asn} {system.name}, no abuse contact"
        yield Step(_evidence(source, asked, answered, at, NOTHING))
        return
    answered = f"AS{system.asn} {system.name}: {system.desk.email}"
    yield _desk_step(findings, system.desk, country, _evidence(source, asked, answered, at, AS_DESK))


def _desk_step(findings: Findings, desk: AbuseDesk, country: str | None, evidence: Evidence) -> Step:
    if desk.email.lower() == findings.question.reported_email:
        answered = f"{evidence.answered}, which is the address under report"
        return Step(msgspec.structs.replace(evidence, answered=answered, confidence=NOTHING))
    recipient = Recipient(
        kind=RecipientKind.NETWORK_OWNER, name=desk.name, email=desk.email, language=_language_of(country)
    )
    return Step(evidence, Candidate(Route.NETWORK_OWNER, evidence.confidence, recipient))


def _language_of(country: str | None) -> Language:
    """What an abuse desk can be expected to read; English where nothing is certain."""
    return Language.DUTCH if country == "NL" else Language.ENGLISH


def _numbers(asns: Sequence[int]) -> str:
    return ", ".join(f"AS{asn}" for asn in asns)


@lru_cache(maxsize=64)
def _dated(source: str, made_on: date | None) -> str:
    """A registry's word is as old as its dump, and whoever reads the evidence should see how old."""
    return f"{source} {made_on.isoformat()}" if made_on else source


def _evidence(source: str, asked: str, answered: str, at: datetime, confidence: float) -> Evidence:
    return Evidence(source=source, asked=asked, answered=answered, at=at, confidence=confidence)
