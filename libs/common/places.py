"""Look-ups of what lies around an address or above a name, whatever number of ranges and domains there is."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Generic, TypeVar

from libs.common.addresses import numbered_ip

T = TypeVar("T")


class Ranges(Generic[T]):
    """What is filed under ranges (CIDR); they may overlap. Most addresses lie in none, which costs a binary search."""

    def __init__(self, filed: Iterable[tuple[str, T]]) -> None:
        self._by_size: dict[tuple[int, int], dict[int, list[T]]] = {}
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for ip_range, item in filed:
            network = ip_network(ip_range)
            bits_below = network.max_prefixlen - network.prefixlen
            of_size = self._by_size.setdefault((network.version, bits_below), defaultdict(list))
            of_size[int(network.network_address) >> bits_below].append(item)
            spans[network.version].append((int(network.network_address), int(network.broadcast_address)))
        self._runs = {version: _runs(sorted(found)) for version, found in spans.items()}

    def around(self, address: str | None) -> Sequence[T]:
        if not self._by_size or address is None or (numbered := numbered_ip(address)) is None:
            return ()
        version, number = numbered
        starts, ends = self._runs[version]
        run = bisect_right(starts, number) - 1
        if run < 0 or number > ends[run]:
            return ()
        return [
            item
            for (size_version, bits_below), of_size in self._by_size.items()
            if size_version == version
            for item in of_size.get(number >> bits_below, ())
        ]


def _runs(spans: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Sorted spans, with those that overlap made one: where each begins, and where it ends."""
    starts: list[int] = []
    ends: list[int] = []
    for first, last in spans:
        if ends and first <= ends[-1]:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    return starts, ends


def end_of(name: str) -> str:
    """The last two labels; no domain has fewer."""
    return name[name.rfind(".", 0, max(0, name.rfind("."))) + 1 :]


class Domains(Generic[T]):
    """What is filed under domains; each counts for all names below it. Most names end otherwise, which costs little."""

    def __init__(self, filed: Iterable[tuple[str, T]]) -> None:
        self._by_name: dict[str, list[T]] = defaultdict(list)
        for domain, item in filed:
            self._by_name[domain].append(item)
        self._ends = frozenset(map(end_of, self._by_name))

    def above(self, name: str | None) -> Sequence[T]:
        if name is None or end_of(name) not in self._ends:
            return ()
        labels = name.split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return [item for above in names for item in self._by_name.get(above, ())]
