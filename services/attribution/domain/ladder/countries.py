"""In which country it lies, and who says so."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from services.attribution.domain.answers import DomainRegistration, Enquiry, NetworkRegistration, Source
from services.attribution.domain.directory import Directory, Findings


class Country(NamedTuple):
    """`code` None: not known."""

    code: str | None
    source: str


IsFresh = Callable[[str, date | None], bool]
FOR_EVERYBODY = frozenset(
    {"AC", "AI", "CC", "CO", "EU", "FM", "GG", "IO", "LA", "ME", "SH", "SO", "SU", "TK", "TO", "TV", "VC", "WS"}
)
"""Countries' endings that are sold all over the world, or that are of no one country."""
NOT_THE_CODE = {"UK": "GB"}
LETTERS_OF_A_COUNTRY = 2


def country_of(findings: Findings, directory: Directory, *, is_fresh: IsFresh) -> Country:
    """Registered asset, then network, then delegation, then RDAP, at last the partner's record.

    What is too old to tell whom a network belongs to does not tell where it lies either.
    """
    claims = (findings.by_name, findings.by_address, findings.by_asn)
    registered = next((directory.organisation(asset).country for asset in claims if asset is not None), None)
    if registered:
        return Country(registered, "registered-asset")
    made_on = directory.networks.made_on
    if findings.network is not None and findings.network.country and is_fresh("ripe", made_on):
        return Country(findings.network.country, dated("ripe:country", made_on))
    made_on = directory.delegations.made_on
    if findings.delegated_country and is_fresh("delegated", made_on):
        return Country(findings.delegated_country, dated("delegated", made_on))
    if findings.answers and (answered := _of_rdap(findings)) is not None:
        return Country(answered, "rdap-network")
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


@lru_cache(maxsize=64)
def dated(source: str, made_on: date | None) -> str:
    """A registry's word is as old as its dump, and whoever reads the evidence should see how old."""
    return f"{source} {made_on.isoformat()}" if made_on else source
