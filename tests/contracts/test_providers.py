"""The verifier and attribution know the same content networks, clouds and hosters: neither reads the other's file."""

from typing import NamedTuple

from services.attribution.domain.ladder.providers import ProviderKind
from services.attribution.handlers.ladders import shipped_ladder
from services.verifier.domain.rule_file import apply_rule_file
from services.verifier.handlers.rules import SHIPPED
from tests.unit.verifier.builders import RULES

KINDS = {ProviderKind.CDN, ProviderKind.CLOUD, ProviderKind.HOSTING}
BIG = {13335, 209242, 54113, 20940, 16625, 19551, 30148, 15169, 396982, 8075}


class Known(NamedTuple):
    name: str
    kind: str
    asns: tuple[int, ...]
    ranges: tuple[str, ...]
    domains: tuple[str, ...]


def by_attribution() -> set[Known]:
    """What is recognised by words in names is for attribution alone: it asks the registry for them."""
    return {
        Known(each.name, each.kind.value, each.asns, each.ranges, each.domains)
        for each in shipped_ladder().providers.all
        if each.kind in KINDS and (each.asns or each.ranges or each.domains)
    }


def by_verifier() -> set[Known]:
    return {
        Known(each.name, each.kind.value, each.asns, each.ranges, each.domains)
        for each in apply_rule_file(RULES, SHIPPED.text).shared.places
    }


def test_both_services_know_the_same_places() -> None:
    assert by_verifier() == by_attribution()


def test_the_big_ones_are_known_by_their_as_and_amazon_s_content_network_only_by_its_ranges() -> None:
    kinds = {asn: each.kind for each in by_verifier() for asn in each.asns}
    assert kinds.keys() >= BIG
    assert kinds[16509] == "cloud"
    assert next(each.kind for each in by_verifier() if "13.224.0.0/14" in each.ranges) == "cdn"
