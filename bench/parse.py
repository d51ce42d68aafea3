"""Parsing alone: what one core makes of each format, without a broker, a database or a disk."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

from rich.console import Console

from bench.report import Report
from bench.sizes import rounds, size
from bench.spread import Spread
from services.intake.domain.formats import FORMATS, Format, ParsedRecord, ParseOptions

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHUNK_BYTES = 256 * 1024


def run(console: Console) -> Report:
    records = size("PARSED", standard=100_000, small=500)
    spreads = {}
    for form in FORMATS.values():
        console.print(f"Parsing {records:,} records of {form.name} …")
        body = payload_of(form, records)
        spreads[form.name] = Spread.of(records / cpu_seconds(form, body, records) for _ in range(rounds()))
    return Report(
        scenario="parse",
        figures={
            "records": records,
            "formats": {name: each.figures("records_per_second") for name, each in spreads.items()},
        },
        tables=[
            ("Parsing alone", ["format", "records/s of a core"], [[name, str(each)] for name, each in spreads.items()])
        ],
    )


def payload_of(form: Format, records: int) -> bytes:
    """The example of a format with one of its records so often; for mail, one that brings a table."""
    if form.name == "mail":
        return _mail_with(payload_of(FORMATS["tocsin-csv"], records))
    lines = form.example.splitlines()
    if not lines[0].startswith(("{", "[")):
        return "\n".join([lines[0], *[lines[1]] * records]).encode()
    if len(lines) == 1:
        return "\n".join(lines * records).encode()
    return json.dumps(_repeated(json.loads(form.example), records)).encode()


def _mail_with(table: bytes) -> bytes:
    mail = EmailMessage()
    mail.add_attachment(table, maintype="text", subtype="csv", filename="report.csv")
    return bytes(mail)


def _repeated(document: object, records: int) -> object:
    match document:
        case [first, *_]:
            return [first] * records
        case {"objects": objects}:
            return {"objects": [next(each for each in objects if each["type"] == "indicator")] * records}
        case {"indicators": [first, *_], **others}:
            return {**others, "indicators": [first] * records}
        case {"Event": {"Attribute": [first, *_]} as event}:
            return {"Event": {**event, "Attribute": [first] * records}}
    return [document] * records


def cpu_seconds(form: Format, body: bytes, records: int) -> float:
    """CPU time of reading it all; every record has to become an indicator, or the figure would say nothing."""
    options = ParseOptions("scan_smb" if form.has_report_types else None, NOW)
    started = time.process_time()
    read = sum(isinstance(each, ParsedRecord) for each in form.parse(_chunks(body), options))
    needed = time.process_time() - started
    if read != records:
        raise AssertionError(f"{form.name}: {read} of {records} records were read")
    return needed


def _chunks(body: bytes) -> Iterator[bytes]:
    return (body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES))
