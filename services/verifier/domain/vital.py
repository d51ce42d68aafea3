"""Those whom somebody else warns, so that we hand over instead of mailing: vital operators, and those of a sector."""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import pairwise
from typing import NamedTuple

from libs.common.addresses import canonical_domain
from libs.common.contracts import ListedOperator
from libs.common.errors import Permanent
from libs.common.intervals import Interval, Space, read_asn
from services.verifier.domain.asset_index import AssetIndex, tables_of

VitalAssets = AssetIndex[ListedOperator]


def parse_vital_assets(lines: Iterable[str]) -> VitalAssets:
    """Read CSV with the header `kind,value,name`; kinds are `ip-range` (CIDR), `domain` and `asn`.

    Two more columns, `sector` and `warned_by`, may say why, and by whom. Ranges must not overlap. Raises `Permanent`
    with the line that is wrong.
    """
    rows = list(_rows(lines))
    ranges = [(each, row.operator) for row in rows if isinstance(each := row.asset, Interval)]
    _refuse_overlaps(ranges)
    return AssetIndex(
        ranges=tables_of((interval for interval, _ in ranges), range(1, len(ranges) + 1)),
        owners=tuple(operator for _, operator in ranges),
        domains={row.asset: row.operator for row in rows if isinstance(row.asset, str)},
        asns={row.asset: row.operator for row in rows if isinstance(row.asset, int)},
        version=_version_of(rows),
    )


class _Row(NamedTuple):
    """A line of the list: whose, and a range, a domain or the number of an AS."""

    asset: Interval | str | int
    operator: ListedOperator


def _version_of(rows: Sequence[_Row]) -> str:
    said = sorted((str(row.asset), str(row.operator)) for row in rows)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:12] if rows else ""


def _rows(lines: Iterable[str]) -> Iterator[_Row]:
    reader = csv.DictReader(lines)
    try:
        for row in reader:
            yield _row(row)
    except (csv.Error, _Wrong) as error:
        raise Permanent(f"vital assets, line {reader.line_num}: {error}") from error


class _Wrong(Exception):
    """What can't be taken of a line; whoever reads the file knows which."""


def _row(row: Mapping[str, str | None]) -> _Row:
    kind, value, name, sector, warned_by = (
        (row.get(column) or "").strip() for column in ("kind", "value", "name", "sector", "warned_by")
    )
    if "name" not in row or row.get("kind") is None or row.get("value") is None:
        raise _Wrong("it must have `kind`, `value` and `name`, as the first line says")
    return _Row(_asset(kind, value), ListedOperator(name=name, sector=sector, warned_by=warned_by))


def _asset(kind: str, value: str) -> Interval | str | int:
    read = _READERS.get(kind)
    if read is None or (asset := read(value)) is None:
        raise _Wrong(f"{kind!r} {value!r} is not an ip-range, domain or asn")
    return asset


def _interval(value: str) -> Interval:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise _Wrong(str(error)) from error
    space = Space.IPV4 if network.version == 4 else Space.IPV6
    return Interval(space, int(network.network_address), int(network.broadcast_address))


_READERS: Mapping[str, Callable[[str], Interval | str | int | None]] = {
    "ip-range": _interval,
    "domain": canonical_domain,
    "asn": read_asn,
}


def _refuse_overlaps(ranges: Iterable[tuple[Interval, ListedOperator]]) -> None:
    ordered = sorted(ranges, key=lambda each: (each[0].space, each[0].first))
    for (left, left_owner), (right, right_owner) in pairwise(ordered):
        if left.space is right.space and left.last >= right.first:
            raise Permanent(f"vital assets: the ranges of {left_owner.name!r} and {right_owner.name!r} overlap")
