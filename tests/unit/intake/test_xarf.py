"""XARF 4: what a report of each type says in our words, and all that may be wrong with one."""

import json
from datetime import UTC, datetime

import pytest

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.categories import category_of
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, RejectedRecord, recognise
from services.intake.domain.formats.xarf.types import KINDS
from services.intake.domain.hints import Hints
from tests.unit.intake.xarf_reports import CONTACT, HEAD, NOW, TYPES, Json, errors, parsed, read, report, warnings


def without(body: Json, name: str) -> Json:
    return {key: value for key, value in body.items() if key != name}


def test_every_field_is_read() -> None:
    found = parsed(
        report(
            "vulnerability",
            "cve",
            source_identifier="2001:DB8::77",
            source_port=50000,
            protocol="TCP",
            first_seen="2026-02-01T00:00:00+01:00",
            last_seen="2026-03-01T05:00:00Z",
            service="Example Server",
            service_version="1.2",
            cve_ids=["CVE-2023-21529", "cve-2024-1234"],
            severity="informational",
            confidence=0.85,
            tags=["a:b"],
            description="First line.\nSecond line.",
            evidence_source="researcher_analysis",
            asn=64500,
            country_code="NL",
            cvss_score=9.8,
            impact_assessment={"integrity": "high", "deep": {"a": 1}},
            patches=[1, "two"],
            _internal={"ticket": "X-1"},
        )
    )

    assert found.warnings == ()
    assert found.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 5, tzinfo=UTC),
        first_seen_at=datetime(2026, 1, 31, 23, tzinfo=UTC),
        category="vulnerable/vulnerable-system",
        identifier="cve-2023-21529",
        asset=Asset(ip="2001:db8::77", port=443, transport=Transport.TCP),
        geo_country="NL",
        asn=64500,
        severity=Severity.INFO,
        cve_ids=("CVE-2023-21529", "CVE-2024-1234"),
        tags=("a:b",),
        product=Product(name="Example Server", version="1.2"),
        confidence=85,
        description="First line.\nSecond line.",
        extra={
            "report_type": "vulnerability/cve",
            "reporter.org": "Example",
            "report_id": str(HEAD["report_id"]),
            "source_port": "50000",
            "evidence_source": "researcher_analysis",
            "cvss_score": "9.8",
            "impact_assessment.integrity": "high",
            "patches": "1, two",
        },
    )


def test_there_are_32_types_and_each_has_a_category_of_ours() -> None:
    assert KINDS.keys() == TYPES.keys()
    assert len(KINDS) == 32
    assert all(category_of(kind.category) == kind.category for kind in KINDS.values())


@pytest.mark.parametrize(("category", "kind"), list(TYPES))
def test_a_report_of_each_type_is_read(category: str, kind: str) -> None:
    record = parsed(report(category, kind))

    assert record.warnings == ()
    assert record.indicator.category == KINDS[category, kind].category
    assert record.indicator.identifier in (f"xarf-{kind}".replace("_", "-"), "cve-2023-21529")
    assert record.indicator.asset.ip == "192.0.2.77"
    assert record.indicator.extra["report_type"] == f"{category}/{kind}"


@pytest.mark.parametrize(("category", "kind", "name"), [(*type_, name) for type_ in TYPES for name in TYPES[type_]])
def test_what_a_type_requires_must_be_there_and_be_right(category: str, kind: str, name: str) -> None:
    missing, blank, wrong = (
        errors(body)
        for body in (
            without(report(category, kind), name),
            report(category, kind, **{name: ""}),
            report(category, kind, **{name: False}),
        )
    )

    if name != "protocol" or category != "messaging":  # without it nobody knows that a sender is required
        assert missing == blank == [(name, "missing-field")]
    assert [field for field, _ in wrong] == [name]


@pytest.mark.parametrize("name", ["xarf_version", "report_id", "reporter", "sender", "category", "type"])
def test_what_all_types_require_must_be_there(name: str) -> None:
    assert errors(without(report(), name)) == [(name, "missing-field")]


