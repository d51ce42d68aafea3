"""Mails as the parts that they are made of (RFC 2045, 2046): bounded, in linear time, and decoded piece by piece.

The standard library reads single headers here, and not whole mails: it makes an object of each line, and nests as deep
as a mail asks it to.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import collapse_rfc2231_value
from itertools import count
from typing import Final

from libs.common.text import plain
from services.intake.domain.records import PayloadError, quoted

MIB = 1024 * 1024
MAX_MAIL_BYTES = 25 * MIB
MAX_PARTS = 100
MAX_DEPTH = 8
MAX_HEADER_BYTES = 64 * 1024
MAX_FIELD_CHARS = 4096
"""A longer field of a header says nothing; some ways of reading parameters take quadratic time."""

MAX_FILE_NAME_CHARS = 255
_MAX_BOUNDARY_CHARS = 256
_PIECE_BYTES = 64 * 1024
_BLANK = b" \t\r\n"
_BEFORE_IT = _BLANK + b"\xef\xbb\xbf"  # a byte order mark, by editors

_FIRST_LINE = re.compile(rb"[!-9;-~]{1,76}:|From ")
_PLAIN_FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,75}:|From ")
_TELLING_FIELD = re.compile(rb"^(?:MIME-Version|Received):", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_AS_THEY_ARE = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of `mail`, or all of it: its header, and where its content is, which may be encoded for the way."""

    mail: bytearray
    header: Message
    start: int
    end: int

    @property
    def media_type(self) -> str:
        return self.header.get_content_type()

    @property
    def charset(self) -> str | None:
        """As the part names it."""
        return self._parameter("charset", "Content-Type") or None

    @property
    def file_name(self) -> str:
        """The last part of the name, for finding out what the part is; nothing is ever written under it."""
        named = self._parameter("filename", "Content-Disposition") or self._parameter("name", "Content-Type")
        name = _decoded_words(named).replace("\\", "/").rpartition("/")[2]
        return plain(name, MAX_FILE_NAME_CHARS)

    @property
    def line(self) -> int:
        """The line of the mail in which the content begins."""
        return self.mail.count(b"\n", 0, self.start) + 1

    def field(self, name: str) -> str:
        """A field of the header as text; nothing if it is not there."""
        return text_of_field(self.header.get(name, ""))

    def parameter(self, name: str) -> str:
        """A parameter of the media type; nothing if it is not there."""
        return self._parameter(name, "Content-Type")

    def content(self) -> Iterator[bytes]:
        """The content as it was before it was encoded; `PayloadError` if it can't be decoded."""
        encoding = plain(self.field("Content-Transfer-Encoding"), 40).lower()
        if encoding in _AS_THEY_ARE:
            return self._pieces()
        if encoding == "base64":
            return _from_base64(self._pieces())
        if encoding == "quoted-printable":
            return _from_quoted_printable(self._pieces())
        raise PayloadError(415, "unsupported-encoding", f"a part of the mail is encoded as {quoted(encoding)}")

    def _pieces(self) -> Iterator[bytes]:
        for at in range(self.start, self.end, _PIECE_BYTES):
            yield bytes(self.mail[at : min(at + _PIECE_BYTES, self.end)])

    def _parameter(self, name: str, field: str) -> str:
        try:
            return collapse_rfc2231_value(self.header.get_param(name, "", field)).strip()
        except (LookupError, ValueError):  # a character set that nobody knows, or that is none
            return ""


def begins_like_a_mail(head: bytes) -> bool:
    """Whether the first line can be the first of a header."""
    return _FIRST_LINE.match(head.lstrip(_BEFORE_IT)) is not None


def is_plainly_a_mail(head: bytes) -> bool:
    """Whether the first lines are a header with a field that only mails have."""
    head = head.lstrip(_BEFORE_IT)
    header = _HEADER_END.split(head, maxsplit=1)[0]
    return _PLAIN_FIELD.match(header) is not None and _TELLING_FIELD.search(header) is not None


def mail_of(chunks: Iterator[bytes]) -> bytearray:
    """The whole mail, without blank lines before it; `PayloadError` if it is larger than mails are read."""
    mail = bytearray()
    for chunk in chunks:
        mail += chunk if mail else chunk.lstrip(_BEFORE_IT)
        if len(mail) > MAX_MAIL_BYTES:
            raise PayloadError(413, "payload-too-large", f"a mail of more than {MAX_MAIL_BYTES // MIB} MiB is not read")
    return mail


def parts_of(mail: bytearray) -> list[Part]:
    """The mail itself and all parts of it, in their order. What is in an enclosed mail is not looked into.

    Raises `PayloadError` for more than 100 parts, for parts nested deeper than 8, and for a header beyond 64 KiB.
    """
    return list(_walk(mail, 0, len(mail), depth=1, numbers=count(1)))


