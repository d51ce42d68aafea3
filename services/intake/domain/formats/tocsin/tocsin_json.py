"""Our own format as one JSON text: an array, `{"indicators": […]}` with defaults, or a single object."""

import re
from collections.abc import Iterator

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.tocsin.records import RecordReader
from services.intake.domain.formats.tocsin.schema import SCHEMA
from services.intake.domain.json_values import Document, decoded
from services.intake.domain.records import Findings, Record

_EXAMPLE = """\
{"tlp": "amber", "category": "vulnerable/vulnerable-system", "indicators": [
  {"seen_at": "2026-03-01T04:05:06Z", "identifier": "exchange-vulnerable", "severity": "critical",
   "asset": {"ip": "2001:db8::10", "port": 443, "transport": "tcp"}, "cve_ids": ["CVE-2023-21529"]},
  {"seen_at": "2026-03-01T04:05:06Z", "identifier": "open-smb", "asset": {"domain": "example.com"}}
]}
"""

# The defaults come first, so that an array of any length can be read as it streams in.
_WRAPPER = re.compile(
    rb'\{\s*+((?:"(?:tlp|confidence|category|identifier)"\s*+:\s*+(?:"[^"\\]*+"|-?\d++|null)\s*+,\s*+)*+)'
    rb'"indicators"\s*+:\s*+(?=\[)'
)


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each object."""
    yield from at_most(_records(chunks, options), options.max_records)


def _records(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    reader = RecordReader(now=options.now)
    for record, (value, defaults) in enumerate(Document(chunks, wrapper=_WRAPPER).values(), 1):
        yield reader.read(decoded(value), Findings(record, value.line), defaults=defaults)


def has_names(names: frozenset[str]) -> bool:
    return "indicators" in names or ("asset" in names and bool(names & {"category", "identifier", "seen_at"}))


FORMAT = Format(
    name="tocsin-json",
    media_types=("application/json",),
    description="Indicators in our own words, as an array or with defaults around it",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON}),
    has_names=has_names,
    schema=SCHEMA,
)
