"""Our own format as CSV, for those who export from a spreadsheet or a database: a column for each field."""

import re
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from libs.common.text import plain
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.delimited import Row, names_of
from services.intake.domain.formats import credentials_csv
from services.intake.domain.formats.csv_table import check_columns, judge_width, records_of, table_of
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.tocsin.csv_fields import FIELDS, SHORT_FORMS
from services.intake.domain.formats.tocsin.records import ASSETS, RecordReader
from services.intake.domain.records import Findings, Notices, Record
from services.intake.domain.times import from_local, parse_time
from services.intake.domain.values import asn_of

_EXAMPLE = """\
seen_at,category,identifier,ip,port,severity
2026-03-01T04:05:06Z,vulnerable/vulnerable-system,open-smb,198.51.100.7,445,high
"""

_NUMBERS = frozenset({"asset.port", "confidence"})
_AS_NUMBERS = frozenset({"asn", "asset.asn"})
_LISTS = frozenset({"cve_ids", "tags"})
_TIMES = frozenset({"seen_at", "first_seen_at"})
_YEARS = range(2, 9999)  # those beside them may have no UTC
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
    rows = _RowReader(
        names_of(table.header.fields), RecordReader(now=options.now, assume_utc=True), options.csv_reading
    )
    yield from at_most(records_of(table, rows.read), options.max_records)


class _RowReader:
    """Turns rows under one header into records. What is wrong is told in the partner's names of the columns."""

    def __init__(self, names: Sequence[str], records: RecordReader, reading: CsvReading) -> None:
        ours = dict(reading.columns)
        self._columns = [_column_of(ours.get(name, name)) for name in names]
        fields = [column.field for column in self._columns]
        said = {"category": reading.category, "identifier": reading.identifier}
        self._defaults = {name: text for name, text in said.items() if text and name not in fields}
        self._zone = reading.zone
        check_columns(
            [*fields, *self._defaults], ["seen_at"], ["category"], ["identifier"], [f"asset.{name}" for name in ASSETS]
        )
        self._names = {plain(field, 70): name for field, name in zip(fields, names, strict=True)}
        self._times = [place for place, field in enumerate(fields) if field in _TIMES]
        self._of_unknown = _told_of_unknown(names, fields, ours)
        self._of_missing = _told_of_missing(names, ours)
        self._records = records
        self._notices = Notices()

    def read(self, row: Row, findings: Findings) -> Record:
        judge_width(len(row.fields), len(self._columns), findings)
        if findings.errors:
            return findings.verdict(None)
        cells = row.fields if self._zone is None else self._in_zone(row.fields, self._zone, findings)
        indicator = self._records.indicator({**self._defaults, **_members(self._columns, cells)}, findings)
        self._tell_of_columns(findings)
        findings.call_fields(self._names)
        return findings.verdict(indicator)

    def _in_zone(self, cells: Sequence[str], zone: ZoneInfo, findings: Findings) -> Sequence[str]:
        """The cells, with times that say no zone read as what the clocks of this one show."""
        read = list(cells)
        for place in self._times:
            at = parse_time(cells[place].strip()[:64]) if place < len(cells) else None
            if at and at.tzinfo is None and at.year in _YEARS:
                field = self._columns[place].field
                read[place] = from_local(at, zone, field=field, findings=findings).isoformat()
        return read

    def _tell_of_columns(self, findings: Findings) -> None:
        if self._of_unknown:
            self._notices.warn("", "unknown-column", self._of_unknown, findings=findings)
        if self._of_missing:
            self._notices.warn("", "column-not-there", self._of_missing, findings=findings)


def _told_of_unknown(names: Sequence[str], fields: Sequence[str], ours: Mapping[str, str]) -> str:
    unknown = [
        name
        for name, field in zip(names, fields, strict=True)
        if name and name not in ours and field == f"extra.{name}"
    ]
    return f"columns that the format does not have were put into 'extra': {_listed(unknown)}" if unknown else ""


def _told_of_missing(names: Sequence[str], ours: Mapping[str, str]) -> str:
    """Nothing of a table without any of the columns: it is in our own words."""
    missing = [theirs for theirs in ours if theirs not in names]
    if not missing or len(missing) == len(ours):
        return ""
    return f"the header has no column {_listed(missing)}, of which it was said what it is"


def _listed(names: Sequence[str]) -> str:
    return plain(", ".join(names), 80)


def _column_of(name: str) -> _Column:
    """The column of that name; one that the format does not have is free matter."""
    field = SHORT_FORMS.get(name, name)
    if field not in FIELDS and not field.startswith("extra."):
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
    has_own_columns=True,
)
