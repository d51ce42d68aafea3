"""CSV with a header, as every format of that kind reads it: first the names, then each row with what is wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from libs.common.addresses import without_url_secrets
from libs.common.contracts import Indicator
from libs.common.text import plain
from services.intake.domain.delimited import MAX_ROW_BYTES, Row, UnreadableRow, rows
from services.intake.domain.formats.format import ParseOptions
from services.intake.domain.lines import text_lines
from services.intake.domain.records import Findings, Notices, PayloadError, Record, RejectedRecord, rejected
from services.intake.domain.times import parse_time

MAX_COLUMNS = 512
_MAX_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Table:
    """The header, and the rows under it."""

    header: Row
    rows: Iterator[Row | UnreadableRow]


def table_of(chunks: Iterator[bytes], options: ParseOptions) -> Table:
    """Raises `PayloadError` if there is nothing, or if the first row is no header or has more than 512 columns."""
    table = rows(text_lines(chunks, charset=options.charset, max_bytes=MAX_ROW_BYTES))
    return Table(_header(next(table, None)), table)


def _header(row: Row | UnreadableRow | None) -> Row:
    if row is None:
        raise PayloadError(422, "empty-payload", "there is nothing in it")
    if isinstance(row, UnreadableRow):
        code = row.reason.code if row.reason.code == "undecodable-text" else "no-header"
        raise PayloadError(422, code, f"the first line is no header: {row.reason.message}")
    if parse_time(row.fields[0].strip()[:64]):
        raise PayloadError(422, "no-header", "the first line is a record, not a header")
    if len(row.fields) > MAX_COLUMNS:
        raise PayloadError(
            422, "unsupported-layout", f"the header has {len(row.fields)} columns; at most {MAX_COLUMNS} are read"
        )
    return row


def check_columns(names: Sequence[str], *required: Sequence[str]) -> None:
    """Raises `PayloadError` for a name given twice, or if none is there of one of the choices in `required`."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PayloadError(422, "duplicate-column", f"the header names a column twice: {', '.join(twice)[:80]}")
    missing = [" or ".join(f"'{name}'" for name in choice) for choice in required if not set(choice) & set(names)]
    if missing:
        raise PayloadError(422, "missing-column", f"the header has no column {', no '.join(missing)}")


def records_of(table: Table, read: Callable[[Row, Findings], Record]) -> Iterator[Record]:
    """What `read` makes of each row; one that can't be read is a rejected record."""
    guessed = table.header.charset_guessed
    for number, row in enumerate(table.rows, 1):
        if isinstance(row, UnreadableRow):
            yield rejected(number, row.line, field="", code=row.reason.code, message=row.reason.message)
            continue
        findings = Findings(number, row.line)
        if row.charset_guessed or guessed:
            line = "line" if row.charset_guessed else "header"
            findings.warn("", "assumed-charset", f"the {line} is not UTF-8, so it was read as windows-1252")
        record = read(row, findings)
        guessed = guessed and isinstance(record, RejectedRecord)
        yield record


Cells = Mapping[str, str]


class NamedRows:
    """Reads rows as cells by the names of their columns; of `secrets` the partner is told, once for each column."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        secrets: Sequence[str],
        indicator_of: Callable[[Cells, Findings], Indicator | None],
    ) -> None:
        self._names = names
        self._secrets = secrets
        self._indicator_of = indicator_of
        self._notices = Notices()

    def read(self, row: Row, findings: Findings) -> Record:
        judge_width(len(row.fields), len(self._names), findings)
        if findings.errors:
            return findings.verdict(None)
        cells = {name: cell.strip() for name, cell in zip(self._names, cleaned(row.fields, row.text), strict=False)}
        indicator = self._indicator_of(cells, findings)
        for name in self._secrets:
            if cells.get(name):
                self._notices.warn_of_secret(name[:_MAX_NAME_CHARS], findings=findings)
        return findings.verdict(indicator)


def judge_width(width: int, expected: int, findings: Findings) -> None:
    """Some official rows are one field short. A row without half of its fields is torn, or none of this report."""
    found = f"the row has {width} fields, the header {expected}"
    if width > expected:
        findings.reject("", "too-many-fields", found)
    elif width < expected / 2:
        findings.reject("", "too-few-fields", found)
    elif width < expected:
        findings.warn("", "short-row", f"{found}; the missing ones are read as empty")


def cleaned(fields: list[str], text: str) -> list[str]:
    """Fields of printable text without secrets in their URLs. For most rows a look at the whole of it is enough."""
    if not (text.isascii() and text.isprintable()):
        fields = [plain(field, MAX_ROW_BYTES) for field in fields]
    if "://" in text or "?" in text:
        fields = [without_url_secrets(field) for field in fields]
    return fields
