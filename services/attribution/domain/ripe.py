"""Reads the RIPE Database's split dumps: RPSL objects, one after another, parted by empty lines.

Only the attributes that an attribution needs are kept. What a dump hides behind placeholders is read as absent.
"""

import re
from collections.abc import Iterable, Iterator
from email.utils import getaddresses

import msgspec

from libs.common.addresses import canonical_email, is_documentation, is_public
from libs.common.delegated import Skipped, country_code
from libs.common.intervals import Interval, Space, address_of, parse_interval, read_asn
from services.attribution.domain.mailboxes import is_mailable


class RangeObject(msgspec.Struct, frozen=True):
    """An `inetnum` or `inet6num`. `ripe_maintained`: by RIPE NCC itself, so that nothing is inherited from above."""

    interval: Interval
    netname: str
    description: str
    country: str | None
    organisation: str | None
    abuse_contact: str | None
    status: str
    ripe_maintained: bool


class RouteObject(msgspec.Struct, frozen=True):
    """A `route` or `route6`: who says that it announces a prefix."""

    interval: Interval
    origin: int


class SystemObject(msgspec.Struct, frozen=True):
    """An `aut-num`. It has no country; the delegated file knows that."""

    asn: int
    name: str
    organisation: str | None
    abuse_contact: str | None


class OrganisationObject(msgspec.Struct, frozen=True):
    handle: str
    name: str
    country: str | None
    abuse_contact: str | None


class RoleObject(msgspec.Struct, frozen=True):
    handle: str
    name: str
    mailbox: str


RipeObject = RangeObject | RouteObject | SystemObject | OrganisationObject | RoleObject
Attributes = dict[str, list[str]]

