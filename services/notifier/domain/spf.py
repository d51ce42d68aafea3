"""SPF records (RFC 7208), as far as it takes to say whether an address may send: no macros, no `exists`, no `ptr`."""

import re
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec

LOOK_UPS_AT_MOST = 10
"""A record that takes more is an error to every receiver (4.6.4)."""

_TERM = re.compile(
    r"(?P<qualifier>[+?~-]?)(?P<name>all|include|a|mx|ip4|ip6|ptr|exists)(?::(?P<of>[^/\s]+))?(?P<prefix>/\S+)?$",
    re.IGNORECASE,
)


class Pass(StrEnum):
    """Whether an address may send. `UNKNOWN`: the record asks for more than is looked at here."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Term(msgspec.Struct, frozen=True):
    """One mechanism; `of` is its domain or network, empty for the domain itself."""

    qualifier: str
    name: str
    of: str
    prefix: str


def is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def terms_of(record: str) -> Iterator[Term | None]:
    """Its mechanisms in order; None for one that can't be read. Modifiers are left out."""
    for word in record.split()[1:]:
        if "=" in word and ":" not in word.partition("=")[0]:
            continue
        # The network of ip6 has colons, and slashes, of its own.
        found = _TERM.match(word)
        if found is None:
            yield None
            continue
        of = found["of"] or ""
        yield Term(found["qualifier"] or "+", found["name"].lower(), of, found["prefix"] or "")


def redirect_of(record: str) -> str:
    """The domain that has the last word; empty for none."""
    return next((word[9:] for word in record.split() if word.lower().startswith("redirect=")), "")


def qualifier_of_all(record: str) -> str:
    """What becomes of everybody else: `-` refused, `~` suspicious, `?` and `+` let in; empty where it is not said.

    A record that redirects says what another one says, and counts as one that refuses.
    """
    said = next((term.qualifier for term in terms_of(record) if term is not None and term.name == "all"), "")
    return said or ("-" if redirect_of(record) else "")


def is_in(address: str, network: str) -> bool:
    """Whether an address is in a network; not in one that can't be read."""
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def within(address: str, other: str, prefix: str) -> bool:
    """Whether two addresses are the same, as far as `/24`, `//64` or `/24//64` looks."""
    mine, its = ip_address(address), ip_address(other)
    if mine.version != its.version:
        return False
    return is_in(address, f"{other}/{_length(mine, prefix)}")


def _length(address: IPv4Address | IPv6Address, prefix: str) -> str:
    four, _, six = prefix.removeprefix("/").partition("//") if not prefix.startswith("//") else ("", "", prefix[2:])
    return (four or "32") if address.version == 4 else (six or "128")