def test_a_report_needs_a_source_and_a_time() -> None:
    assert errors(without(report(), "source_identifier")) == [("source_identifier", "no-asset")]
    assert errors(without(report(), "timestamp")) == [("timestamp", "missing-timestamp")]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("xarf_version", "5.0.0", [("xarf_version", "invalid-value")]),
        ("xarf_version", 4, [("xarf_version", "invalid-type")]),
        ("report_id", "1", [("report_id", "invalid-value")]),
        ("timestamp", "yesterday", [("timestamp", "invalid-timestamp")]),
        ("timestamp", "1999-12-31T00:00:00Z", [("timestamp", "timestamp-out-of-range")]),
        ("timestamp", "2026-03-04T00:00:00Z", [("timestamp", "timestamp-out-of-range")]),
        ("timestamp", 1772337906, [("timestamp", "invalid-type")]),
        ("reporter", "Example", [("reporter", "invalid-type")]),
        ("reporter", CONTACT | {"contact": "J <j@example.org>"}, [("reporter.contact", "invalid-email")]),
        ("sender", CONTACT | {"domain": "a b"}, [("sender.domain", "invalid-domain")]),
        ("sender", {"org": "Example"}, [("sender.contact", "missing-field"), ("sender.domain", "missing-field")]),
        ("source_identifier", "nobody", [("source_identifier", "invalid-ip")]),
        ("source_identifier", "\u200b", [("source_identifier", "invalid-ip")]),
        ("source_identifier", "fe80::1%eth0", [("source_identifier", "invalid-ip")]),
        ("source_identifier", "javascript://x", [("source_identifier", "invalid-ip")]),
        ("source_identifier", "192.0.2.0/24", [("source_identifier", "network-too-large")]),
        ("source_identifier", ["192.0.2.1"], [("source_identifier", "invalid-type")]),
        ("source_identifier", "x" * 3000, [("source_identifier", "field-too-long")]),
        ("category", "weather", [("type", "unsupported-type")]),
        ("type", "cloud", [("type", "unsupported-type")]),
        ("type", "\u200b", [("type", "unsupported-type")]),
        ("type", 3, [("type", "invalid-type")]),
        ("confidence", 95, [("confidence", "invalid-confidence")]),
        ("confidence", True, [("confidence", "invalid-confidence")]),
        ("evidence", "x", [("evidence", "invalid-evidence")]),
    ],
)
def test_a_required_field_that_is_wrong_rejects_the_report(
    field: str, value: object, expected: list[tuple[str, str]]
) -> None:
    assert errors(report() | {field: value}) == expected


@pytest.mark.parametrize(
    ("category", "kind", "fields", "expected"),
    [
        ("messaging", "bulk_messaging", {"recipient_count": 3}, ("recipient_count", "invalid-value")),
        ("messaging", "spam", {"smtp_from": "x"}, ("smtp_from", "invalid-email")),
        ("content", "malware", {"url": "javascript:alert(1)"}, ("url", "invalid-url")),
        ("content", "fraud", {"fraud_type": "magic"}, ("fraud_type", "invalid-value")),
        ("content", "exposed_data", {"data_types": ["medical", "x"]}, ("data_types", "invalid-value")),
        ("content", "exposed_data", {"data_types": []}, ("data_types", "missing-field")),
        ("content", "suspicious_registration", {"registration_date": "x"}, ("registration_date", "invalid-timestamp")),
        ("copyright", "copyright", {"infringing_url": "x"}, ("infringing_url", "invalid-url")),
        ("copyright", "p2p", {"swarm_info": {"file_count": 1}}, ("swarm_info.info_hash", "missing-field")),
        ("copyright", "usenet", {"message_info": {"subject": "x"}}, ("message_info.message_id", "missing-field")),
        ("connection", "ddos", {"first_seen": "x"}, ("first_seen", "invalid-timestamp")),
        ("connection", "ddos", {"source_port": 0}, ("source_port", "invalid-port")),
        ("connection", "scraping", {"protocol": "icmp"}, ("protocol", "invalid-value")),
        ("connection", "scraping", {"total_requests": 0}, ("total_requests", "invalid-value")),
        ("connection", "reconnaissance", {"probed_resources": [1]}, ("probed_resources", "invalid-type")),
        ("vulnerability", "cve", {"cve_id": "CVE-1"}, ("cve_id", "invalid-cve")),
        ("vulnerability", "cve", {"service_port": 70000}, ("service_port", "invalid-port")),
    ],
)
def test_a_field_that_a_type_requires_must_be_what_it_says(
    category: str, kind: str, fields: Json, expected: tuple[str, str]
) -> None:
    assert errors(report(category, kind, **fields)) == [expected]


