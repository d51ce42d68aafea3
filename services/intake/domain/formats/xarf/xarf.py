"""XARF, the Extended Abuse Reporting Format: reports of version 4 and 3; one, an array, or one on each line."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from services.intake.domain.formats.format import Family, Format, ParseOptions, at_most
from services.intake.domain.formats.xarf import v3, v4
from services.intake.domain.formats.xarf.source import without_blanks
from services.intake.domain.json_values import MAX_RECORD_BYTES, RawValue, decoded, object_of, values_of
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import Findings, Notices, Record

_EXAMPLE = """\
{"xarf_version": "4.2.0", "report_id": "5f1c9a52-6b0e-4a55-9f53-0d1f2b7c1a01", "timestamp": "2026-03-01T04:05:06Z",
 "reporter": {"org": "Example", "contact": "abuse@example.org", "domain": "example.org"},
 "sender": {"org": "Example", "contact": "abuse@example.org", "domain": "example.org"},
 "source_identifier": "192.0.2.77", "category": "vulnerability", "type": "open_service", "service": "rdp",
 "service_port": 3389, "protocol": "tcp", "severity": "high"}
"""

# 15 MiB of evidence in base64, beside all else.
MAX_REPORT_BYTES = 20 * 1024 * 1024 + MAX_RECORD_BYTES

# What is larger than other records are must be so by its evidence, which is long and not much: small values take 20
# times as much memory as they have bytes.
_MAX_VALUES_OF_LARGE = 32 * 1024
_STARTS_OF_VALUES = (b",", b"[", b"{")
_MAX_MEMBERS = 512

_NAMES_OF_V3 = frozenset({"Version", "ReporterInfo", "Report"})


def parse(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    """One record for each report."""
    yield from at_most(_records(chunks, options), options.max_records)


def _records(chunks: Iterator[bytes], options: ParseOptions) -> Iterator[Record]:
    reader = _Reader(now=options.now)
    for record, value in enumerate(values_of(chunks, max_bytes=MAX_REPORT_BYTES), 1):
        yield reader.read(_report(value), Findings(record, value.line))


class _Reader:
    """Turns reports into records; remembers of which secrets the submission was warned."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._notices = Notices()

    def read(self, value: object, findings: Findings) -> Record:
        report = object_of(value, findings)
        if report is None:
            return findings.verdict(None)
        if len(report) > _MAX_MEMBERS:
            findings.reject(
                "", "too-many-fields", f"the report has {len(report)} fields; at most {_MAX_MEMBERS} are read"
            )
            return findings.verdict(None)
        return self._read(without_blanks(report), findings)

    def _read(self, members: Mapping[str, object], findings: Findings) -> Record:
        version = v3 if _is_v3(members) else v4
        return findings.verdict(version.indicator_of(members, findings, notices=self._notices, now=self._now))


def _report(value: RawValue) -> object:
    body = value.body
    if isinstance(body, bytes) and len(body) > MAX_RECORD_BYTES:
        values = sum(map(body.count, _STARTS_OF_VALUES))
        if values > _MAX_VALUES_OF_LARGE:
            return Unreadable("field-too-long", "without its evidence the report is larger than 1 MiB")
    return decoded(value)


def _is_v3(members: Mapping[str, object]) -> bool:
    return "xarf_version" not in members and not _NAMES_OF_V3.isdisjoint(members)


def has_names(names: frozenset[str]) -> bool:
    return "xarf_version" in names or names >= _NAMES_OF_V3


FORMAT = Format(
    name="xarf",
    media_types=("application/json", "application/x-ndjson"),
    description="Abuse reports in XARF, version 4 or 3; one, an array, or one on each line",
    example=_EXAMPLE,
    parse=parse,
    families=frozenset({Family.JSON, Family.JSON_LINES}),
    has_names=has_names,
    whole_bytes=MAX_REPORT_BYTES,
)
