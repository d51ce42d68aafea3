"""Which numbers the public may see."""

from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libs.common.vocabulary import RecipientKind
from services.feedback.domain.statistics import Ratings, RatingSum, Tally, shown, statistics


def tally(incident: str, count: int, *, month: int = 5) -> Tally:
    return Tally(
        month=date(2026, month, 1),
        incident=incident,
        category="vulnerable/vulnerable-system",
        recipient_kind=RecipientKind.ORGANISATION,
        notifications=count,
    )


def test_counts_below_five_are_not_shown() -> None:
    assert shown({"a": 100, "b": 5, "c": 4, "d": 3}, small_number=5) == {"a": 100, "b": 5, "c": None, "d": None}


def test_a_lone_small_count_hides_the_next_smallest_too() -> None:
    assert shown({"a": 100, "b": 50, "c": 3}, small_number=5) == {"a": 100, "b": None, "c": None}


def test_hidden_counts_that_add_up_to_a_small_number_hide_one_more() -> None:
    assert shown({"a": 100, "b": 50, "c": 2, "d": 1}, small_number=5) == {"a": 100, "b": None, "c": None, "d": None}


def test_the_largest_comes_first() -> None:
    assert list(shown({"a": 7, "b": 90, "c": 30}, small_number=5)) == ["b", "c", "a"]


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 40), max_size=8), st.integers(1, 10))
def test_what_is_hidden_can_not_be_had_by_subtraction(counts: dict[str, int], small_number: int) -> None:
    answer = shown(counts, small_number=small_number)

    hidden = [name for name, count in answer.items() if count is None]
    visible = [count for count in answer.values() if count is not None]
    assert all(count >= small_number for count in visible)
    assert answer.keys() == counts.keys()
    if hidden and visible:
        assert len(hidden) > 1
        assert sum(counts.values()) - sum(visible) >= small_number


def test_the_total_is_always_shown_and_months_are_in_order() -> None:
    result = statistics([tally("a", 30, month=12), tally("b", 12, month=2)], [], titles={}, small_number=5)

    assert result.notifications_total == 42
    assert list(result.by_month) == ["2026-02", "2026-12"]
    assert statistics([tally("a", 2)], [], titles={}, small_number=5).notifications_total == 2


def test_means_are_shown_from_five_ratings_on() -> None:
    few = [RatingSum(incident="a", count=4, useful=20, clear=20)]
    enough = [*few, RatingSum(incident="b", count=1, useful=1, clear=2)]

    assert statistics([], few, titles={}, small_number=5).ratings == Ratings()
    assert statistics([], enough, titles={}, small_number=5).ratings == Ratings(count=5, useful=4.2, clear=4.4)


def test_an_incidents_few_ratings_can_not_be_had_from_the_others() -> None:
    sums = [
        RatingSum(incident="a", count=60, useful=240, clear=240),
        RatingSum(incident="b", count=30, useful=90, clear=90),
        RatingSum(incident="c", count=1, useful=1, clear=1),
    ]

    by_incident = statistics([], sums, titles={}, small_number=5).ratings_by_incident

    assert by_incident == {"a": Ratings(count=60, useful=4.0, clear=4.0), "b": Ratings(), "c": Ratings()}


def test_what_was_handed_over_is_counted_apart_and_is_no_warning() -> None:
    teams = [msgspec.structs.replace(tally("a", 9), recipient_kind=RecipientKind.NATIONAL_CERT)]

    result = statistics([tally("a", 30), tally("b", 12), *teams], [], titles={}, small_number=5)

    assert (result.notifications_total, result.handed_over_total) == (42, 9)
    assert result.by_incident == {"a": 30, "b": 12}
    assert result.by_recipient_kind == {"organisation": 42}


def test_a_small_number_of_hand_overs_is_not_shown_and_none_is() -> None:
    few = [msgspec.structs.replace(tally("a", 4), recipient_kind=RecipientKind.NATIONAL_CERT)]

    assert statistics(few, [], titles={}, small_number=5).handed_over_total is None
    assert statistics([], [], titles={}, small_number=5).handed_over_total == 0
