"""Shadowserver's JSON: the same rows as its CSV, in an array or line by line."""

import json
from datetime import UTC, datetime

import pytest

from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROW = {"timestamp": "2026-03-01 04:05:06", "ip": "192.0.2.11", "port": 6379, "protocol": "tcp", "tag": "redis"}


def read(body: object, report_type: str | None = "scan_redis") -> list[Record]:
    text = body if isinstance(body, str) else json.dumps(body)
    return list(FORMATS["shadowserver-json"].parse(iter([text.encode()]), ParseOptions(report_type, NOW)))


def read_one(row: object, report_type: str | None = "scan_redis") -> ParsedRecord:
    (record,) = read([row], report_type)
    assert isinstance(record, ParsedRecord), record
    return record


def test_a_row_reads_the_same_as_in_csv() -> None:
    row = ROW | {"severity": "critical", "asn": 64500, "geo": "NL", "city": None, "naics": 0}
    csv = ",".join(row) + "\n2026-03-01 04:05:06,192.0.2.11,6379,tcp,redis,critical,64500,NL,,0\n"

    (expected,) = FORMATS["shadowserver-csv"].parse(iter([csv.encode()]), ParseOptions("scan_redis", NOW))

    assert isinstance(expected, ParsedRecord)
    assert read_one(row).indicator == expected.indicator


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([ROW, ROW]),
        json.dumps([ROW, ROW], indent=2),
        "[\n" + json.dumps(ROW) + ",\n" + json.dumps(ROW) + "\n]",
        json.dumps(ROW) + "\n\n" + json.dumps(ROW) + "\n",
        json.dumps(ROW, indent=1) + json.dumps(ROW),
    ],
)
def test_rows_come_in_an_array_or_one_after_another(body: str) -> None:
    assert [record.record for record in read(body) if isinstance(record, ParsedRecord)] == [1, 2]


def test_values_may_be_of_any_simple_type() -> None:
    found = read_one(
        ROW | {"port": "6379", "tag": ["redis", "cve-2022-0543"], "ok": True, "load": 1.5, "size": 20.0, "none": None}
    ).indicator

    assert (found.asset.port, found.tags, found.cve_ids) == (6379, ("redis",), ("CVE-2022-0543",))
    assert (found.extra["ok"], found.extra["load"], found.extra["size"]) == ("true", "1.5", "20")


def test_a_nested_value_is_dropped_with_a_warning() -> None:
    record = read_one(ROW | {"deep": {"a": 1}})

    assert [(w.field, w.code) for w in record.warnings] == [("deep", "value-discarded")]


@pytest.mark.parametrize("key", ["type", "report_type"])
def test_the_object_may_say_its_type(key: str) -> None:
    found = read_one(ROW | {key: "scan_redis"}, None).indicator

    assert (found.identifier, found.extra["report_type"]) == ("open-redis", "scan_redis")


def test_a_column_called_type_is_no_report_type() -> None:
    found = read_one({"timestamp": ROW["timestamp"], "request": "example.org", "type": "A"}, "sandbox_dns").indicator

    assert (found.asset.domain, found.extra["request_type"]) == ("example.org", "A")


def test_one_broken_line_is_one_rejected_record() -> None:
    records = read("\n".join([json.dumps(ROW), "{broken", "[1]", '{"timestamp": NaN}', json.dumps(ROW)]))

    assert [r.errors[0].code if isinstance(r, RejectedRecord) else "" for r in records] == [
        *("", "invalid-json", "not-an-object", "invalid-json", ""),
    ]


def test_keys_may_differ_from_row_to_row() -> None:
    first, second = read([ROW, {"ip": "192.0.2.12", "timestamp": ROW["timestamp"], "city": "Delft"}])

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert (second.indicator.asset.ip, second.indicator.extra["city"]) == ("192.0.2.12", "Delft")


def test_a_row_without_a_time_is_rejected_and_not_the_whole() -> None:
    records = read([{"ip": "192.0.2.1"}, ROW])

    assert isinstance(records[0], RejectedRecord)
    assert records[0].errors[0].code == "missing-timestamp"
    assert isinstance(records[1], ParsedRecord)


@pytest.mark.parametrize(
    "pointer",
    [
        {"timestamp": "x", "report_date": "x", "report_type": "scan_smb", "uri": "https://example.org/1"},
        {"report": "scan_smb", "file": "x.csv", "type": "scan_smb", "id": "1", "timestamp": "x"},
    ],
)
def test_a_pointer_to_a_report_is_no_report(pointer: dict[str, str]) -> None:
    with pytest.raises(PayloadError) as refused:
        read([pointer])

    assert (refused.value.status, refused.value.code) == (422, "unsupported-layout")
