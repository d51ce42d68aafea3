"""A text of the JSON family rewritten without its secrets while it streams; everything else stays byte for byte.

Where the text was JSON it still is: what stands for a secret is a text of its own, or nothing within one.
"""

import re
from collections.abc import Iterator

from services.intake.domain.redaction.places import NO_END_ESCAPED, REACH_BYTES, Names, Passed, Place, places_in
from services.intake.domain.redaction.rules import Rules

_BLOCK_BYTES = 64 * 1024

_LINE_ENDS = re.compile(rb"[\r\n]+")
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_INNER_TEXT = re.compile(rb'(?:[^"\\]++|\\\\(?:\\\\|\\"|[^"\\])|\\[^"\\])*+', re.DOTALL)
_NUMBER = re.compile(rb'[^,\[\]{}"\\\r\n]*+')
_PARAMETER = re.compile(rb'(?:[^&;#\s"\\]++|\\[^nrtu"]|\\u' + NO_END_ESCAPED + rb"[0-9a-fA-F]{4})*+")
_BRACKET = re.compile(rb'[^"\[\]{}\r\n]*+(?:([\[{])|([\]}])|(")|[\r\n])')
_NO_BRACKET = re.compile(rb'[^"\[\]{}\r\n]*+')
_OPENS, _CLOSES, _QUOTES = 1, 2, 3

_LONGEST_ESCAPE = 8
"""Of an inner text: a backslash and what it escapes, each escaped once more."""

_PATTERNS = {
    Passed.TEXT: _TEXT,
    Passed.INNER_TEXT: _INNER_TEXT,
    Passed.REST_OF_TEXT: _TEXT,
    Passed.NUMBER: _NUMBER,
    Passed.PARAMETER: _PARAMETER,
}


def redacted(
    chunks: Iterator[bytes],
    rules: Rules,
    *,
    has_lines: bool,
    is_guarded: bool = False,
    block_bytes: int = _BLOCK_BYTES,
) -> Iterator[bytes]:
    """The text without secrets, however it is cut. `has_lines` says that no value goes on behind the end of a line."""
    scanner = _Scanner(Names(rules, rewrites=True, is_guarded=is_guarded), has_lines=has_lines)
    for block in _recut(chunks, block_bytes):
        yield scanner.take(block)
    yield scanner.finish()


def _recut(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        whole = len(held) // size * size
        for at in range(0, whole, size):
            yield bytes(held[at : at + size])
        del held[:whole]
    yield bytes(held)


class _Scanner:
    """Holds back what may be the beginning of a secret."""

    def __init__(self, names: Names, *, has_lines: bool) -> None:
        self._names = names
        self._has_lines = has_lines
        self._text = b""
        self._at = 0
        self._passing = Passed.NOTHING
        self._depth = 0
        self._is_quoted = False

    def take(self, block: bytes) -> bytes:
        """What can be kept by now."""
        self._text = self._text[self._at :] + block
        self._at = 0
        return self._kept(len(self._text) - REACH_BYTES, is_end=False)

    def finish(self) -> bytes:
        self._text = self._text[self._at :]
        self._at = 0
        return self._kept(len(self._text), is_end=True)

    def _kept(self, before: int, *, is_end: bool) -> bytes:
        kept: list[bytes] = []
        if self._pass_over(kept, is_end=is_end):
            for place in places_in(self._text, self._names, start=self._at, before=before):
                if place.start < self._at:
                    continue
                self._take_out(place, kept)
                if not self._pass_over(kept, is_end=is_end):
                    break
            else:
                kept.append(self._text[self._at : max(before, self._at)])
                self._at = max(before, self._at)
        return b"".join(kept)

    def _take_out(self, place: Place, kept: list[bytes]) -> None:
        kept += (self._text[self._at : place.start], place.instead)
        self._at = place.end
        self._passing = place.passed

    def _pass_over(self, kept: list[bytes], *, is_end: bool) -> bool:
        """Whether what is passed over has ended. The ends of its lines stay, so that lines keep their numbers."""
        start = self._at
        done = self._past_brackets() if self._passing is Passed.NESTED else self._past_text(is_end=is_end)
        if self._at > start:
            kept += _LINE_ENDS.findall(self._text, start, self._at)
        if done:
            self._passing = Passed.NOTHING
        return done

    def _past_text(self, *, is_end: bool) -> bool:
        pattern = _PATTERNS.get(self._passing)
        if pattern is None:
            return True
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return is_end or len(self._text) - self._at >= _LONGEST_ESCAPE

    def _past_brackets(self) -> bool:
        while True:
            if self._is_quoted:
                self._at = self._end_of(_TEXT)
                if self._text[self._at : self._at + 1] != b'"':
                    return False
                self._at += 1
                self._is_quoted = False
            bracket = _BRACKET.match(self._text, self._at)
            if bracket is None:
                self._at = self._end_of(_NO_BRACKET)
                return False
            if bracket.lastindex is None and self._has_lines:
                self._at = bracket.end() - 1
                self._depth = 0
                return True
            self._at = bracket.end()
            self._is_quoted = bracket.lastindex == _QUOTES
            self._depth += (bracket.lastindex == _OPENS) - (bracket.lastindex == _CLOSES)
            if self._depth == 0 and bracket.lastindex == _CLOSES:
                return True

    def _end_of(self, pattern: re.Pattern[bytes]) -> int:
        found = pattern.match(self._text, self._at)
        return found.end() if found else self._at
