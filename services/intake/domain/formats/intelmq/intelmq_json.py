"""Events of IntelMQ: one in each push of its REST API output bot, or many, as its file output bot writes them."""

from collections.abc import Iterator

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.intelmq.events import EventReader
from services.intake.domain.json_values import decoded, values_of
from services.intake.domain.records import Findings, Record

_EXAMPLE = """\
{"time.source": "2026-03-01T04:05:06+00:00", "source.ip": "192.0.2.9", "source.port": 5900, \
"classification.taxonomy": "vulnerable", "classification.type": "vulnerable-system", \
"classification.identifier": "open-vnc", "feed.name": "Example", "extra.tag": "vnc"}
"""

# Of names in an event's first or second level, so that both of its shapes have them.
_NAMES = ("source.", "classification.", "feed.", "time.")


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each event."""
    yield from at_most(_records(chunks, options), options.max_records)


def _records(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    reader = EventReader(now=options.now)
    for record, value in enumerate(values_of(chunks), 1):
        yield reader.read(decoded(value), Findings(record, value.line))


def has_names(names: frozenset[str]) -> bool:
    return "__type" in names or any(name.startswith(_NAMES) for name in names)


FORMAT = Format(
    name="intelmq-json",
    media_types=("application/json", "application/x-ndjson"),
    description="Events of IntelMQ, flat or hierarchical: a single one, an array, or an object on each line",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON, Family.JSON_LINES}),
    has_names=has_names,
)
