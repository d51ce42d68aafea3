"""Those whom somebody else warns, so that we hand over instead of mailing: vital operators, and those of a sector."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from itertools import pairwise

from libs.common.addresses import canonical_domain
from libs.common.contracts import ListedOperator
from libs.common.errors import Permanent
from libs.common.intervals import Interval, Space
from services.verifier.domain.asset_index import AssetIndex, tables_of

VitalAssets = AssetIndex[ListedOperator]


def parse_vital_assets(lines: Iterable[str]) -> VitalAssets:
    """Read CSV with the header `kind,value,name`; kinds are `ip-range` (CIDR), `domain` and `asn`.

    Two more columns, `sector` and `warned_by`, may say why, and by whom. Ranges must not overlap. Raises `Permanent`
    with the line that is wrong.
    """
    ranges: list[tuple[Interval, ListedOperator]] = []
    domains: dict[str, ListedOperator] = {}
    asns: dict[int, ListedOperator] = {}
    rows = list(_rows(lines))
    for kind, value, operator in rows:
        if kind == "ip-range":
            ranges.append((_interval(value), operator))
        elif kind == "asn":
            asns[int(value.upper().removeprefix("AS"))] = operator
        elif kind == "domain" and (domain := canonical_domain(value)):
            domains[domain] = operator
        else:
            raise Permanent(f"vital assets: {kind!r} {value!r} is not an ip-range, domain or asn")
    _refuse_overlaps(ranges)
    return AssetIndex(
        ranges=tables_of((interval for interval, _ in ranges), range(1, len(ranges) + 1)),
        owners=tuple(operator for _, operator in ranges),
        domains=domains,
        asns=asns,
        version=hashlib.sha256(
            repr(sorted((kind, value, str(operator)) for kind, value, operator in rows)).encode()
        ).hexdigest()[:12]
        if rows
        else "",
    )


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, str, ListedOperator]]:
    for row in csv.DictReader(lines):
        try:
            yield row["kind"].strip(), row["value"].strip(), _named(row)
        except (KeyError, AttributeError) as error:
            raise Permanent(f"vital assets: a line has no {error}") from error


def _named(row: Mapping[str, str | None]) -> ListedOperator:
    sector, warned_by = ((row.get(column) or "").strip() for column in ("sector", "warned_by"))
    return ListedOperator(name=(row["name"] or "").strip(), sector=sector, warned_by=warned_by)


def _interval(value: str) -> Interval:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise Permanent(f"vital assets: {error}") from error
    space = Space.IPV4 if network.version == 4 else Space.IPV6
    return Interval(space, int(network.network_address), int(network.broadcast_address))


def _refuse_overlaps(ranges: Iterable[tuple[Interval, ListedOperator]]) -> None:
    ordered = sorted(ranges, key=lambda each: (each[0].space, each[0].first))
    for (left, left_owner), (right, right_owner) in pairwise(ordered):
        if left.space is right.space and left.last >= right.first:
            raise Permanent(f"vital assets: the ranges of {left_owner.name!r} and {right_owner.name!r} overlap")
