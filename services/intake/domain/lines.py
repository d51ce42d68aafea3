"""Physical lines of a stream of bytes, whatever ends them and however long one is, and their text."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.domain.records import PayloadError

_BLOCK_BYTES = 64 * 1024

_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

# Only character sets that decode in linear time and are in use for such feeds; Python knows stranger ones.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16-le",  # also as browsers read it; a mark would say so if it were the other one
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "iso-8859-1": "cp1252",  # as browsers read it: nobody means the control characters
    "latin1": "cp1252",
    "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}


# A line that begins so stands for one that was taken out for the secrets in it; what follows says what it was.
WITHHELD_MARK = b"\0withheld:"
WITHHELD = frozenset({"unclosed-quote", "undecodable-text", "field-too-long", "too-many-fields", "too-few-fields"})


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line, or a row that starts at it, that cannot be read; its bytes were skipped."""

    code: str
    message: str


class GuessedText(str):
    """A line that is not UTF-8, so it was read as windows-1252."""

    __slots__ = ()


def text_lines(chunks: Iterator[bytes], *, charset: str | None, max_bytes: int) -> Iterator[str | Unreadable]:
    """The lines as text, without their ends. A byte order mark wins from `charset`, which wins from UTF-8.

    Without either, each line that is not UTF-8 is `GuessedText`. Raises `PayloadError` for a character set that is not
    taken, or for bytes that are not the UTF-16 they say they are.
    """
    stream = blocks(chunks)
    opening = next(stream, b"")
    mark = next((mark for mark in _BYTE_ORDER_MARKS if opening.startswith(mark)), b"")
    codec = _BYTE_ORDER_MARKS.get(mark) or _codec(charset)
    body = _joined(opening[len(mark) :], stream)
    if codec is not None and codec.startswith("utf-16"):
        body, codec = _as_utf8(body, codec), "utf-8"
    for line in physical_lines(body, max_bytes=max_bytes):
        yield line if isinstance(line, Unreadable) else _text(line, codec)


def physical_lines(chunks: Iterator[bytes], *, max_bytes: int) -> Iterator[bytes | Unreadable]:
    """The lines without their ends; LF, CRLF and a lone CR each end one. Holds at most `max_bytes` and a block."""
    overlong = Unreadable("field-too-long", f"the line is longer than {max_bytes} bytes")
    stream = blocks(chunks)
    rest = b""
    skipping = False
    while block := next_bytes(stream, min(len(rest), max_bytes - len(rest))):
        joined = rest + block
        lines = joined.splitlines()
        rest = _unfinished(joined, lines)
        for line in lines:
            yield overlong if skipping or len(line) > max_bytes else line
            skipping = False
        if len(rest) > max_bytes:
            rest, skipping = rest[-1:], True
    if skipping:
        yield overlong
    elif rest:
        yield rest.splitlines()[0]


def _unfinished(joined: bytes, lines: list[bytes]) -> bytes:
    """Take off what may go on in the next block. A CR at the end may be half of a CRLF."""
    if joined.endswith(b"\n"):
        return b""
    last = lines.pop()
    return last + b"\r" if joined.endswith(b"\r") else last


def blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of 64 to 128 KiB, so that joining a remainder to each takes linear time in all."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _BLOCK_BYTES):
            piece = chunk[start : start + _BLOCK_BYTES]
            held.append(piece)
            held_bytes += len(piece)
            if held_bytes >= _BLOCK_BYTES:
                yield b"".join(held)
                held, held_bytes = [], 0
    if held_bytes:
        yield b"".join(held)


def with_head(chunks: Iterator[bytes], head_bytes: int) -> tuple[bytes, Iterator[bytes]]:
    """The first so many bytes, or a few more, and all of the bytes again."""
    head: list[bytes] = []
    seen = 0
    for chunk in chunks:
        head.append(chunk)
        seen += len(chunk)
        if seen >= head_bytes:
            break
    opening = b"".join(head)
    return opening, _joined(opening, chunks)


def next_bytes(stream: Iterator[bytes], size: int) -> bytes:
    """The next block, and as many more as it takes for `size` bytes. Empty at the end only.

    What is held of an unfinished value doubles with each reading if as much is asked for, so that values of many blocks
    take linear time too.
    """
    taken = [next(stream, b"")]
    room = size - len(taken[0])
    while room > 0 and (block := next(stream, b"")):
        taken.append(block)
        room -= len(block)
    return b"".join(taken)


def _text(line: bytes, codec: str | None) -> str | Unreadable:
    if b"\0" in line:
        return _withheld(line) or Unreadable("undecodable-text", "the line holds a NUL byte")
    try:
        return line.decode(codec or "utf-8")
    except UnicodeDecodeError:
        return _guessed(line) if codec is None else Unreadable("undecodable-text", f"the line is not {codec}")


def has_byte_order_mark(opening: bytes) -> bool:
    return opening.startswith(tuple(_BYTE_ORDER_MARKS))


def _withheld(line: bytes) -> Unreadable | None:
    code = line.removeprefix(WITHHELD_MARK).decode(errors="replace")
    if not line.startswith(WITHHELD_MARK) or code not in WITHHELD:
        return None
    return Unreadable(code, "the row could not be read; as it may hold secrets, it was not kept")


def _guessed(line: bytes) -> str | Unreadable:
    try:
        return GuessedText(line.decode("cp1252"))
    except UnicodeDecodeError:
        return Unreadable("undecodable-text", "the line is neither UTF-8 nor windows-1252")


def _codec(charset: str | None) -> str | None:
    if charset is None:
        return None
    codec = _CHARSETS.get(charset.strip().lower())
    if codec is None:
        message = "charset must be utf-8, utf-16, iso-8859-1, iso-8859-15 or windows-1252"
        raise PayloadError(415, "unsupported-encoding", message)
    return codec


def _as_utf8(chunks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise PayloadError(422, "undecodable-text", "the text is not the UTF-16 that it says it is") from error


def _joined(opening: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield opening
    yield from rest
