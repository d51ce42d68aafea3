"""The organisation behind a domain: one that we know by its contacts' mail domain, or by the registrant's name."""

from collections.abc import Iterable, Iterator

from services.attribution.domain.company_names import called_of
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.names import OwnName, names_to_ask, registration_of
from services.attribution.domain.ladder.organisations import organisation_step
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import About, Step
from services.attribution.domain.ladder.weighing import CONTACTS
from services.attribution.domain.organisations import Organisation

SOURCE = "known-organisation"


def known_organisation(case: Case) -> Iterable[Step]:
    """Silent where we know none, as of most names: our register was asked for the name before."""
    findings, called = case.findings, called_of(case.directory.registered)
    question = findings.question
    is_worth_it = findings.answers or question.mail_name or any(map(called.may_know_mail_of, question.names))
    return _known_organisation(case) if is_worth_it and findings.by_name is None else ()


def _known_organisation(case: Case) -> Iterator[Step]:
    for name in names_to_ask(case):
        found = _by_mail(case, name) or _by_registrant(case, name)
        if found is not None:
            organisation, how, witness = found
            yield organisation_step(
                case,
                organisation,
                source=SOURCE,
                asked=name.domain,
                answered=f"{how} {organisation.name}",
                about=About.NAME,
                witness=witness,
                at_most=case.confidence(Certainty.KNOWN_ORGANISATION) * case.ladder.proof[name.kind],
            )
    yield from _of_mailboxes(case)


def _by_mail(case: Case, name: OwnName) -> tuple[Organisation, str, str] | None:
    """A domain at which exactly one organisation has its mail."""
    called = called_of(case.directory.registered)
    organisation = next((found for host in name.hosts if (found := called.by_mail_domain(host))), None)
    return (organisation, "it is the mail domain of", CONTACTS) if organisation is not None else None


def _by_registrant(case: Case, name: OwnName) -> tuple[Organisation, str, str] | None:
    registration = registration_of(case, name.domain)
    organisation = called_of(case.directory.registered).by_name(registration.registrant) if registration else None
    return (organisation, "it is registered by", "rdap-domain") if organisation is not None else None


def _of_mailboxes(case: Case) -> Iterator[Step]:
    question = case.findings.question
    provider = case.ladder.providers.of_mailboxes(question.mail_name) if question.mail_name else None
    if provider is not None and question.mail_name is not None:
        answered = f"a mail provider, {provider.name}: whose the account is, nobody says"
        yield Step(case.evidence("mail-provider", question.mail_name, answered))
