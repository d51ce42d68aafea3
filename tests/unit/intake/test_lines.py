"""Lines come out whole, whatever ends them, however the bytes were cut, and whatever they are encoded in."""

import tracemalloc
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.formats import PayloadError
from services.intake.domain.lines import GuessedText, Unreadable, physical_lines, text_lines


def cut(body: bytes, size: int) -> Iterator[bytes]:
    return iter([body[at : at + size] for at in range(0, len(body), size)])


def texts(body: bytes, *, charset: str | None = None, size: int = 3) -> list[str | Unreadable]:
    return list(text_lines(cut(body, size), charset=charset, max_bytes=100))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_kind_of_line_end_ends_a_line(end: bytes, size: int) -> None:
    body = end.join([b"one", b"", b"two", b"three"])

    assert list(physical_lines(cut(body, size), max_bytes=10)) == [b"one", b"", b"two", b"three"]


@given(st.lists(st.binary(max_size=9)), st.integers(1, 7))
def test_cuts_make_no_difference(chunks: list[bytes], size: int) -> None:
    body = b"".join(chunks)

    assert list(physical_lines(cut(body, size), max_bytes=1000)) == body.splitlines()


@pytest.mark.parametrize("before", range(12))
def test_the_edge_of_a_block_makes_no_difference(before: int) -> None:
    body = b"x" * (65_536 - before) + b"a\r\nb\rc\n\r\nd"

    assert list(physical_lines(cut(body, 65_536), max_bytes=100_000)) == body.splitlines()


def test_only_line_ends_end_a_line() -> None:
    assert texts("a\x0bb\x1cc\u2028d".encode()) == ["a\x0bb\x1cc\u2028d"]


def test_an_overlong_line_is_skipped_and_the_next_one_read() -> None:
    body = chain([b"short\n"], repeat(b"x" * 70_000, 10), [b"\r\nnext\n"], repeat(b"y" * 70_000, 3))

    first, overlong, following, last = physical_lines(body, max_bytes=100)

    assert (first, following) == (b"short", b"next")
    assert isinstance(overlong, Unreadable)
    assert overlong.code == "field-too-long"
    assert isinstance(last, Unreadable)


def test_an_overlong_line_takes_no_memory() -> None:
    tracemalloc.start()
    for _ in physical_lines(repeat(b"x" * 65_536, 500), max_bytes=65_536):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("één\ntwee".encode(), None),
        ("\ufefféén\ntwee".encode(), None),
        ("\ufefféén\ntwee".encode("utf-16-le"), None),
        ("\ufefféén\ntwee".encode("utf-16-be"), None),
        ("één\ntwee".encode("cp1252"), "windows-1252"),
        ("één\ntwee".encode("cp1252"), "ISO-8859-1"),
        ("één\ntwee".encode("cp1252"), "latin1"),
        ("één\ntwee".encode("utf-16"), "utf-16"),
        ("één\ntwee".encode("utf-16-le"), "utf-16"),
        ("één\ntwee".encode("utf-16-be"), "UTF-16BE"),
        ("\ufefféén\ntwee".encode("utf-16-be"), "utf-16"),
        ("\ufefféén\ntwee".encode(), "windows-1252"),
    ],
)
def test_text_is_read_in_the_encoding_of_its_mark_then_its_header_then_utf_8(body: bytes, charset: str | None) -> None:
    assert texts(body, charset=charset) == ["één", "twee"]


def test_a_line_that_is_not_utf_8_is_read_as_windows_1252_and_says_so() -> None:
    guessed, sure = texts("café €\n".encode("cp1252") + "café".encode())

    assert (guessed, sure) == ("café €", "café")
    assert isinstance(guessed, GuessedText)
    assert not isinstance(sure, GuessedText)


@pytest.mark.parametrize(
    ("body", "charset"),
    [(b"a\0b", None), (b"\x81", None), (b"\xff", "utf-8"), ("é".encode("cp1252"), "utf-8")],
)
def test_a_line_that_cannot_be_text_is_unreadable(body: bytes, charset: str | None) -> None:
    (line,) = texts(body, charset=charset)

    assert isinstance(line, Unreadable)
    assert line.code == "undecodable-text"


def test_half_a_character_of_utf_16_is_an_error_of_the_whole() -> None:
    with pytest.raises(PayloadError) as refused:
        texts("\ufeffab".encode("utf-16-le")[:-1])

    assert (refused.value.status, refused.value.code) == (422, "undecodable-text")


def test_strange_character_sets_are_not_taken() -> None:
    for charset in ("utf-7", "idna", "zlib_codec", "\0"):
        with pytest.raises(PayloadError) as refused:
            texts(b"a", charset=charset)
        assert (refused.value.status, refused.value.code) == (415, "unsupported-encoding")
