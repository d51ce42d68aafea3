"""The organisation behind a domain: one that we know by its own mail domain, or by the registrant's name."""

from collections.abc import Iterable, Iterator

import msgspec

from services.attribution.domain.company_names import called_of, is_called
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.names import OwnName, names_to_ask, registration_of
from services.attribution.domain.ladder.organisations import organisation_step
from services.attribution.domain.ladder.published import domain_of
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import About, Step
from services.attribution.domain.ladder.weighing import CONTACTS
from services.attribution.domain.names import is_of_one_owner
from services.attribution.domain.organisations import Organisation
from services.attribution.domain.withheld import WithheldClaim

SOURCE = "known-organisation"


def known_organisation(case: Case) -> Iterable[Step]:
    """Silent where we know none, as of most names: our register was asked for the name before."""
    findings, called = case.findings, called_of(case.directory.registered)
    question = findings.question
    is_worth_it = findings.answers or question.mail_name or any(map(called.may_know_mail_of, question.names))
    if not is_worth_it or findings.by_name is not None:
        return ()
    withheld = next(filter(None, map(case.directory.registered.withheld.of_name, question.names)), None)
    return _known_organisation(case) if withheld is None else (_claimed(case, withheld),)


def _claimed(case: Case, claim: WithheldClaim) -> Step:
    """What a claim does not give, a mailbox does not give either: else who lost a proof would be told all the same."""
    return Step(case.evidence_elsewhere(SOURCE, claim.value, f"not asked: {claim}"))


def _known_organisation(case: Case) -> Iterator[Step]:
    for name in names_to_ask(case):
        yield from _by_mail(case, name) or _by_registrant(case, name)
    yield from _of_mailboxes(case)


def _by_mail(case: Case, name: OwnName) -> tuple[Step, ...]:
    """The one organisation that has its mail at the domain and is called like it.

    Where it has its mail is not enough: that may be at its supplier's, or at its access provider's. For the same reason
    only who reads mail at that domain hears of it.
    """
    called = called_of(case.directory.registered)
    organisation = next((found for host in name.hosts if (found := called.by_mail_domain(host))), None)
    if organisation is None or not is_called(organisation, name.domain.partition(".")[0]):
        return ()
    own = tuple(contact for contact in organisation.contacts if is_of_one_owner(domain_of(contact.email), name.domain))
    organisation = msgspec.structs.replace(organisation, contacts=own)
    return (_step(case, name, organisation, "it is the mail domain of", Certainty.KNOWN_ORGANISATION, CONTACTS),)


def _by_registrant(case: Case, name: OwnName) -> tuple[Step, ...]:
    """Other companies may have the same name; the company registry tells them apart, and a person can."""
    registration = registration_of(case, name.domain)
    organisation = called_of(case.directory.registered).by_name(registration.registrant) if registration else None
    if organisation is None:
        return ()
    return (
        _step(case, name, organisation, "its registrant is called like", Certainty.KNOWN_REGISTRANT, "rdap-domain"),
    )


def _step(case: Case, name: OwnName, organisation: Organisation, how: str, certainty: Certainty, witness: str) -> Step:
    return organisation_step(
        case,
        organisation,
        source=SOURCE,
        asked=name.domain,
        answered=f"{how} {organisation.name}",
        about=About.NAME,
        witness=witness,
        at_most=case.confidence(certainty) * case.ladder.proof[name.kind],
    )


def _of_mailboxes(case: Case) -> Iterator[Step]:
    question = case.findings.question
    provider = case.ladder.providers.of_mailboxes(question.mail_name) if question.mail_name else None
    if provider is not None and question.mail_name is not None:
        answered = f"a mail provider, {provider.name}: whose the account is, nobody says"
        yield Step(case.evidence("mail-provider", question.mail_name, answered))
