"""Our own format as newline-delimited JSON: one object on each line, so that one broken line is one error."""

from collections.abc import Iterator

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.tocsin.records import RecordReader
from services.intake.domain.formats.tocsin.schema import SCHEMA
from services.intake.domain.formats.tocsin.tocsin_json import has_names
from services.intake.domain.json_values import decoded, json_lines
from services.intake.domain.records import Findings, Record

_EXAMPLE = """\
{"seen_at": "2026-03-01T04:05:06Z", "category": "vulnerable/vulnerable-system", "identifier": "open-smb", \
"asset": {"ip": "198.51.100.7", "port": 445, "transport": "tcp"}, "severity": "high"}
"""


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each line that is not blank."""
    yield from at_most(_records(chunks, options), options.max_records)


def _records(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    reader = RecordReader(now=options.now)
    for record, value in enumerate(json_lines(chunks), 1):
        yield reader.read(decoded(value), Findings(record, value.line), defaults={})


FORMAT = Format(
    name="tocsin-ndjson",
    media_types=("application/x-ndjson", "application/jsonl"),
    description="Indicators in our own words, an object on each line; the one to choose for large feeds",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON_LINES}),
    has_names=has_names,
    schema=SCHEMA,
)
