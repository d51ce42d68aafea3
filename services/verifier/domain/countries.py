"""In which country an asset's holder is at home: by the registries that hand out numbers, and by the end of a name."""

import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from libs.common.addresses import numbered_ip
from libs.common.delegated import Delegation, Skipped, Version, country_code, read_delegations
from libs.common.intervals import Interval, Space
from services.verifier.domain.lists import BrokenList, Edition, unpacked
from services.verifier.domain.stretches import NOBODY, PART_BITS, Stretches

WHOLE = 0.9
"""A file with fewer of the records that its first line announces has been cut off; some count a few more or less."""

GENERIC_ENDINGS = frozenset({
    "ac", "ad", "ag", "ai", "am", "as", "bz", "cc", "cd", "cf", "cm", "co", "cx", "dj", "fm", "ga", "gg", "gl", "gq",
    "gs", "im", "io", "la", "ly", "me", "mg", "ml", "ms", "mu", "nu", "pw", "sc", "sh", "sr", "st", "su", "sx", "tc",
    "tk", "to", "tv", "vc", "vg", "vu", "ws",
})  # fmt: skip
"""Those of countries which are sold to everybody everywhere, so that they say nothing of where their holder is."""

OTHER_ENDINGS = {"uk": "GB"}
"""Where the end of a name is not the country's code."""

UNREADABLE = frozenset({"unreadable-line", "unreadable-version"})


class Registry(StrEnum):
    """The five that hand out addresses and AS numbers, as their files call them."""

    RIPENCC = "ripencc"
    ARIN = "arin"
    APNIC = "apnic"
    LACNIC = "lacnic"
    AFRINIC = "afrinic"


class Holders:
    """Where the holders of addresses and AS numbers are registered. A hint: a network may well stand elsewhere.

    Where two registries claim a number, as while it moves from one to the other, the later edition is believed.
    """

    def __init__(
        self,
        editions: Mapping[Registry, Edition[Registry]] | None = None,
        tables: Mapping[Registry, Mapping[Space, Stretches]] | None = None,
    ) -> None:
        self.editions = editions or {}
        self.tables = tables or {}
        newest_first = sorted(self.editions, key=lambda registry: self.editions[registry].made_at, reverse=True)
        ordered = [self.tables[registry] for registry in newest_first]
        self._ipv4, self._ipv6, self._asn = (
            _by_part(space, [tables[space] for tables in ordered if space in tables])
            for space in (Space.IPV4, Space.IPV6, Space.ASN)
        )

    def country_of(self, address: str | None, asn: int | None) -> str | None:
        """Of the address, or if that says nothing of the AS; None where no registry answers."""
        if not self.editions:
            return None
        numbered = numbered_ip(address) if address else None
        if numbered is not None:
            version, number = numbered
            country = _at(number, self._ipv6, _IPV6_PART) if version == 6 else _at(number, self._ipv4, _IPV4_PART)
            if country is not None:
                return country
        return _at(asn, self._asn, _ASN_PART) if asn is not None else None


_IPV4_PART, _IPV6_PART, _ASN_PART = PART_BITS[Space.IPV4], PART_BITS[Space.IPV6], PART_BITS[Space.ASN]

Parts = dict[int, tuple[Stretches, ...]]
"""For each part of a space those who have anything there: mostly one or two of the five."""


def _by_part(space: Space, tables: Iterable[Stretches]) -> Parts:
    parts: Parts = {}
    for table in tables:
        for part in table.parts(space):
            parts[part] = (*parts.get(part, ()), table)
    return parts


def _at(number: int, parts: Parts, part_bits: int) -> str | None:
    for table in parts.get(number >> part_bits, ()):
        if (owner := table.owner(number)) != NOBODY:
            return _code(owner)
    return None


@lru_cache(maxsize=512)
def _code(owner: int) -> str:
    return owner.to_bytes(2, "big").decode()


@lru_cache(maxsize=2_048)
def country_of_ending(ending: str) -> str | None:
    """The country whose top-level domain this is; None for a generic one, and for one that is used like that."""
    if ending in GENERIC_ENDINGS:
        return None
    return OTHER_ENDINGS.get(ending) or country_code(ending)


class ReadRegistry(msgspec.Struct, frozen=True):
    """A delegated file as it was read: of which day it is, how many records count, and where each space is cut."""

    made_at: datetime
    entries: int
    tables: Mapping[Space, Stretches]


def read_registry(registry: Registry, body: bytes) -> ReadRegistry:
    """An RIR's delegated-extended file, in gzip or not. Raises `BrokenList` with the line."""
    lines = _Counted(io.TextIOWrapper(io.BytesIO(unpacked(body)), encoding="latin-1"))
    ranges: dict[Space, list[bytes]] = {space: [] for space in Space}
    version: Version | None = None
    records = 0
    for item in read_delegations(lines):
        if isinstance(item, Version):
            version = _of(registry, version or item)
            continue
        if version is None:
            raise BrokenList(f"line {lines.count}: it should first say whose it is, and of which day")
        records += 1
        if isinstance(item, Delegation):
            ranges[item.interval.space].append(_row(item.interval, item.country))
        elif item.reason in UNREADABLE:
            raise BrokenList(f"line {lines.count}: {_words(item)}")
    return _whole(version, records, ranges)


class _Counted(Iterable[str]):
    """Lines; `count` is the number of the last one that was taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.count += 1
            yield line


def _of(registry: Registry, version: Version) -> Version:
    if version.registry != registry:
        raise BrokenList(f"it is of {version.registry!r}, not of {registry}")
    return version


def _words(skipped: Skipped) -> str:
    return "its day can't be read" if skipped.reason == "unreadable-version" else "this is no record of such a file"


def _whole(version: Version | None, records: int, ranges: Mapping[Space, list[bytes]]) -> ReadRegistry:
    if version is None or records < WHOLE * version.records:
        announced = f"it announces {version.records} records" if version else "it says nothing of itself"
        raise BrokenList(f"{announced} and has {records}")
    entries = sum(map(len, ranges.values()))
    if entries == 0:
        raise BrokenList("there is nobody in it who holds anything in any country")
    day = version.ends_on
    return ReadRegistry(
        made_at=datetime(day.year, day.month, day.day, tzinfo=UTC),
        entries=entries,
        tables={space: _stretches(space, rows) for space, rows in ranges.items()},
    )


def _row(interval: Interval, country: str) -> bytes:
    """Packed, as a registry has hundreds of thousands: sorting the bytes sorts by the first number."""
    first, last = interval.packed
    return first + last + country.encode()


def _stretches(space: Space, rows: list[bytes]) -> Stretches:
    rows.sort()
    width = space.width_bytes
    ends = ((int.from_bytes(row[:width], "big"), int.from_bytes(row[width : 2 * width], "big")) for row in rows)
    return Stretches.of(space, ends, [int.from_bytes(row[2 * width :], "big") for row in rows])
