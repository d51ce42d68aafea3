"""Intervals, and finding the smallest one around a number."""

import itertools
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.flattening import NOBODY, flatten
from libs.common.intervals import Interval, Space, parse_interval
from services.attribution.domain.networks import Ends
from services.attribution.domain.ranges import Segments

Ranges = list[tuple[int, int]]


def ranges_in(space: Space) -> st.SearchStrategy[Ranges]:
    """Ranges that nest, touch, overlap and reach both ends of the space."""
    near = st.integers(0, 40) | st.integers(space.end - 40, space.end - 1) | st.integers(0, space.end - 1)
    pairs = st.tuples(near, near).map(lambda pair: (min(pair), max(pair)))
    return st.lists(pairs, max_size=12).map(sorted)


def smallest_around(ranges: Ranges, number: int) -> int | None:
    """The slow, obvious way: the size of the smallest range that holds the number."""
    sizes = [last - first for first, last in ranges if first <= number <= last]
    return min(sizes, default=None)


def sizes_found(space: Space, ranges: Ranges, numbers: Sequence[int]) -> list[int | None]:
    owners = Segments.of(space, ranges).owners(numbers)
    return [ranges[owner][1] - ranges[owner][0] if owner != NOBODY else None for owner in owners]


@pytest.mark.parametrize("space", [Space.IPV4, Space.IPV6])
@given(data=st.data())
def test_the_smallest_range_around_any_number_is_found(space: Space, data: st.DataObject) -> None:
    ranges = data.draw(ranges_in(space))
    edges = {number for pair in ranges for edge in pair for number in (edge - 1, edge, edge + 1)}
    numbers = sorted(number for number in edges | {0, space.end - 1} if 0 <= number < space.end)

    assert sizes_found(space, ranges, numbers) == [smallest_around(ranges, number) for number in numbers]


@given(ranges=ranges_in(Space.IPV4))
def test_pieces_rise_from_zero_and_each_owner_is_in_its_piece(ranges: Ranges) -> None:
    pieces = list(flatten(ranges, end=Space.IPV4.end))

    assert pieces[0][0] == 0
    assert all(one[0] < two[0] for one, two in itertools.pairwise(pieces))
    assert all(ranges[owner][0] <= start <= ranges[owner][1] for start, owner in pieces if owner != NOBODY)


@pytest.mark.parametrize("space", [Space.IPV4, Space.IPV6])
@given(data=st.data())
def test_which_ranges_lie_in_another_is_known(space: Space, data: st.DataObject) -> None:
    ranges = sorted(set(data.draw(ranges_in(space))), key=lambda each: (each[0], -each[1]))
    packed = [Interval(space, first, last).packed for first, last in ranges]
    ends = Ends(space, first=b"".join(first for first, _ in packed), last=b"".join(last for _, last in packed))

    assert ends.nested().tolist() == [
        any(other[0] <= each[0] and each[1] <= other[1] for other in ranges if other != each) for each in ranges
    ]


def test_an_empty_space_has_nobody() -> None:
    assert Segments.of(Space.IPV4, []).owners([0, 5, Space.IPV4.end - 1]) == [NOBODY] * 3


def test_the_last_address_of_the_space_is_found() -> None:
    assert Segments.of(Space.IPV4, [(0, Space.IPV4.end - 1)]).owners([Space.IPV4.end - 1]) == [0]
    assert Segments.of(Space.IPV6, [(Space.IPV6.end - 1, Space.IPV6.end - 1)]).owners([Space.IPV6.end - 1]) == [0]


def test_ipv6_addresses_that_end_in_zero_bytes_are_told_apart() -> None:
    one, two = int(ip_address("2001:db8::")), int(ip_address("2001:db8:0:1::"))
    assert Segments.of(Space.IPV6, [(one, one), (two, two)]).owners([one, one + 1, two]) == [0, NOBODY, 1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0 - 192.0.2.255", "192.0.2.0/24"),
        ("192.0.2.3-192.0.2.9", "192.0.2.3 - 192.0.2.9"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1 - 2001:db8::ffff", "2001:db8::1 - 2001:db8::ffff"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_one_interval_has_one_spelling(text: str, shown: str) -> None:
    assert str(parse_interval(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.0/33",
        "192.0.2.1/24",
        "192.0.2.9 - 192.0.2.3",
        "192.0.2.1 - 2001:db8::1",
        "bakery.example",
        "fe80::1%eth0",
        "fe80::1%eth0 - fe80::2",
        "1-2-3",
    ],
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    assert parse_interval(text) is None


@given(first=st.integers(0, Space.IPV6.end - 1), size=st.integers(1, 1 << 20))
def test_what_is_printed_reads_back_the_same(first: int, size: int) -> None:
    interval = Interval(Space.IPV6, first, min(first + size - 1, Space.IPV6.end - 1))
    assert parse_interval(str(interval)) == interval
