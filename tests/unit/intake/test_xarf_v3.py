"""XARF 3: read straight, in all the spellings that reporters use."""

import json
from datetime import UTC, datetime

import pytest

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Tlp, Transport
from services.intake.domain.formats import recognise
from tests.unit.intake.xarf_reports import V3, Json, errors, parsed, warnings

REPORT: Json = V3["Report"]


def v3(*, leave_out: str = "", **fields: object) -> Json:
    return V3 | {"Report": {name: value for name, value in {**REPORT, **fields}.items() if name != leave_out}}


def test_every_field_is_read() -> None:
    record = parsed(
        v3(
            ReportClass="Activity",
            SourcePort=54321,
            DestinationIp="198.51.100.33",
            DestinationPort=25,
            Protocol="TCP",
            SmtpMailFromAddress="spam@example.com",
            SmtpRcptToAddress="third@example.com",
            SmtpMessageSubject="third",
            Samples=[{"ContentType": "message/rfc822", "Payload": "third"}],
        )
    )

    assert record.warnings == ()
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        category="abusive-content/spam",
        identifier="xarf-spam",
        asset=Asset(ip="192.0.2.55", transport=Transport.TCP),
        extra={
            "report_type": "messaging/spam",
            "reporter.org": "Example",
            "report_class": "Activity",
            "source_port": "54321",
            "destination_ip": "198.51.100.33",
            "destination_port": "25",
            "smtp_mail_from_address": "spam@example.com",
        },
    )


@pytest.mark.parametrize(
    ("spellings", "category", "identifier"),
    [
        ("Spam spam", "abusive-content/spam", "xarf-spam"),
        ("Login-Attack login_attack LoginAttack", "intrusion-attempts/brute-force", "xarf-login-attack"),
        ("Port-Scan port_scan", "information-gathering/scanner", "xarf-port-scan"),
        ("DDoS ddos", "availability/ddos", "xarf-ddos"),
        ("Phishing phishing", "fraud/phishing", "xarf-phishing"),
        ("Malware malware", "malicious-code/malware-distribution", "xarf-malware"),
        ("Botnet botnet", "malicious-code/infected-system", "xarf-botnet"),
        ("Copyright copyright", "fraud/copyright", "xarf-copyright"),
    ],
)
def test_a_type_is_read_in_every_spelling(spellings: str, category: str, identifier: str) -> None:
    for spelling in spellings.split():
        found = parsed(v3(ReportType=spelling)).indicator
        assert (found.category, found.identifier) == (category, identifier)


def test_an_unknown_type_is_undetermined() -> None:
    record = parsed(v3(ReportType="Open-Port"))

    assert (record.indicator.category, record.indicator.identifier) == ("other/undetermined", "xarf-open-port")
    assert record.indicator.extra["report_type"] == "Open-Port"
    assert [(w.field, w.code) for w in record.warnings] == [("Report.ReportType", "unknown-category")]


@pytest.mark.parametrize("version", ["3", "3.0", "3.0.0", 3])
def test_the_version_may_be_a_number(version: object) -> None:
    body = v3() | {"Version": version}

    parsed(body)
    assert recognise(json.dumps(body).encode()).format.name == "xarf"


@pytest.mark.parametrize(
    ("fields", "asset"),
    [
        ({"Source": {"IP": "192.0.2.1"}}, Asset(ip="192.0.2.1")),
        ({"SourceIP": "192.0.2.1", "SourceIp": None}, Asset(ip="192.0.2.1")),
        ({"SourceIp": "", "Source": {"URL": "https://example.com/"}}, Asset(url="https://example.com/")),
        ({"SourceIp": "", "Url": "https://example.com/"}, Asset(url="https://example.com/")),
        (
            {"ReportType": "Phishing", "Url": "https://example.com/"},
            Asset(ip="192.0.2.55", url="https://example.com/"),
        ),
    ],
)
def test_the_source_is_read_where_it_stands(fields: Json, asset: Asset) -> None:
    assert parsed(v3(**fields)).indicator.asset == asset


def test_the_port_of_a_source_is_one_of_a_client() -> None:
    found = parsed(v3(Source={"IP": "192.0.2.1", "Port": 40000})).indicator

    assert (found.asset.port, found.extra["source_port"]) == (None, "40000")


def test_who_does_not_want_to_be_named_is_not() -> None:
    assert "reporter.org" not in parsed(v3() | {"Disclosure": False}).indicator.extra


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (v3() | {"Version": "2"}, [("Version", "invalid-value")]),
        (v3() | {"Version": True}, [("Version", "invalid-value")]),
        ({"Report": REPORT}, [("Version", "missing-field"), ("ReporterInfo", "missing-field")]),
        (v3() | {"Report": [REPORT]}, [("Report", "invalid-type")]),
        (v3() | {"ReporterInfo": "x"}, [("ReporterInfo", "invalid-type")]),
        (v3(leave_out="Date"), [("Report.Date", "missing-timestamp")]),
        (v3(leave_out="ReportType"), [("Report.ReportType", "missing-field")]),
        (v3(leave_out="SourceIp"), [("Report.SourceIp", "no-asset")]),
        (v3(SourceIp="x", Date="y"), [("Report.Date", "invalid-timestamp"), ("Report.SourceIp", "invalid-ip")]),
    ],
)
def test_what_is_wrong_is_told_together(body: Json, expected: list[tuple[str, str]]) -> None:
    assert errors(body) == expected


def test_a_time_without_zone_is_utc_with_a_warning() -> None:
    assert warnings(v3(Date="2026-03-01 04:05:06")) == [("Report.Date", "timestamp-without-zone")]


def test_of_abused_children_nothing_goes_further_but_where_the_owner_is() -> None:
    record = parsed(v3(ReportType="Child-Abuse", SourceIp="", Url="https://example.com/hidden", Note="hidden"))

    assert (record.indicator.category, record.indicator.tlp) == ("abusive-content/violence", Tlp.RED)
    assert (record.indicator.asset, record.indicator.tags) == (Asset(domain="example.com"), ("needs-a-person",))
    assert "hidden" not in repr(record)
