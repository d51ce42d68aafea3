"""A mail as far as it is looked at: bounded in size, depth and parts, whatever is in it."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

import msgspec

from libs.common.text import plain

READ_BYTES = 512 * 1024
"""What is looked at of a mail: reports come first in theirs, and what they return may be cut."""

TEXT_CHARACTERS = 32 * 1024
HEADER_CHARACTERS = 1000
HEADERS = 500
NESTINGS = 40
PARTS = 2000

_NESTING = re.compile(rb"boundary\s*=|^content-type:\s*message/", re.IGNORECASE | re.MULTILINE)
_PART = re.compile(rb"^--", re.MULTILINE)
_BLANKS = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_UNSHOWN = re.compile(r"<(/?)(?:style|script)\b", re.IGNORECASE)


class Block(msgspec.Struct, frozen=True):
    """Lines of `Name: value`, by lower-case name: the first of each, unfolded."""

    fields: Mapping[str, str] = {}

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says. `statuses` are the blocks of a delivery status, the first about the mail and one for each
    recipient; `complaint` those of a feedback report; `returned` the headers of the mail that is sent back.
    """

    headers: Block
    report: str = ""
    text: str = ""
    statuses: tuple[Block, ...] = ()
    complaint: Block | None = None
    returned: Block | None = None


def read(content: bytes) -> Incoming | None:
    """Read a mail; None for one that is built to be unreadable: too deep, or of too many parts."""
    looked_at = content[:READ_BYTES]
    if len(_NESTING.findall(looked_at)) > NESTINGS or len(_PART.findall(looked_at)) > PARTS:
        return None
    try:
        message = BytesParser(policy=compat32).parsebytes(looked_at)
        return _incoming(message)
    except (MessageError, ValueError, LookupError, RecursionError):
        return None


def _incoming(message: Message) -> Incoming:
    statuses: tuple[Block, ...] = ()
    complaint = returned = None
    texts: list[str] = []
    for part in _leaves(message):
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            statuses = statuses or _blocks(part)
        elif kind == "message/feedback-report":
            complaint = complaint or (_blocks(part) or (Block(),))[0]
        elif kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
            returned = returned or _returned(part)
        elif _is_words(part, kind):
            texts.append(_text(part))
    return Incoming(
        headers=_block(message),
        report=_parameter(message, "report-type"),
        text="\n".join(filter(None, texts))[:TEXT_CHARACTERS],
        statuses=statuses,
        complaint=complaint,
        returned=returned,
    )


def _is_words(part: Message, kind: str) -> bool:
    """Also what says that it has parts, and has none that can be found."""
    is_text = kind in ("text/plain", "text/html") or part.get_content_maintype() == "multipart"
    return is_text and part.get_content_disposition() != "attachment"


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that are not made of others. What a returned mail is made of is not looked at."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        below = part.get_payload() if part.get_content_maintype() == "multipart" else None
        if isinstance(below, list):
            waiting.extend(reversed([each for each in below if isinstance(each, Message)]))
        else:
            yield part


def _blocks(part: Message) -> tuple[Block, ...]:
    """The parser makes a message of each block of a status; some servers encode them, and then it does not."""
    below = part.get_payload()
    if isinstance(below, list):
        blocks = tuple(_block(each) for each in below if isinstance(each, Message))
        if len(blocks) > 1 or any(block.fields for block in blocks):
            return tuple(block for block in blocks if block.fields)
        text = _decode(_unwrapped(part, below), "utf-8")
    else:
        text = _text(part)
    paragraphs = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip())
    return tuple(_headers_of(paragraph) for paragraph in paragraphs[:100] if paragraph.strip())


def _unwrapped(part: Message, below: list[Message | str]) -> bytes:
    """A status in base64, which the parser took for blocks."""
    if str(part.get("content-transfer-encoding", "")).strip().lower() != "base64":
        return b""
    return b64decode("".join(str(each.get_payload()) for each in below if isinstance(each, Message)))


def _returned(part: Message) -> Block:
    below = part.get_payload()
    if isinstance(below, list) and below and isinstance(below[0], Message):
        return _block(below[0])
    return _headers_of(_text(part).lstrip())


def _headers_of(text: str) -> Block:
    head = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"), maxsplit=1)[0]
    return _block(BytesParser(policy=compat32).parsebytes(head.encode(errors="replace"), headersonly=True))


def _block(message: Message) -> Block:
    fields: dict[str, str] = {}
    for name, value in message.items()[:HEADERS]:
        fields.setdefault(name.lower(), _unfolded(str(value)))
    return Block(fields)


def _unfolded(value: str) -> str:
    value = value[: 4 * HEADER_CHARACTERS]
    if "=?" in value:
        value = _decoded(value)
    return plain(_BLANKS.sub(" ", value), HEADER_CHARACTERS)


def _decoded(value: str) -> str:
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        _decode(piece, charset or "ascii") if isinstance(piece, bytes) else piece for piece, charset in pieces
    )


def _parameter(message: Message, name: str) -> str:
    found = message.get_param(name)
    return found.strip().lower() if isinstance(found, str) else ""


def _text(part: Message) -> str:
    """The words of a part; of HTML without its tags."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    text = _decode(content[: 4 * TEXT_CHARACTERS], charset)
    if part.get_content_type() == "text/html":
        text = _TAG.sub(" ", _shown(text)).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">")
    return plain(text, TEXT_CHARACTERS, lines=True)


def _shown(html: str) -> str:
    """Without what is between the tags of styles and scripts; one that never ends takes the rest with it."""
    shown, at = [], 0
    is_within = False
    for tag in _UNSHOWN.finditer(html):
        if not is_within and not tag[1]:
            shown.append(html[at : tag.start()])
        is_within, at = not tag[1], tag.start()
    return "".join(shown) + ("" if is_within else html[at:])


def _decode(content: bytes, charset: str) -> str:
    """In whatever charset it claims to be; what can't be read in it is replaced."""
    try:
        return content.decode(charset, errors="replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")
