"""Text from outside is harmless after it came in, and stays harmless where it leaves."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.text import defang, plain, spreadsheet_safe


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  open SMB ", "open SMB"),
        ("\u200bhost\u200d.example\ufeff", "host.example"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("bell\x07 and null\x00 and escape\x1b[31m", "bell and null and escape[31m"),
        ("two\r\nlines\tand tab", "two lines and tab"),
        ("cafe\u0301", "caf\xe9"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_plain_text_has_no_invisible_characters(value: str, expected: str) -> None:
    assert plain(value, 100) == expected


def test_plain_text_of_several_lines_keeps_its_line_ends_and_tabs() -> None:
    assert plain("one\r\ntwo\rthree\u2028four\tfive\n", 100, lines=True) == "one\ntwo\nthree\nfour\tfive"


def test_plain_text_is_cut_without_a_blank_at_its_end() -> None:
    assert plain("word word word", 5) == "word"


@given(st.text(), st.integers(1, 50), st.booleans())
def test_plain_text_is_plain_already(value: str, limit: int, lines: bool) -> None:
    once = plain(value, limit, lines=lines)

    assert plain(once, limit, lines=lines) == once
    assert len(once) <= limit
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once.replace("\n", "").replace("\t", ""))


def test_plain_text_takes_linear_time_even_on_combining_marks() -> None:
    def seconds(repeats: int) -> float:
        value = "a" + "\u0300\u0316" * repeats
        started = time.perf_counter()
        plain(value, 1024)
        return time.perf_counter() - started

    seconds(1_000)
    assert seconds(200_000) < 100 * max(seconds(20_000), 1e-4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.1", "192[.]0[.]2[.]1"),
        ("https://www.example.com/owa/", "hxxps://www[.]example[.]com/owa/"),
        ("HTTP://example.com", "hxxp://example[.]com"),
        ("ftp://example.com", "ftp[://]example[.]com"),
        ("j.doe@example.com", "j[.]doe[@]example[.]com"),
        ("2001:db8::1", "2001:db8::1"),
        ("A sentence. And another.", "A sentence. And another."),
    ],
)
def test_a_defanged_value_is_no_link(value: str, expected: str) -> None:
    assert defang(value) == expected
    assert defang(expected) == expected


@pytest.mark.parametrize("value", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", "\nx", "\uff1dx"])
def test_a_cell_that_looks_like_a_formula_is_quoted(value: str) -> None:
    assert spreadsheet_safe(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", "192.0.2.1", "a=b", "mail@example.com"])
def test_an_ordinary_cell_stays_as_it_is(value: str) -> None:
    assert spreadsheet_safe(value) == value
