"""Rows are framed so that one broken quote costs one line and not the file."""

import csv
import io
import time

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.delimited import Row, UnreadableRow, rows
from services.intake.domain.lines import text_lines


def read(text: str) -> list[tuple[int, list[str] | str]]:
    """Line and fields of each row, or the code of what is wrong with it."""
    found = rows(text_lines(iter([text.encode()]), charset=None, max_bytes=65_536))
    return [(row.line, row.fields if isinstance(row, Row) else row.reason.code) for row in found]


def test_rows_have_the_lines_they_start_at_and_blank_lines_are_none() -> None:
    assert read('\n"a","b"\n\n   \nc,d\r\n\re,f') == [(2, ["a", "b"]), (5, ["c", "d"]), (7, ["e", "f"])]


def test_quotes_commas_and_line_ends_may_stand_in_quotes() -> None:
    assert read('"a,""b""","c\r\nd"\ne') == [(1, ['a,"b"', "c\nd"]), (3, ["e"])]


def test_without_a_comma_in_the_first_row_a_semicolon_or_a_tab_separates() -> None:
    assert read('\n  \na;b\n"1,5";"x\ny"\n') == [(3, ["a", "b"]), (4, ["1,5", "x\ny"])]
    assert read("a\tb\n1;2\t3\n") == [(1, ["a", "b"]), (2, ["1;2", "3"])]
    assert read("a;b\tc\n1;2\t3\n") == [(1, ["a", "b\tc"]), (2, ["1", "2\t3"])]
    assert read("a,b;c\n1;2\n") == [(1, ["a", "b;c"]), (2, ["1;2"])]
    assert read("a\n1,2\n") == [(1, ["a"]), (2, ["1", "2"])]


def test_quotes_within_quotes_do_not_close_them() -> None:
    assert read('"a\nsays ""b"" and\nc",d\ne') == [(1, ['a\nsays "b" and\nc', "d"]), (4, ["e"])]


def test_a_backslash_is_a_character_like_any_other() -> None:
    assert read('"\\""x""",y\\') == [(1, ['\\"x"', "y\\"])]


def test_a_quote_within_an_unquoted_field_opens_nothing() -> None:
    assert read('5" disk,x\nnext,y') == [(1, ['5" disk', "x"]), (2, ["next", "y"])]


def test_an_unclosed_quote_costs_its_line_only() -> None:
    text = 'a,b\n"broken,c\nd,e\nf,g'

    assert read(text) == [(1, ["a", "b"]), (2, "unclosed-quote"), (3, ["d", "e"]), (4, ["f", "g"])]


def test_a_quote_stays_open_for_64_lines_at_most() -> None:
    assert read('"a' + "\n" * 63 + 'b",c') == [(1, ["a" + "\n" * 63 + "b", "c"])]
    assert read('"a' + "\nx" * 64 + '\nb",c')[0] == (1, "unclosed-quote")
    assert len(read('"a' + "\nx" * 64 + '\nb",c')) == 66


def test_a_quote_stays_open_for_64_kib_at_most() -> None:
    line = "x" * 30_000

    assert read(f'"a\n{line}\n{line}\n{line}",c')[0] == (1, "unclosed-quote")


def test_an_unreadable_line_within_a_quote_is_a_row_of_its_own() -> None:
    assert read('"a\nb\0\nc",d') == [(1, "unclosed-quote"), (2, "undecodable-text"), (3, ['c"', "d"])]


def test_rows_know_whether_their_encoding_was_guessed() -> None:
    found = rows(text_lines(iter(["é,1\n".encode("cp1252"), "é,2\n".encode()]), charset=None, max_bytes=100))

    assert [isinstance(row, Row) and row.charset_guessed for row in found] == [True, False]


def test_many_unclosed_quotes_take_linear_time() -> None:
    def seconds(lines: int) -> float:
        text = 'a"b,"c\n' * lines
        started = time.process_time()
        read(text)
        return time.process_time() - started

    seconds(100)
    assert seconds(8_000) < 40 * seconds(1_000)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=10)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=8))
def test_what_the_standard_library_writes_is_read_back(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(table)

    assert [found for _, found in read(text.getvalue())] == table


@given(st.text(st.sampled_from('",a\n\r'), max_size=200))
def test_any_mixture_of_quotes_is_read(text: str) -> None:
    found = list(rows(text_lines(iter([text.encode()]), charset=None, max_bytes=65_536)))

    assert all(isinstance(row, Row | UnreadableRow) for row in found)
    assert [row.line for row in found] == sorted({row.line for row in found})
