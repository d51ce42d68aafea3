"""Vital operators: whom the national team warns itself, so that we hand over instead of mailing."""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from itertools import pairwise

import msgspec

from libs.common.addresses import canonical_domain, parse_ip
from libs.common.contracts import Asset
from libs.common.errors import Permanent


class _Range(msgspec.Struct, frozen=True, order=True):
    first: tuple[int, int]
    last: tuple[int, int]
    name: str


class VitalAssets(msgspec.Struct, frozen=True):
    """Ranges, domains (with all below them) and ASNs, each with the name of its operator."""

    ranges: tuple[_Range, ...] = ()
    domains: dict[str, str] = {}
    asns: dict[int, str] = {}

    def operator_of(self, asset: Asset, asn: int | None) -> str | None:
        """The vital operator that this asset belongs to, if any."""
        if not (self.ranges or self.domains or self.asns):
            return None
        by_name = next(filter(None, map(self._by_domain, asset.hosts)), None)
        return by_name or self._by_ip(asset.ip) or self.asns.get(asset.asn or asn or 0)

    def _by_domain(self, domain: str) -> str | None:
        labels = domain.split(".")
        return next(
            (self.domains[name] for place in range(len(labels)) if (name := ".".join(labels[place:])) in self.domains),
            None,
        )

    def _by_ip(self, text: str | None) -> str | None:
        if not self.ranges or text is None or (ip := parse_ip(text)) is None:
            return None
        at: tuple[int, int] = (ip.version, int(ip))
        place = bisect_right(self.ranges, at, key=_first) - 1
        return self.ranges[place].name if place >= 0 and self.ranges[place].last >= at else None


def _first(found: _Range) -> tuple[int, int]:
    return found.first


def parse_vital_assets(lines: Iterable[str]) -> VitalAssets:
    """Read CSV with the header `kind,value,name`; kinds are `ip-range` (CIDR), `domain` and `asn`.

    Ranges must not overlap. Raises `Permanent` with the line that is wrong.
    """
    ranges: list[_Range] = []
    domains: dict[str, str] = {}
    asns: dict[int, str] = {}
    for kind, value, name in _rows(lines):
        if kind == "ip-range":
            ranges.append(_range(value, name))
        elif kind == "asn":
            asns[int(value.upper().removeprefix("AS"))] = name
        elif kind == "domain" and (domain := canonical_domain(value)):
            domains[domain] = name
        else:
            raise Permanent(f"vital assets: {kind!r} {value!r} is not an ip-range, domain or asn")
    ranges.sort()
    for left, right in pairwise(ranges):
        if left.last >= right.first:
            raise Permanent(f"vital assets: the ranges of {left.name!r} and {right.name!r} overlap")
    return VitalAssets(ranges=tuple(ranges), domains=domains, asns=asns)


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for row in csv.DictReader(lines):
        try:
            yield row["kind"].strip(), row["value"].strip(), row["name"].strip()
        except (KeyError, AttributeError) as error:
            raise Permanent(f"vital assets: a line has no {error}") from error


def _range(value: str, name: str) -> _Range:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise Permanent(f"vital assets: {error}") from error
    first, last = int(network.network_address), int(network.broadcast_address)
    return _Range(first=(network.version, first), last=(network.version, last), name=name)
