"""AbuseHUB's CSV: Dutch time with both its traps, and one end of two is warned."""

from datetime import UTC, datetime

import pytest

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Severity, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 11, 2, tzinfo=UTC)
GOOD = {
    "reliable_notifier": "Example Foundation",
    "report_type": "Example Botnet Drone",
    "event_date": "2026-03-01",
    "event_time": "05:05:06",
    "src_ip": "192.0.2.33",
}
COLUMNS = (
    "reliable_notifier,report_type,infection_type,event_date,event_time,src_asn,src_ip,src_port,protocol,"
    "original_hotmail_recipient,hotmail_reporting_ip,dst_asn,dst_ip,dst_port,agent_id,src_url,dst_url,src_email,"
    "dst_email,src_hostname,dst_hostname,correlation_score1,correlation_score2,correlation_score3,"
    "correlation_score4,priority"
)


def read(body: str | bytes) -> list[Record]:
    sent = body if isinstance(body, bytes) else body.encode()
    return list(FORMATS["abusehub-csv"].parse(iter([sent]), ParseOptions(None, NOW)))


def row(**columns: str) -> Record:
    cells = GOOD | columns
    (record,) = read(",".join(cells) + "\n" + ",".join(f'"{cell}"' for cell in cells.values()) + "\n")
    return record


def parsed(**columns: str) -> ParsedRecord:
    record = row(**columns)
    assert isinstance(record, ParsedRecord), record
    return record


def errors(**columns: str) -> list[tuple[str, str]]:
    record = row(**columns)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def test_all_26_columns_are_read() -> None:
    cells = (
        '"Example Foundation","Example Botnet Drone",exampleworm,2026-03-01,05:05:06,64500,192.0.2.33,40001,tcp,'
        "j.doe@example.com,203.0.113.9,64501,198.51.100.7,443,a1,http://www.example.com/x,http://example.org/y,"
        "j@example.net,k@example.org,h33.example.net,c2.example.org,0.5,0,1,2,medium"
    )

    (record,) = read(f"{COLUMNS}\n{cells}\n")

    assert len(COLUMNS.split(",")) == 26
    assert isinstance(record, ParsedRecord)
    assert record.warnings == ()
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        category="malicious-code/infected-system",
        identifier="exampleworm",
        asset=Asset(ip="192.0.2.33", transport=Transport.TCP, hostname="h33.example.net"),
        asn=64500,
        severity=Severity.MEDIUM,
        malware_name="exampleworm",
        extra={
            "source_port": "40001",
            "reliable_notifier": "Example Foundation",
            "report_type": "Example Botnet Drone",
            "hotmail_reporting_ip": "203.0.113.9",
            "dst_asn": "64501",
            "dst_ip": "198.51.100.7",
            "dst_port": "443",
            "agent_id": "a1",
            "src_url": "http://www.example.com/x",
            "dst_url": "http://example.org/y",
            "src_email": "j@example.net",
            "dst_email": "k@example.org",
            "dst_hostname": "c2.example.org",
            "correlation_score1": "0.5",
            "correlation_score2": "0",
            "correlation_score3": "1",
            "correlation_score4": "2",
        },
    )


