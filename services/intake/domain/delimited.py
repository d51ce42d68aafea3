"""Rows of comma-separated text (RFC 4180), framed so that one broken quote costs one line and not the file."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from libs.common.text import plain
from services.intake.domain.lines import GuessedText, Unreadable

_DELIMITERS = ",;\t"
_MAX_ROW_LINES = 64
MAX_ROW_BYTES = 64 * 1024

_UNCLOSED = Unreadable("unclosed-quote", "a quotation mark is opened and not closed")


class Row(msgspec.Struct, frozen=True):
    """One row: the physical line (1-based) where it starts, its fields, and the text that they were read from."""

    line: int
    fields: list[str]
    text: str
    charset_guessed: bool = False


class UnreadableRow(msgspec.Struct, frozen=True):
    line: int
    reason: Unreadable


def rows(lines: Iterator[str | Unreadable]) -> Iterator[Row | UnreadableRow]:
    """All rows but blank lines. A quote may stay open for 64 lines or 64 KiB; else its line alone is unreadable.

    What separates the fields is what separates those of the first row: a comma; without any, a semicolon (as Excel
    writes in half of Europe) or a tab.
    """
    number, first = _first(lines)
    reader = _Reader(_delimiter_of(first))
    ahead = _Lookahead(chain([first], lines), reader)
    while (line := ahead.take()) is not None:
        taken = 1
        if isinstance(line, Unreadable):
            yield UnreadableRow(number, line)
        elif (fields := reader.fields(line)) is not None:
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield Row(number, fields, line, isinstance(line, GuessedText))
        elif more := ahead.take_to_closing_quote(len(line)):
            taken += len(more)
            yield _joined(number, [line, *more], reader.delimiter)
        else:
            yield UnreadableRow(number, _UNCLOSED)
        number += taken


def names_of(fields: Sequence[str]) -> list[str]:
    """Column names, trimmed and in lower case."""
    return [plain(field, MAX_ROW_BYTES).lower() for field in fields]


def _first(lines: Iterator[str | Unreadable]) -> tuple[int, str | Unreadable]:
    """The number of the first line that is not blank, and the line."""
    numbered = enumerate(lines, 1)
    return next(((number, line) for number, line in numbered if isinstance(line, Unreadable) or line.strip()), (1, ""))


def _delimiter_of(line: str | Unreadable) -> str:
    text = line if isinstance(line, str) else ""
    return next((delimiter for delimiter in _DELIMITERS if delimiter in text), ",")


def _joined(number: int, lines: list[str], delimiter: str) -> Row:
    fields = next(csv.reader((f"{line}\n" for line in lines), delimiter=delimiter))
    return Row(number, fields, "\n".join(lines), any(isinstance(line, GuessedText) for line in lines))


class _QuoteIsOpen(Exception):
    """Thrown through the csv reader when it asks for one more line."""


class _Reader:
    """The standard library's reader, which is fast, made to read one line at a time."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self._line = ""
        self._reader = csv.reader(self, delimiter=delimiter)

    def __iter__(self) -> "_Reader":
        return self

    def __next__(self) -> str:
        line, self._line = self._line, ""
        if not line:
            raise _QuoteIsOpen
        return line

    def fields(self, line: str) -> list[str] | None:
        """The fields of a line, or `None` if a quote is open at its end."""
        self._line = f"{line}\n"
        try:
            return next(self._reader)
        except _QuoteIsOpen:
            return None

    def stays_open(self, line: str) -> bool:
        """Whether a quote that is open where the line starts, is open where it ends."""
        return self.fields(f'"{line}') is None


class _Lookahead:
    """The lines to come. What was once found out about them is kept, so that looking ahead takes linear time in all."""

    def __init__(self, lines: Iterator[str | Unreadable], reader: _Reader) -> None:
        self._lines = lines
        self._reader = reader
        self._ahead: deque[str | Unreadable] = deque()
        self._open: deque[int] = deque()  # lengths of those first lines ahead that are known to close no quote
        self._open_chars = 0

    def take(self) -> str | Unreadable | None:
        if not self._ahead:
            return next(self._lines, None)
        if self._open:
            self._open_chars -= self._open.popleft()
        return self._ahead.popleft()

    def take_to_closing_quote(self, chars: int) -> list[str]:
        """The lines up to that which closes a quote, if a row of `chars` so far may have them; else nothing."""
        while len(self._open) < _MAX_ROW_LINES - 1 and chars + self._open_chars <= MAX_ROW_BYTES:
            line = self._look(len(self._open))
            if line is None or isinstance(line, Unreadable):
                break
            if not self._reader.stays_open(line):
                fits = chars + self._open_chars + len(line) <= MAX_ROW_BYTES
                return self._take_all(len(self._open) + 1) if fits else []
            self._open.append(len(line))
            self._open_chars += len(line)
        return []

    def _look(self, place: int) -> str | Unreadable | None:
        if place == len(self._ahead):
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[place]

    def _take_all(self, count: int) -> list[str]:
        self._open.clear()
        self._open_chars = 0
        return [line for line in (self._ahead.popleft() for _ in range(count)) if isinstance(line, str)]