def test_all_that_is_wrong_with_a_report_is_told_together() -> None:
    wrong = {"category": "content", "type": "fraud", "timestamp": "x", "confidence": 2, "evidence": [1]}

    assert errors(wrong | {"fraud_type": "x", "reporter": {"org": 1}}) == [
        ("timestamp", "invalid-timestamp"),
        ("source_identifier", "no-asset"),
        ("url", "missing-field"),
        ("xarf_version", "missing-field"),
        ("report_id", "missing-field"),
        ("reporter.org", "invalid-type"),
        ("reporter.contact", "missing-field"),
        ("reporter.domain", "missing-field"),
        ("sender", "missing-field"),
        ("fraud_type", "invalid-value"),
        ("confidence", "invalid-confidence"),
        ("evidence[0]", "invalid-evidence"),
    ]


@pytest.mark.parametrize(
    ("source", "asset"),
    [
        ("[2001:db8::1]:443", Asset(ip="2001:db8::1")),
        ("192.0.2.1/32", Asset(ip="192.0.2.1")),
        ("hxxps://www[.]example[.]com/x", Asset(url="https://www.example.com/x")),
        ("someone@Example.com", Asset(email="someone@example.com")),
        ("*.Example.com", Asset(domain="example.com")),
    ],
)
def test_the_source_is_the_asset(source: str, asset: Asset) -> None:
    assert parsed(report(source_identifier=source)).indicator.asset == asset


def test_what_the_spelling_of_the_source_tells_is_kept() -> None:
    assert parsed(report(source_identifier="*.example.com")).indicator.tags == ("wildcard",)
    assert parsed(report(source_identifier="64:ff9b::1")).indicator.tags == ("embedded-ipv4",)
    assert parsed(report(source_identifier="www[.]example.com")).indicator.extra["original"] == "www[.]example.com"


def test_content_has_its_url_and_domain_in_the_asset_too() -> None:
    found = parsed(report("content", "phishing", domain="WWW.example.com")).indicator

    assert found.asset == Asset(ip="192.0.2.77", url="https://www.example.com/a", domain="www.example.com")
    assert not {"url", "domain"} & found.extra.keys()


def test_what_the_source_says_of_itself_is_not_overwritten() -> None:
    found = parsed(report("content", "phishing", source_identifier="example.net", domain="example.com")).indicator

    assert (found.asset.domain, found.extra["domain"]) == ("example.net", "example.com")


def test_a_port_of_the_source_is_a_service_only_where_something_is_vulnerable() -> None:
    assert parsed(report(source_port=3389)).indicator.asset.port == 3389
    attacking = parsed(report("connection", "ddos")).indicator
    assert (attacking.asset.port, attacking.extra["source_port"]) == (None, "40000")


def test_the_attacked_service_is_no_product_of_the_source() -> None:
    found = parsed(report("connection", "login_attack", service="ssh", destination_ip="198.51.100.1")).indicator

    assert found.product is None
    assert (found.extra["service"], found.extra["destination_ip"]) == ("ssh", "198.51.100.1")


def test_without_an_address_the_port_of_an_attack_is_not_required() -> None:
    parsed(without(report("connection", "ddos", source_identifier="example.com"), "source_port"))


