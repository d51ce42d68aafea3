"""The check on addresses that many strangers share."""

from datetime import datetime
from functools import lru_cache

from services.verifier.domain.checks.findings import doubted, failed, not_applicable, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.shared import Sharing
from services.verifier.domain.values import Case, Reason

NO_ADDRESS = not_applicable("shared", "the record names no address")
NAMED = passed("shared", "the record says which name it is about, whoever shares the address")
OF_ONE = passed("shared", "the address is not known to be shared")


def not_shared(case: Case, rules: Rules, _: datetime) -> Reason:
    """The address is not that of a content network, a cloud or shared hosting, where it tells little of whose it is."""
    indicator = case.event.indicator
    if indicator.asset.hosts:
        return NAMED
    if indicator.asset.ip is None:
        return NO_ADDRESS
    place = rules.shared.place_of(indicator.asset, indicator.asn)
    if place is None:
        return OF_ONE
    if place.kind is Sharing.CDN:
        return failed("shared", f"the address is one of {place.name}, which stands before the sites of many")
    if place.kind is Sharing.CLOUD:
        return _in_cloud(place.name, rules.cloud_weight)
    return doubted("shared", rules.shared_hosting_weight, f"many customers of {place.name} share the address")


@lru_cache
def _in_cloud(name: str, weight: float) -> Reason:
    return doubted("shared", weight, f"the address is in the cloud {name}, where one customer follows another")
