"""JSON values of a stream, one at a time: elements of an array, objects one after another, or one on each line.

Values are only cut out here, at the brackets; whether each is sound shows when it is decoded, so one broken value is
one broken record.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NoReturn

import msgspec

from libs.common.text import plain
from services.intake.domain.lines import Unreadable, blocks, next_bytes, physical_lines
from services.intake.domain.records import Findings, PayloadError, quoted

_MIB = 1024 * 1024
MAX_RECORD_BYTES = _MIB
MAX_DEPTH = 32
_OPENING_BYTES = 128 * 1024

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

BLANK = re.compile(rb"[ \t\r\n]*+")
SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:\[\]{}"]++', re.DOTALL)
_BETWEEN = rb'[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NEXT_BRACKET = re.compile(rb"(?:" + _BETWEEN + rb")*+(?:([\[{])|[\]}])", re.DOTALL)
_NO_VALUE = frozenset({b"", b",", b":", b"]", b"}"})


def _containers(levels: int) -> bytes:
    inside = _BETWEEN
    for _ in range(levels):
        inside = _BETWEEN + rb"|[\[{](?:" + inside + rb")*+[\]}]"
    return inside


# What is nested no deeper than this is skipped in one go: most records are all over then, without a step for each
# bracket. It takes linear time still: what turns out to be nested deeper is looked at once more for each level.
_SKIPPED_LEVELS = 3
_NEXT_UNSKIPPED = re.compile(rb"(?:" + _containers(_SKIPPED_LEVELS) + rb")*+(?:([\[{])|[\]}])", re.DOTALL)


def next_bracket(depth: int) -> re.Pattern[bytes]:
    """What finds the next bracket inside so many others; those that close again before `MAX_DEPTH` may be skipped."""
    return _NEXT_UNSKIPPED if 0 < depth <= MAX_DEPTH - _SKIPPED_LEVELS else _NEXT_BRACKET


class RawValue(msgspec.Struct, frozen=True):
    """The bytes of one value and the line (1-based) where it starts."""

    line: int
    body: bytes | Unreadable


def decoded(value: RawValue) -> object:
    """The value in Python's own types, or `Unreadable` with the reason. Numbers may be huge, NaN is not taken."""
    if isinstance(value.body, Unreadable):
        return value.body
    try:
        return msgspec.json.decode(value.body)
    except UnicodeDecodeError:
        return Unreadable("undecodable-text", "the record is not UTF-8")
    except RecursionError:
        return Unreadable("invalid-json", "the record is nested too deep")
    except msgspec.DecodeError as error:
        return Unreadable("invalid-json", str(error))


def object_of(value: object, findings: Findings, *, field: str = "") -> dict[str, object] | None:
    """The decoded value if it is an object, else `None` with the reason in `findings`."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Unreadable):
        findings.reject(field, value.code, value.message)
    else:
        findings.reject(field, "not-an-object", "the record is not an object")
    return None


def as_text(value: object, field: str, findings: Findings) -> str:
    """The value as CSV would show it. A list is one of tags; anything else nested says nothing to us."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case int():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return ";".join(value)
    findings.warn(plain(field, 64), "value-discarded", "the value is nested")
    return ""


