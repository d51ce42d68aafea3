"""In which country it lies, and who says so."""

import msgspec

from services.attribution.domain.answers import DomainRegistration, Enquiry, NetworkRegistration, Source
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.ladder.imports import DELEGATED, NETWORK_FILE, Imports, dated


class Country(msgspec.Struct, frozen=True, gc=False):
    """`code` None: not known."""

    code: str | None
    source: str


FOR_EVERYBODY = frozenset(
    {"AC", "AI", "CC", "CO", "EU", "FM", "GG", "IO", "LA", "ME", "SH", "SO", "SU", "TK", "TO", "TV", "VC", "WS"}
)
"""Countries' endings that are sold all over the world, or that are of no one country."""
NOT_THE_CODE = {"UK": "GB"}
LETTERS_OF_A_COUNTRY = 2


def country_of(findings: Findings, directory: Directory, imports: Imports) -> Country:
    """Registered asset, then network, delegation, RDAP, the network file, at last the partner's record.

    What is too old to tell whom a network belongs to does not tell where it lies either.
    """
    claim = findings.by_name or findings.by_address or findings.by_asn
    if claim is not None:
        return Country(directory.organisation(claim).country, "registered-asset")
    if findings.network is not None and findings.network.country and imports.ripe_is_fresh:
        return Country(findings.network.country, imports.country)
    if findings.delegated_country and imports.delegated_is_fresh:
        made_on = findings.delegated.made_on if findings.delegated is not None else None
        return Country(findings.delegated_country, dated(DELEGATED, made_on))
    if findings.answers and (answered := _of_rdap(findings)) is not None:
        return Country(answered, "rdap-network")
    hint = findings.hint
    if hint is not None and hint.country and imports.is_fresh(NETWORK_FILE, hint.country_made_on):
        return Country(hint.country, dated(NETWORK_FILE, hint.country_made_on))
    return Country(findings.question.claimed_country, "partner:country")


def _of_rdap(findings: Findings) -> str | None:
    enquiry = Enquiry(Source.RDAP_NETWORK, findings.question.asked)
    answer = findings.answers.get(enquiry)
    return answer.found.country if answer is not None and isinstance(answer.found, NetworkRegistration) else None


def country_of_name(name: str, registration: DomainRegistration | None) -> Country:
    """Where who has a name is at home: as its registry says, else by the country whose ending it chose."""
    if registration is not None and registration.country:
        return Country(registration.country, "rdap-domain")
    ending = name.rpartition(".")[2].upper()
    code = NOT_THE_CODE.get(ending, ending)
    is_country = len(ending) == LETTERS_OF_A_COUNTRY and code not in FOR_EVERYBODY
    return Country(code if is_country else None, "ending")