def test_a_protocol_that_is_no_transport_is_kept_beside() -> None:
    found = parsed(report("messaging", "spam")).indicator

    assert (found.asset.transport, found.extra["protocol"]) == (None, "smtp")


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "high", "risk_level": "low", "cvss_score": 10}, Severity.HIGH),
        ({"risk_level": "Low", "cvss_score": 10}, Severity.LOW),
        ({"cvss_score": 9}, Severity.CRITICAL),
        ({"cvss_score": 8.9}, Severity.HIGH),
        ({"cvss_score": 4.0}, Severity.MEDIUM),
        ({"cvss_score": 0.1}, Severity.LOW),
        ({"cvss_score": 0}, None),
        ({}, None),
    ],
)
def test_the_severity_is_what_the_report_says_or_its_score(fields: Json, severity: Severity) -> None:
    assert parsed(report(**fields)).indicator.severity == severity


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("last_seen", "x"),
        ("first_seen", "1980-01-01T00:00:00Z"),
        ("severity", "terrible"),
        ("cvss_score", 11),
        ("cve_ids", ["CVE-1"]),
        ("cve_ids", "CVE-2023-21529"),
        ("malware_family", 3),
        ("asn", 0),
        ("country_code", "ZZ"),
        ("tags", "x"),
        ("description", "x" * 4001),
        ("source_port", 99999),
    ],
)
def test_an_optional_field_that_is_wrong_is_left_out_with_a_warning(field: str, value: object) -> None:
    assert warnings(report() | {field: value}) == [(field, "value-discarded")]


def test_a_time_without_zone_is_utc_with_a_warning() -> None:
    record = parsed(report(timestamp="2026-03-01T04:05:06"))

    assert record.indicator.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert [(w.field, w.code) for w in record.warnings] == [("timestamp", "timestamp-without-zone")]


def test_types_may_be_spelt_with_dashes() -> None:
    assert parsed(report() | {"type": "Open-Service"}).indicator.identifier == "xarf-open-service"


def test_malware_is_named_by_its_family_or_its_bot() -> None:
    assert parsed(report("infrastructure", "botnet", malware_family="Example")).indicator.malware_name == "Example"
    assert parsed(report("connection", "infected_host", bot_name="Mirror")).indicator.malware_name == "Mirror"
    assert parsed(report("content", "malware", exploit_cve=["CVE-2024-1234"])).indicator.cve_ids == ("CVE-2024-1234",)


def test_the_machine_of_a_search_engine_is_not_infected() -> None:
    found = parsed(report("connection", "infected_host", bot_type="search_engine", bot_name="Crawler")).indicator

    assert (found.category, found.malware_name, found.extra["bot_name"]) == ("other/other", None, "Crawler")


@pytest.mark.parametrize("kind", ["csam", "csem"])
@pytest.mark.parametrize(
    ("source", "asset"),
    [
        ("192.0.2.77", Asset(ip="192.0.2.77", domain="www.example.com")),
        ("https://www.example.com/hidden", Asset(domain="www.example.com")),
        ("https://192.0.2.9/hidden", Asset(ip="192.0.2.9")),
        ("hidden@example.com", Asset(domain="www.example.com")),
    ],
)
def test_of_abused_children_nothing_goes_further_but_where_the_owner_is(kind: str, source: str, asset: Asset) -> None:
    evidence = [{"content_type": "image/png", "payload": "aGlkZGVu"}]
    record = parsed(
        report(
            "content",
            kind,
            source_identifier=source,
            url="https://www.example.com/hidden",
            description="hidden",
            tags=["hidden:x"],
            evidence=evidence,
            hash_values={"md5": "hidden"},
            media_type="hidden",
            ncmec_report_id="N-1",
        )
    )

    assert record.indicator.category == "abusive-content/violence"
    assert record.indicator.asset == asset
    assert (record.indicator.tlp, record.indicator.tags) == (Tlp.RED, ("needs-a-person",))
    assert record.indicator.extra == {
        "report_type": f"content/{kind}",
        "report_id": HEAD["report_id"],
        "ncmec_report_id": "N-1",
    }
    assert "hidden" not in repr(record)
    assert "aGlkZGVu" not in repr(record)


