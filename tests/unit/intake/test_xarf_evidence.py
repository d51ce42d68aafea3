"""The evidence in an XARF report: as much as allowed, sound, and never in the indicator."""

import base64
import hashlib
import json
import tracemalloc
from itertools import chain, repeat

import pytest

from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, RejectedRecord
from tests.unit.intake.xarf_reports import NOW, errors, parsed, read, report, warnings

MIB = 1024 * 1024
CONTENT = b"the log of a scan"
PAYLOAD = base64.b64encode(CONTENT).decode()


def item(**fields: object) -> dict[str, object]:
    return {"content_type": "text/plain", "payload": PAYLOAD, **fields}


def of_size(size: int) -> dict[str, object]:
    return item(payload=base64.b64encode(bytes(size)).decode())


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_a_hash_that_fits_is_no_matter(algorithm: str) -> None:
    digest = hashlib.new(algorithm, CONTENT).hexdigest()

    assert (
        warnings(report(evidence=[item(hash=f"{algorithm}:{digest}"), item(hash=f"{algorithm}:{digest.upper()}")]))
        == []
    )


def test_a_hash_that_does_not_fit_is_a_warning() -> None:
    assert warnings(report(evidence=[item(), item(hash="sha256:" + "0" * 64), item(hash="md5:00")])) == [
        ("evidence[1].hash", "hash-mismatch"),
        ("evidence[2].hash", "hash-mismatch"),
    ]


@pytest.mark.parametrize("said", ["crc32:00", "sha256", 3, "sha256:xyz"])
def test_a_hash_of_another_kind_is_left_out(said: object) -> None:
    assert warnings(report(evidence=[item(hash=said)])) == [("evidence[0].hash", "value-discarded")]


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        ("x", "evidence"),
        ([item()] * 51, "evidence"),
        ([item(), "x"], "evidence[1]"),
        ([{"payload": PAYLOAD}], "evidence[0].content_type"),
        ([item(content_type=3)], "evidence[0].content_type"),
        ([{"content_type": "text/plain"}], "evidence[0].payload"),
        ([item(payload=3)], "evidence[0].payload"),
        ([item(payload="not base64!")], "evidence[0].payload"),
        ([item(payload=PAYLOAD[:-1])], "evidence[0].payload"),
        ([item(payload=PAYLOAD + "=")], "evidence[0].payload"),
        ([item(payload="caf\u00e9")], "evidence[0].payload"),
        ([of_size(5 * MIB + 1)], "evidence[0].payload"),
        ([item(payload=" " * (11 * MIB))], "evidence[0].payload"),
        ([of_size(5 * MIB)] * 3 + [item()], "evidence"),
    ],
)
def test_evidence_that_is_not_what_it_must_be_rejects_the_report(evidence: object, field: str) -> None:
    (record,) = read(report(evidence=evidence))

    assert errors(report(evidence=evidence)) == [(field, "invalid-evidence")]
    assert PAYLOAD[:8] not in repr(record)


def test_all_that_is_wrong_with_the_evidence_is_told_together() -> None:
    assert errors(report(evidence=[{}, item(payload="!")])) == [
        ("evidence[0].content_type", "invalid-evidence"),
        ("evidence[0].payload", "invalid-evidence"),
        ("evidence[1].payload", "invalid-evidence"),
    ]


def test_evidence_may_be_folded_and_never_enters_the_indicator() -> None:
    folded = item(payload=f"{PAYLOAD[:8]}\r\n {PAYLOAD[8:]}\n", description="A scan log", size=len(CONTENT))
    record = parsed(report(evidence=[folded] * 50))

    assert record.warnings == ()
    assert "evidence" not in record.indicator.extra
    assert "scan log" not in repr(record)


@pytest.mark.parametrize("indent", [None, 1])
def test_as_much_evidence_as_is_allowed_is_read_in_bounded_memory(indent: int | None) -> None:
    body = json.dumps(report(evidence=[of_size(5 * MIB)] * 3), indent=indent).encode()
    chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]

    tracemalloc.start()
    records = [
        type(record) for record in FORMATS["xarf"].parse(iter([*chunks, b"\n", *chunks]), ParseOptions(None, NOW))
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert records == [ParsedRecord, ParsedRecord]
    assert peak < 100_000_000


def test_a_report_that_is_large_by_anything_else_is_rejected() -> None:
    """Twenty megabytes of brackets would take half a gigabyte once decoded."""
    large = '{"xarf_version": "4.2.0", "x": [' + "[]," * 500_000 + "[]]}"

    first, second = read(json.dumps(report()) + "\n" + large)

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, RejectedRecord)
    assert [error.code for error in second.errors] == ["field-too-long"]


def test_a_report_without_end_takes_little_memory() -> None:
    endless = chain([b'[{"evidence": [{"payload": "'], repeat(b"x" * 65_536, 3_000))

    tracemalloc.start()
    with pytest.raises(PayloadError) as refused:
        list(FORMATS["xarf"].parse(endless, ParseOptions(None, NOW)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (refused.value.status, refused.value.code) == (413, "payload-too-large")
    assert "21 MiB" in refused.value.message
    assert peak < 60_000_000
