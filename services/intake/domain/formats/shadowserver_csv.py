"""Shadowserver reports as they come: CSV, read by its header; the report type comes from outside."""

from collections.abc import Iterator

from services.intake.domain.delimited import MAX_ROW_BYTES, Row, UnreadableRow, rows
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.shadowserver_columns import has_names, header_of
from services.intake.domain.formats.shadowserver_reader import Notices, RowReader
from services.intake.domain.lines import text_lines
from services.intake.domain.records import Findings, PayloadError, Record, rejected
from services.intake.domain.times import parse_time

_EXAMPLE = """\
"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","device_vendor"
"2026-03-01 04:05:06","high","192.0.2.10","tcp",445,"h10.example.net","smb;cve-2020-0796",64500,"NL",
"""


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each row under the header; blank lines are none."""
    table = rows(text_lines(chunks, charset=options.charset, max_bytes=MAX_ROW_BYTES))
    names = header_of(_header(next(table, None)))
    reader = RowReader(names, options.report_type, notices=Notices(options.report_type), now=options.now)
    yield from at_most(_records(table, reader), options.max_records)


def _header(row: Row | UnreadableRow | None) -> list[str]:
    if row is None:
        raise PayloadError(422, "empty-payload", "there is nothing in it")
    if isinstance(row, UnreadableRow):
        code = row.reason.code if row.reason.code == "undecodable-text" else "no-header"
        raise PayloadError(422, code, f"the first line is no header: {row.reason.message}")
    if parse_time(row.fields[0].strip()[:64]):
        raise PayloadError(422, "no-header", "the first line is a record, not a header")
    return row.fields


def _records(table: Iterator[Row | UnreadableRow], reader: RowReader) -> Iterator[Record]:
    for record, row in enumerate(table, 1):
        if isinstance(row, UnreadableRow):
            yield rejected(record, row.line, field="", code=row.reason.code, message=row.reason.message)
            continue
        findings = Findings(record, row.line)
        if row.charset_guessed:
            findings.warn("", "assumed-charset", "the line is not UTF-8, so it was read as windows-1252")
        yield reader.read(row.fields, findings, text=row.text)


FORMAT = Format(
    name="shadowserver-csv",
    media_types=("text/csv",),
    description="A Shadowserver report as CSV; say which one by file name or ?report_type=",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.CSV}),
    has_names=has_names,
    has_report_types=True,
)
