"""Shadowserver reports as JSON: the same rows, keys instead of columns; an array, or an object on each line."""

from collections.abc import Iterator, Mapping

from services.intake.domain.formats.csv_table import MAX_COLUMNS
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.shadowserver.columns import canonical_names, has_names
from services.intake.domain.formats.shadowserver.reader import ReportNotices, RowReader
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES, is_type_name
from services.intake.domain.json_values import RawValue, as_text, decoded, object_of, values_of
from services.intake.domain.records import Findings, PayloadError, Record

_EXAMPLE = """\
[{"timestamp": "2026-03-01 04:05:06", "severity": "critical", "ip": "192.0.2.11", "protocol": "tcp", "port": 6379,
  "tag": "redis", "asn": 64500, "geo": "NL"}]
"""

# A notice that a report is ready, and an entry of the list of reports: both only point to where rows are.
_POINTERS = (frozenset({"uri", "report_type"}), frozenset({"report", "file", "id"}))

_MAX_READERS = 256


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each object; keys may differ from object to object."""
    yield from at_most(_Objects(options).records(values_of(chunks)), options.max_records)


class _Objects:
    """Reads objects as rows, with one plan for all objects of the same keys."""

    def __init__(self, options: ParseOptions) -> None:
        self._options = options
        self._notices = ReportNotices(options.report_type)
        self._readers: dict[tuple[tuple[str, ...], str | None], RowReader] = {}

    def records(self, values: Iterator[RawValue]) -> Iterator[Record]:
        for record, value in enumerate(values, 1):
            yield self._record(decoded(value), Findings(record, value.line))

    def _record(self, value: object, findings: Findings) -> Record:
        row = object_of(value, findings)
        if row is None:
            return findings.verdict(None)
        if len(row) > MAX_COLUMNS:
            findings.reject("", "too-many-fields", f"the record has {len(row)} keys; at most {MAX_COLUMNS} are read")
            return findings.verdict(None)
        return self._read(row, findings)

    def _read(self, row: Mapping[str, object], findings: Findings) -> Record:
        if findings.record == 1 and "ip" not in row and any(pointer <= row.keys() for pointer in _POINTERS):
            raise PayloadError(422, "unsupported-layout", "this points to a report and is none; send the report itself")
        fields = [as_text(value, key, findings) for key, value in row.items()]
        return self._reader(tuple(row), self._type_of(row)).read(fields, findings, text=" ".join(fields))

    def _reader(self, keys: tuple[str, ...], report_type: str | None) -> RowReader:
        reader = self._readers.get((keys, report_type))
        if reader is None:
            if len(self._readers) >= _MAX_READERS:
                self._readers.clear()
            names = canonical_names(keys)
            reader = RowReader(names, report_type, notices=self._notices, now=self._options.now)
            self._readers[keys, report_type] = reader
        return reader

    def _type_of(self, row: Mapping[str, object]) -> str | None:
        """What the submission says; else what the object says. `type` also is a column, so only a known type counts."""
        if self._options.report_type:
            return self._options.report_type
        named, kind = row.get("report_type"), row.get("type")
        if isinstance(named, str) and is_type_name(named):
            return named
        return kind if isinstance(kind, str) and kind in REPORT_TYPES else None


FORMAT = Format(
    name="shadowserver-json",
    media_types=("application/json", "application/x-ndjson"),
    description="A Shadowserver report as JSON, an array or an object on each line; say which one by ?report_type=",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON, Family.JSON_LINES}),
    has_names=has_names,
    has_report_types=True,
    upstream="shadowserver",
)
