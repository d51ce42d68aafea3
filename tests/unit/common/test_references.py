"""References are hard to guess and hard to mistype."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.references import ALPHABET, is_reference, normalise_reference, reference_of

KEY = b"a key for tests"
CODES = st.uuids().map(lambda number: reference_of(number, KEY))


@given(st.uuids())
def test_every_reference_that_we_make_is_one(number: UUID) -> None:
    assert is_reference(reference_of(number, KEY))
    assert len(reference_of(number, KEY)) == len("TOC-") + 10


@given(st.uuids(), st.uuids())
def test_the_key_and_the_notification_decide_the_reference(one: UUID, other: UUID) -> None:
    assert reference_of(one, KEY) == reference_of(one, KEY)
    assert (reference_of(one, KEY) == reference_of(other, KEY)) == (one == other)
    assert reference_of(one, KEY) != reference_of(one, b"another key")
    assert reference_of(one, KEY) != reference_of(one, KEY, attempt=1)


@given(CODES, st.integers(4, 13), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_caught(reference: str, place: int, wrong: str) -> None:
    mistyped = reference[:place] + wrong + reference[place + 1 :]
    assert is_reference(mistyped) == (mistyped == reference)


@given(CODES, st.integers(4, 11))
def test_two_swapped_neighbours_are_caught(reference: str, place: int) -> None:
    swapped = reference[:place] + reference[place + 1] + reference[place] + reference[place + 2 :]
    assert is_reference(swapped) == (swapped == reference)


def test_what_a_person_types_is_read() -> None:
    assert normalise_reference(" toc 0ol1i-abcde ") == "TOC-00111ABCDE"
    assert normalise_reference("00111ABCDE") == "TOC-00111ABCDE"
