"""Checks on whether it is ours to warn: in which country it is, and whether its owner asked for it.

What is said of the country, and what follows. `ours`: a country of the constituency; `-`: the source says nothing.

| record | holder | name | result | so it is |
| --- | --- | --- | --- | --- |
| - | - | - | skip | left to attribution |
| ours | - or ours | - or ours | pass | in scope; any one source is enough, if no other one disagrees |
| other | - or other | - or other | fail | out-of-scope, also where they name different countries that are not ours |
| ours | other | any | warn | in scope, with less confidence: attribution looks further; whichever source says ours |
| any | any | any | pass | in scope, whatever they say, if its owner has registered it with us |
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from libs.common.contracts import Indicator
from libs.common.delegated import UNKNOWN_COUNTRIES
from services.verifier.domain.checks.findings import doubted, failed, not_applicable, passed
from services.verifier.domain.countries import country_of_ending
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

REGISTERED = passed("country", "registered with us by its owner")
NOBODY_SAYS = not_applicable("country", "nothing says in which country it is; attribution decides")
FOR_EVERYBODY = passed("opt-in", "its incident is for everybody")
ASKED = passed("opt-in", "its owner asked to be warned")
NOT_ASKED = failed("opt-in", "only for those who asked")
NO_INCIDENT = not_applicable("opt-in", "it belongs to no incident")


def in_our_country(case: Case, rules: Rules, _: datetime) -> Reason:
    """No source places it outside our constituency alone: the record, the registry that its address or AS is of, its
    name. Sources that disagree make it doubtful. What its owner registered with us is ours wherever it stands.
    """
    indicator = case.event.indicator
    if _is_registered(case, rules):
        return REGISTERED
    return _weighed(
        indicator.geo_country,
        rules.holders.country_of(indicator.asset.ip, indicator.asset.asn or indicator.asn),
        _country_of_name(indicator),
        rules.constituency_countries,
        rules.country_disagreement_weight,
    )


def _country_of_name(indicator: Indicator) -> str | None:
    """Of a domain or a URL; where somebody's mailbox is says nothing of where they are."""
    asset = indicator.asset
    if asset.domain is None and asset.url is None:
        return None
    return country_of_ending(asset.hosts[0].rpartition(".")[2]) if asset.hosts else None


@lru_cache(maxsize=4_096)
def _weighed(record: str | None, holder: str | None, name: str | None, ours: frozenset[str], weight: float) -> Reason:
    """Kept, as the usual answers are few."""
    said = [(country, words) for country, words in _answers(record, holder, name)]
    if not said:
        return NOBODY_SAYS
    words = ", ".join(each for _, each in said)
    are_ours = {country in ours for country, _ in said}
    if are_ours == {True, False}:
        return doubted("country", weight, words)
    return passed("country", f"{words}; ours") if True in are_ours else failed("country", f"{words}; not ours")


def _answers(record: str | None, holder: str | None, name: str | None) -> Iterator[tuple[str, str]]:
    if record is not None and record not in UNKNOWN_COUNTRIES:
        yield record, f"the record says {record}"
    if holder is not None:
        yield holder, f"its holder is registered in {holder}"
    if name is not None:
        yield name, f"its name is of {name}"


def asked_for(case: Case, rules: Rules, _: datetime) -> Reason:
    """Its incident is told to everybody whom it concerns, or else its owner has registered the asset with us."""
    incident = case.incident
    if incident is None:
        return NO_INCIDENT
    if not incident.opt_in:
        return FOR_EVERYBODY
    return ASKED if _is_registered(case, rules) else NOT_ASKED


def _is_registered(case: Case, rules: Rules) -> bool:
    """Never in a test: with those a partner could find out, unseen, who has registered with us."""
    indicator = case.event.indicator
    return rules.registered.covers(indicator.asset, indicator.asn) and not case.event.is_test
