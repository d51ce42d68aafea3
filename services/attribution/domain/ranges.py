"""Which range covers this number? Flattened ranges in two arrays and a binary search: 0.5 µs a look-up."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from libs.common.flattening import NOBODY, flatten
from libs.common.intervals import Space
from services.attribution.domain.columns import Numbers, Packed

OWNED_BY_NOBODY = np.array([NOBODY], dtype=np.int32).tobytes()
PIECES_AT_ONCE = 100_000
"""Millions of pieces pass through in parts of this size, so that they are never in memory twice."""


class Segments:
    """A whole space cut into disjoint pieces, each with the number of the smallest range that covers it.

    No integer of numpy holds an IPv6 address; 16 big-endian bytes sort the same way.
    """

    __slots__ = ("_owners", "_space", "_starts")

    def __init__(self, space: Space, *, starts: Packed, owners: Packed) -> None:
        """`starts` as `packed_starts` makes them, rising from 0; `owners` of 4 bytes each. None: nobody's space."""
        self._space = space
        self._starts = np.frombuffer(starts or bytes(space.width_bytes), dtype="S16" if space is Space.IPV6 else "u4")
        self._owners = np.frombuffer(owners or OWNED_BY_NOBODY, dtype=np.int32)

    @classmethod
    def of(cls, space: Space, ranges: Iterable[tuple[int, int]]) -> "Segments":
        """Ranges as (first, last), sorted by first. They may nest and overlap; where two do, the smaller one wins."""
        pieces: Iterator[tuple[int, int]] = flatten(ranges, end=space.end)
        starts, owners = bytearray(), bytearray()
        while part := list(islice(pieces, PIECES_AT_ONCE)):
            starts += cls.packed_starts(space, [start for start, _ in part])
            owners += np.array([owner for _, owner in part], dtype=np.int32).tobytes()
        return cls(space, starts=starts, owners=owners)

    @staticmethod
    def packed_starts(space: Space, starts: Sequence[int]) -> bytes:
        if space is Space.IPV6:
            return b"".join([start.to_bytes(16, "big") for start in starts])
        return np.array(starts, dtype=np.uint32).tobytes()

    @property
    def starts(self) -> bytes:
        return self._starts.tobytes()

    @property
    def owner_numbers(self) -> bytes:
        return self._owners.tobytes()

    def owners(self, numbers: Sequence[int]) -> list[int]:
        """For each number the index of its range, in the order of `ranges`, or NOBODY."""
        return self.found(numbers).tolist()  # type: ignore[no-any-return]  # numpy types tolist() as Any

    def found(self, numbers: Sequence[int]) -> Numbers:
        """The same as an array. Numbers that rise are found faster: neighbours lie in the same stretch of memory."""
        keys = np.frombuffer(self.packed_starts(self._space, numbers), dtype=self._starts.dtype)
        return self._owners[np.searchsorted(self._starts, keys, side="right") - 1]

    def __len__(self) -> int:
        return len(self._starts)


def numbers_from(space: Space, column: Packed) -> list[int]:
    """The numbers of a packed column of big-endian ones."""
    if space is not Space.IPV6:
        return np.frombuffer(column, dtype=">u4").tolist()  # type: ignore[no-any-return]  # as above
    halves = np.frombuffer(column, dtype=">u8").tolist()
    return [high << 64 | low for high, low in zip(halves[::2], halves[1::2], strict=True)]
