"""Claims that do not count: nobody is found by them, and the evidence says why."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from libs.common.flattening import NOBODY
from libs.common.intervals import ADDRESSES, Interval, Space
from services.attribution.domain.ranges import Segments


class Withheld(StrEnum):
    """Why a claim does not count; where there are several, the first of these is said."""

    CONTESTED = "contested"
    UNPROVEN = "unproven"


class WithheldClaim(msgspec.Struct, frozen=True, gc=False):
    """`value` is what is claimed, in canonical spelling; `interval` for ranges only."""

    value: str
    why: Withheld
    interval: Interval | None = None

    def __str__(self) -> str:
        return f"a claim on {self.value} is {self.why}, and nobody is taken at their word"


class WithheldClaims:
    """All of them, ready to be asked. Never changes."""

    def __init__(self, claims: Iterable[WithheldClaim] = ()) -> None:
        ranked = sorted(claims, key=lambda each: each.why, reverse=True)
        self._by_value = {each.value: each for each in ranked if each.interval is None}
        self._ranges = {space: _sorted_ranges(space, ranked) for space in ADDRESSES}
        self._segments = {space: Segments.of(space, _ends(found)) for space, found in self._ranges.items() if found}

    def of_name(self, name: str) -> WithheldClaim | None:
        """The claim on the name itself, or on the closest of its parents."""
        while name and self._by_value:
            if (claim := self._by_value.get(name)) is not None:
                return claim
            name = name.partition(".")[2]
        return None

    def of_asn(self, number: int) -> WithheldClaim | None:
        return self._by_value.get(f"AS{number}") if self._by_value else None

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, WithheldClaim]:
        """The smallest claimed range around each address of `space` that lies in one."""
        if space not in self._segments:
            return {}
        ranges, owners = self._ranges[space], self._segments[space].owners(numbers)
        return {number: ranges[owner] for number, owner in zip(numbers, owners, strict=True) if owner != NOBODY}


def _sorted_ranges(space: Space, claims: Iterable[WithheldClaim]) -> list[WithheldClaim]:
    """Of equal ranges only the one whose reason is said."""
    ours: dict[tuple[int, int], WithheldClaim] = {}
    for claim in claims:
        if claim.interval is not None and claim.interval.space is space:
            ours[claim.interval.first, claim.interval.last] = claim
    return [ours[ends] for ends in sorted(ours)]


def _ends(claims: Iterable[WithheldClaim]) -> Iterator[tuple[int, int]]:
    for claim in claims:
        if claim.interval is not None:
            yield claim.interval.first, claim.interval.last


NO_CLAIMS = WithheldClaims()
