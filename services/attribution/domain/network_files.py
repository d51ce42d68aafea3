"""The offline network file: which AS announces a range, what that AS is called, and in which country it is used.

An operator brings it in; nobody's word in it is a registry's. Read are tables of `first, last, AS number, country, AS
name`, with commas or tabs, and pairs of tables that name a block and leave the rest to their header.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

import msgspec
import numpy as np

from libs.common.addresses import packed_ip
from libs.common.delegated import Skipped, country_code
from libs.common.intervals import ADDRESSES, Interval, Space, parse_interval, read_asn, unmapped
from services.attribution.domain.columns import Columns, Texts, joined
from services.attribution.domain.ranges import Segments

Row = tuple[int, int, int]
"""First and last number, and what is said of them."""
LONGEST_NAME = 200
HEADINGS: Mapping[str, str] = {
    "first": "first", "start": "first", "start_ip": "first", "range_start": "first", "ip_range_start": "first",
    "last": "last", "end": "last", "end_ip": "last", "range_end": "last", "ip_range_end": "last",
    "network": "network", "cidr": "network", "prefix": "network",
    "asn": "asn", "as": "asn", "as_number": "asn", "autonomous_system_number": "asn",
    "country": "country", "country_code": "country",
    "as_name": "name", "name": "name", "description": "name", "as_description": "name", "organisation": "name",
    "autonomous_system_organization": "name",
}  # fmt: skip
"""What the columns are called that are read, in the layouts that go round."""
WITHOUT_HEADER = ("first", "last", "asn", "country", "name")


class Stretch(msgspec.Struct, frozen=True):
    """One row: `asn` 0 and `country` None where it does not say."""

    interval: Interval
    asn: int
    country: str | None
    name: str


class NetworkHint(msgspec.Struct, frozen=True, gc=False):
    """What the file says about an address. Each half has a day of its own, since each may come by a file of its own."""

    asn: int = 0
    name: str = ""
    asn_made_on: date | None = None
    country: str | None = None
    country_made_on: date | None = None

    def is_of_before(self, day: date | None) -> bool:
        """Is what it says of the AS older?"""
        return day is not None and self.asn_made_on is not None and self.asn_made_on < day


def read_stretches(lines: Iterable[str]) -> Iterator[Stretch | Skipped]:
    """Each row that says something; raises nothing. The first line may be a header."""
    rows = _rows(lines)
    first = next(rows, None)
    if first is None:
        return
    heading = [HEADINGS.get(cell.strip().lower().replace("-", "_").replace(" ", "_"), "") for cell in first]
    has_header = "network" in heading or {"first", "last"} <= set(heading)
    order = heading if has_header else WITHOUT_HEADER
    if not has_header:
        yield _stretch(order, first)
    for row in rows:
        yield _stretch(order, row)


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Cells of each line; tabs where the first line has one. A row is a line, whatever is in quotes."""
    delimiter = ""
    for line in lines:
        text = line.strip("\r\n \ufeff")
        if not text or text.startswith("#"):
            continue
        delimiter = delimiter or ("\t" if "\t" in text else ",")
        if '"' not in text:
            yield text.split(delimiter)
            continue
        try:
            yield from csv.reader([text], delimiter=delimiter)
        except csv.Error:
            yield []


def _stretch(order: Sequence[str], row: Sequence[str]) -> Stretch | Skipped:
    cells = dict(zip(order, (cell.strip() for cell in row), strict=False))
    interval = _interval(cells)
    if interval is None:
        return Skipped("unreadable-range")
    asn, country = read_asn(cells.get("asn", "")) or 0, country_code(cells.get("country", ""))
    if not asn and country is None:
        return Skipped("says-nothing")
    return Stretch(interval, asn, country, cells.get("name", "")[:LONGEST_NAME])


def _interval(cells: Mapping[str, str]) -> Interval | None:
    if "network" in cells:
        return parse_interval(cells["network"])
    first, last = packed_ip(cells.get("first", "")), packed_ip(cells.get("last", ""))
    if first is None or last is None or len(first) != len(last) or first > last:
        return None
    space = Space.IPV4 if len(first) == 4 else Space.IPV6
    return unmapped(Interval(space, int.from_bytes(first, "big"), int.from_bytes(last, "big")))


