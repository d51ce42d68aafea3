"""Stretches of number space, read from the ways in which registries and people write them."""

from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, inet_ntop

import msgspec

from libs.common.addresses import packed_ip, text_of

MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv6 address begins that is an IPv4 address."""
MAPPED_TOP = int.from_bytes(MAPPED, "big")
Address = IPv4Address | IPv6Address


class Space(StrEnum):
    """The three numberings that ranges are cut from."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    ASN = "asn"

    @property
    def width_bytes(self) -> int:
        return 16 if self is Space.IPV6 else 4

    @property
    def end(self) -> int:
        """The first number beyond the space."""
        return 1 << (8 * self.width_bytes)


ADDRESSES = (Space.IPV4, Space.IPV6)


class Interval(msgspec.Struct, frozen=True, gc=False):
    """All numbers of `space` from `first` to `last`, both included. Not necessarily a CIDR block."""

    space: Space
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def packed(self) -> tuple[bytes, bytes]:
        """Both ends, big-endian: sorting these bytes sorts the numbers."""
        width = self.space.width_bytes
        return self.first.to_bytes(width, "big"), self.last.to_bytes(width, "big")

    def __str__(self) -> str:
        return _written(self)

    @property
    def is_block(self) -> bool:
        return self.size.bit_count() == 1 and self.first % self.size == 0


@lru_cache(maxsize=16_384)
def _written(interval: Interval) -> str:
    """Kept for a while: the records of a feed lie in a few thousand networks, and each names its own."""
    first, last = interval.first, interval.last
    if interval.space is Space.ASN:
        return f"AS{first}" if first == last else f"AS{first} - AS{last}"
    begin = text_of(address_of(interval.space, first))
    if first == last:
        return begin
    if interval.is_block:
        return f"{begin}/{8 * interval.space.width_bytes - interval.size.bit_length() + 1}"
    return f"{begin} - {text_of(address_of(interval.space, last))}"


class Place(msgspec.Struct, frozen=True, gc=False):
    """One address, parsed once. Hashing and printing `ipaddress` objects costs more than looking them up."""

    space: Space
    number: int
    text: str


def parse_interval(text: str) -> Interval | None:
    """Read `first - last`, a CIDR block or one address of either family; None for anything else.

    Bits beyond a prefix are an error, not rounded away: a block that says less than it seems to is a typing mistake.
    What lies in `::ffff:0:0/96` is IPv4, as it is for `place_of`.
    """
    first, dash, last = text.partition("-")
    try:
        if dash:
            found = _between(ip_address(first.strip()), ip_address(last.strip()))
        else:
            found = _of_block(ip_network(text.strip()))
    except ValueError:
        return None
    return unmapped(found) if found is not None else None


def unmapped(interval: Interval) -> Interval:
    """The same addresses in IPv4, if all of them are IPv4 addresses written in IPv6."""
    if interval.space is not Space.IPV6 or interval.first >> 32 != MAPPED_TOP or interval.last >> 32 != MAPPED_TOP:
        return interval
    return Interval(Space.IPV4, interval.first & 0xFFFFFFFF, interval.last & 0xFFFFFFFF)


def place_of(text: str) -> Place | None:
    """The address that `text` spells, and None for anything else. As `parse_ip`, without its objects."""
    packed = packed_ip(text)
    if packed is None:
        return None
    if len(packed) == 4:
        return Place(Space.IPV4, int.from_bytes(packed, "big"), text)
    if packed.startswith(MAPPED):
        packed = packed[len(MAPPED) :]
        return Place(Space.IPV4, int.from_bytes(packed, "big"), inet_ntop(AF_INET, packed))
    return Place(Space.IPV6, int.from_bytes(packed, "big"), text)


def read_asn(text: str) -> int | None:
    """`AS64500`, `as64500` or `64500`; None for anything else and for numbers that don't fit 32 bits."""
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return None
    return int(digits) if 0 < int(digits) < Space.ASN.end else None


def space_of(address: Address) -> Space:
    return Space.IPV4 if address.version == 4 else Space.IPV6


def address_of(space: Space, number: int) -> Address:
    return IPv4Address(number) if space is Space.IPV4 else IPv6Address(number)


def _between(first: Address, last: Address) -> Interval | None:
    if first.version != last.version or int(first) > int(last) or _has_zone(first) or _has_zone(last):
        return None
    return Interval(space_of(first), int(first), int(last))


def _of_block(block: IPv4Network | IPv6Network) -> Interval | None:
    if _has_zone(block.network_address):
        return None
    return Interval(space_of(block.network_address), int(block.network_address), int(block.broadcast_address))


def _has_zone(address: Address) -> bool:
    """`2001:db8::1%eth0` names an address of one machine's link, which means nothing to anybody else."""
    return isinstance(address, IPv6Address) and address.scope_id is not None
