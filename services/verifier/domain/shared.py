"""Addresses that many strangers share: content networks, clouds and shared hosting."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from libs.common.contracts import Asset
from libs.common.places import Domains, Ranges


class Sharing(StrEnum):
    """How it is shared: at the edge of a content network nothing of a customer runs; on shared hosting it does, of many
    at once, and in a cloud of one after another.
    """

    CDN = "cdn"
    CLOUD = "cloud"
    HOSTING = "hosting"


class SharedPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose it is, and where: ranges (CIDR), ASNs, and domains below which its machines have their names."""

    name: str
    kind: Sharing
    ranges: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()


class SharedPlaces:
    """All of them, found by the address, the AS or the host name of an asset."""

    def __init__(self, places: Iterable[SharedPlace]) -> None:
        self.places = tuple(places)
        self._by_range = Ranges((ip_range, place) for place in self.places for ip_range in place.ranges)
        self._by_domain = Domains((domain, place) for place in self.places for domain in place.domains)
        self._by_asn = {asn: place for place in self.places for asn in place.asns}

    def place_of(self, asset: Asset, asn: int | None) -> SharedPlace | None:
        if around := self._by_range.around(asset.ip):
            return around[0]
        if (place := self._by_asn.get(asn or 0)) is not None:
            return place
        above = self._by_domain.above(asset.hostname)
        return above[0] if above else None
