"""Role names that a domain should have (RFC 2142). Guessed, so only where the operator wants it and mail arrives."""

from collections.abc import Iterator

from libs.common.vocabulary import RecipientKind
from services.attribution.domain.answers import Enquiry, MailExchange, Source
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.countries import country_of_name
from services.attribution.domain.ladder.names import OwnName, names_to_ask, registration_of
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.published import candidate_at
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import Step

LOCAL_PARTS = ("security", "abuse")
SOURCE = "role-name"


def role_names(case: Case) -> Iterator[Step]:
    """Silent until the DNS has said that the domain takes mail: an address is never made up for a domain without."""
    for name in names_to_ask(case):
        if name.platform is None:
            heard = consult(case, Enquiry(Source.MAIL_EXCHANGE, name.domain))
            yield from heard.steps
            exchange = found_in(heard.answer, MailExchange) if heard.answer is not None else None
            if exchange is not None:
                yield _guessed(case, name, takes_mail=exchange.takes_mail)


def _guessed(case: Case, name: OwnName, *, takes_mail: bool) -> Step:
    addresses = (f"{part}@{name.domain}" for part in LOCAL_PARTS)
    email = next((address for address in addresses if not case.why_not(address)), None)
    if not takes_mail or email is None:
        answered = "no other name to guess" if takes_mail else "the domain takes no mail"
        return Step(case.evidence(SOURCE, name.domain, answered), witness=SOURCE)
    confidence = case.confidence(Certainty.ROLE_NAME) * case.ladder.proof[name.kind]
    candidate = candidate_at(
        email,
        kind=RecipientKind.ORGANISATION,
        name=name.domain,
        confidence=confidence,
        country=country_of_name(name.domain, registration_of(case, name.domain)).code,
    )
    answered = f"the domain takes mail; {email} should be read (RFC 2142)"
    return Step(case.evidence(SOURCE, name.domain, answered, confidence), candidate, witness=SOURCE)