def test_a_third_persons_address_is_nowhere() -> None:
    assert "j.doe" not in repr(row(original_hotmail_recipient="j.doe@example.com"))
    assert "j.doe" not in repr(row(original_hotmail_recipient="j.doe@example.com", src_ip="x", event_time="x"))


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("2026-01-15", "01:45:59", datetime(2026, 1, 15, 0, 45, 59, tzinfo=UTC)),
        ("2026-07-15", "01:45:59", datetime(2026, 7, 14, 23, 45, 59, tzinfo=UTC)),
        ("2026-03-29", "01:59:59", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("2026-03-29", "03:00:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25", "01:59:59", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25", "03:00:00", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ("2026-07-15", "01:45:59Z", datetime(2026, 7, 15, 1, 45, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_what_dutch_clocks_showed(date: str, time: str, expected: datetime) -> None:
    record = parsed(event_date=date, event_time=time)

    assert (record.indicator.seen_at, record.warnings) == (expected, ())


def test_of_the_hour_that_comes_twice_in_october_the_first_is_taken() -> None:
    record = parsed(event_date="2026-10-25", event_time="02:30:00")

    assert record.indicator.seen_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert [(w.field, w.code, w.message) for w in record.warnings] == [
        (
            "event_time",
            "ambiguous-local-time",
            "'2026-10-25 02:30:00' comes twice in Europe/Amsterdam; the first was taken",
        )
    ]


def test_in_the_hour_that_is_skipped_in_march_winter_goes_on() -> None:
    record = parsed(event_date="2026-03-29", event_time="02:30:00")

    assert record.indicator.seen_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert [(w.code, w.message) for w in record.warnings] == [
        ("ambiguous-local-time", "'2026-03-29 02:30:00' is a time that Europe/Amsterdam skips")
    ]


@pytest.mark.parametrize(
    ("date", "time", "code"),
    [
        ("", "", "missing-timestamp"),
        ("0000-00-00", "00:00:00", "missing-timestamp"),
        ("2026-03-01", "", "invalid-timestamp"),
        ("01-03-2026", "05:05:06", "invalid-timestamp"),
        ("1999-12-31", "05:05:06", "timestamp-out-of-range"),
        ("2027-03-01", "05:05:06", "timestamp-out-of-range"),
    ],
)
def test_a_time_must_be_one_and_be_possible(date: str, time: str, code: str) -> None:
    assert errors(event_date=date, event_time=time) == [("event_time", code)]


@pytest.mark.parametrize(
    ("report_type", "category"),
    [
        ("Example Botnet Drone", "malicious-code/infected-system"),
        ("SINKHOLE events", "malicious-code/infected-system"),
        ("infections", "malicious-code/infected-system"),
        ("spam infection", "malicious-code/infected-system"),
        ("Hotmail complaints", "abusive-content/spam"),
        ("spamtrap", "abusive-content/spam"),
        ("Phishing sites", "fraud/phishing"),
        ("open resolver", "other/undetermined"),
        ("", "other/undetermined"),
    ],
)
def test_the_report_type_tells_the_category(report_type: str, category: str) -> None:
    assert parsed(report_type=report_type).indicator.category == category


def test_the_infection_names_the_finding_and_else_the_report_type_does() -> None:
    assert parsed(infection_type="Example Worm.B").indicator.identifier == "example-worm.b"
    assert parsed(infection_type="Example Worm.B").indicator.malware_name == "Example Worm.B"
    assert parsed(infection_type="unknown").indicator.identifier == "example-botnet-drone"
    assert parsed(infection_type="unknown").indicator.malware_name is None
    assert parsed(infection_type="", report_type="").indicator.identifier == "abusehub-unknown"


@pytest.mark.parametrize(
    ("priority", "severity"),
    [("low", Severity.LOW), ("Medium", Severity.MEDIUM), ("HIGH", Severity.HIGH), ("urgent", None), ("", None)],
)
def test_the_priority_is_the_severity(priority: str, severity: Severity | None) -> None:
    assert parsed(priority=priority).indicator.severity == severity


def test_the_asset_is_the_address_else_the_url_else_the_email_address() -> None:
    url = {"src_url": "http://u:hunter2@www.example.com/x", "src_email": "j@example.net"}

    assert parsed(src_ip="", **url).indicator.asset == Asset(url="http://www.example.com/x")
    assert parsed(src_ip="", **url).indicator.extra["src_email"] == "j@example.net"
    assert parsed(src_ip="0", src_url="", src_email="j@Example.net").indicator.asset == Asset(email="j@example.net")
    assert parsed(**url).indicator.extra["src_url"] == "http://www.example.com/x"


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"src_ip": ""}, ("src_ip", "no-asset")),
        ({"src_ip": "", "src_hostname": "h.example.net"}, ("src_ip", "no-asset")),
        ({"src_ip": "300.1.1.1"}, ("src_ip", "invalid-ip")),
        ({"src_ip": "192.0.2.0/24"}, ("src_ip", "network-too-large")),
        ({"src_ip": "", "src_url": "javascript:x"}, ("src_url", "invalid-url")),
        ({"src_ip": "", "src_email": "nobody"}, ("src_email", "invalid-email")),
    ],
)
def test_a_row_whose_asset_cannot_be_read_is_rejected(columns: dict[str, str], found: tuple[str, str]) -> None:
    assert errors(**columns) == [found]


def test_all_errors_of_a_row_are_told_together() -> None:
    assert errors(event_time="x", src_ip="x") == [("event_time", "invalid-timestamp"), ("src_ip", "invalid-ip")]


def test_an_optional_value_that_is_wrong_is_dropped_with_a_warning() -> None:
    record = parsed(src_asn="x", protocol="pigeon", src_hostname="a b")

    assert record.indicator.asset == Asset(ip="192.0.2.33")
    assert {(w.field, w.code) for w in record.warnings} == {
        ("src_asn", "value-discarded"),
        ("protocol", "value-discarded"),
        ("src_hostname", "value-discarded"),
    }


def test_columns_that_came_later_are_kept_but_not_their_secrets() -> None:
    record = parsed(colour="blue", password="hunter2")

    assert record.indicator.extra["colour"] == "blue"
    assert [(w.field, w.code) for w in record.warnings] == [("password", "redacted-secret")]
    assert "hunter2" not in repr(record)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "empty-payload"),
        (f"{COLUMNS}\n", "empty-payload"),
        ("reliable_notifier,event_time,src_ip\n", "missing-column"),
        ("reliable_notifier,event_date,src_ip\n", "missing-column"),
        ("reliable_notifier,event_date,event_time,dst_ip\n", "missing-column"),
        (f"{COLUMNS},SRC_IP\n", "duplicate-column"),
    ],
)
def test_a_payload_that_is_not_of_the_format_is_refused_as_a_whole(body: str, code: str) -> None:
    with pytest.raises(PayloadError) as refused:
        read(body)
    assert (refused.value.status, refused.value.code) == (422, code)


def test_a_torn_row_is_rejected_and_a_short_one_read() -> None:
    short, torn = read(",".join([*GOOD, "priority"]) + "\n" + ",".join(GOOD.values()) + "\nExample Foundation\n")

    assert isinstance(short, ParsedRecord)
    assert [w.code for w in short.warnings] == ["short-row"]
    assert isinstance(torn, RejectedRecord)
    assert torn.errors[0].code == "too-few-fields"


def test_an_ipv4_address_in_an_ipv6_one_is_marked() -> None:
    assert parsed(src_ip="64:ff9b::1").indicator.tags == ("embedded-ipv4",)
