"""Addresses, numbers and names that nobody on the internet has: private, reserved, or set aside for examples."""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

_DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")

# `ipaddress.is_global` differs between patch releases of Python and takes multicast, 6to4, site-local and unallocated
# space for global, so the table is our own. Source: IANA special-purpose address registries; RFC 6890, 7526, 9637.
_NOT_PUBLIC = (
    *_DOCUMENTATION,
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
    "::/3",
    "2001::/23",
    "2002::/16",
    "4000::/2",
    "8000::/1",
)

# RFC 5398 (documentation), 6996 (private use), 6793 (AS_TRANS), 7300 and 7607 (reserved).
UNMAILABLE_ASNS = (
    range(1),
    range(23456, 23457),
    range(64496, 65552),
    range(4_200_000_000, 4_294_967_296),
)


class SpecialRanges:
    """Networks of both families as sorted, disjoint runs of numbers; asking costs a binary search."""

    def __init__(self, networks: Iterable[str]) -> None:
        parsed = [ip_network(network) for network in networks]
        self._runs = {version: _runs(n for n in parsed if n.version == version) for version in (4, 6)}

    def __contains__(self, ip: IPv4Address | IPv6Address) -> bool:
        return self.holds(ip.version, int(ip))

    def holds(self, version: int, number: int) -> bool:
        starts, ends = self._runs[version]
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= ends[at]

    def meets(self, version: int, first: int, last: int) -> bool:
        """Whether any address from `first` to `last` is one of them."""
        starts, ends = self._runs[version]
        at = bisect_right(starts, last) - 1
        return at >= 0 and first <= ends[at]


def _runs(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[list[int], list[int]]:
    ordered = sorted((int(n.network_address), int(n.broadcast_address)) for n in networks)
    return [first for first, _ in ordered], [last for _, last in ordered]


DOCUMENTATION_RANGES = SpecialRanges(_DOCUMENTATION)
NON_PUBLIC_RANGES = SpecialRanges(_NOT_PUBLIC)
SPECIAL_RANGES = SpecialRanges(_NOT_PUBLIC[len(_DOCUMENTATION) :])
"""Not public, and no documentation either."""


def is_documentation_name(domain: str) -> bool:
    """RFC 2606 and RFC 6761: `.test`, `.example`, `.invalid`, `.localhost`, and `example.com`, `.net`, `.org`."""
    labels = domain.split(".")
    return labels[-1] in {"test", "example", "invalid", "localhost"} or (
        len(labels) > 1 and labels[-2] == "example" and labels[-1] in {"com", "net", "org"}
    )
