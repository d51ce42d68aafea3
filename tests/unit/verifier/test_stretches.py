"""Whose a number is: the same as looking at every range, for any ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.intervals import Space
from services.verifier.domain.stretches import NOBODY, PART_BITS, Stretches

SPREAD = {Space.IPV4: 1, Space.ASN: 1, Space.IPV6: 1 << 61}
"""So that IPv6 addresses differ in their upper halves, in their lower halves, and in both."""

ends = st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(1, 3))


@pytest.mark.parametrize("space", list(Space))
@given(ranges=st.lists(ends, max_size=12), asked=st.integers(0, 90))
def test_the_smallest_range_around_a_number_has_it(
    space: Space, ranges: list[tuple[int, int, int]], asked: int
) -> None:
    unit = SPREAD[space]
    unique = {(first * unit, (first + size) * unit): owner for first, size, owner in ranges}
    rows = sorted((first, last, owner) for (first, last), owner in unique.items())
    stretches = Stretches.of(space, ((first, last) for first, last, _ in rows), [owner for *_, owner in rows])

    for number in (asked * unit, asked * unit + unit // 3, space.end - 1):
        sizes = [(last - first, owner) for first, last, owner in rows if first <= number <= last]
        smallest = {owner for size, owner in sizes if size == min(sizes)[0]} or {NOBODY}
        assert stretches.owner(number) in smallest


@pytest.mark.parametrize("space", list(Space))
def test_what_was_packed_is_the_same_again(space: Space) -> None:
    far = space.end - 10
    stretches = Stretches.of(space, [(1, 5), (far, far + 5)], [0x4E4C, 0xFFFFFFFF])

    again = Stretches.from_columns(space, *stretches.columns)

    assert [again.owner(number) for number in (0, 1, 5, 6, far, far + 6)] == [
        NOBODY, 0x4E4C, 0x4E4C, NOBODY, 0xFFFFFFFF, NOBODY,
    ]  # fmt: skip
    assert again.columns == stretches.columns
    assert stretches.columns[2][4:8] == b"\0\0NL", "big-endian on every machine"


@pytest.mark.parametrize("space", list(Space))
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 40)), max_size=5), st.integers(0, 255))
def test_who_has_a_number_has_something_in_its_part(space: Space, ranges: list[tuple[int, int]], asked: int) -> None:
    unit = space.end >> 8
    rows = sorted({(first * unit, min((first + size + 1) * unit, space.end) - 1) for first, size in ranges})
    stretches = Stretches.of(space, rows, [1] * len(rows))

    number = asked * unit + unit // 2

    assert (stretches.owner(number) != NOBODY) <= (number >> PART_BITS[space] in stretches.parts(space))


def test_neighbours_of_one_owner_are_one_stretch() -> None:
    assert len(Stretches.of(Space.IPV4, [(10, 19), (20, 29), (30, 39)], [1, 1, 2])) == 4


def test_nobody_has_anything_where_nothing_has_been_read() -> None:
    assert Stretches(Space.IPV6).owner(5) == NOBODY
