"""Whose network it lies in: the imported RIPE database, RDAP where that knows nobody, and the AS."""

from collections.abc import Iterable, Iterator

from libs.common.contracts import Evidence, Recipient
from libs.common.languages import language_of_country
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.answers import Answer, Enquiry, NetworkRegistration, Source
from services.attribution.domain.ladder.case import Case, numbers
from services.attribution.domain.ladder.countries import too_old
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.providers import ProviderKind
from services.attribution.domain.ladder.published import candidate_at, usable_address
from services.attribution.domain.ladder.rules import NAMES_SEEN, Certainty
from services.attribution.domain.ladder.values import (
    ADDRESS,
    COUNTRY,
    SYSTEM,
    TO_NETWORK_OWNER,
    TO_ORGANISATION,
    About,
    Candidate,
    Step,
)
from services.attribution.domain.sources import RIPE

ABUSE = "abuse"
ORGANISATION, NETWORK_OWNER = RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER


def country(case: Case) -> Iterator[Step]:
    found = case.country
    asked = case.findings.question.asked
    yield Step(case.evidence(found.source, asked, found.code or "country not known"), about=COUNTRY)
    is_answered = case.findings.asns and found.source in ("registered-asset", case.imports.country)
    for source, days in () if is_answered else too_old(case.findings, case.imports):
        yield Step(case.evidence(source, asked, f"not used: the import is older than {days} days"), about=COUNTRY)
    if case.is_shared:
        others = case.findings.others_there
        answered = f"{others} other names were seen here: shared hosting, so whoever runs it can act"
        yield Step(case.evidence(NAMES_SEEN, asked, answered), about=ADDRESS)


def rdap_network(case: Case) -> Iterable[Step]:
    """Asked where the imported dump knows nobody to write to; an answer that is there counts in any case."""
    address = case.findings.question.address
    if address is None or (not case.online and not case.findings.answers):
        return ()
    enquiry = Enquiry(Source.RDAP_NETWORK, address.text)
    network = case.findings.network
    is_known = network is not None and network.desk is not None and case.imports.ripe_is_fresh
    if (is_known and enquiry not in case.findings.answers) or _is_behind_cdn(case):
        return ()
    return _rdap_network(case, enquiry)


def _rdap_network(case: Case, enquiry: Enquiry) -> Iterator[Step]:
    heard = consult(case, enquiry, about=ADDRESS)
    yield from heard.steps
    if heard.answer is not None:
        yield _registered_network(case, heard.answer)


def _registered_network(case: Case, answer: Answer) -> Step:
    """The contact for abuse, and no other: who runs a network by its technical side need not read this."""
    asked, found = answer.enquiry.subject, found_in(answer, NetworkRegistration)
    source = str(Source.RDAP_NETWORK)
    if found is None:
        return Step(case.evidence(source, asked, "no network known", at=answer.at), about=ADDRESS)
    desks = (usable_address(case, each.email) for each in found.contacts if each.role == ABUSE)
    email = next((each for each in desks if each is not None), None)
    said = f"{found.network} {found.name}".rstrip()
    if email is None:
        return Step(case.evidence(source, asked, f"{said}, no abuse contact", at=answer.at), about=ADDRESS)
    confidence = case.confidence(Certainty.RDAP_NETWORK)
    name = found.organisation or found.name or found.network
    candidate = candidate_at(
        email, kind=RecipientKind.NETWORK_OWNER, name=name, confidence=confidence, country=found.country
    )
    evidence = case.evidence(source, asked, f"{said}: {email}", confidence, at=answer.at)
    return Step(evidence, candidate, about=ADDRESS, witness=source)


def network(case: Case) -> Iterable[Step]:
    """The most specific range's desk, its own or inherited."""
    address, source = case.findings.question.address, case.imports.abuse_contact
    if address is None:
        return ()
    if not case.imports.ripe_is_fresh:
        return (_too_old(case, source, address.text),)
    found = case.findings.network
    if found is None:
        return (Step(case.evidence(source, address.text, "no range known"), about=ADDRESS),)
    answered = f"{found.interval} {found.netname}"
    if found.desk is None:
        evidence = case.evidence(source, address.text, f"{answered}, no abuse contact")
        return (Step(evidence, about=ADDRESS),)
    inherited = f", inherited from {found.inherited_from}" if found.inherited_from else ""
    confidence = case.imports.inherited_desk if found.inherited_from else case.imports.own_desk
    answered = f"{answered}: {found.desk.email}{inherited}"
    is_users = found.is_users and case.provider is None
    if is_users:
        answered = f"{answered}, who uses it by itself"
    evidence = case.evidence(source, address.text, answered, confidence)
    return (_desk_step(case, found.desk, evidence, about=ADDRESS, is_users=is_users),)


def system(case: Case) -> Iterable[Step]:
    asns = case.findings.asns
    if not asns:
        return ()
    source, asked = case.imports.system, numbers(asns)
    if not case.imports.ripe_is_fresh:
        return (_too_old(case, source, asked),)
    found = case.findings.system
    if found is None or found.desk is None:
        answered = "not known" if found is None else f"AS{found.asn} {found.name}, no abuse contact"
        return (Step(case.evidence(source, asked, answered), about=SYSTEM),)
    answered = f"AS{found.asn} {found.name}: {found.desk.email}"
    evidence = case.evidence(source, asked, answered, case.imports.as_desk)
    return (_desk_step(case, found.desk, evidence, about=SYSTEM),)


def _desk_step(case: Case, desk: AbuseDesk, evidence: Evidence, *, about: About, is_users: bool = False) -> Step:
    if why_not := case.why_not(desk.email):
        return Step(_refused(case, evidence, why_not), about=about)
    if _is_behind_cdn(case):
        name = case.provider.name if case.provider is not None else ""
        return Step(
            _refused(case, evidence, f"but nothing of a customer runs at {name}, and the name is known"), about=about
        )
    recipient = Recipient(
        kind=ORGANISATION if is_users else NETWORK_OWNER,
        name=desk.name,
        email=desk.email,
        language=language_of_country(case.country.code),
    )
    route = TO_ORGANISATION if is_users else TO_NETWORK_OWNER
    return Step(evidence, Candidate(route, evidence.confidence, recipient), about=about, witness=RIPE)


def _is_behind_cdn(case: Case) -> bool:
    """Where a name is known, the network of what stands before its site is the wrong one."""
    if not case.findings.question.names:
        return False
    return case.provider is not None and case.provider.kind is ProviderKind.CDN


def _refused(case: Case, evidence: Evidence, why: str) -> Evidence:
    return case.evidence(evidence.source, evidence.asked, f"{evidence.answered}, {why}")


def _too_old(case: Case, source: str, asked: str) -> Step:
    days = case.ladder.greatest_age_days[RIPE]
    answered = f"not used: the import is older than {days} days"
    return Step(case.evidence(source, asked, answered), about=ADDRESS)