READ: dict[str, frozenset[str]] = {
    "inetnum": frozenset({"netname", "descr", "country", "org", "abuse-c", "status", "mnt-by", "mnt-lower", "source"}),
    "inet6num": frozenset({"netname", "descr", "country", "org", "abuse-c", "status", "mnt-by", "mnt-lower", "source"}),
    "route": frozenset({"origin", "source"}),
    "route6": frozenset({"origin", "source"}),
    "aut-num": frozenset({"as-name", "org", "abuse-c", "source"}),
    "organisation": frozenset({"org-name", "country", "abuse-c", "source"}),
    "role": frozenset({"nic-hdl", "abuse-mailbox", "source"}),
}
SOURCES = frozenset({"RIPE", "RIPE-NONAUTH"})
RIPE_MAINTAINERS = frozenset({"RIPE-NCC-HM-MNT", "RIPE-NCC-END-MNT", "RIPE-NCC-LEGACY-MNT"})
DUMMY_HANDLE = "DUMY-RIPE"
NOT_RIPE_NAMES = frozenset({"IANA-BLK", "NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK"})
LARGEST_UNSPECIFIED = 1 << 24
"""A bigger `ALLOCATED UNSPECIFIED` than a /8 is the registry's own container, not anybody's network."""
LONGEST_VALUE = 1000
MOST_VALUES = 50
"""Bounds on what one object may hold, so that a broken dump can't fill the memory."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def read_objects(lines: Iterable[str]) -> Iterator[RipeObject | Skipped]:
    """Every object of the kinds in READ, and a `Skipped` for each of them that says nothing of use.

    Lines keep their line end. Objects of other kinds pass without a word.
    """
    for kind, attributes in _attributes(lines):
        yield _read(kind, attributes)


def _attributes(lines: Iterable[str]) -> Iterator[tuple[str, Attributes]]:
    """Objects as raw attributes. Folded lines are joined to the one above; keys lose their case."""
    kind, attributes, values = "", Attributes(), None
    for line in lines:
        start = line[0]
        if start in "%#":
            continue
        if start in "\r\n":
            if kind in READ:
                yield kind, attributes
            kind, attributes, values = "", {}, None
        elif start in " \t+":
            if values is not None and len(values[-1]) < LONGEST_VALUE:
                values[-1] = f"{values[-1]} {_clean(line[1:])}".strip()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            kind = kind or key
            values = None
            if kind in READ and (key == kind or key in READ[kind]):
                known = attributes.setdefault(key, [])
                if len(known) < MOST_VALUES:
                    known.append(_clean(value))
                    values = known
    if kind in READ:
        yield kind, attributes


def _clean(value: str) -> str:
    """Without its end-of-line comment, and without characters that no field may hold (a NUL stops Postgres)."""
    return _UNPRINTABLE.sub(" ", value.split("#", 1)[0]).strip()[:LONGEST_VALUE]


def _read(kind: str, attributes: Attributes) -> RipeObject | Skipped:
    if _first(attributes, "source").upper() not in SOURCES:
        return Skipped("other-source")
    match kind:
        case "inetnum" | "inet6num":
            return _range(kind, attributes)
        case "route" | "route6":
            return _route(kind, attributes)
        case "aut-num":
            return _system(attributes)
        case "organisation":
            return _organisation(attributes)
        case _:
            return _role(attributes)


def _range(kind: str, attributes: Attributes) -> RangeObject | Skipped:
    interval = _interval(kind, attributes)
    if interval is None:
        return Skipped("unreadable-range")
    netname, status = _first(attributes, "netname"), _first(attributes, "status").upper()
    if _is_container(interval, netname=netname.upper(), status=status):
        return Skipped("container")
    maintainers = {name.strip().upper() for key in ("mnt-by", "mnt-lower") for name in _all(attributes, key)}
    return RangeObject(
        interval=interval,
        netname=netname,
        description=_first(attributes, "descr"),
        country=country_code(_first(attributes, "country")),
        organisation=_handle(attributes, "org"),
        abuse_contact=_handle(attributes, "abuse-c"),
        status=status,
        ripe_maintained=not maintainers.isdisjoint(RIPE_MAINTAINERS),
    )


def _is_container(interval: Interval, *, netname: str, status: str) -> bool:
    """Space of which RIPE only says that it belongs to somebody else, or to nobody yet."""
    if netname in NOT_RIPE_NAMES or interval.size == interval.space.end or _is_special(interval):
        return True
    return status == "ALLOCATED UNSPECIFIED" and interval.size > LARGEST_UNSPECIFIED


def _is_special(interval: Interval) -> bool:
    """Private, link-local and the like. Documentation ranges stay: no real dump has them, demonstrations do."""
    ends = (address_of(interval.space, interval.first), address_of(interval.space, interval.last))
    return not any(is_public(address) or is_documentation(address) for address in ends)


def _route(kind: str, attributes: Attributes) -> RouteObject | Skipped:
    interval = _interval(kind, attributes)
    origin = read_asn(_first(attributes, "origin"))
    if interval is None or origin is None:
        return Skipped("unreadable-route")
    return RouteObject(interval=interval, origin=origin)


def _system(attributes: Attributes) -> SystemObject | Skipped:
    asn = read_asn(_first(attributes, "aut-num"))
    if asn is None:
        return Skipped("unreadable-asn")
    return SystemObject(
        asn=asn,
        name=_first(attributes, "as-name"),
        organisation=_handle(attributes, "org"),
        abuse_contact=_handle(attributes, "abuse-c"),
    )


def _organisation(attributes: Attributes) -> OrganisationObject | Skipped:
    handle = _handle(attributes, "organisation")
    if handle is None:
        return Skipped("no-handle")
    return OrganisationObject(
        handle=handle,
        name=_first(attributes, "org-name"),
        country=country_code(_first(attributes, "country")),
        abuse_contact=_handle(attributes, "abuse-c"),
    )


def _role(attributes: Attributes) -> RoleObject | Skipped:
    handle, mailbox = _handle(attributes, "nic-hdl"), read_mailbox(_first(attributes, "abuse-mailbox"))
    if handle is None or mailbox is None:
        return Skipped("role-without-mailbox")
    return RoleObject(handle=handle, name=_first(attributes, "role"), mailbox=mailbox)


def read_mailbox(text: str) -> str | None:
    """The first usable address of an `abuse-mailbox`, which may hold several, and names beside them."""
    addresses = (canonical_email(address) for _, address in getaddresses([text.replace(";", ",")]))
    return next((address for address in addresses if address and is_mailable(address)), None)


def _interval(kind: str, attributes: Attributes) -> Interval | None:
    interval = parse_interval(_first(attributes, kind))
    expected = Space.IPV6 if kind in ("inet6num", "route6") else Space.IPV4
    return interval if interval is not None and interval.space is expected else None


def _handle(attributes: Attributes, key: str) -> str | None:
    """Handles differ in case between the objects that name each other."""
    handle = _first(attributes, key).upper()
    return handle if handle and handle != DUMMY_HANDLE else None


def _first(attributes: Attributes, key: str) -> str:
    return attributes.get(key, ("",))[0]


def _all(attributes: Attributes, key: str) -> Iterator[str]:
    """`mnt-by` may be written on several lines, and several to a line."""
    for value in attributes.get(key, ()):
        yield from value.split(",")
