"""Addresses that a source publishes for a domain, and what it takes for one to become a candidate."""

import msgspec

from libs.common.addresses import canonical_email
from libs.common.contracts import Recipient
from libs.common.languages import language_of_country
from libs.common.vocabulary import Language, RecipientKind
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.values import Candidate, Route
from services.attribution.domain.mailboxes import is_published

ROUTES = {
    RecipientKind.ORGANISATION: Route.ORGANISATION,
    RecipientKind.NETWORK_OWNER: Route.NETWORK_OWNER,
    RecipientKind.NATIONAL_CERT: Route.NATIONAL_CERT,
}


def usable_address(case: Case, text: str) -> str | None:
    """The address in canonical spelling; None for a placeholder, for what is none, and for whom we don't write to."""
    email = canonical_email(text)
    return email if email is not None and is_published(email) and not case.why_not(email) else None


def candidate_at(
    email: str,
    *,
    kind: RecipientKind,
    name: str,
    confidence: float,
    country: str | None,
    language: Language | None = None,
) -> Candidate:
    recipient = Recipient(kind=kind, name=name, email=email, language=language or language_of_country(country))
    return Candidate(ROUTES[kind], confidence, recipient)


def domain_of(email: str) -> str:
    return email.rpartition("@")[2]


def called(candidate: Candidate, name: str) -> Candidate:
    """The same under the name that a register gives it."""
    if candidate.recipient is None:
        return candidate
    recipient = msgspec.structs.replace(candidate.recipient, name=name)
    return msgspec.structs.replace(candidate, recipient=recipient)
