"""In which country it lies, and who says so."""

from collections.abc import Iterator

import msgspec

from services.attribution.domain.answers import DomainRegistration, Enquiry, NetworkRegistration, Source
from services.attribution.domain.directory import Directory, Findings
from services.attribution.domain.ladder.imports import Imports, dated
from services.attribution.domain.sources import DELEGATED, NETWORK_FILE


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
    made_on = findings.delegated.made_on if findings.delegated is not None else None
    if findings.delegated_country and imports.is_fresh(DELEGATED, made_on):
        return Country(findings.delegated_country, dated(DELEGATED, made_on))
    if findings.answers and (answered := _of_rdap(findings)) is not None:
        return Country(answered, "rdap-network")
    hint = findings.hint
    if hint is not None and hint.country and imports.is_fresh(NETWORK_FILE, hint.country_made_on):
        return Country(hint.country, dated(NETWORK_FILE, hint.country_made_on))
    return Country(findings.question.claimed_country, "partner:country")


def too_old(findings: Findings, imports: Imports) -> Iterator[tuple[str, int]]:
    """What would have told where it lies, or whose AS announces it, and is not believed: its name, and the limit."""
    days, hint = imports.ladder.greatest_age_days, findings.hint
    if findings.delegated is not None and not imports.is_fresh(DELEGATED, findings.delegated.made_on):
        yield dated(DELEGATED, findings.delegated.made_on), days[DELEGATED]
    if hint is not None:
        made_on = {hint.country_made_on if hint.country else None, hint.asn_made_on if hint.asn else None}
        for day in sorted(day for day in made_on if day is not None and not imports.is_fresh(NETWORK_FILE, day)):
            yield dated(NETWORK_FILE, day), days[NETWORK_FILE]


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
