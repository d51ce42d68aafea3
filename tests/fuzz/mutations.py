"""One mutated payload after another: unpacked, recognised, parsed, as intake does it."""

import gzip
import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
from backports import zstd

from services.intake.domain.formats import (
    FORMATS,
    Format,
    Limits,
    ParseOptions,
    PayloadError,
    charset_of,
    parts_of,
    recognise_parts,
    records_of,
)
from services.intake.domain.formats.format import Family
from services.intake.domain.hints import Hints
from services.intake.domain.redaction.rules import rules_of
from services.intake.domain.redaction.treatment import Treatment
from tests.unit.intake.test_parsers_never_break import EXAMPLES, NASTY
from tests.zips import zipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ZIP_MARKS = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\xff\xff\xff\xff", b"\0\0"]
END_BYTES = 120  # of a zip archive, where its directory is


class Findings:
    """How often each answer came, the slowest payload, and whatever escaped, each kind once with its payload."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.slowest_seconds = 0.0
        self.escaped: dict[str, bytes] = {}

    def told(self) -> str:
        escapes = "".join(f"\nescaped: {what}\n  {body!r}" for what, body in self.escaped.items())
        return (
            f"{self.answers.total():,} payloads, slowest {self.slowest_seconds:.3f} s of CPU, "
            f"{len(self.escaped)} escapes; {dict(self.answers.most_common())}{escapes}"
        )


def _scans(*texts: bytes) -> bytes:
    return zipped(*((f"scan_{number}.csv", text) for number, text in enumerate(texts)))


SAMPLES = [
    *EXAMPLES,
    *EXAMPLES,
    *(pack(text) for text in EXAMPLES for pack in (gzip.compress, zstd.compress, _scans)),
    *(_scans(text, text) for text in EXAMPLES),
    _scans(),
]


def try_one(chance: random.Random, findings: Findings) -> None:
    body = mutated(chance)
    started = time.process_time()
    try:
        answer = _answer(body, chance)
    except PayloadError as refused:
        answer = refused.code
    except Exception as error:  # noqa: BLE001 - what escapes is what is looked for
        answer = "escaped"
        findings.escaped.setdefault(f"{type(error).__name__}: {error}"[:200], body)
    findings.answers[answer] += 1
    findings.slowest_seconds = max(findings.slowest_seconds, time.process_time() - started)


def mutated(chance: random.Random) -> bytes:
    """A sample with up to five places changed; also text that is changed first and then packed."""
    body = bytearray(chance.choice(SAMPLES))
    for _ in range(chance.randrange(6)):
        near_end = chance.random() < 0.4
        at = max(0, len(body) - chance.randrange(1, END_BYTES)) if near_end else chance.randrange(len(body) + 1)
        new = chance.choice([chance.randbytes(chance.randrange(5)), chance.choice(NASTY), chance.choice(ZIP_MARKS)])
        body[at : at + chance.randrange(9)] = new
    pack = chance.choice([None, None, None, gzip.compress, zstd.compress, _scans])
    return pack(bytes(body)) if pack else bytes(body)


def _answer(body: bytes, chance: random.Random) -> str:
    parts = parts_of(io.BytesIO(body), encoding=chance.choice([None, None, None, "gzip", "zstd"]), limits=Limits())
    file_name = chance.choice([None, "scan_smb.csv.zip"])
    content_type = chance.choice([None, None, "text/csv; charset=utf-16", "application/json"])
    name = chance.choice([None, None, *FORMATS])
    found = recognise_parts(parts, Hints(content_type=content_type, file_name=file_name, format_name=name))
    if Family.MAIL not in found.format.families and parts[0].name is None:
        _take_secrets_out(parts[0].read, found.format, content_type)
    for _ in records_of(parts, found.format, ParseOptions(found.report_type, NOW), file_name=file_name):
        pass
    return "read"


def _take_secrets_out(read: Callable[[], Iterator[bytes]], form: Format, content_type: str | None) -> None:
    """As at the door. From what has none any more, nothing more may be taken.

    What no reader opens goes with any secret, and is no reason to look for one. Beside the mark that stands for a
    secret, what is no JSON may look like anything.
    """
    treatment = Treatment(form.name, is_table=Family.CSV in form.families, charset=charset_of(content_type))
    watch = treatment.watch()
    has_secrets = any([*map(watch.sees, read()), watch.sees_at_the_end()])
    kept = b"".join(treatment.rewritten(read()))
    if Family.CSV not in form.families:
        assert b"".join(treatment.rewritten(iter([kept]))) == kept, "something was left to take out"
        rules = rules_of(form.name)
        assert has_secrets or rules.unread or kept == b"".join(read()), "it was not seen that there was a secret"
        if _is_json(kept) and not rules.has_typed_values:
            assert not treatment.watch().sees(kept + bytes(64 * 1024)), "what was kept looks as if it had secrets"


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
