"""Our own format as CSV, for those who export from a spreadsheet or a database: a column for each field."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from libs.common.text import plain
from services.intake.domain.delimited import Row, names_of
from services.intake.domain.formats import credentials_csv
from services.intake.domain.formats.csv_table import check_columns, judge_width, records_of, table_of
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.tocsin.records import (
    ASSET_FIELDS,
    ASSETS,
    PRODUCT_FIELDS,
    RECORD_FIELDS,
    RecordReader,
)
from services.intake.domain.records import Findings, Notices, Record
from services.intake.domain.values import asn_of

_EXAMPLE = """\
seen_at,category,identifier,ip,port,severity
2026-03-01T04:05:06Z,vulnerable/vulnerable-system,open-smb,198.51.100.7,445,high
"""

_OBJECTS = {"asset": ASSET_FIELDS, "product": PRODUCT_FIELDS}
_FIELDS = frozenset(
    (RECORD_FIELDS - {"asset", "product", "extra"})
    | {f"{parent}.{name}" for parent, names in _OBJECTS.items() for name in names}
)
_SHORT_FORMS = {name: f"asset.{name}" for name in ASSET_FIELDS - {"asn"}}

_NUMBERS = frozenset({"asset.port", "confidence"})
_AS_NUMBERS = frozenset({"asn", "asset.asn"})
_LISTS = frozenset({"cve_ids", "tags"})
_FLAGS = {"true": True, "false": None}

_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_SEPARATOR = re.compile(r"[;\s]+")


class _Column(msgspec.Struct, frozen=True):
    """A field as it is called among all (`asset.ip`), and where in the record it goes."""

    field: str
    parent: str | None
    name: str


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each row under the header; blank lines are none."""
    table = table_of(chunks, options)
    rows = _RowReader(names_of(table.header.fields), RecordReader(now=options.now, assume_utc=True))
    yield from at_most(records_of(table, rows.read), options.max_records)


class _RowReader:
    """Turns rows under one header into records. What is wrong is told in the partner's names of the columns."""

    def __init__(self, names: Sequence[str], records: RecordReader) -> None:
        self._columns = [_column_of(name) for name in names]
        fields = [column.field for column in self._columns]
        check_columns(fields, ["seen_at"], ["category"], ["identifier"], [f"asset.{name}" for name in ASSETS])
        self._names = {plain(field, 70): name for field, name in zip(fields, names, strict=True)}
        self._unknown = [name for name, field in zip(names, fields, strict=True) if name and field == f"extra.{name}"]
        self._records = records
        self._notices = Notices()

    def read(self, row: Row, findings: Findings) -> Record:
        judge_width(len(row.fields), len(self._columns), findings)
        if findings.errors:
            return findings.verdict(None)
        indicator = self._records.indicator(_members(self._columns, row.fields), findings)
        if self._unknown:
            self._tell_of_unknown(findings)
        findings.call_fields(self._names)
        return findings.verdict(indicator)

    def _tell_of_unknown(self, findings: Findings) -> None:
        names = plain(", ".join(self._unknown), 80)
        message = f"columns that the format does not have were put into 'extra': {names}"
        self._notices.warn("", "unknown-column", message, findings=findings)


def _column_of(name: str) -> _Column:
    """The column of that name; one that the format does not have is free matter."""
    field = _SHORT_FORMS.get(name, name)
    if field not in _FIELDS and not field.startswith("extra."):
        field = f"extra.{name}"
    parent, dot, member = field.partition(".")
    return _Column(field, parent, member) if dot else _Column(field, None, field)


def _members(columns: Sequence[_Column], cells: Sequence[str]) -> Mapping[str, object]:
    """The row as the JSON object that says the same. Empty cells say nothing."""
    record: dict[str, object] = {}
    parents: dict[str, dict[str, object]] = {}
    for column, cell in zip(columns, cells, strict=False):
        if text := cell.strip():
            members = record if column.parent is None else parents.setdefault(column.parent, {})
            members[column.name] = _value(column.field, text)
    return {**record, **parents}


def _value(field: str, text: str) -> object:
    """What a cell says; a text where it can't be said otherwise, which the field then refuses."""
    if field in _NUMBERS:
        return int(text) if _NUMBER.fullmatch(text) else text
    if field in _AS_NUMBERS:
        return asn_of(text) or text
    if field in _LISTS:
        return [word for word in _SEPARATOR.split(text) if word]
    return _FLAGS.get(text.lower(), text) if field == "credentials" else text


def has_names(names: frozenset[str]) -> bool:
    """A list of stolen credentials has `seen_at` too; unless it says what a record of ours must, it is none of ours."""
    return "seen_at" in names and (not credentials_csv.has_names(names) or {"category", "identifier"} <= names)


FORMAT = Format(
    name="tocsin-csv",
    media_types=("text/csv",),
    description="Indicators in our own words as CSV, a column for each field",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.CSV}),
    has_names=has_names,
)