def values_of(chunks: Iterator[bytes], *, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[RawValue]:
    """The values of an array, of a text with one on each line, or of one with one after another, whichever it is."""
    stream = blocks(chunks)
    opening = next_bytes(stream, _OPENING_BYTES)
    body = chain([opening], stream)
    if holds_lines(opening):
        return json_lines(body, max_bytes=max_bytes)
    return (value for value, _ in Document(body, max_bytes=max_bytes).values())


def json_lines(chunks: Iterator[bytes], *, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[RawValue]:
    """Newline-delimited JSON: a value on each line, blank lines skipped."""
    for number, line in enumerate(physical_lines(without_mark(chunks), max_bytes=max_bytes), 1):
        if isinstance(line, Unreadable) or line.strip():
            yield RawValue(number, line)


def holds_lines(opening: bytes) -> bool:
    """Whether text that opens like this has an object on each line: the first line is one, or two of the first eight.

    In an indented text some line may be an object by itself, but hardly the first, and the others end with a comma.
    """
    lines = [line for line in opening.removeprefix(_UTF8_MARK).lstrip().splitlines()[:8] if line.strip()]
    are_objects = [isinstance(decoded(RawValue(0, line)), dict) for line in lines]
    return bool(lines) and lines[0].lstrip().startswith(b"{") and (are_objects[0] or sum(are_objects) > 1)


class Document:
    """One JSON text: its values, and what `{"indicators": […]}` says beside them.

    Iterating raises `PayloadError` for a text that ends early or is none: what is wrong between the values, or a value
    nested deeper than 32 or larger than `max_bytes`.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        *,
        wrapper: re.Pattern[bytes] | None = None,
        max_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._blocks = blocks(without_mark(chunks))
        self._wrapper = wrapper
        self._max_bytes = max_bytes
        self._buffer = b""
        self._at = 0
        self._line = 1
        self._counted = 0

    def values(self) -> Iterator[tuple[RawValue, Mapping[str, object]]]:
        """Each value with the defaults that hold for it."""
        first = self._next_byte()
        self._fill()  # the defaults of a wrapper are in sight then, wherever in a block they begin
        if first == b"[":
            yield from self._elements({})
        elif opening := self._wrapper and self._wrapper.match(self._buffer, self._at):
            self._at = opening.end()
            yield from self._elements(_defaults(opening[1]))
            self._close_wrapper()
        else:
            while self._next_byte():
                yield self._value(), {}
        if self._next_byte():
            self._complain("there is more text after the last value")

    def _elements(self, defaults: Mapping[str, object]) -> Iterator[tuple[RawValue, Mapping[str, object]]]:
        self._at += 1
        if self._next_byte() == b"]":
            self._at += 1
            return
        while True:
            yield self._value(), defaults
            separator = self._next_byte()
            self._at += 1
            if separator == b"]":
                return
            if separator != b",":
                self._complain("a ',' or ']' is missing")

    def _close_wrapper(self) -> None:
        if self._next_byte() != b"}":
            raise PayloadError(422, "unsupported-layout", "nothing may follow 'indicators': put the defaults before it")
        self._at += 1

    def _value(self) -> RawValue:
        start = self._next_byte()
        if start in _NO_VALUE:
            self._complain("a value is missing")
        line = self._line_here()
        end = self._container_end() if start in (b"{", b"[") else self._scalar_end()
        body = self._buffer[self._at : end]
        self._at = end
        return RawValue(line, body)

    def _container_end(self) -> int:
        """Where the brackets that open here are all closed."""
        depth = 0
        position = self._at
        while True:
            bracket = next_bracket(depth).match(self._buffer, position)
            if bracket is None:
                position = self._grow(position)
                continue
            position = bracket.end()
            depth += 1 if bracket[1] else -1
            if depth == 0:
                return position
            if depth > MAX_DEPTH:
                raise too_deep(line=self._line)

    def _scalar_end(self) -> int:
        while True:
            match = SCALAR.match(self._buffer, self._at)
            if match and match.end() < len(self._buffer):
                return match.end()
            if not self._fill():
                break
        match = SCALAR.match(self._buffer, self._at)
        if match is None:
            self._complain("a quotation mark is not closed")
        return match.end()

    def _grow(self, position: int) -> int:
        """Read on inside a value; gives `position` in the new buffer."""
        offset = position - self._at
        if not self._fill():
            raise unfinished(line=self._line)
        return self._at + offset

    def _fill(self) -> bool:
        """Let go of what was read and take in one more block, or as much as is held, if there is so much."""
        held = len(self._buffer) - self._at
        if held > self._max_bytes:
            most = f"{self._max_bytes // _MIB} MiB"
            raise PayloadError(413, "payload-too-large", f"the value at line {self._line_here()} is larger than {most}")
        self._line_here()
        block = next_bytes(self._blocks, min(held, self._max_bytes - held))
        self._buffer = self._buffer[self._at :] + block
        self._at = self._counted = 0
        return bool(block)

    def _next_byte(self) -> bytes:
        """The next byte that is not blank, still to be read; empty at the end."""
        while True:
            blank = BLANK.match(self._buffer, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._buffer) or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def _line_here(self) -> int:
        self._line += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _complain(self, what: str) -> NoReturn:
        raise invalid_json(what, line=self._line_here(), near=self._buffer[self._at : self._at + 20])


def _defaults(members: bytes) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(b"{" + members.rstrip(b", \t\r\n") + b"}", type=dict[str, object])
    except ValueError as error:
        raise PayloadError(422, "invalid-json", f"the defaults before 'indicators': {error}") from error


def invalid_json(what: str, *, line: int, near: bytes) -> PayloadError:
    return PayloadError(422, "invalid-json", f"line {line}: {what}, near {quoted(near.decode(errors='replace'))}")


def unfinished(*, line: int) -> PayloadError:
    return PayloadError(422, "invalid-json", f"the text ends inside the value that starts at line {line}")


def too_deep(*, line: int) -> PayloadError:
    return PayloadError(422, "too-deep", f"line {line}: nested deeper than {MAX_DEPTH}")


def without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a JSON text without the byte order mark of UTF-8; that of UTF-16 is refused."""
    stream = blocks(chunks)
    opening = next(stream, b"")
    if opening.startswith(_UTF16_MARKS):
        raise PayloadError(422, "undecodable-text", "JSON is UTF-8")
    yield opening.removeprefix(_UTF8_MARK)
    yield from stream
