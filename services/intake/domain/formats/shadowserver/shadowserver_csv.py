"""Shadowserver reports as they come: CSV, read by its header; the report type comes from outside."""

from collections.abc import Iterator

from services.intake.domain.delimited import Row
from services.intake.domain.formats.csv_table import records_of, table_of
from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.shadowserver.columns import has_names, header_of
from services.intake.domain.formats.shadowserver.reader import ReportNotices, RowReader
from services.intake.domain.records import Findings, Record

_EXAMPLE = """\
"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","device_vendor"
"2026-03-01 04:05:06","high","192.0.2.10","tcp",445,"h10.example.net","smb;cve-2020-0796",64500,"NL",
"""


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each row under the header; blank lines are none."""
    table = table_of(chunks, options)
    names = header_of(table.header.fields)
    reader = RowReader(names, options.report_type, notices=ReportNotices(options.report_type), now=options.now)

    def read(row: Row, findings: Findings) -> Record:
        return reader.read(row.fields, findings, text=row.text)

    yield from at_most(records_of(table, read), options.max_records)


FORMAT = Format(
    name="shadowserver-csv",
    media_types=("text/csv",),
    description="A Shadowserver report as CSV; say which one by file name or ?report_type=",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.CSV}),
    has_names=has_names,
    has_report_types=True,
    upstream="shadowserver",
)
