"""Which format a payload is in: what the partner says, and what the first bytes show."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from services.intake.domain.delimited import Row, names_of, rows
from services.intake.domain.formats.format import Family, Format
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES, is_type_name, type_of_file_name
from services.intake.domain.hints import Hints
from services.intake.domain.json_values import holds_lines
from services.intake.domain.lines import text_lines
from services.intake.domain.mime import begins_like_a_mail, is_plainly_a_mail
from services.intake.domain.records import PayloadError, quoted

_JSON = frozenset({Family.JSON})
_LINES = frozenset({Family.JSON_LINES})
_CSV = frozenset({Family.CSV})
_MAIL = frozenset({Family.MAIL})
_ANY = _JSON | _LINES | _CSV | _MAIL

# What a media type promises. Clients that do not know send the types that promise nothing.
_PROMISES = {
    "": _ANY,
    "application/octet-stream": _ANY,
    "text/plain": _ANY,
    "application/x-www-form-urlencoded": _ANY,
    "application/gzip": _ANY,
    "application/x-gzip": _ANY,
    "application/zip": _ANY,
    "application/x-zip-compressed": _ANY,
    "application/zstd": _ANY,
    "text/csv": _CSV,
    "application/csv": _CSV,
    "application/json": _JSON | _LINES,
    "application/x-ndjson": _LINES,
    "application/jsonl": _LINES,
    "message/rfc822": _MAIL,
}

# Media types that name a format.
FORMAT_OF_TYPE = {"application/stix+json": "stix", "application/taxii+json": "stix"}

HEAD_BYTES = 64 * 1024
_MAX_OBJECTS = 8
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"  # with the bytes of byte order marks and of blanks in UTF-16
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TOKEN = re.compile(rb'([\[{])|([\]}])|"((?:[^"\\]|\\.)*+)"(\s*+:)?|(")', re.DOTALL)
_OPENING, _CLOSING, _OPEN_STRING = 1, 2, 5
_MAX_PARENT_CHARS = 64

_FORM = re.compile(rb"[\w.]{1,100}=")


@dataclass(frozen=True, slots=True)
class Recognised:
    """The format, and for Shadowserver the report type if anything said it."""

    format: Format
    report_type: str | None


def recognise_among(formats: Mapping[str, Format], head: bytes, hints: Hints) -> Recognised:
    """Say which of `formats` a payload is in that starts with `head`: its first 64 KiB, or all of it, unpacked.

    A named format or a media type that promises something is never second-guessed: bytes that cannot be it are an
    error. Raises `PayloadError`: 415 for a format that is unknown or could be several, 422 for a contradiction or for
    no bytes at all.
    """
    head = head[:HEAD_BYTES]
    if not head.strip(_BLANK):
        raise PayloadError(422, "empty-payload", "there is nothing in it")
    said = _report_type(hints.report_type, hints.file_name)
    named = FORMAT_OF_TYPE.get(media_type_of(hints.content_type)) if hints.format_name is None else hints.format_name
    chosen = _by_name(formats, named, head) if named is not None else _by_bytes(formats, head, hints, report_type=said)
    return Recognised(chosen, said if chosen.has_report_types else None)


def media_type_of(content_type: str | None) -> str:
    """The media type of a Content-Type header, in lower case."""
    return _parsed(content_type).get_content_type() if content_type else ""


def charset_of(content_type: str | None) -> str | None:
    """The `charset` of a Content-Type header."""
    return _parsed(content_type).get_content_charset()


def _by_name(formats: Mapping[str, Format], name: str, head: bytes) -> Format:
    if name not in formats:
        raise PayloadError(415, "unrecognised-format", f"there is no format {quoted(name)}; GET /v1/formats lists all")
    if not formats[name].families & _families_of(head):
        raise _mismatch(head, f"the payload cannot be {name}")
    return formats[name]


def _by_bytes(formats: Mapping[str, Format], head: bytes, hints: Hints, *, report_type: str | None) -> Format:
    media_type = media_type_of(hints.content_type)
    if media_type not in _PROMISES:
        raise PayloadError(
            415, "unrecognised-format", f"{quoted(media_type)} is not taken; GET /v1/formats lists what is"
        )
    families = _PROMISES[media_type] & _families_of(head)
    if not families and _PROMISES[media_type] != _ANY:
        raise _mismatch(head, f"the payload is not {media_type}")
    if families == _CSV | _MAIL:
        families = _MAIL if is_plainly_a_mail(head) else _CSV
    elif len(families) > 1:
        families = _LINES if _is_several_lines(head) else _JSON
    names = _names(head, families, charset=charset_of(hints.content_type))
    known = [each for each in formats.values() if each.families & families]
    candidates = [each for each in known if each.has_names(names)]
    if not candidates:  # what somebody else's format is, it stays, whatever was agreed of the partner's own tables
        ours = hints.csv_reading.our_names(names)
        candidates = [each for each in known if each.has_own_columns and each.has_names(ours)]
    if not candidates:
        said = f"no format begins with {_shown(head)}; GET /v1/formats lists all, with examples"
        own = "; of a table of your own, say what its columns are by ?map=" if families == _CSV else ""
        raise PayloadError(415, "unrecognised-format", f"{said}{own}")
    return candidates[0] if families != _CSV else _only(candidates, report_type)


def _only(candidates: Sequence[Format], report_type: str | None) -> Format:
    """The one format that a header is of. A report type speaks for formats that have them; nothing else does."""
    if report_type is not None:
        candidates = [each for each in candidates if each.has_report_types] or candidates
    if len(candidates) > 1:
        named = " and of ".join(each.name for each in candidates)
        raise PayloadError(415, "unrecognised-format", f"the columns are those of {named}; say which by ?format=")
    return candidates[0]


def _mismatch(head: bytes, said: str) -> PayloadError:
    """What to answer to bytes that are none of what was promised; a form instead of JSON has a well-known cause."""
    if _FORM.match(head.lstrip(_BLANK)):
        return PayloadError(
            422, "unsupported-layout", f"{said} but a form: in the REST API output bot of IntelMQ, set use_json to true"
        )
    return PayloadError(422, "format-mismatch", f"{said}: it begins with {_shown(head)}")


def _report_type(report_type: str | None, file_name: str | None) -> str | None:
    """The type as given, else from the file name. Of the two, a known type in the name may not say something else."""
    named = type_of_file_name(file_name) if file_name else None
    if report_type is None:
        return named
    given = report_type.strip().lower()
    if not is_type_name(given):
        raise PayloadError(
            422, "format-mismatch", f"{quoted(report_type)} is not a report type; they look like 'scan_smb'"
        )
    if named in REPORT_TYPES and named != given:
        raise PayloadError(
            422, "format-mismatch", f"report_type says {quoted(given)}, the file name {quoted(named or '')}"
        )
    return given


def _families_of(head: bytes) -> frozenset[Family]:
    match head.lstrip(_BLANK)[:1]:
        case b"{":
            return _JSON | _LINES
        case b"[":
            return _JSON
        case b"<":  # a web page, usually one that says that something went wrong
            return frozenset()
    return _CSV | _MAIL if begins_like_a_mail(head) else _CSV


def _is_several_lines(head: bytes) -> bool:
    return b"\n" in head.strip() and holds_lines(head)


def _names(head: bytes, families: frozenset[Family], *, charset: str | None) -> frozenset[str]:
    """The names by which formats of a family know their own."""
    if families == _CSV:
        return columns_in(head, charset=charset)
    if families == _MAIL:
        return frozenset()
    texts = head.splitlines()[:_MAX_OBJECTS] if families == _LINES else [head]
    return frozenset().union(*map(_keys, texts))


def columns_in(head: bytes, *, charset: str | None) -> frozenset[str]:
    """The column names in the first row."""
    if head.startswith(_UTF16_MARKS):
        head = head.decode("utf-16", errors="ignore").encode()  # it may end in the middle of a character
    lines = text_lines(iter([head]), charset=charset, max_bytes=HEAD_BYTES)
    try:
        first = next(rows(lines), None)
    except PayloadError as error:
        if error.code != "undecodable-text":
            raise
        first = None
    return frozenset(names_of(first.fields)) if isinstance(first, Row) else frozenset()


def _keys(head: bytes) -> frozenset[str]:
    """The keys of the first objects, as far as they are in sight; `a.b` for those of objects within them."""
    keys: set[str] = set()
    parent = ""
    depth = objects = 0
    for token in _TOKEN.finditer(head, max(head.find(b"{"), 0)):
        if token.lastindex == _OPEN_STRING or objects > _MAX_OBJECTS:
            break
        if token.lastindex == _OPENING:
            depth += 1
            objects += depth == 1
        elif token.lastindex == _CLOSING:
            depth -= 1
        elif token[4] and depth == 1:
            parent = token[3].decode(errors="replace")
            keys.add(parent)
        elif token[4] and depth == 2:
            keys.add(f"{parent[:_MAX_PARENT_CHARS]}.{token[3].decode(errors='replace')}")
    return frozenset(keys)


def _parsed(content_type: str | None) -> Message:
    """The header as the standard library reads it; whatever is wrong with it makes it text/plain."""
    message = Message()
    message["Content-Type"] = content_type or ""
    return message


def _shown(head: bytes) -> str:
    """The first character. More of it might be somebody's password, if this is a list of them."""
    return quoted(head.lstrip(_BLANK)[:1].decode(errors="replace"))
