"""IntelMQ's events: the same indicator from every shape, and only the end that is to be warned is the asset."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Json = dict[str, Any]  # what json.dumps takes
EVENT: Json = {
    "time.source": "2026-03-01T04:05:06+00:00",
    "source.ip": "192.0.2.9",
    "source.port": 5900,
    "classification.taxonomy": "vulnerable",
    "classification.type": "vulnerable-system",
    "classification.identifier": "open-vnc",
    "feed.name": "Example",
    "extra.tag": "vnc",
}


def read(body: object, *, size: int = 100_000) -> list[Record]:
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    chunks = iter([sent[at : at + size] for at in range(0, len(sent), size)])
    return list(FORMATS["intelmq-json"].parse(chunks, ParseOptions(None, NOW)))


def parsed(event: Json) -> ParsedRecord:
    (record,) = read(event)
    assert isinstance(record, ParsedRecord), record
    return record


def indicator(**fields: object) -> Indicator:
    return parsed(EVENT | fields).indicator


def errors(event: Json) -> list[tuple[str, str]]:
    (record,) = read(event)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def warnings(**fields: object) -> list[tuple[str, str]]:
    return [(warning.field, warning.code) for warning in parsed(EVENT | fields).warnings]


def refusal(body: object) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(body)
    return refused.value.status, refused.value.code


def without(*names: str) -> Json:
    return {name: value for name, value in EVENT.items() if name not in names}


def hierarchical(event: Json) -> Json:
    """The event as IntelMQ writes it with `hierarchical_output`."""
    tree: Json = {}
    for name, value in event.items():
        *parents, last = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = value
    return tree


def test_every_field_is_read() -> None:
    record = parsed(
        EVENT
        | {
            "__type": "Event",
            "time.observation": "2026-03-01T05:00:00+00:00",
            "source.ip": "2001:DB8::9",
            "source.fqdn": "Www.Example.com",
            "source.url": "https://www.example.com/a#b",
            "source.account": "j.doe@example.com",
            "source.reverse_dns": "host9.example.net",
            "source.asn": 64500,
            "source.as_name": "Example Net",
            "source.geolocation.cc": "NL",
            "source.geolocation.city": "Delft",
            "protocol.transport": "tcp",
            "protocol.application": "vnc",
            "feed.accuracy": 79.6,
            "tlp": "WHITE",
            "severity": "high",
            "malware.name": "exampleworm",
            "malware.hash.sha256": "ab12",
            "product.vendor": "example",
            "product.name": "viewer",
            "product.version": "1.0",
            "product.vulnerabilities": "cve-2023-21529;cve-2024-0001",
            "event_description.text": "First line.\nSecond line.",
            "destination.ip": "198.51.100.1",
            "destination.port": 40001,
            "event_hash": "CD34",
            "extra.count": 3,
            "extra.seen": True,
        }
    )

    assert (record.record, record.line, record.warnings) == (1, 1, ())
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        category="vulnerable/vulnerable-system",
        identifier="open-vnc",
        asset=Asset(
            ip="2001:db8::9",
            port=5900,
            transport=Transport.TCP,
            domain="www.example.com",
            url="https://www.example.com/a",
            email="j.doe@example.com",
            hostname="host9.example.net",
        ),
        geo_country="NL",
        asn=64500,
        as_name="Example Net",
        severity=Severity.HIGH,
        cve_ids=("CVE-2023-21529", "CVE-2024-0001"),
        tags=("vnc",),
        product=Product("example", "viewer", "1.0"),
        malware_name="exampleworm",
        confidence=80,
        tlp=Tlp.CLEAR,
        description="First line.\nSecond line.",
        extra={
            "feed_name": "Example",
            "time_observation": "2026-03-01T05:00:00+00:00",
            "source_geolocation_city": "Delft",
            "protocol_application": "vnc",
            "malware_hash_sha256": "ab12",
            "destination_ip": "198.51.100.1",
            "destination_port": "40001",
            "event_hash": "CD34",
            "count": "3",
            "seen": "true",
        },
    )


@pytest.mark.parametrize(
    "event",
    [
        hierarchical(EVENT),
        EVENT | {"__type": "Event", "raw": "aHVudGVyMg==", "output": "{}"},
        without("extra.tag") | {"extra": {"tag": "vnc"}},
        without("extra.tag") | {"extra": '{"tag": "vnc"}'},
        hierarchical(without("extra.tag")) | {"extra": '{"tag": "vnc"}'},
        EVENT | {"source.port": "5900", "source.asn": None, "source.fqdn": "", "extra": {}},
    ],
)
def test_every_shape_of_an_event_reads_the_same(event: Json) -> None:
    assert parsed(event) == parsed(EVENT)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps([EVENT, hierarchical(EVENT)]),
        json.dumps([EVENT, EVENT], indent=2),
        json.dumps(EVENT) + "\n\n" + json.dumps(hierarchical(EVENT)) + "\n",
        "\ufeff" + json.dumps(EVENT) + "\r\n" + json.dumps(EVENT),
        json.dumps(EVENT, indent=1) + json.dumps(EVENT),
    ],
)
def test_events_come_in_an_array_or_one_after_another(body: str, size: int) -> None:
    assert [record.record for record in read(body, size=size) if isinstance(record, ParsedRecord)] == [1, 2]


def test_the_line_of_the_source_and_other_output_are_not_taken_in() -> None:
    record = parsed(hierarchical(EVENT) | {"raw": "aHVudGVyMg==", "output": {"note": "aHVudGVyMg=="}})

    assert "aHVudGVyMg==" not in repr(record)


def test_a_text_that_is_no_object_in_the_place_of_extra_is_dropped_unseen() -> None:
    for text in ("hunter2", '"hunter2"', '["hunter2"]', "[" * 100_000, '{"password": "hunter2"'):
        record = parsed(EVENT | {"extra": text})

        assert [(w.field, w.code) for w in record.warnings] == [("extra", "value-discarded")]
        assert "hunter2" not in repr(record)


@pytest.mark.parametrize(
    "report",
    [
        {"__type": "Report", "raw": "aXA=", "feed.name": "Example", "time.observation": "2026-03-01T04:05:06+00:00"},
        {"raw": "aXA="},
        {"raw": "aXA=", "feed": {"name": "Example"}},
    ],
)
def test_a_report_that_no_parser_has_read_is_refused(report: Json) -> None:
    assert refusal(report) == (422, "unsupported-layout")
    assert refusal([report, EVENT]) == (422, "unsupported-layout")


def test_a_report_among_events_is_rejected_alone() -> None:
    first, second, third = read([EVENT, {"__type": "Report", "raw": "aXA="}, EVENT])

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, RejectedRecord)
    assert isinstance(third, ParsedRecord)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (without("time.source"), [("time.source", "missing-timestamp")]),
        (EVENT | {"time.source": "yesterday"}, [("time.source", "invalid-timestamp")]),
        (EVENT | {"time.source": "1999-12-31T00:00:00+00:00"}, [("time.source", "timestamp-out-of-range")]),
        (EVENT | {"time.source": "2026-03-04T00:00:00+00:00"}, [("time.source", "timestamp-out-of-range")]),
        (EVENT | {"time.source": {"at": "now"}}, [("time.source", "missing-timestamp")]),
        (without("source.ip"), [("source.ip", "no-asset")]),
        (without("source.ip") | {"source.reverse_dns": "h.example.net"}, [("source.ip", "no-asset")]),
        (without("source.ip") | {"source.asn": 64500}, [("source.ip", "no-asset")]),
        (without("source.ip") | {"source.account": "j.doe"}, [("source.ip", "no-asset")]),
        (without("source.ip") | {"destination.ip": "192.0.2.1"}, [("source.ip", "no-asset")]),
        (EVENT | {"source.ip": "300.1.1.1"}, [("source.ip", "invalid-ip")]),
        (EVENT | {"source.ip": "0.0.0.0"}, [("source.ip", "invalid-ip")]),
        (EVENT | {"source.ip": 3221225993}, [("source.ip", "invalid-ip")]),
        (EVENT | {"source.port": 65536}, [("source.port", "invalid-port")]),
        (EVENT | {"source.fqdn": "localhost"}, [("source.fqdn", "invalid-domain")]),
        (EVENT | {"source.url": "javascript:alert(1)"}, [("source.url", "invalid-url")]),
        (EVENT | {f"extra.{number}": 1 for number in range(512)}, [("", "too-many-fields")]),
    ],
)
def test_a_time_or_an_asset_that_can_not_be_read_rejects_the_event(
    event: Json, expected: list[tuple[str, str]]
) -> None:
    assert errors(event) == expected


def test_all_errors_of_an_event_are_told_together() -> None:
    event = EVENT | {"time.source": "now", "source.ip": "x", "source.url": "x", "source.fqdn": "x", "source.port": -1}

    assert errors(hierarchical(event)) == [
        ("time.source", "invalid-timestamp"),
        ("source.ip", "invalid-ip"),
        ("source.fqdn", "invalid-domain"),
        ("source.url", "invalid-url"),
        ("source.port", "invalid-port"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source.geolocation.cc", "ZZ"),
        ("source.asn", "many"),
        ("source.reverse_dns", "a b"),
        ("source.reverse_dns", "a" * 100_000),
        ("protocol.transport", "pigeon"),
        ("feed.accuracy", 100.5),
        ("feed.accuracy", True),
        ("tlp", "ex:chr"),
        ("severity", "catastrophic"),
        ("extra.severity", "catastrophic"),
        ("product.vulnerabilities", "vuln-1"),
        ("extra.deep", [{"a": 1}]),
        ("malware.name", [1]),
    ],
)
def test_another_field_that_is_not_what_it_must_be_is_dropped_with_a_warning(field: str, value: object) -> None:
    assert warnings(**{field: value}) == [(field, "value-discarded")]
    assert indicator(**{field: value}) == indicator()


def test_an_event_that_says_only_when_it_was_observed_was_seen_then() -> None:
    record = parsed(without("time.source") | {"time.observation": "2026-03-01T06:05:06+02:00"})

    assert record.indicator.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert [(w.field, w.code) for w in record.warnings] == [("time.observation", "assumed-time")]
    assert "time_observation" not in record.indicator.extra


def test_a_time_without_zone_is_one_of_utc() -> None:
    record = parsed(EVENT | {"time.source": "2026-03-01 04:05:06"})

    assert record.indicator.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert [(w.field, w.code) for w in record.warnings] == [("time.source", "timestamp-without-zone")]


@pytest.mark.parametrize("kind", ["infected-system", "ddos", "scanner", "brute-force"])
def test_the_port_of_a_client_is_no_service_of_the_asset(kind: str) -> None:
    found = indicator(**{"classification.type": kind})

    assert found.asset == Asset(ip="192.0.2.9")
    assert found.extra["source_port"] == "5900"


def test_port_0_is_none() -> None:
    assert indicator(**{"source.port": 0}).asset.port is None


@pytest.mark.parametrize("network", ["192.0.2.7/32", "2001:db8::7/128"])
def test_a_network_of_a_single_address_is_that_address(network: str) -> None:
    found = parsed(without("source.ip") | {"source.network": network}).indicator

    assert found.asset.ip == network.partition("/")[0]


@pytest.mark.parametrize(
    ("network", "code"), [("192.0.2.0/24", "network-too-large"), ("192.0.2.0/40", "invalid-network")]
)
def test_a_larger_network_names_nobody_to_warn(network: str, code: str) -> None:
    assert errors(without("source.ip") | {"source.network": network}) == [("source.network", code)]


def test_the_network_around_an_asset_is_kept_beside() -> None:
    found = indicator(**{"source.network": "192.0.2.0/24"})

    assert (found.asset.ip, found.extra["source_network"]) == ("192.0.2.9", "192.0.2.0/24")


def test_an_account_is_an_asset_if_it_is_an_address() -> None:
    address = parsed(without("source.ip", "source.port") | {"source.account": "j.doe@Example.com"}).indicator
    name = indicator(**{"source.account": "j.doe"})

    assert (address.asset, address.extra) == (Asset(email="j.doe@example.com"), {"feed_name": "Example"})
    assert (name.asset.email, name.extra["source_account"]) == (None, "j.doe")


def test_an_asset_is_read_as_what_it_is() -> None:
    assert parsed(without("source.ip", "source.port") | {"source.fqdn": "192.0.2.1"}).indicator.asset == Asset(
        ip="192.0.2.1"
    )
    assert indicator(**{"source.fqdn": "*.example.com"}).tags == ("vnc", "wildcard")
    assert indicator(**{"source.ip": "64:ff9b::1"}).tags == ("vnc", "embedded-ipv4")
    assert indicator(**{"source.fqdn": "www[.]example[.]com"}).extra["original"] == "www[.]example[.]com"


@pytest.mark.parametrize(
    ("taxonomy", "kind", "category"),
    [
        ("malicious-code", "c2-server", "malicious-code/c2-server"),
        (None, "c2-server", "malicious-code/c2-server"),
        ("malicious code", "Infected-System", "malicious-code/infected-system"),
        ("other", "blacklist", "other/blocklist"),
        (None, "unauthorized-information-access", "information-content-security/unauthorised-information-access"),
    ],
)
def test_the_type_alone_tells_the_category(taxonomy: str | None, kind: str, category: str) -> None:
    fields = {"classification.taxonomy": taxonomy, "classification.type": kind}

    assert indicator(**fields).category == category
    assert warnings(**fields) == []


def test_an_unknown_category_is_kept_beside() -> None:
    record = parsed(EVENT | {"classification.type": "wobbly"})

    assert record.indicator.category == "other/undetermined"
    assert record.indicator.extra["original_category"] == "vulnerable/wobbly"
    assert [(w.field, w.code) for w in record.warnings] == [("classification.type", "unknown-category")]


@pytest.mark.parametrize(
    ("fields", "identifier"),
    [
        ({"classification.identifier": "Open VNC"}, "open-vnc"),
        ({"classification.identifier": None, "feed.code": "Example.Feed"}, "example.feed"),
        ({"classification.identifier": None}, "vulnerable-system"),
        ({"classification.identifier": None, "classification.type": None}, "intelmq-unknown"),
    ],
)
def test_the_identifier_is_the_most_telling_name_that_there_is(fields: Json, identifier: str) -> None:
    assert indicator(**fields).identifier == identifier


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "critical", "extra.severity": "low"}, Severity.CRITICAL),
        ({"extra.severity": "LOW"}, Severity.LOW),
        ({"severity": "undefined"}, None),
    ],
)
def test_the_severity_is_a_field_or_in_extra(fields: Json, severity: Severity | None) -> None:
    assert (indicator(**fields).severity, warnings(**fields)) == (severity, [])


@pytest.mark.parametrize("label", ["RED", "red", "TLP:RED"])
def test_the_tlp_label_is_read_in_any_spelling(label: str) -> None:
    assert indicator(tlp=label).tlp is Tlp.RED


def test_cve_ids_stand_among_the_tags_too() -> None:
    found = indicator(**{"extra.tag": "smb;CVE-2020-0796", "product.vulnerabilities": "cve-2023-21529;cve-2020-0796"})

    assert (found.tags, found.cve_ids) == (("smb",), ("CVE-2023-21529", "CVE-2020-0796"))


def test_extra_within_extra_gets_a_flat_name() -> None:
    assert indicator(extra={"http": {"server": "example"}}).extra["http_server"] == "example"


def test_secrets_are_dropped_with_one_warning_for_each_name() -> None:
    event = hierarchical(EVENT) | {"extra": {"password": "hunter2", "login": {"session": "hunter2"}}}
    event["feed"]["url"] = "https://user:hunter2@feed.example.org/?token=hunter2"
    event["event_description"] = {"text": "see https://user:hunter2@www.example.com/"}

    first, second = read([event, event])

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert [(w.field, w.code) for w in first.warnings] == [
        ("extra.password", "redacted-secret"),
        ("extra.login.session", "redacted-secret"),
    ]
    assert second.warnings == ()
    assert "hunter2" not in repr([first, second])


def test_what_is_nested_too_deep_or_under_too_long_a_name_is_dropped() -> None:
    deep: Json = {"a": 1}
    for _ in range(20):
        deep = {"a": deep}

    assert warnings(extra=deep) == [("extra.a.a.a.a", "value-discarded")]
    assert warnings(extra={"x" * 200: {"a": 1}}) == [("extra." + "x" * 58, "value-discarded")]


def test_extra_is_bounded() -> None:
    found = indicator(extra={f"name{number}": "x" * 2_000 for number in range(100)}).extra

    assert sum(map(len, [*found, *found.values()])) <= 16 * 1024
    assert found["_truncated"] == "true"


def test_one_broken_line_is_one_rejected_record() -> None:
    records = read("\n".join([json.dumps(EVENT), "{broken", "[1]", '{"source.ip": NaN}', json.dumps(EVENT)]))

    assert [r.errors[0].code if isinstance(r, RejectedRecord) else "" for r in records] == [
        *("", "invalid-json", "not-an-object", "invalid-json", ""),
    ]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("", (422, "empty-payload")),
        ("[]", (422, "empty-payload")),
        ("[" + json.dumps(EVENT), (422, "invalid-json")),
        ("[" * 100, (422, "too-deep")),
    ],
)
def test_a_text_that_is_not_whole_is_refused_as_a_whole(body: str, refused: tuple[int, str]) -> None:
    assert refusal(body) == refused
