"""Whose is this number? A number space in packed arrays: some eight bytes a stretch, a microsecond a look-up."""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from libs.common.flattening import NOBODY as NO_RANGE
from libs.common.flattening import flatten
from libs.common.intervals import Space

NOBODY = 0
_HALF = 64
_LOW = (1 << _HALF) - 1

PART_BITS = {Space.IPV4: 24, Space.IPV6: 112, Space.ASN: 16}
"""A part of a space is what has these bits in common with no other: of addresses the first one or two bytes."""


class Stretches:
    """A whole space, cut where its owner changes. An owner is a number from 1 to 2^32 - 1.

    No array holds an IPv6 address, so those are in two: `starts` has the upper half of each, `lows` the lower one.
    """

    __slots__ = ("_lows", "_owners", "_starts")

    def __init__(self, space: Space) -> None:
        is_wide = space is Space.IPV6
        self._starts: array[int] = array("Q" if is_wide else "I")
        self._lows: array[int] | None = array("Q") if is_wide else None
        self._owners: array[int] = array("I")

    @classmethod
    def of(cls, space: Space, ranges: Iterable[tuple[int, int]], owners: Sequence[int]) -> "Stretches":
        """Ranges as (first, last), sorted by first, with the owner of each. Where they overlap, the smallest counts."""
        made = cls(space)
        for start, place in flatten(ranges, end=space.end):
            made._append(start, owners[place] if place != NO_RANGE else NOBODY)
        return made

    def _append(self, start: int, owner: int) -> None:
        """What goes on with the same owner is one stretch."""
        if self._owners and self._owners[-1] == owner:
            return
        if self._lows is None:
            self._starts.append(start)
        else:
            self._starts.append(start >> _HALF)
            self._lows.append(start & _LOW)
        self._owners.append(owner)

    def owner(self, number: int) -> int:
        """NOBODY where it lies in no range."""
        if self._lows is None:
            following = bisect_right(self._starts, number)
        else:
            high = number >> _HALF
            first = bisect_left(self._starts, high)
            last = bisect_right(self._starts, high, first)
            following = bisect_right(self._lows, number & _LOW, first, last)
        return self._owners[following - 1] if following else NOBODY

    def parts(self, space: Space) -> set[int]:
        """Where anybody has anything."""
        shift = PART_BITS[space] if self._lows is None else PART_BITS[space] - _HALF
        first_parts = [start >> shift for start in self._starts]
        # A stretch may end before the part in which the next one begins; a part too many does no harm.
        last_parts = [*first_parts[1:], (space.end - 1) >> PART_BITS[space]]
        found: set[int] = set()
        for owner, first, last in zip(self._owners, first_parts, last_parts, strict=False):
            if owner != NOBODY:
                found.update(range(first, last + 1))
        return found

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def columns(self) -> tuple[bytes, bytes, bytes]:
        """Starts, lower halves and owners, big-endian, as `from_columns` takes them."""
        lows = self._lows if self._lows is not None else array("Q")
        return _big_endian(self._starts), _big_endian(lows), _big_endian(self._owners)

    @classmethod
    def from_columns(cls, space: Space, starts: bytes, lows: bytes, owners: bytes) -> "Stretches":
        made = cls(space)
        _fill(made._starts, starts)
        if made._lows is not None:
            _fill(made._lows, lows)
        _fill(made._owners, owners)
        return made


def _big_endian(numbers: "array[int]") -> bytes:
    return _turned(array(numbers.typecode, numbers)).tobytes()


def _fill(numbers: "array[int]", packed: bytes) -> None:
    numbers.frombytes(packed)
    _turned(numbers)


def _turned(numbers: "array[int]") -> "array[int]":
    """From this machine's order of bytes to the big-endian one, or back."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
