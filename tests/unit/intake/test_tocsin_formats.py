"""Our own format: strict, every error of a record at once, and streamed whatever its size."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Json = dict[str, Any]  # what json.dumps takes
RECORD: Json = {
    "seen_at": "2026-03-01T04:05:06Z",
    "category": "vulnerable/vulnerable-system",
    "identifier": "exchange-vulnerable",
    "asset": {"ip": "2001:db8::10", "port": 443, "transport": "tcp"},
}


def read(body: object, *, format_name: str = "tocsin-json", size: int = 100_000) -> list[Record]:
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    chunks = iter([sent[at : at + size] for at in range(0, len(sent), size)])
    return list(FORMATS[format_name].parse(chunks, ParseOptions(None, NOW)))


def parsed(**fields: object) -> ParsedRecord:
    (record,) = read([RECORD | fields])
    assert isinstance(record, ParsedRecord), record
    return record


def errors(**fields: object) -> list[tuple[str, str]]:
    (record,) = read([RECORD | fields])
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def refusal(body: object, *, format_name: str = "tocsin-json") -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(body, format_name=format_name)
    return refused.value.status, refused.value.code


def test_every_field_is_read() -> None:
    record = parsed(
        asset={"ip": "2001:DB8::10", "port": 443, "transport": "tcp", "hostname": "h.example.net"},
        first_seen_at="2026-02-01T00:00:00+01:00",
        geo_country="NL",
        asn=64500,
        as_name="Example Net",
        severity="critical",
        confidence=80,
        cve_ids=["CVE-2023-21529", "cve-2023-21529"],
        tags=["exchange"],
        product={"vendor": "Example", "name": "Mail", "version": "1"},
        malware_name="none",
        credentials=True,
        tlp="TLP:AMBER+STRICT",
        description="First line.\nSecond line.",
        extra={"count": 3, "seen": True, "note": "x", "empty": None},
    )

    assert (record.record, record.line, record.warnings) == (1, 1, ())
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        first_seen_at=datetime(2026, 1, 31, 23, tzinfo=UTC),
        category="vulnerable/vulnerable-system",
        identifier="exchange-vulnerable",
        asset=Asset(ip="2001:db8::10", port=443, transport=Transport.TCP, hostname="h.example.net"),
        geo_country="NL",
        asn=64500,
        as_name="Example Net",
        severity=Severity.CRITICAL,
        confidence=80,
        cve_ids=("CVE-2023-21529",),
        tags=("exchange",),
        product=Product("Example", "Mail", "1"),
        malware_name="none",
        credentials=True,
        tlp=Tlp.AMBER_STRICT,
        description="First line.\nSecond line.",
        extra={"count": "3", "seen": "true", "note": "x"},
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("seen_at", None, "missing-timestamp"),
        ("seen_at", "", "missing-timestamp"),
        ("seen_at", "2026-03-01T04:05:06", "invalid-timestamp"),
        ("seen_at", 1772337906, "invalid-type"),
        ("category", None, "missing-field"),
        ("identifier", None, "missing-field"),
        ("identifier", "Open SMB", "invalid-identifier"),
        ("asset", None, "no-asset"),
        ("asset", {}, "no-asset"),
        ("asset", {"hostname": "h.example.net"}, "no-asset"),
        ("asset", "192.0.2.1", "invalid-type"),
        ("severity", "catastrophic", "invalid-severity"),
        ("confidence", 101, "invalid-confidence"),
        ("confidence", True, "invalid-confidence"),
        ("tlp", "blue", "invalid-tlp"),
        ("cve_ids", ["CVE-1"], "invalid-cve"),
        ("cve_ids", "CVE-2023-21529", "invalid-type"),
        ("asn", 0, "invalid-asn"),
        ("asn", 10**100, "invalid-asn"),
        ("tags", ["x"] * 51, "field-too-long"),
        ("description", "x" * 4001, "field-too-long"),
        ("credentials", "hunter2", "invalid-type"),
        ("extra", [], "invalid-type"),
        ("password", "hunter2", "unknown-field"),
    ],
)
def test_a_field_that_is_not_what_it_must_be_rejects_the_record(field: str, value: object, code: str) -> None:
    (record,) = read([RECORD | {field: value}])

    assert errors(**{field: value}) == [(field, code)]
    assert "hunter2" not in repr(record)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("ip", "300.1.1.1", "invalid-ip"),
        ("ip", "0.0.0.0", "invalid-ip"),
        ("ip", "fe80::1%eth0", "invalid-ip"),
        ("ip", "192.0.2.0/24", "network-too-large"),
        ("ip", "192.0.2.0/40", "invalid-network"),
        ("port", 0, "invalid-port"),
        ("port", "443", "invalid-port"),
        ("transport", "pigeon", "invalid-transport"),
        ("domain", "localhost", "invalid-domain"),
        ("url", "javascript:alert(1)", "invalid-url"),
        ("asn", -1, "invalid-asn"),
        ("email", "J <j@example.com>", "invalid-email"),
        ("hostname", "a b", "invalid-domain"),
        ("iban", "x", "unknown-field"),
    ],
)
def test_an_asset_that_is_not_what_it_must_be_rejects_the_record(field: str, value: object, code: str) -> None:
    assert errors(asset={"ip": "192.0.2.1", field: value}) == [(f"asset.{field}", code)]


def test_all_errors_of_a_record_are_told_together() -> None:
    assert errors(seen_at="now", severity="x", asset={"ip": "x", "port": 0}, zzz=1, extra=3) == [
        ("zzz", "unknown-field"),
        ("asset.ip", "invalid-ip"),
        ("asset.port", "invalid-port"),
        ("seen_at", "invalid-timestamp"),
        ("severity", "invalid-severity"),
        ("extra", "invalid-type"),
    ]


def test_harmless_spellings_are_read_and_kept_beside() -> None:
    found = parsed(asset={"domain": "www[.]example(.)com", "url": "hxxps://www[.]example[.]com/x"}).indicator

    assert found.asset == Asset(domain="www.example.com", url="https://www.example.com/x")
    assert found.extra == {"original": "www[.]example(.)com hxxps://www[.]example[.]com/x"}


def test_the_password_in_a_url_is_not_kept_in_any_spelling() -> None:
    record = parsed(asset={"url": "hxxps://user:hunter2@www[.]example[.]com/?token=hunter2"})

    assert record.indicator.asset.url == "https://www.example.com/?token="
    assert "hunter2" not in repr(record)


def test_an_asset_is_read_as_what_it_is() -> None:
    assert parsed(asset={"domain": "192.0.2.1"}).indicator.asset == Asset(ip="192.0.2.1")
    assert parsed(asset={"ip": "[2001:db8::1]:443"}).indicator.asset == Asset(ip="2001:db8::1")
    assert parsed(asset={"ip": "192.0.2.1/32"}).indicator.asset == Asset(ip="192.0.2.1")
    assert parsed(asset={"domain": "*.Example.com"}).indicator.tags == ("wildcard",)
    assert parsed(asset={"ip": "64:ff9b::1"}).indicator.tags == ("embedded-ipv4",)


def test_an_unknown_category_is_kept_beside() -> None:
    record = parsed(category="vulnerable/wobbly")

    assert record.indicator.category == "other/undetermined"
    assert record.indicator.extra == {"original_category": "vulnerable/wobbly"}
    assert [w.code for w in record.warnings] == ["unknown-category"]
    assert parsed(category="other/blacklist").indicator.category == "other/blocklist"


def test_a_word_for_no_country_is_dropped_with_a_warning() -> None:
    record = parsed(geo_country="ZZ")

    assert record.indicator.geo_country is None
    assert [w.code for w in record.warnings] == ["value-discarded"]


def test_secrets_in_extra_are_dropped_with_one_warning_for_each_name() -> None:
    first, second = read([RECORD | {"extra": {"Password": "hunter2", "deep": {}}}] * 2)

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert [w.code for w in first.warnings] == ["redacted-secret", "value-discarded"]
    assert [w.code for w in second.warnings] == ["value-discarded"]
    assert "hunter2" not in repr([first, second])


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps([RECORD] * 3),
        json.dumps({"tlp": "green", "confidence": 50, "indicators": [RECORD] * 3}, indent=2),
        json.dumps({"indicators": [RECORD] * 3}),
        "\ufeff" + json.dumps([RECORD] * 3),
        "\n".join([json.dumps(RECORD, indent=1)] * 3),
    ],
)
def test_records_come_in_an_array_in_a_wrapper_or_one_after_another(body: str, size: int) -> None:
    assert [record.record for record in read(body, size=size) if isinstance(record, ParsedRecord)] == [1, 2, 3]


def test_records_know_the_line_they_start_at() -> None:
    body = "[\n" + json.dumps(RECORD, indent=1) + ",\n\n" + json.dumps(RECORD) + "\n]"

    first, second = read(body, size=10)

    assert (first.line, second.line) == (2, body[: body.rindex("{", 0, body.rindex('"asset"'))].count("\n") + 1)


def test_defaults_fill_in_what_a_record_lacks() -> None:
    short = {key: RECORD[key] for key in ("seen_at", "asset")}
    body = {"tlp": "green", "confidence": 50, "category": "fraud/phishing", "identifier": "phish"}

    first, second = read(body | {"indicators": [short, short | {"tlp": "red"}]})

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert (first.indicator.category, first.indicator.identifier) == ("fraud/phishing", "phish")
    assert (first.indicator.tlp, first.indicator.confidence) == (Tlp.GREEN, 50)
    assert second.indicator.tlp == Tlp.RED


def test_a_broken_record_of_an_array_is_rejected_alone() -> None:
    good = json.dumps(RECORD)

    records = read(f'[{good}, {{"a": nope}}, 3, "x", null, [1], {{"a": 1e999}}, {good}]')

    assert [r.errors[0].code if isinstance(r, RejectedRecord) else "" for r in records] == [
        *("", "invalid-json", "not-an-object", "not-an-object", "not-an-object", "not-an-object", "invalid-json", ""),
    ]


def test_a_broken_line_is_rejected_alone() -> None:
    good = json.dumps(RECORD)
    deep, long = "[" * 100_000, '{"a": "' + "x" * 2_000_000

    body = "\n".join([good, '{"seen_at": "2026', deep, "", "\ufffd", "nope", long, good + "\r"])
    records = read(body, format_name="tocsin-ndjson", size=50_000)

    assert [r.errors[0].code if isinstance(r, RejectedRecord) else "" for r in records] == [
        *("", "invalid-json", "invalid-json", "invalid-json", "invalid-json", "field-too-long", ""),
    ]
    assert [record.line for record in records] == [1, 2, 3, 5, 6, 7, 8]


def test_a_line_that_is_not_utf_8_is_rejected() -> None:
    (record,) = FORMATS["tocsin-ndjson"].parse(iter([b'{"a": "\xff"}\n']), ParseOptions(None, NOW))

    assert isinstance(record, RejectedRecord)
    assert record.errors[0].code == "undecodable-text"


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("", (422, "empty-payload")),
        (" \n ", (422, "empty-payload")),
        ("[]", (422, "empty-payload")),
        ('{"indicators": []}', (422, "empty-payload")),
        ("[" + json.dumps(RECORD), (422, "invalid-json")),
        ("[" + json.dumps(RECORD)[:-1], (422, "invalid-json")),
        ("[" + json.dumps(RECORD) + " " + json.dumps(RECORD) + "]", (422, "invalid-json")),
        ("[" + json.dumps(RECORD) + ",]", (422, "invalid-json")),
        (json.dumps([RECORD]) + "]", (422, "invalid-json")),
        ('["x', (422, "invalid-json")),
        ("}", (422, "invalid-json")),
        ('{"tlp": "red", "indicators": [{}], "confidence": 3}', (422, "unsupported-layout")),
        ('{"confidence": 9' + "9" * 5_000 + ', "indicators": [{}]}', (422, "invalid-json")),
        ("[" * 100_000, (422, "too-deep")),
        ('[{"a": "' + "x" * 2_000_000 + '"}]', (413, "payload-too-large")),
        ("[" + "x" * 2_000_000, (413, "payload-too-large")),
    ],
)
def test_a_text_that_is_not_whole_is_refused_as_a_whole(body: str, refused: tuple[int, str]) -> None:
    assert refusal(body) == refused


def test_utf_16_is_no_json() -> None:
    for name in ("tocsin-json", "tocsin-ndjson"):
        with pytest.raises(PayloadError) as refused:
            list(FORMATS[name].parse(iter(["[]".encode("utf-16")]), ParseOptions(None, NOW)))
        assert refused.value.code == "undecodable-text"


def test_an_endless_array_is_read_as_it_comes() -> None:
    def endless() -> Iterator[bytes]:
        yield b"["
        while True:
            yield json.dumps(RECORD).encode() + b","

    records = FORMATS["tocsin-json"].parse(endless(), ParseOptions(None, NOW, max_records=1_000))

    with pytest.raises(PayloadError) as refused:
        for _ in records:
            pass
    assert (refused.value.status, refused.value.code) == (413, "too-many-records")


def test_blank_lines_are_none() -> None:
    body = "\n" + json.dumps(RECORD) + "\n \n" + json.dumps(RECORD)

    assert [(r.record, r.line) for r in read(body, format_name="tocsin-ndjson")] == [(1, 2), (2, 4)]


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_example_of_every_format_is_one(name: str) -> None:
    records = list(FORMATS[name].parse(iter([FORMATS[name].example.encode()]), ParseOptions("scan_smb", NOW)))

    assert records
    assert all(isinstance(record, ParsedRecord) and not record.warnings for record in records)