def test_what_is_wrong_with_such_a_report_is_told_without_quoting_it() -> None:
    spoilt: Json = {"source_identifier": "gopher://hidden.example.com/", "url": "gopher://hidden.example.com/"}

    (record,) = read(report("content", "csam", **spoilt, domain="hidden example", evidence=[{"payload": "hidden"}]))

    assert isinstance(record, RejectedRecord)
    assert len(record.errors) == 4
    assert "hidden" not in repr(record)


def test_secrets_and_third_persons_stay_out() -> None:
    record = parsed(
        report(
            "messaging",
            "spam",
            password_patterns=["hunter2"],
            sample_records=[{"redacted_sample": "hunter2"}],
            access={"api_token": "hunter2"},
            smtp_to="third@example.com",
            subject="third",
            uploader_info={"username": "third", "account_type": "free"},
            link="https://user:hunter2@example.com/?password=hunter2",
        )
    )

    assert [(w.field, w.code) for w in record.warnings] == [
        ("password_patterns", "redacted-secret"),
        ("sample_records", "redacted-secret"),
        ("access.api_token", "redacted-secret"),
    ]
    assert "hunter2" not in repr(record)
    assert "third" not in repr(record)
    assert record.indicator.extra["uploader_info.account_type"] == "free"
    assert (
        parsed(report(source_identifier="https://u:hunter2@example.com/")).indicator.asset.url == "https://example.com/"
    )


def test_secrets_are_told_once_in_a_submission() -> None:
    first, second = read(report(password_patterns=["x"]), report(password_patterns=["x"]))

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert (len(first.warnings), len(second.warnings)) == (1, 0)


def test_words_about_secrets_are_none() -> None:
    found = parsed(report("copyright", "p2p", session_duration=3, credential_fields=["user"])).indicator

    assert found.extra["swarm_info.info_hash"] == "0" * 40
    assert (found.extra["session_duration"], found.extra["credential_fields"]) == ("3", "user")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(report()) + "\n" + json.dumps(report()),
        json.dumps([report()] * 2),
        json.dumps([report()] * 2, indent=1),
        json.dumps(report(), indent=1) + "\n" + json.dumps(report(), indent=1),
        "\ufeff" + json.dumps(report()) + "\n\n" + json.dumps(report()) + "\n",
    ],
)
def test_reports_come_in_an_array_or_one_after_another(body: str) -> None:
    assert recognise(body.encode()).format.name == "xarf"
    assert [record.record for record in read(body) if isinstance(record, ParsedRecord)] == [1, 2]


def test_one_broken_line_is_one_rejected_report() -> None:
    records = read("\n".join([json.dumps(report()), "{broken", "[1]", "3", json.dumps(report())]))

    assert [r.errors[0].code if isinstance(r, RejectedRecord) else "" for r in records] == [
        *("", "invalid-json", "not-an-object", "not-an-object", ""),
    ]


def test_an_empty_object_lacks_everything() -> None:
    assert {code for _, code in errors({})} == {"missing-field", "missing-timestamp", "no-asset"}


def test_a_report_of_too_many_fields_is_rejected() -> None:
    assert errors({str(number): 1 for number in range(600)}) == [("", "too-many-fields")]


def test_the_keys_tell_it_from_other_formats() -> None:
    for body in (report(), report(severity="high", tag="x", ip="192.0.2.1"), report(asset={}, seen_at=1)):
        assert recognise(json.dumps(body).encode()).format.name == "xarf"
        assert recognise(json.dumps(body).encode(), Hints(content_type="application/x-ndjson")).format.name == "xarf"
    assert list(FORMATS["xarf"].parse(iter([json.dumps(report()).encode()]), ParseOptions("scan_smb", NOW)))
