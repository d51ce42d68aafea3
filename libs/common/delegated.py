"""Reads an RIR's delegated-extended statistics: in which country the holder of a range or an AS is registered.

A hint, not a location: a network may well stand elsewhere.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import msgspec

from libs.common.addresses import parse_ip
from libs.common.intervals import Interval, Space, read_asn, space_of

HELD = frozenset({"allocated", "assigned"})
"""Other states (available, reserved) have no holder."""

SPACES = frozenset(space.value for space in Space)
LONGEST_VALUE = 10
UNKNOWN_COUNTRIES = frozenset({"EU", "AP", "ZZ"})
"""Regions and fillers that stand where a country should."""


class Skipped(msgspec.Struct, frozen=True):
    """An object that was left out, and why; counted, never an abort."""

    reason: str


class Delegation(msgspec.Struct, frozen=True):
    interval: Interval
    country: str


class Version(msgspec.Struct, frozen=True):
    """The file's first line: whose it is, of which day, and how many records it should have (0: it does not say)."""

    ends_on: date
    registry: str
    records: int


def read_delegations(lines: Iterable[str]) -> Iterator[Version | Delegation | Skipped]:
    """The version line, then each record with a holder and a country. Summaries and comments pass without a word."""
    for line in lines:
        fields = line.strip().split("|")
        if line.startswith("#") or not fields[0] or fields[-1] == "summary":
            continue
        yield _version(fields) if fields[0][0].isdigit() else _delegation(fields)


def _version(fields: list[str]) -> Version | Skipped:
    """`2.3|ripencc|serial|records|start|end|+0100`."""
    try:
        day = datetime.strptime(fields[5], "%Y%m%d")  # noqa: DTZ007  # a calendar day, in whatever zone the RIR keeps
    except (IndexError, ValueError):
        return Skipped("unreadable-version")
    records = int(fields[3]) if fields[3].isascii() and fields[3].isdigit() else 0
    return Version(ends_on=day.date(), registry=fields[1], records=records)


def _delegation(fields: list[str]) -> Delegation | Skipped:
    """`registry|cc|type|start|value|date|status[|opaque-id…]`."""
    if len(fields) < 7:
        return Skipped("unreadable-line")
    _, country, kind, start, value, _, status, *_ = fields
    if status not in HELD:
        return Skipped("not-held")
    code = country_code(country)
    if code is None:
        return Skipped("no-country")
    interval = _interval(kind, start, value)
    return Delegation(interval=interval, country=code) if interval else Skipped("unreadable-line")


def _interval(kind: str, start: str, value: str) -> Interval | None:
    """`value`: for ipv4 how many addresses (not always a power of two), for asn how many, for ipv6 a prefix length."""
    if kind not in SPACES or not (value.isascii() and value.isdigit()) or len(value) > LONGEST_VALUE:
        return None
    space = Space(kind)
    first = read_asn(start) if space is Space.ASN else _address(space, start)
    size = 1 << max(0, 128 - int(value)) if space is Space.IPV6 else int(value)
    if first is None or size == 0 or first + size > space.end:
        return None
    return Interval(space, first, first + size - 1)


def _address(space: Space, text: str) -> int | None:
    address = parse_ip(text)
    return int(address) if address is not None and space_of(address) is space else None


def country_code(text: str) -> str | None:
    """The first word as an upper-case ISO 3166 code; None for what is not one and for regions."""
    code = text.split()[0].upper() if text.strip() else ""
    is_code = len(code) == 2 and code.isascii() and code.isalpha()
    return code if is_code and code not in UNKNOWN_COUNTRIES else None
