"""A JSON text that is in memory as a whole, for formats that may say last what holds for all of it.

It is opened part by part: what nobody asks for is never decoded and takes no more room than its bytes.
"""

import re
from collections.abc import Iterator

from services.intake.domain.compression import within
from services.intake.domain.json_values import (
    BLANK,
    MAX_DEPTH,
    MAX_RECORD_BYTES,
    SCALAR,
    RawValue,
    invalid_json,
    next_bracket,
    too_deep,
    unfinished,
    without_mark,
)
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import PayloadError

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

_NAME = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_CLOSING = {b"[": b"]", b"{": b"}"}
_TOO_LARGE = Unreadable("field-too-long", f"the value is larger than {MAX_RECORD_BYTES} bytes")


def whole_document(chunks: Iterator[bytes], *, max_bytes: int = MAX_DOCUMENT_BYTES) -> "Part":
    """The one value of a JSON text.

    Raises `PayloadError` for a text larger than `max_bytes`, nested deeper than 32, or that is more or less than one
    value. What is wrong further inside is raised when it is come across, or shows when a value is decoded.
    """
    text = _Text(b"".join(within(without_mark(chunks), max_bytes)))
    start = text.past_blanks(0)
    if start == len(text.body):
        raise PayloadError(422, "empty-payload", "there is nothing in it")
    end = text.end_of(start)
    if text.past_blanks(end) < len(text.body):
        raise text.complaint("there is more text after the last value", end)
    return Part(text, start, end)


class Part:
    """One value of the text, still to be opened. Parts that are taken in their order are found in linear time."""

    __slots__ = ("_end", "_start", "_text")

    def __init__(self, text: "_Text", start: int, end: int) -> None:
        self._text = text
        self._start = start
        self._end = end

    @property
    def opening(self) -> bytes:
        """The first byte, which tells an array or an object."""
        return self._text.body[self._start : self._start + 1]

    @property
    def raw(self) -> RawValue:
        """The value, to be decoded; it may have 1 MiB."""
        is_large = self._end - self._start > MAX_RECORD_BYTES
        body = _TOO_LARGE if is_large else self._text.body[self._start : self._end]
        return RawValue(self._text.line_at(self._start), body)

    def holds(self, text: bytes) -> bool:
        """Whether the bytes are in it, anywhere; far quicker than opening it to find nothing."""
        return self._text.body.find(text, self._start, self._end) >= 0

    def elements(self) -> Iterator["Part"]:
        """The elements of an array; of anything else none."""
        if self.opening == b"[":
            yield from (part for _, part in self._contents())

    def members(self, names: frozenset[str]) -> dict[str, "Part"]:
        """Those members of an object that have one of `names`; of two of the same name the last."""
        if self.opening != b"{":
            return {}
        wanted = {name.encode(): name for name in names}
        return {wanted[name]: part for name, part in self._contents() if name in wanted}

    def _contents(self) -> Iterator[tuple[bytes, "Part"]]:
        """What the brackets hold, with names in an object and without in an array."""
        text, closing = self._text, self._end - 1
        has_names = self.opening == b"{"
        if text.body[closing : self._end] != _CLOSING[self.opening]:
            raise text.complaint("the wrong bracket closes", closing)
        at = text.past_blanks(self._start + 1)
        while at < closing:
            name, at = text.name_at(at) if has_names else (b"", at)
            end = text.end_of(at)
            yield name, Part(text, at, end)
            at = text.past_blanks(end)
            if at < closing:
                at = text.past_comma(at)
                if at == closing:
                    raise text.complaint("a value is missing", at)


class _Text:
    """The bytes of a JSON text, and on which line each is."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self._at = 0
        self._line = 1

    def past_blanks(self, at: int) -> int:
        blank = BLANK.match(self.body, at)
        return blank.end() if blank else at

    def past_comma(self, at: int) -> int:
        if self.body[at : at + 1] != b",":
            raise self.complaint("a ',' is missing", at)
        return self.past_blanks(at + 1)

    def name_at(self, at: int) -> tuple[bytes, int]:
        """The name of a member as it is spelt, and where its value starts."""
        name = _NAME.match(self.body, at)
        if name is None:
            raise self.complaint("a name is missing", at)
        return name[1], name.end()

    def end_of(self, start: int) -> int:
        """Where the value ends that starts here."""
        if self.body[start : start + 1] in _CLOSING:
            return self._container_end(start)
        scalar = SCALAR.match(self.body, start)
        if scalar is None:
            raise self.complaint("a value is missing", start)
        return scalar.end()

    def line_at(self, at: int) -> int:
        if at >= self._at:
            self._line += self.body.count(b"\n", self._at, at)
        else:
            self._line -= self.body.count(b"\n", at, self._at)
        self._at = at
        return self._line

    def complaint(self, what: str, at: int) -> PayloadError:
        return invalid_json(what, line=self.line_at(at), near=self.body[at : at + 20])

    def _container_end(self, start: int) -> int:
        depth, at = 0, start
        while bracket := next_bracket(depth).match(self.body, at):
            at = bracket.end()
            depth += 1 if bracket[1] else -1
            if depth == 0:
                return at
            if depth > MAX_DEPTH:
                raise too_deep(line=self.line_at(at))
        raise unfinished(line=self.line_at(start))
