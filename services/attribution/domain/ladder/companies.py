"""The company registry: a registrant's name, to the one company of that name, to its web site, to its security.txt."""

from collections.abc import Iterator

import msgspec

from libs.common.addresses import canonical_domain
from services.attribution.domain.answers import Companies, Company, DomainRegistration, Enquiry, Source
from services.attribution.domain.company_names import called_of, comparable
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.names import OwnName, names_to_ask
from services.attribution.domain.ladder.organisations import organisation_step
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.published import called
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.security_txt import published_at
from services.attribution.domain.ladder.values import About, Step
from services.attribution.domain.names import platform_of, registrable

SOURCE = "company-registry"
MOST_SITES = 3
SEVERAL = "several-companies"


def company_registry(case: Case) -> Iterator[Step]:
    """Silent where the registry can't be asked and never was."""
    is_known = case.findings.answers and any(each.source is Source.COMPANY_REGISTRY for each in case.findings.answers)
    if Source.COMPANY_REGISTRY not in case.online and not is_known:
        return
    for name in names_to_ask(case):
        if name.platform is None:
            yield from _behind(case, name)


def _behind(case: Case, name: OwnName) -> Iterator[Step]:
    heard = consult(case, Enquiry(Source.RDAP_DOMAIN, name.domain))
    yield from (step for step in heard.steps if step.asks)
    registration = found_in(heard.answer, DomainRegistration) if heard.answer is not None else None
    if registration is None:
        return
    if not registration.registrant:
        yield Step(case.evidence(SOURCE, name.domain, "not asked: its registry names no registrant"))
        return
    heard = consult(case, enquiry_of(registration.registrant))
    yield from heard.steps
    if heard.answer is not None:
        found = found_in(heard.answer, Companies)
        yield from _judged(case, name, registration.registrant, found.found if found is not None else ())


def enquiry_of(company_name: str) -> Enquiry:
    return Enquiry(Source.COMPANY_REGISTRY, " ".join(company_name.split()))


def _judged(case: Case, name: OwnName, registrant: str, companies: tuple[Company, ...]) -> Iterator[Step]:
    """Only one company of exactly this name is an answer."""
    asked = comparable(registrant)
    fitting = [each for each in companies if asked in {comparable(text) for text in (each.name, *each.other_names)}]
    if not fitting:
        yield Step(case.evidence(SOURCE, registrant, "no company of exactly this name"), witness=SOURCE)
    elif len(fitting) > 1:
        numbers = ", ".join(each.number for each in fitting)
        yield Step(case.evidence(SOURCE, registrant, f"several companies: {numbers}"), witness=SOURCE, doubt=SEVERAL)
    else:
        yield from _of_company(case, name, registrant, fitting[0])


def _of_company(case: Case, name: OwnName, registrant: str, company: Company) -> Iterator[Step]:
    named = f"{company.name}, number {company.number}"
    organisation = called_of(case.directory.registered).by_number(company.number)
    if organisation is not None:
        yield organisation_step(
            case,
            organisation,
            source=SOURCE,
            asked=registrant,
            answered=f"{named}, known to us as {organisation.name}",
            about=About.NAME,
            witness=SOURCE,
            at_most=case.confidence(Certainty.KNOWN_ORGANISATION) * case.ladder.proof[name.kind],
        )
        return
    sites = tuple(dict.fromkeys(site for text in company.sites if (site := _site(text)) is not None))[:MOST_SITES]
    said = f"{named}, with the site {', '.join(sites)}" if sites else f"{named}, without a web site"
    yield Step(case.evidence(SOURCE, registrant, said), witness=SOURCE)
    for site in sites:
        yield from _published_at_site(case, name, company, site)


def _published_at_site(case: Case, name: OwnName, company: Company, site: str) -> Iterator[Step]:
    heard = consult(case, Enquiry(Source.SECURITY_TXT, site))
    yield from heard.steps
    if heard.answer is not None:
        step = published_at(
            case,
            heard.answer,
            owner=site,
            proof=case.ladder.proof[name.kind],
            at_most=case.confidence(Certainty.COMPANY_SITE),
            source="company-site",
        )
        yield msgspec.structs.replace(step, candidate=called(step.candidate, company.name)) if step.candidate else step


def _site(text: str) -> str | None:
    """The registrable domain of a web site as a registry writes it; a page at a platform is no domain of theirs."""
    host = canonical_domain(text.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0])
    return registrable(host) if host is not None and platform_of(host) is None else None
