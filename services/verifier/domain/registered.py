"""What organisations have registered with us, to be warned about exactly that."""

from collections.abc import Iterator, Mapping

import msgspec

from libs.common.contracts import Asset
from libs.common.intervals import Space, read_asn
from libs.common.vocabulary import AssetKind
from services.verifier.domain.asset_index import AssetIndex
from services.verifier.domain.stretches import Stretches

OWNER = "its owner"
"""Whose it is the verifier is not told: attribution knows."""

Ends = tuple[bytes, bytes]
"""First and last addresses, packed one after another, sorted by both."""


class Registered(msgspec.Struct, frozen=True):
    """The assets as they were read last; `versions` say by kind how new they are."""

    versions: Mapping[AssetKind, int] = {}
    index: AssetIndex[str] = AssetIndex()

    def covers(self, asset: Asset, asn: int | None) -> bool:
        """Whether somebody has registered it, or what it lies in; `asn` as in `AssetIndex`."""
        return self.index.owner_of(asset, asn) is not None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What was read anew, each kind as a whole; None: that has not changed. Names and AS numbers come one a line."""

    ranges: Mapping[Space, Ends] | None = None
    domains: str | None = None
    asns: str | None = None


def renewed(known: Registered, changed: Changed, versions: Mapping[AssetKind, int]) -> Registered:
    """With what has changed. Takes a second where there are hundreds of thousands of ranges."""
    index = known.index
    ranges = index.ranges if changed.ranges is None else dict(_tables(changed.ranges))
    domains = index.domains if changed.domains is None else dict.fromkeys(changed.domains.split(), OWNER)
    asns = index.asns if changed.asns is None else dict.fromkeys(_numbers(changed.asns), OWNER)
    return Registered(versions, AssetIndex(ranges=ranges, owners=(OWNER,), domains=domains, asns=asns))


def _tables(ranges: Mapping[Space, Ends]) -> Iterator[tuple[Space, Stretches]]:
    for space, (first, last) in ranges.items():
        starts, ends = _unpacked(space, first), _unpacked(space, last)
        yield space, Stretches.of(space, zip(starts, ends, strict=True), [1] * (len(first) // space.width_bytes))


def _unpacked(space: Space, packed: bytes) -> Iterator[int]:
    width = space.width_bytes
    return (int.from_bytes(packed[place : place + width], "big") for place in range(0, len(packed), width))


def _numbers(lines: str) -> Iterator[int]:
    return (asn for line in lines.split() if (asn := read_asn(line)) is not None)
