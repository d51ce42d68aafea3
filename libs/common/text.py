"""Untrusted text: made harmless where it comes in (`plain`) and where it leaves (`defang`, `spreadsheet_safe`)."""

import re
import unicodedata

# Control, zero-width, bidirectional, interlinear and tag characters, and lone surrogates. Tab and line ends are kept
# here, because whether they may stay depends on the field.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]+"
)
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
_BLANKS = re.compile("[\t\n]+")

# More than 30 marks or signs in a row outside ASCII; the number is that of UAX 15, Stream-Safe Text.
_RUN = re.compile(r"([^\w\x00-\x7f]{30})[^\w\x00-\x7f]++")

_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_AT = re.compile(r"(?<=[^\s\[])@(?=[^\s\]])")
_HTTP = re.compile(r"\bhttp(s?)://", re.IGNORECASE)
_FTP = re.compile(r"\bftp://", re.IGNORECASE)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plain(value: str, limit: int, *, lines: bool = False) -> str:
    """`value` without control, bidirectional and zero-width characters, in NFC, trimmed, at most `limit` characters.

    The result is one line; with `lines`, tabs and line feeds stay. Of more than 30 marks or signs in a row outside
    ASCII the rest goes. Takes linear time for any input.
    """
    if not (value.isascii() and value.isprintable()):
        value = _printable(value, lines=lines)
    value = value.strip()
    return value if len(value) <= limit else value[:limit].rstrip()


def _printable(value: str, *, lines: bool) -> str:
    value = _LINE_END.sub("\n", _UNPRINTABLE.sub("", value))
    if not lines:
        value = _BLANKS.sub(" ", value)
    # NFC takes quadratic time on a run of combining marks, and makes two marks of some.
    return _RUN.sub(r"\1", unicodedata.normalize("NFC", _RUN.sub(r"\1", value)))


def defang(value: str) -> str:
    """`value` so that no reader's program makes a link of it: `192[.]0[.]2[.]1`, `hxxps://www[.]example[.]com/`.

    Doing it twice changes nothing. IPv6 addresses stay as they are: nothing links them, and people search for them.
    """
    # Looking before searching: most values are addresses, and a list of them can have thousands.
    if "://" in value:
        value = _FTP.sub("ftp[://]", _HTTP.sub(r"hxxp\1://", value))
    if "." in value:
        value = _DOT.sub("[.]", value)
    return _AT.sub("[@]", value) if "@" in value else value


def spreadsheet_safe(value: str) -> str:
    """`value` as a CSV cell that no spreadsheet takes for a formula: `'` before a leading `= + - @`, tab or line end.

    Source: OWASP, CSV injection; full-width signs count too, since spreadsheets read them as the ASCII ones.
    """
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
