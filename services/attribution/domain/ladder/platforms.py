"""Who gives out names below its own, such as `github.io`: it knows its customers, and can act."""

from collections.abc import Iterator

from libs.common.vocabulary import RecipientKind
from services.attribution.domain.answers import DomainRegistration, Enquiry, Source
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.names import own_names
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.published import candidate_at, usable_address
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.security_txt import published_at
from services.attribution.domain.ladder.values import Step

SOURCE = "platform"


def platform(case: Case) -> Iterator[Step]:
    """The platform's own contact; it hears of a customer of its own."""
    for name in own_names(case):
        if name.platform is not None:
            yield from _contact(case, name.platform)


def _contact(case: Case, domain: str) -> Iterator[Step]:
    at_most = case.confidence(Certainty.PLATFORM)
    heard = consult(case, Enquiry(Source.SECURITY_TXT, domain))
    yield from heard.steps
    if heard.answer is not None:
        kind = RecipientKind.NETWORK_OWNER
        step = published_at(case, heard.answer, owner=domain, proof=1.0, kind=kind, at_most=at_most, source=SOURCE)
        yield step
        if step.candidate is not None:
            return
    heard = consult(case, Enquiry(Source.RDAP_DOMAIN, domain))
    yield from heard.steps
    registration = found_in(heard.answer, DomainRegistration) if heard.answer is not None else None
    if registration is None:
        return
    usable = ((each, usable_address(case, each.email)) for each in registration.contacts if not each.is_registrars)
    contact, email = next(((each, found) for each, found in usable if found is not None), (None, None))
    if contact is None or email is None:
        yield Step(case.evidence(SOURCE, domain, "its registry names no contact"), witness=SOURCE)
        return
    name = registration.registrant or domain
    candidate = candidate_at(
        email, kind=RecipientKind.NETWORK_OWNER, name=name, confidence=at_most, country=registration.country
    )
    yield Step(case.evidence(SOURCE, domain, f"{contact.role}: {email}", at_most), candidate, witness=SOURCE)
