"""What a domain's registry publishes: its holder's contacts, and the registrar's of one that serves an attacker."""

from collections.abc import Iterable, Iterator

from libs.common.vocabulary import RecipientKind
from services.attribution.domain.answers import Answer, DomainRegistration, Enquiry, PublishedContact, Source
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.countries import country_of_name
from services.attribution.domain.ladder.names import OwnName, is_malicious, names_to_ask, own_names
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.published import candidate_at, usable_address
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import Step

WITNESS = "rdap-domain"
CERTAINTIES = {
    "registrant": Certainty.RDAP_REGISTRANT,
    "administrative": Certainty.RDAP_ADMINISTRATIVE,
    "technical": Certainty.RDAP_TECHNICAL,
}


def rdap_domain(case: Case) -> Iterator[Step]:
    """The holder's own contacts. A registrar's can't mend a server, and a platform's names are in no registry."""
    for name in names_to_ask(case):
        if name.platform is None:
            heard = consult(case, Enquiry(Source.RDAP_DOMAIN, name.domain))
            yield from heard.steps
            if heard.answer is not None:
                yield _holder(case, name, heard.answer)


def _holder(case: Case, name: OwnName, answer: Answer) -> Step:
    registration = found_in(answer, DomainRegistration)
    if registration is None:
        return Step(case.evidence(WITNESS, name.domain, "not registered there", at=answer.at), witness=WITNESS)
    registered_by = registration.registrant or "nobody it names"
    said = f"registered by {registered_by}"
    contacts = [(contact, email) for contact in registration.contacts if (email := _usable(case, contact)) is not None]
    if not contacts:
        hidden = f", hidden are {', '.join(registration.redacted)}" if registration.redacted else ""
        answered = f"{said}, without a contact of the holder that can be written to{hidden}"
        return Step(case.evidence(WITNESS, name.domain, answered, at=answer.at), witness=WITNESS)
    contact, email = max(contacts, key=lambda each: case.confidence(CERTAINTIES[each[0].role]))
    confidence = case.confidence(CERTAINTIES[contact.role]) * case.ladder.proof[name.kind]
    candidate = candidate_at(
        email,
        kind=RecipientKind.ORGANISATION,
        name=registration.registrant or contact.name or name.domain,
        confidence=confidence,
        country=country_of_name(name.domain, registration).code,
    )
    evidence = case.evidence(WITNESS, name.domain, f"{said}; {contact.role}: {email}", confidence, at=answer.at)
    return Step(evidence, candidate, witness=WITNESS)


def _usable(case: Case, contact: PublishedContact) -> str | None:
    if contact.is_registrars or contact.role not in CERTAINTIES:
        return None
    return usable_address(case, contact.email)


def registrar(case: Case) -> Iterable[Step]:
    """Who sold a name can take it from an attacker; asked only of a record whose asset is that name."""
    question = case.findings.question
    return _registrars(case) if question.names and question.address is None and is_malicious(case) else ()


def _registrars(case: Case) -> Iterator[Step]:
    for name in own_names(case):
        heard = consult(case, Enquiry(Source.RDAP_DOMAIN, name.platform or name.domain))
        yield from heard.steps
        if heard.answer is not None:
            yield _registrar(case, heard.answer)


def _registrar(case: Case, answer: Answer) -> Step:
    asked = answer.enquiry.subject
    registration = found_in(answer, DomainRegistration)
    sellers = [contact for contact in registration.contacts if contact.is_registrars] if registration else []
    found = next(((each, email) for each in sellers if (email := usable_address(case, each.email)) is not None), None)
    if registration is None or found is None:
        answered = "no contact of its registrar"
        return Step(case.evidence("registrar", asked, answered, at=answer.at), witness=WITNESS)
    contact, email = found
    name = registration.registrar or contact.name or "registrar"
    confidence = case.confidence(Certainty.REGISTRAR)
    candidate = candidate_at(
        email, kind=RecipientKind.NETWORK_OWNER, name=name, confidence=confidence, country=registration.country
    )
    answered = f"sold by {name}: {email}"
    return Step(case.evidence("registrar", asked, answered, confidence, at=answer.at), candidate, witness=WITNESS)
