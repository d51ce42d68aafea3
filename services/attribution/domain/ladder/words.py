"""A decision as an analyst would tell it: first what comes of it, then each step, one sentence each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from libs.common.contracts import Evidence, Recipient
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.ladder.values import Attributed, Doubted, Route, Settled, Verdict, Waiting
from services.attribution.domain.listings import Listing, Unknown

WHO: Mapping[str, str] = {
    "registered-domain": "Our register of organisations, asked for the name {asked}",
    "registered-range": "Our register of organisations, asked for the address {asked}",
    "registered-asn": "Our register of organisations, asked for {asked}",
    "registered-asset": "The country of {asked}, by the organisation that registered it",
    "learnt": "What people decided before, asked for {asked}",
    "certificate-name": "Our register, asked for {asked}, the name in the certificate at the address",
    "reverse-name": "Our register, asked for {asked}, the name of the address in reverse DNS",
    "known-organisation": "What else we know of organisations, asked for {asked}",
    "mail-provider": "The list of mail providers, asked for {asked}",
    "security-txt": "The security.txt of {asked}",
    "company-registry": "The company registry, asked for {asked}",
    "company-site": "The security.txt of the company's site {asked}",
    "rdap-domain": "The registry of domains, asked for {asked}",
    "registrar": "The registry of domains, asked who sold {asked}",
    "role-name": "The DNS, asked for {asked}",
    "mail-exchange": "The DNS, asked for {asked}",
    "platform": "The platform {asked}, which gave out the name",
    "rdap-network": "The registry of networks, asked for {asked}",
    "ripe:country": "The country of {asked}, by the RIPE database",
    "delegated": "The country of {asked}, by what the registries have delegated",
    "partner:country": "The country of {asked}, by the partner's record",
    "ripe:abuse-c": "The RIPE database, asked whose network {asked} lies in",
    "ripe:aut-num": "The RIPE database, asked for {asked}",
    "vital-list": "The verifier's list of those whom other teams warn, asked for {asked}",
    "network-file": "The network file, asked for {asked}",
    "names-seen": "What records have placed at {asked}",
    "national-cert": "Your list of CSIRTs, asked for {asked}",
    "delivery": "The delivery of mail to {asked}",
    "person": "A person, asked for {asked}",
}
KINDS: Mapping[RecipientKind, str] = {
    RecipientKind.ORGANISATION: "the organisation {name}, at {email}",
    RecipientKind.NETWORK_OWNER: "{name} at {email}, who can reach whoever is hit",
    RecipientKind.NATIONAL_CERT: "{name} at {email}, the team that looks after them",
}
REASONS: Mapping[str, str] = {
    "vital-organisation": "it belongs to a vital organisation, and its team, which warns it, has no address here",
    "other-teams-sector": "another team warns its sector, and has no address here",
    "ended-by-verifier": "it is on the verifier's list, and by the verifier's rules its records end there",
    "foreign-network": "it lies in a country that we do not serve",
    "no-recipient": "nobody who was asked knows whom to write to",
    "nobody-to-warn": "a person has looked for somebody to warn, and found nobody",
    "too-uncertain": "what is known is too uncertain to write to anybody",
    "sources-contradict": "two sources name different organisations",
    "several-companies": "several companies have the name that it is registered under",
}
UNKNOWN = (
    "Whether {asked} is on the verifier's list of those whom other teams warn is not known here: {because}. "
    "If it is, none of this holds: it goes to that team."
)
WHERE_TO_LOOK = "The verifier knows: ask it GET /v1/listed with the same words, before you write to anybody yourself."
NOT_LISTED = "The verifier's list of those whom other teams warn does not name it."
NO_LIST = "The verifier has no list of those whom other teams warn."
NO_MATTER = (
    "The verifier's list names {operator}; by the rules in force that is no matter, so it is warned like anybody."
)
BY_NETWORK = "The verifier's list names it by AS{asn} alone: this holds for records that say that it lies there."
_DATED = re.compile(r"(?P<source>.+) (?P<on>\d{4}-\d{2}-\d{2})")


def explain(verdict: Verdict, *, asked: str) -> list[str]:
    """At least one sentence. `asked` is the asset."""
    match verdict:
        case Attributed():
            return [*_attributed(verdict, asked), *_steps(verdict.evidence)]
        case Settled(reason=reason, evidence=evidence):
            return [f"Nobody would be written to about {asked}: {_why(reason)}.", *_steps(evidence)]
        case Doubted(candidates=candidates, reason=reason, evidence=evidence):
            named = ", ".join(each.recipient.name for each in candidates if each.recipient is not None)
            choice = f" The choice is between: {named}." if named else ""
            return [f"A person would have to decide about {asked}: {_why(reason)}.{choice}", *_steps(evidence)]
        case Waiting(enquiries=enquiries):
            open_ones = ", ".join(f"{each.source} about {each.subject}" for each in enquiries)
            return [f"It is not decided yet about {asked}: we would first ask {open_ones}."]
        case _:
            assert_never(verdict)


def explain_listing(
    listing: Listing | Unknown, told: Sequence[str], *, asked: str, network_asn: int | None
) -> list[str]:
    """With what the verifier's list makes of it: first, where nobody knows, since all the rest depends on it."""
    if isinstance(listing, Unknown):
        return [UNKNOWN.format(asked=asked, because=listing.because), WHERE_TO_LOOK, *told]
    if listing.operator is None:
        return [*told, NOT_LISTED if listing.has_list else NO_LIST]
    said = [NO_MATTER.format(operator=listing.operator)] if listing.is_no_matter else []
    if listing.by_network and network_asn is not None:
        said.append(BY_NETWORK.format(asn=network_asn))
    conclusion, *rest = told
    return [conclusion, *said, *rest]


def _attributed(decision: Attributed, asked: str) -> Iterator[str]:
    certainty = f"{round(decision.confidence * 100)} percent certain"
    yield f"A warning about {asked} would go to {_told(decision.recipient)}; that is {certainty}."
    if decision.route is Route.VITAL:
        yield "The organisation is vital, so we hand it over and do not write to it ourselves."
    for copy in decision.copies:
        yield f"A copy would go to {_told(copy.recipient)}."


def _told(recipient: Recipient) -> str:
    return KINDS[recipient.kind].format(name=recipient.name, email=recipient.email)


def _why(reason: str) -> str:
    return REASONS.get(reason, reason)


def _steps(evidence: Sequence[Evidence]) -> Iterator[str]:
    for step in evidence:
        found = _DATED.fullmatch(step.source)
        source, on = (found["source"], f" as of {found['on']}") if found else (step.source, "")
        who = WHO.get(source, f"The source {source}, asked for {{asked}}").replace("{asked}", step.asked or "it")
        counts = f", which counts {round(step.confidence * 100)} percent" if step.confidence else ""
        yield f"{who}{on}: {step.answered}{counts}."
