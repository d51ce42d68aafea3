"""What a site publishes for who finds something wrong (RFC 9116)."""

from collections.abc import Iterator, Sequence

import msgspec

from libs.common.vocabulary import Language, RecipientKind
from services.attribution.domain.answers import Answer, Enquiry, SecurityTxt, Source
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.countries import country_of_name
from services.attribution.domain.ladder.names import OwnName, names_to_ask, registration_of
from services.attribution.domain.ladder.outside import consult, found_in
from services.attribution.domain.ladder.published import called, candidate_at, domain_of, usable_address
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import Step
from services.attribution.domain.names import is_of_one_owner, registrable

WITNESS = "security-txt"


def security_txt(case: Case) -> Iterator[Step]:
    """The host's own, then that of the registrable domain."""
    for name in names_to_ask(case):
        for host in name.hosts:
            heard = consult(case, Enquiry(Source.SECURITY_TXT, host))
            yield from heard.steps
            if heard.answer is not None:
                step = published_at(case, heard.answer, owner=name.domain, proof=case.ladder.proof[name.kind])
                yield name_named(case, step, name)
                if step.candidate is not None:
                    break


def name_named(case: Case, step: Step, name: OwnName) -> Step:
    """The step with the registrant's name in place of the domain, where its registry has told it."""
    registration = registration_of(case, name.domain)
    if step.candidate is None or registration is None or not registration.registrant:
        return step
    return msgspec.structs.replace(step, candidate=called(step.candidate, registration.registrant))


def published_at(
    case: Case,
    answer: Answer,
    *,
    owner: str,
    proof: float,
    kind: RecipientKind = RecipientKind.ORGANISATION,
    at_most: float = 1.0,
    source: str = WITNESS,
) -> Step:
    """The contact that a file gives, the one that proves most, for who has the domain `owner`."""
    asked = answer.enquiry.subject
    published = found_in(answer, SecurityTxt)
    if published is None:
        return Step(case.evidence(source, asked, "no security.txt", at=answer.at))
    judged = [(_certainty(case, email, published, owner), email) for email in _usable(case, published)]
    if not judged:
        answered = f"{published.url} gives no address that can be written to"
        return Step(case.evidence(source, asked, answered, at=answer.at), witness=WITNESS)
    certainty, email = max(judged, key=lambda each: case.confidence(each[0]))
    confidence = min(case.confidence(certainty) * proof, at_most)
    answered = f"{published.url}: {email}{WHY[certainty]}"
    country = country_of_name(owner, registration_of(case, owner)).code
    candidate = candidate_at(
        email,
        kind=kind,
        name=owner,
        confidence=confidence,
        country=country,
        language=_language(published.languages),
    )
    return Step(case.evidence(source, asked, answered, confidence, at=answer.at), candidate, witness=WITNESS)


WHY = {
    Certainty.SECURITY_TXT: "",
    Certainty.SECURITY_TXT_EXPIRED: ", though the file has expired",
    Certainty.SECURITY_TXT_ELSEWHERE: ", which is at another domain",
    Certainty.SECURITY_TXT_BOUNTY: ", which is at a platform for paid reports",
}


def _usable(case: Case, published: SecurityTxt) -> Iterator[str]:
    for text in published.emails:
        email = usable_address(case, text)
        if email is not None:
            yield email


def _certainty(case: Case, email: str, published: SecurityTxt, owner: str) -> Certainty:
    domain = domain_of(email)
    if (registrable(domain) or domain) in case.ladder.bounty_domains:
        return Certainty.SECURITY_TXT_BOUNTY
    if not is_of_one_owner(domain, owner):
        return Certainty.SECURITY_TXT_ELSEWHERE
    has_expired = published.expires_at is not None and published.expires_at <= case.at
    return Certainty.SECURITY_TXT_EXPIRED if has_expired else Certainty.SECURITY_TXT


def _language(languages: Sequence[str]) -> Language | None:
    """The first preferred language in which we can write."""
    known = {str(language): language for language in Language}
    codes = (text.partition("-")[0].lower() for text in languages)
    return next((known[code] for code in codes if code in known), None)