def _walk(mail: bytearray, start: int, end: int, *, depth: int, numbers: "count[int]") -> Iterator[Part]:
    if next(numbers) > MAX_PARTS:
        raise PayloadError(422, "unsupported-layout", f"the mail has more than {MAX_PARTS} parts")
    if depth > MAX_DEPTH:
        raise PayloadError(422, "too-deep", f"the parts of the mail are nested deeper than {MAX_DEPTH}")
    part = _part(mail, start, end)
    yield part
    boundary = part.parameter("boundary")
    if part.media_type.startswith("multipart/") and 0 < len(boundary) <= _MAX_BOUNDARY_CHARS:
        for inner_start, inner_end in _sections(part, b"--" + boundary.encode("utf-8", "surrogateescape")):
            yield from _walk(mail, inner_start, inner_end, depth=depth + 1, numbers=numbers)


def _part(mail: bytearray, start: int, end: int) -> Part:
    ahead = bytes(mail[start : min(start + MAX_HEADER_BYTES, end)])
    if ahead.startswith((b"\n", b"\r\n")):
        return Part(mail, Message(), start + ahead.index(b"\n") + 1, end)
    blank = _HEADER_END.search(ahead)
    if blank is not None:
        return Part(mail, header_of(ahead[: blank.start()]), start + blank.end(), end)
    if start + MAX_HEADER_BYTES < end:
        raise PayloadError(
            422, "unsupported-layout", f"a header in the mail is larger than {MAX_HEADER_BYTES // 1024} KiB"
        )
    return Part(mail, header_of(ahead), end, end)


def identity_of(head: bytes) -> tuple[str, int] | None:
    """The Message-ID of a mail, and how long its header is, by its first 64 KiB; `None` where either is not known."""
    end = _HEADER_END.search(head, 0, MAX_HEADER_BYTES)
    message_id = text_of_field(header_of(head[: end.start()]).get("Message-ID", "")) if end else ""
    return (message_id, end.end()) if end and message_id else None


def header_of(block: bytes) -> Message:
    """The fields of a header."""
    header = BytesHeaderParser(policy=compat32).parsebytes(block)
    for name in ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"):
        if len(str(header.get(name, ""))) > MAX_FIELD_CHARS:
            del header[name]
    return header


def text_of_field(value: object) -> str:
    """A field as one line of text, in which encoded words (RFC 2047) are decoded; nothing of one that is too long."""
    text = str(value)
    return _decoded_words(" ".join(text.split())) if len(text) <= MAX_FIELD_CHARS else ""


def _sections(part: Part, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts of a multipart begin and end; the last one ends with it, if nothing else says so."""
    mail, end = part.mail, part.end
    opened: int | None = None
    at = (
        part.start if mail.startswith(delimiter, part.start, end) else _next_delimiter(mail, delimiter, part.start, end)
    )
    while at >= 0:
        after = at + len(delimiter)
        line_end = mail.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = bytes(mail[after : min(line_end, after + _MAX_BOUNDARY_CHARS)]).rstrip(_BLANK)
        if rest in (b"", b"--"):
            if opened is not None:
                yield opened, max(opened, _before_line_end(mail, at))
            if rest:
                return
            opened = min(line_end + 1, end)
        at = _next_delimiter(mail, delimiter, line_end, end)
    if opened is not None:
        yield opened, end


def _next_delimiter(mail: bytearray, delimiter: bytes, start: int, end: int) -> int:
    at = mail.find(b"\n" + delimiter, start, end)
    return at + 1 if at >= 0 else -1


def _before_line_end(mail: bytearray, line_start: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    return line_start - (2 if mail[max(line_start - 2, 0) : line_start] == b"\r\n" else 1)


def _from_base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What is no letter of the alphabet is passed over, as RFC 2045 wants it; nothing may follow the padding."""
    rest = b""
    for piece in pieces:
        rest += piece.translate(None, _NOT_BASE64)
        if b"=" in rest:
            break
        whole = len(rest) // 4 * 4
        yield _decoded(rest[:whole])
        rest = rest[whole:]
    last = rest + b"".join(piece.translate(None, _NOT_BASE64) for piece in pieces)
    yield _decoded(last + b"=" * (-len(last) % 4))


def _decoded(letters: bytes) -> bytes:
    try:
        return binascii.a2b_base64(letters, strict_mode=True)
    except binascii.Error as error:
        raise PayloadError(422, "unreadable-attachment", "a part of the mail is not sound base64") from error


def _from_quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        joined = rest + piece
        cut = joined.rfind(b"\n") + 1 or _before_escape(joined)
        rest = joined[cut:]
        yield binascii.a2b_qp(joined[:cut])
    yield binascii.a2b_qp(rest)


def _before_escape(line: bytes) -> int:
    """Where a line can be cut so that an escape such as `=3D` at its end stays whole."""
    at = line.find(b"=", max(len(line) - 2, 0))
    return at if at >= 0 else len(line)


def _decoded_words(text: str) -> str:
    if "=?" not in text:
        return text
    try:
        return "".join(
            word if isinstance(word, str) else word.decode(charset or "ascii", errors="replace")
            for word, charset in decode_header(text)
        )
    except (HeaderParseError, LookupError, ValueError):
        return text
