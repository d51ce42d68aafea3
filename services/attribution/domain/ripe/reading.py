"""Reads a block of a dump into packed columns: what an attribution needs of each object, and nothing of its text.

What a dump hides behind placeholders is read as absent.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import getaddresses
from enum import StrEnum
from functools import lru_cache

import msgspec

from libs.common.addresses import canonical_email, is_special, packed_ip
from libs.common.delegated import country_code
from libs.common.intervals import Space, read_asn
from services.attribution.domain.columns import joined, packed_words
from services.attribution.domain.mailboxes import is_mailable
from services.attribution.domain.ripe.objects import first_line, objects_in, value_of, values_of


class Kind(StrEnum):
    """The kinds of objects that are read, as the registry names them and its files."""

    INETNUM = "inetnum"
    INET6NUM = "inet6num"
    ROUTE = "route"
    ROUTE6 = "route6"
    AUT_NUM = "aut-num"
    ORGANISATION = "organisation"
    ROLE = "role"


SPACES: Mapping[Kind, Space] = {
    Kind.INETNUM: Space.IPV4,
    Kind.INET6NUM: Space.IPV6,
    Kind.ROUTE: Space.IPV4,
    Kind.ROUTE6: Space.IPV6,
}
SOURCES = frozenset({"RIPE", "RIPE-NONAUTH"})
RIPE_MAINTAINERS = frozenset({"RIPE-NCC-HM-MNT", "RIPE-NCC-END-MNT", "RIPE-NCC-LEGACY-MNT"})
DUMMY_HANDLE = "DUMY-RIPE"
NOT_RIPE_NAMES = frozenset({"IANA-BLK", "NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK"})
LARGEST_UNSPECIFIED = 1 << 24
"""A bigger `ALLOCATED UNSPECIFIED` than a /8 is the registry's own container, not anybody's network."""
LONGEST_NAME = 200


class Batch(msgspec.Struct, frozen=True):
    """The rows of one kind that a block holds. Of `words` each is its numbers and their vocabulary."""

    rows: int
    columns: dict[str, bytes]
    words: dict[str, tuple[bytes, bytes]] = {}


class BlockRead(msgspec.Struct, frozen=True):
    """`skipped` counts, by reason, objects of kinds that are read which say nothing of use."""

    batches: dict[Kind, Batch]
    skipped: dict[str, int]


def read_block(block: bytes) -> BlockRead:
    """Whole objects, parted by empty lines. Those of other kinds pass without a word."""
    skipped = Counter[str]()
    readers: dict[str, _Reader] = {}
    for item in objects_in(block):
        kind, key = first_line(item)
        reader = readers.get(kind)
        if reader is None:
            make = READERS.get(kind)
            if make is None:
                continue
            reader = readers[kind] = make(Kind(kind))
        reason = reader.take(key, item) if _is_of_ripe(value_of(item, "\nsource:")) else "other-source"
        if reason is not None:
            skipped[reason] += 1
    return BlockRead({Kind(kind): reader.batch() for kind, reader in readers.items()}, dict(skipped))


class _Ranges:
    """`inetnum` and `inet6num`."""

    def __init__(self, kind: Kind) -> None:
        self._width = SPACES[kind].width_bytes
        self._end = SPACES[kind].end
        self._first, self._last, self._guarded = bytearray(), bytearray(), bytearray()
        self._countries = bytearray()
        self._names: list[str] = []
        self._descriptions: list[str] = []
        self._statuses: list[str | None] = []
        self._organisations: list[str | None] = []
        self._contacts: list[str | None] = []

    def take(self, key: str, item: str) -> str | None:
        ends = _ends(key, self._width)
        if ends is None:
            return "unreadable-range"
        first, last = ends
        name, status = value_of(item, "\nnetname:"), value_of(item, "\nstatus:").upper()
        if self._is_container(first, last, name=name, status=status):
            return "container"
        self._first += first
        self._last += last
        self._guarded.append(_is_ripe_maintained(item))
        self._countries += _country(value_of(item, "\ncountry:"))
        self._names.append(name[:LONGEST_NAME])
        self._descriptions.append(value_of(item, "\ndescr:")[:LONGEST_NAME])
        self._statuses.append(status)
        self._organisations.append(_handle(value_of(item, "\norg:")))
        self._contacts.append(_handle(value_of(item, "\nabuse-c:")))
        return None

    def _is_container(self, first: bytes, last: bytes, *, name: str, status: str) -> bool:
        """Space of which RIPE only says that it belongs to somebody else, or to nobody yet."""
        if (is_special(first) and is_special(last)) or name.upper() in NOT_RIPE_NAMES:
            return True
        size = int.from_bytes(last, "big") - int.from_bytes(first, "big") + 1
        return size == self._end or (status == "ALLOCATED UNSPECIFIED" and size > LARGEST_UNSPECIFIED)

    def batch(self) -> Batch:
        columns = {
            "first": bytes(self._first),
            "last": bytes(self._last),
            "guarded": bytes(self._guarded),
            "country": bytes(self._countries),
            "name": joined(self._names),
            "description": joined(self._descriptions),
        }
        words = {
            "status": packed_words(self._statuses),
            "organisation": packed_words(self._organisations),
            "contact": packed_words(self._contacts),
        }
        return Batch(len(self._names), columns, words)


class _Routes:
    """`route` and `route6`: who says that it announces a prefix."""

    def __init__(self, kind: Kind) -> None:
        self._width = SPACES[kind].width_bytes
        self._first, self._last, self._origins = bytearray(), bytearray(), bytearray()

    def take(self, key: str, item: str) -> str | None:
        ends, origin = _ends(key, self._width), read_asn(value_of(item, "\norigin:"))
        if ends is None or origin is None:
            return "unreadable-route"
        self._first += ends[0]
        self._last += ends[1]
        self._origins += origin.to_bytes(4, "little")
        return None

    def batch(self) -> Batch:
        columns = {"first": bytes(self._first), "last": bytes(self._last), "origin": bytes(self._origins)}
        return Batch(len(self._origins) // 4, columns)


class _Texts:
    """What the small kinds have in common: a column of texts for each of their fields."""

    FIELDS: tuple[str, ...]

    def __init__(self, _: Kind) -> None:
        self._rows: list[tuple[str, ...]] = []

    def batch(self) -> Batch:
        fields = zip(*self._rows, strict=True) if self._rows else ((),) * len(self.FIELDS)
        return Batch(len(self._rows), {name: joined(each) for name, each in zip(self.FIELDS, fields, strict=True)})


class _Systems(_Texts):
    """`aut-num`. It has no country; the delegated file knows that."""

    FIELDS = ("asn", "name", "organisation", "contact")

    def take(self, key: str, item: str) -> str | None:
        asn = read_asn(key)
        if asn is None:
            return "unreadable-asn"
        organisation, contact = _handle(value_of(item, "\norg:")), _handle(value_of(item, "\nabuse-c:"))
        name = value_of(item, "\nas-name:")[:LONGEST_NAME]
        self._rows.append((str(asn), name, organisation or "", contact or ""))
        return None


class _Organisations(_Texts):
    FIELDS = ("handle", "name", "country", "contact")

    def take(self, key: str, item: str) -> str | None:
        handle = _handle(key)
        if handle is None:
            return "no-handle"
        name = value_of(item, "\norg-name:")[:LONGEST_NAME]
        country, contact = (
            _country(value_of(item, "\ncountry:")).decode().strip(),
            _handle(value_of(item, "\nabuse-c:")),
        )
        self._rows.append((handle, name, country, contact or ""))
        return None


class _Roles(_Texts):
    FIELDS = ("handle", "name", "mailbox")

    def take(self, key: str, item: str) -> str | None:
        handle, mailbox = _handle(value_of(item, "\nnic-hdl:")), read_mailbox(value_of(item, "\nabuse-mailbox:"))
        if handle is None or mailbox is None:
            return "role-without-mailbox"
        self._rows.append((handle, key[:LONGEST_NAME], mailbox))
        return None


_Reader = _Ranges | _Routes | _Systems | _Organisations | _Roles
READERS: Mapping[str, Callable[[Kind], _Reader]] = {
    Kind.INETNUM.value: _Ranges,
    Kind.INET6NUM.value: _Ranges,
    Kind.ROUTE.value: _Routes,
    Kind.ROUTE6.value: _Routes,
    Kind.AUT_NUM.value: _Systems,
    Kind.ORGANISATION.value: _Organisations,
    Kind.ROLE.value: _Roles,
}


def read_mailbox(text: str) -> str | None:
    """The first usable address of an `abuse-mailbox`, which may hold several, and names beside them."""
    plain = canonical_email(text)
    if plain is not None:
        return plain if is_mailable(plain) else None
    addresses = (canonical_email(address) for _, address in getaddresses([text.replace(";", ",")]))
    return next((address for address in addresses if address and is_mailable(address)), None)


def _ends(key: str, width: int) -> tuple[bytes, bytes] | None:
    """Both ends, packed, of a range of this width: `first - last`, a CIDR block or one address."""
    begin, dash, end = key.partition("-")
    first, last = (packed_ip(begin.strip()), packed_ip(end.strip())) if dash else _ends_of_block(key)
    if first is None or last is None:
        return None
    return (first, last) if len(first) == len(last) == width and first <= last else None


def _ends_of_block(text: str) -> tuple[bytes | None, bytes | None]:
    """As `parse_interval`, in a tenth of the time: bits beyond the prefix are an error."""
    address, slash, prefix = text.partition("/")
    first = packed_ip(address)
    if first is None or not slash:
        return first, first
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3 and int(prefix) <= 8 * len(first)):
        return None, None
    beyond = (1 << (8 * len(first) - int(prefix))) - 1
    number = int.from_bytes(first, "big")
    return (first, (number | beyond).to_bytes(len(first), "big")) if not number & beyond else (None, None)


@lru_cache(maxsize=4096)
def _is_of_ripe(source: str) -> bool:
    return source.partition("#")[0].strip().upper() in SOURCES


@lru_cache(maxsize=4096)
def _country(text: str) -> bytes:
    """Two letters, or two blanks."""
    return (country_code(text) or "  ").encode()


def _handle(text: str) -> str | None:
    """Handles differ in case between the objects that name each other."""
    if not text:
        return None
    handle = text.upper()
    return handle if handle != DUMMY_HANDLE else None


def _is_ripe_maintained(item: str) -> bool:
    if "-NCC-" not in item and "-ncc-" not in item.lower():
        return False
    names = (*values_of(item, "\nmnt-by:"), *values_of(item, "\nmnt-lower:"))
    return any(name.strip().upper() in RIPE_MAINTAINERS for name in names)
