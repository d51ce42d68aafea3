"""A whole JSON text is opened part by part, and whatever is wrong with it is told when it is come across."""

import pytest

from services.intake.domain.json_documents import Part, whole_document
from services.intake.domain.json_values import decoded
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import PayloadError


def opened(text: str) -> Part:
    return whole_document(iter([text.encode()]))


def refusal(text: str, *, names: frozenset[str] = frozenset()) -> tuple[str, str]:
    with pytest.raises(PayloadError) as refused:
        list(opened(text).elements())
        opened(text).members(names)
    return refused.value.code, refused.value.message


def test_elements_and_members_are_parts_of_their_own() -> None:
    document = opened('{"a": [1, "x, ]", {"b": []}, null], "c": 2, "a\\"": 3}')

    found = document.members(frozenset({"a", "d"}))

    assert list(found) == ["a"]
    assert [decoded(part.raw) for part in found["a"].elements()] == [1, "x, ]", {"b": []}, None]


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert decoded(opened('{"a": 1, "a": 2}').members(frozenset({"a"}))["a"].raw) == 2


def test_what_has_no_elements_or_members_gives_none() -> None:
    assert list(opened('{"a": 1}').elements()) == []
    assert opened("[1]").members(frozenset({"a"})) == {}
    assert list(opened(" [ ] ").elements()) == []
    assert opened("{}").members(frozenset({"a"})) == {}


def test_parts_know_the_line_they_start_at_in_any_order() -> None:
    first, second, third = opened("\n[1,\n\n2,\n3]").elements()

    assert [part.raw.line for part in (first, third, second, first)] == [2, 5, 4, 2]


def test_a_value_is_decoded_up_to_1_mib() -> None:
    (part,) = opened(f'["{"x" * 1024**2}"]').elements()

    value = decoded(part.raw)

    assert isinstance(value, Unreadable)
    assert value.code == "field-too-long"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is nothing in it"),
        ("]", "line 1: a value is missing, near ']'"),
        ("[1, 2", "the text ends inside the value that starts at line 1"),
        ('["x]', "the text ends inside the value that starts at line 1"),
        ('"x', "line 1: a value is missing, near '\"x'"),
        ("[1] 2", "line 1: there is more text after the last value, near '2'"),
        ("[1\n2]", "line 2: a ',' is missing, near '2]'"),
        ("[1,]", "line 1: a value is missing, near ']'"),
        ("[,1]", "line 1: a value is missing, near ',1]'"),
        ("[1}", "line 1: the wrong bracket closes, near '}'"),
        ('{"a" 1}', "line 1: a name is missing, near '\"a\" 1}'"),
        ("{1: 1}", "line 1: a name is missing, near '1: 1}'"),
        ('{"a": }', "line 1: a value is missing, near '}'"),
        ("[" * 33 + "]" * 33, "line 1: nested deeper than 32"),
    ],
)
def test_a_text_that_is_not_sound_is_refused(text: str, message: str) -> None:
    assert refusal(text)[1] == message


def test_a_text_of_32_levels_is_opened() -> None:
    assert len(list(opened("[" * 32 + "]" * 32).elements())) == 1


def test_a_document_may_have_so_many_bytes_and_no_more() -> None:
    assert decoded(whole_document(iter([b"[1, 2]"]), max_bytes=6).raw) == [1, 2]
    with pytest.raises(PayloadError) as refused:
        whole_document(iter([b"[1, 2]"]), max_bytes=5)
    assert (refused.value.status, refused.value.code) == (413, "payload-too-large")


def test_utf_16_is_no_json() -> None:
    with pytest.raises(PayloadError) as refused:
        whole_document(iter(["[]".encode("utf-16")]))
    assert refused.value.code == "undecodable-text"
