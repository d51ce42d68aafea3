"""Ranges that nest and overlap, cut into disjoint pieces, each with the smallest range that covers it."""

import heapq
from collections.abc import Iterable, Iterator

NOBODY = -1


def flatten(ranges: Iterable[tuple[int, int]], *, end: int) -> Iterator[tuple[int, int]]:
    """Cut [0, end) where its owner changes: (start, owner) in rising order, beginning with 0.

    Ranges come sorted by their first number; the owner is the index of the smallest range that is open at that place.
    """
    start, owner = 0, NOBODY
    for next_start, next_owner in _changes(ranges, end=end):
        if next_start != start:
            yield start, owner
        start, owner = next_start, next_owner
    yield start, owner


def _changes(ranges: Iterable[tuple[int, int]], *, end: int) -> Iterator[tuple[int, int]]:
    """Every place where the owner may change; of several at one place the last counts."""
    open_ranges: list[tuple[int, int, int]] = []
    for index, (first, last) in enumerate(ranges):
        yield from _closings(open_ranges, before=first)
        heapq.heappush(open_ranges, (last - first, last, index))
        yield first, open_ranges[0][2]
    yield from _closings(open_ranges, before=end - 1)


def _closings(open_ranges: list[tuple[int, int, int]], *, before: int) -> Iterator[tuple[int, int]]:
    """Where the smallest open range ends, the next smallest takes over. Others that ended leave when they surface."""
    while open_ranges and open_ranges[0][1] < before:
        last = heapq.heappop(open_ranges)[1]
        while open_ranges and open_ranges[0][1] <= last:
            heapq.heappop(open_ranges)
        yield last + 1, open_ranges[0][2] if open_ranges else NOBODY
