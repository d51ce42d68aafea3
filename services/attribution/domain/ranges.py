"""Which range covers this number? Flattened ranges in two arrays and a binary search: 0.5 µs a look-up."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from libs.common.flattening import flatten
from libs.common.intervals import Space

PIECES_AT_ONCE = 100_000
"""Millions of pieces pass through in parts of this size, so that they are never in memory twice."""


class Segments:
    """A whole space cut into disjoint pieces, each with the number of the smallest range that covers it."""

    __slots__ = ("_owners", "_space", "_starts")

    def __init__(self, space: Space, starts: npt.NDArray[np.generic], owners: npt.NDArray[np.int32]) -> None:
        self._space = space
        self._starts = starts
        self._owners = owners

    @classmethod
    def of(cls, space: Space, ranges: Iterable[tuple[int, int]]) -> "Segments":
        """Ranges as (first, last), sorted by first. They may nest and overlap; where two do, the smaller one wins."""
        pieces: Iterator[tuple[int | bytes, int]] = flatten(ranges, end=space.end)
        key = "u4"
        if space is Space.IPV6:
            # No integer of numpy holds an IPv6 address; 16 big-endian bytes sort the same way.
            pieces, key = ((start.to_bytes(16, "big"), owner) for start, owner in flatten(ranges, end=space.end)), "S16"
        starts, owners = bytearray(), bytearray()
        while len(part := np.fromiter(islice(pieces, PIECES_AT_ONCE), dtype=[("start", key), ("owner", "i4")])):
            starts += part["start"].tobytes()
            owners += part["owner"].tobytes()
        return cls(space, np.frombuffer(starts, dtype=key), np.frombuffer(owners, dtype=np.int32))

    def owners(self, numbers: Sequence[int]) -> list[int]:
        """For each number the index of its range, in the order of `ranges`, or NOBODY."""
        if not numbers:
            return []
        places = np.searchsorted(self._starts, self._keys(numbers), side="right") - 1
        return self._owners[places].tolist()  # type: ignore[no-any-return]  # numpy types tolist() as Any

    def __len__(self) -> int:
        return len(self._starts)

    def _keys(self, numbers: Sequence[int]) -> npt.NDArray[np.generic]:
        if self._space is Space.IPV6:
            return np.array([number.to_bytes(16, "big") for number in numbers], dtype="S16")
        return np.array(numbers, dtype=np.uint32)
