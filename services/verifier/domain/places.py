"""Look-ups of what lies around an address or above a name, whatever number of ranges and domains there is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Generic, TypeVar

from libs.common.addresses import parse_ip

T = TypeVar("T")


class Ranges(Generic[T]):
    """What is filed under ranges (CIDR); they may overlap. Asking costs one look-up for each size of range."""

    def __init__(self, filed: Iterable[tuple[str, T]]) -> None:
        self._by_size: dict[tuple[int, int], dict[int, list[T]]] = {}
        for ip_range, item in filed:
            network = ip_network(ip_range)
            bits_below = network.max_prefixlen - network.prefixlen
            of_size = self._by_size.setdefault((network.version, bits_below), defaultdict(list))
            of_size[int(network.network_address) >> bits_below].append(item)

    def around(self, address: str | None) -> Iterator[T]:
        if not self._by_size or address is None or (ip := parse_ip(address)) is None:
            return
        number = int(ip)
        for (version, bits_below), items in self._by_size.items():
            if version == ip.version:
                yield from items.get(number >> bits_below, ())


class Domains(Generic[T]):
    """What is filed under domains; each counts for all names below it."""

    def __init__(self, filed: Iterable[tuple[str, T]]) -> None:
        self._by_name: dict[str, list[T]] = defaultdict(list)
        for domain, item in filed:
            self._by_name[domain].append(item)

    def above(self, name: str | None) -> Iterator[T]:
        if not self._by_name or name is None:
            return
        labels = name.split(".")
        for start in range(len(labels)):
            yield from self._by_name.get(".".join(labels[start:]), ())
