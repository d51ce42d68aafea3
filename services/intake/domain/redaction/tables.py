"""Secrets taken out of a table while it streams, so that what reaches the disk never held them.

Only what is understood is kept. A row that can't be read, or in which a secret may have slipped into another column,
is replaced by a line that says why, which every reader of lines takes for the unreadable row that it was.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from libs.common.addresses import without_url_secrets
from services.intake.domain.delimited import MAX_ROW_BYTES, Row, UnreadableRow, names_of, rows
from services.intake.domain.extras import names_a_secret
from services.intake.domain.lines import WITHHELD, WITHHELD_MARK, has_byte_order_mark, text_lines, with_head
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction.credentials import COLUMNS, NAME, kept_cell

MARK = "[redacted]"
"""What stands where a secret stood, so that a reader can still say that there was one."""

_TELLS_NONE = frozenset({"", "true", "false", "null"})
"""Cells that only say whether there is a secret, as `credentials` of our own format does."""

_BLOCK_CHARS = 64 * 1024
_LINE_END = re.compile(rb"[\r\n]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# `j.doe@example.com:secret`, `https://vpn.example.com/:j.doe:secret`: lists that say nothing of their columns.
_COMBINATION = re.compile(
    rb"[^\s:;|,@\"]+@[^\s:;|,@\"]+[:;|,][^\r\n]+|https?://[^\s:]+(?::\d+)?[^\s:]*:[^\s:]+:[^\r\n]+"
)


def refuse_list_of_secrets(head: bytes) -> None:
    """Raises `PayloadError` if the first line is a user with a password and nothing tells the two apart."""
    text = head.replace(b"\0", b"") if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:4] else head
    first = _LINE_END.split(text.lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip(), maxsplit=1)[0].rstrip()
    if _COMBINATION.match(first):
        message = (
            "these look like users with their passwords, without a header; nothing of it was kept. Send the addresses "
            "without the secrets, as credentials-csv"
        )
        raise PayloadError(422, "secrets-not-accepted", message)


def may_hold_secrets(head: bytes, *, format_name: str, charset: str | None) -> bool:
    """Whether a table that begins so has a column for secrets, or is about nothing else."""
    if format_name == NAME:
        return True
    first = next(rows(text_lines(iter([head]), charset=charset, max_bytes=MAX_ROW_BYTES)), None)
    return isinstance(first, Row) and any(names_a_secret(name) for name in names_of(first.fields))


def redacted(chunks: Iterator[bytes], *, format_name: str, charset: str | None) -> Iterator[bytes]:
    """The table without secrets: its rows where they were, in UTF-8 with a mark that says so.

    Where nothing says what the text is written in, a row that is not UTF-8 stays as it is, for its reader to notice.
    """
    opening, chunks = with_head(chunks, len(_BYTE_ORDER_MARK))
    is_known = charset is not None or has_byte_order_mark(opening)
    table = rows(text_lines(chunks, charset=charset, max_bytes=MAX_ROW_BYTES))
    header = next(table, None)
    if not isinstance(header, Row):
        raise PayloadError(422, "no-header", "the first line is no header")
    yield _BYTE_ORDER_MARK if is_known else b""
    yield from _in_blocks(_lines(header, table, _cleaner(format_name, names_of(header.fields))))


def _lines(
    header: Row, table: Iterator[Row | UnreadableRow], clean: Callable[[list[str]], list[str] | str]
) -> Iterator[bytes]:
    """Each row on the physical line where it was."""
    delimiter = next((each for each in ",;\t" if each in header.text.partition("\n")[0]), ",")
    number = 1
    for row in chain((header,), table):
        yield b"\n" * (row.line - number)
        number = row.line + 1
        kept = row.reason.code if isinstance(row, UnreadableRow) else row.fields if row is header else clean(row.fields)
        if isinstance(kept, str):
            yield WITHHELD_MARK + (kept if kept in WITHHELD else "undecodable-text").encode() + b"\n"
            continue
        text = _written(kept, delimiter)
        number += text.count("\n") - 1
        guessed = isinstance(row, Row) and row.charset_guessed
        yield text.encode("cp1252" if guessed else "utf-8", errors="replace")


def _written(fields: Sequence[str], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(fields)
    return text.getvalue()


def _in_blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _BLOCK_CHARS:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _cleaner(format_name: str, names: Sequence[str]) -> Callable[[list[str]], list[str] | str]:
    if format_name != NAME:
        return _Blanking(names).clean
    if not {"email", "domain"} & set(names):
        raise PayloadError(422, "secrets-not-accepted", "no column is called email or domain; nothing of it was kept")
    return _Choosing(names).clean


class _Choosing:
    """Of stolen credentials only what we know to be none is kept, and only where it is what its column says."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def clean(self, fields: list[str]) -> list[str] | str:
        """The cells to keep, or why none can be."""
        if len(fields) != len(self._names):
            return "too-many-fields" if len(fields) > len(self._names) else "too-few-fields"
        return [self._kept(name, cell) for name, cell in zip(self._names, fields, strict=True)]

    @staticmethod
    def _kept(name: str, cell: str) -> str:
        if not cell.strip():
            return ""
        return kept_cell(name, cell) if name in COLUMNS else MARK


class _Blanking:
    """Of other tables everything is kept but the columns for secrets, and those in URLs."""

    def __init__(self, names: Sequence[str]) -> None:
        self._width = len(names)
        self._secret = [at for at, name in enumerate(names) if names_a_secret(name)]

    def clean(self, fields: list[str]) -> list[str] | str:
        """The cells to keep. In a row that is short, a secret may have moved by as many cells as are missing."""
        missing = self._width - len(fields)
        if missing < 0:
            return "too-many-fields"
        blank = {at for secret in self._secret for at in range(secret - missing, secret + 1)}
        return [
            MARK if at in blank and cell.strip().lower() not in _TELLS_NONE else without_url_secrets(cell)
            for at, cell in enumerate(fields)
        ]