class StretchBuilder:
    """The rows of a file as columns of its two halves, `asn` and `country`: each is a source of its own."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, Space], list[Row]] = {}
        self._names: dict[int, str] = {}
        self.counts = Counter[str]()

    def add(self, stretch: Stretch) -> None:
        if stretch.asn:
            self._put("asn", stretch.interval, stretch.asn)
            if stretch.name:
                self._names[stretch.asn] = stretch.name
        if stretch.country is not None:
            self._put("country", stretch.interval, ord(stretch.country[0]) << 8 | ord(stretch.country[1]))

    def _put(self, half: str, interval: Interval, value: int) -> None:
        self._said.setdefault((half, interval.space), []).append((interval.first, interval.last, value))
        self.counts[half] += 1

    def columns(self) -> dict[str, Columns]:
        """By half, those that the file says something of. Where ranges overlap, the smaller one is right."""
        halves: dict[str, dict[str, bytes]] = {half: {} for half in self.counts}
        for half, space in sorted(self._said):
            halves[half] |= _flattened(space, sorted(self._said.pop((half, space))))
        if "asn" in halves:
            names = sorted(self._names.items())
            halves["asn"]["names-asn"] = np.array([asn for asn, _ in names], dtype=np.uint32).tobytes()
            halves["asn"]["names"] = joined(name for _, name in names)
        return dict(halves)


def _flattened(space: Space, rows: Sequence[Row]) -> dict[str, bytes]:
    """Where what is said changes, and what is said from there on: 0 for nothing."""
    segments = Segments.of(space, ((first, last) for first, last, _ in rows))
    said = np.array([*(value for _, _, value in rows), 0], dtype=np.uint32)
    owners = np.frombuffer(segments.owner_numbers, dtype=np.int32)  # NOBODY is -1: the 0 at the end
    return {f"{space}/starts": segments.starts, f"{space}/said": said[owners].tobytes()}


class HintTable:
    """One half of the file, for both families."""

    __slots__ = ("_asns", "_names", "_tables", "made_on")

    def __init__(self, columns: Columns, *, made_on: date) -> None:
        self._tables = {
            space: Segments(space, starts=columns[f"{space}/starts"], owners=columns[f"{space}/said"])
            for space in ADDRESSES
            if columns.get(f"{space}/starts")
        }
        self.made_on = made_on
        self._asns = np.frombuffer(columns.get("names-asn", b""), dtype=np.uint32)
        self._names = Texts(columns.get("names", b""))

    def said(self, space: Space, numbers: Sequence[int]) -> list[int]:
        """What is said of each number; 0 for nothing."""
        if space not in self._tables:
            return [0] * len(numbers)
        return self._tables[space].found(numbers).view(np.uint32).tolist()  # type: ignore[no-any-return]  # as above

    def names(self, asns: Sequence[int]) -> dict[int, str]:
        """Of those that have one."""
        asked = np.unique(np.array(asns, dtype=np.uint32))
        rows = np.searchsorted(self._asns, asked)
        rows = rows[rows < len(self._asns)]  # what is beyond the last is at the end
        rows = rows[self._asns[rows] == asked[: len(rows)]]
        return dict(zip(self._asns[rows].tolist(), self._names.of(rows), strict=True))


class NetworkFile(msgspec.Struct, frozen=True):
    """The file that serves, in its two halves; either may be missing."""

    snapshot: frozenset[tuple[int, date]] = frozenset()
    asns: HintTable | None = None
    countries: HintTable | None = None

    @property
    def made_on(self) -> date | None:
        """The day of its older half."""
        return min((half.made_on for half in (self.asns, self.countries) if half is not None), default=None)

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, NetworkHint]:
        """Of each address of which it says something."""
        if self.asns is None and self.countries is None:
            return {}
        of_asns, of_countries = self.asns or NOTHING_SAID, self.countries or NOTHING_SAID
        asns, countries = of_asns.said(space, numbers), of_countries.said(space, numbers)
        names, asn_made_on, country_made_on = of_asns.names(asns), of_asns.made_on, of_countries.made_on
        return {
            number: NetworkHint(
                asn,
                names.get(asn, ""),
                asn_made_on if asn else None,
                _country(country),
                country_made_on if country else None,
            )
            for number, asn, country in zip(numbers, asns, countries, strict=True)
            if asn or country
        }


@lru_cache(maxsize=1024)
def _country(said: int) -> str | None:
    return chr(said >> 8) + chr(said & 255) if said else None


NOTHING_SAID = HintTable({}, made_on=date.min)
