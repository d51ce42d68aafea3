"""Under which names a payload has what it tells is seen at its beginning, of every format that has such names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.formats import FORMATS
from services.intake.domain.formats.names import MAX_NAME_CHARS, MAX_NAMES, names_in_sight


def names(body: bytes, form: str, *, charset: str | None = None) -> tuple[str, ...]:
    return names_in_sight(body, FORMATS[form], charset=charset)


def test_a_table_has_its_columns_in_lower_case_and_in_order() -> None:
    assert names(b"Timestamp;IP;port\n2026-03-01;192.0.2.1;445\n", "tocsin-csv") == ("ip", "port", "timestamp")
    assert names("ip,straße\n".encode("cp1252"), "tocsin-csv", charset="latin1") == ("ip", "straße")
    assert names("ip,port\n".encode("utf-16"), "tocsin-csv") == ("ip", "port")


def test_records_in_json_have_the_keys_that_any_of_the_first_has() -> None:
    rows = [{"ip": "192.0.2.1", "extra": {"inner": 1}}, {"ip": "192.0.2.2", "port": 445}]
    lines = b"\n".join(json.dumps(row).encode() for row in rows)
    assert names(lines, "tocsin-ndjson") == ("extra", "ip", "port")
    assert names(json.dumps(rows).encode(), "shadowserver-json") == ("extra", "ip", "port")


def test_what_is_cut_off_in_the_middle_counts_as_far_as_it_is_whole() -> None:
    assert names(b'{"ip": "192.0.2.1"}\n{"port": 445}\n{"more": "th', "tocsin-ndjson") == ("ip", "port")
    assert names(b'[{"ip": "192.0.2.1"}, {"port": 445}, {"more": "th', "shadowserver-json") == ("ip", "port")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_shows_the_names_of_its_example_but_a_mail(form: str) -> None:
    assert bool(names(FORMATS[form].example.encode(), form)) == (form != "mail")


def test_names_are_bounded_and_plain() -> None:
    found = names(json.dumps({"a" * 100: 1, "b\u0000\u202e c": 2, "": 3}).encode(), "intelmq-json")
    assert found == ("a" * MAX_NAME_CHARS, "b c")
    many = json.dumps({f"key-{number}": 1 for number in range(2 * MAX_NAMES)}).encode()
    assert len(names(many, "intelmq-json")) == MAX_NAMES


@given(st.binary(max_size=300), st.sampled_from(sorted(FORMATS)), st.sampled_from([None, "utf-16", "latin1"]))
def test_no_beginning_breaks_it(head: bytes, form: str, charset: str | None) -> None:
    assert all(0 < len(name) <= MAX_NAME_CHARS for name in names(head, form, charset=charset))
