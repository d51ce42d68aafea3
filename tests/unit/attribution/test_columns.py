"""Packed columns, and parts of the RIPE database made of them."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.attribution.domain.columns import Texts, WordColumn, joined, numbers_of, packed_words, parted
from services.attribution.domain.ripe.parts import PartBuilder, digest_of
from services.attribution.domain.ripe.reading import Kind, read_block

TEXTS = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=300), max_size=200)
OBJECTS = [
    f"inetnum: 192.0.2.{number}\nnetname: NÄT-{number}\ndescr: {'x' * number}\norg: ORG-{number % 3}\nsource: RIPE\n"
    for number in range(20)
]


@given(texts=TEXTS)
def test_each_text_is_found_by_its_row(texts: list[str]) -> None:
    column = Texts(joined(texts))

    assert len(column) == len(texts)
    assert parted(joined(texts)) == texts
    if texts:
        assert column.of(list(range(len(texts)))) == texts


@given(texts=TEXTS, chance=st.randoms(use_true_random=False))
def test_texts_in_another_order_are_the_same_texts(texts: list[str], chance: random.Random) -> None:
    order = list(range(len(texts)))
    chance.shuffle(order)

    taken = b"".join(Texts(joined(texts)).taken(np.array(order, dtype=np.int64)))

    assert parted(taken) == [texts[row] for row in order]


@given(batches=st.lists(st.lists(st.none() | st.sampled_from("abc"), max_size=5), max_size=5))
def test_words_of_several_batches_have_one_vocabulary(batches: list[list[str | None]]) -> None:
    column = WordColumn()
    for batch in batches:
        column.add(*packed_words(batch))

    words = [*column.words, None]
    assert [words[number] for number in column.numbers.tolist()] == [word for batch in batches for word in batch]
    assert len(column.words) == len(set(column.words))


def test_texts_that_lie_in_several_stretches_are_found_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [chr(97 + number % 26) * (number % 40) for number in range(200)] + ["x" * 300]
    monkeypatch.setattr("services.attribution.domain.columns.CHARS_AT_ONCE", 11)

    column = Texts(joined(texts))

    assert column.of(list(range(len(texts)))) == texts


def part(objects: list[str]) -> PartBuilder:
    builder = PartBuilder(Kind.INETNUM)
    for item in objects:
        builder.add(read_block(item.encode()).batches[Kind.INETNUM])
    return builder


def test_the_same_objects_are_the_same_part_in_whatever_order_and_packing_they_come() -> None:
    one, other = part(OBJECTS).finish(), part(OBJECTS[::-1]).finish()

    assert one == other
    assert digest_of(one) == digest_of(other)
    assert digest_of(one) != digest_of(part(OBJECTS[1:]).finish())
    assert parted(one["name"])[:2] == ["NÄT-0", "NÄT-1"]


def test_numbers_of_a_part_count_into_its_vocabulary() -> None:
    columns = part(OBJECTS[::-1]).finish()
    words = parted(columns["organisation-words"])

    assert [words[number] for number in numbers_of(columns["organisation"]).tolist()] == [
        f"ORG-{number % 3}" for number in range(20)
    ]
