"""Whose an asset is, for many assets: ranges, domains with all below them, and AS numbers."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from libs.common.addresses import numbered_ip
from libs.common.contracts import Asset
from libs.common.intervals import Interval, Space
from services.verifier.domain.stretches import NOBODY, Stretches

ADDRESSES = (Space.IPV4, Space.IPV6)
Owner = TypeVar("Owner")


class AssetIndex(Generic[Owner]):
    """Never changes; a change makes a new one. Of ranges that overlap the smallest counts, of domains the closest.

    `version` tells this one from every other that the rules have had.
    """

    def __init__(
        self,
        *,
        ranges: Mapping[Space, Stretches] | None = None,
        owners: tuple[Owner, ...] = (),
        domains: Mapping[str, Owner] | None = None,
        asns: Mapping[int, Owner] | None = None,
        version: str = "",
    ) -> None:
        """`owners` are those that the numbers in `ranges` count, from 1."""
        self.ranges, self.domains, self.asns = ranges or {}, domains or {}, asns or {}
        self._owners = owners
        self.version = version
        self._ipv4, self._ipv6 = self.ranges.get(Space.IPV4), self.ranges.get(Space.IPV6)
        self._is_empty = not (self.domains or self.asns or any(map(len, self.ranges.values())))

    def owner_of(self, asset: Asset, asn: int | None) -> Owner | None:
        """By its names, its address or its AS; `asn` is the one that a record names beside an asset without."""
        if self._is_empty:
            return None
        has_names = asset.domain is not None or asset.url is not None or asset.email is not None
        if has_names and self.domains and (owner := self._by_name(asset.hosts)) is not None:
            return owner
        if asset.ip is not None and self.ranges and (owner := self._by_address(asset.ip)) is not None:
            return owner
        return self.asns.get(asset.asn or asn or 0)

    def _by_name(self, hosts: Iterable[str]) -> Owner | None:
        for host in hosts:
            name = host
            while name:
                if (owner := self.domains.get(name)) is not None:
                    return owner
                name = name.partition(".")[2]
        return None

    def _by_address(self, text: str) -> Owner | None:
        numbered = numbered_ip(text)
        if numbered is None:
            return None
        version, number = numbered
        table = self._ipv6 if version == 6 else self._ipv4
        owner = table.owner(number) if table is not None else NOBODY
        return self._owners[owner - 1] if owner != NOBODY else None


def tables_of(intervals: Iterable[Interval], owners: Iterable[int]) -> dict[Space, Stretches]:
    """The ranges of an index, with the number of the owner of each."""
    owned = sorted((each.first, each.last, owner, each.space) for each, owner in zip(intervals, owners, strict=True))
    return {space: _table(space, [row[:3] for row in owned if row[3] is space]) for space in ADDRESSES}


def _table(space: Space, rows: list[tuple[int, int, int]]) -> Stretches:
    return Stretches.of(space, (row[:2] for row in rows), [row[2] for row in rows])
