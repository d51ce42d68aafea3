"""Shadowserver's CSV: read by header, each trap of the format met once."""

from datetime import UTC, datetime

import pytest

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TIME = "2026-03-01 04:05:06"


def read(body: str | bytes, report_type: str | None = "scan_smb", *, max_records: int = 100) -> list[Record]:
    sent = body if isinstance(body, bytes) else body.encode()
    return list(FORMATS["shadowserver-csv"].parse(iter([sent]), ParseOptions(report_type, NOW, max_records)))


def parsed(body: str | bytes, report_type: str | None = "scan_smb") -> ParsedRecord:
    (record,) = read(body, report_type)
    assert isinstance(record, ParsedRecord), record
    return record


def indicator(body: str | bytes, report_type: str | None = "scan_smb") -> Indicator:
    return parsed(body, report_type).indicator


def row(report_type: str | None = "scan_smb", **columns: str) -> Indicator:
    """The indicator of one row with these columns, beside a good time and address."""
    columns = {"timestamp": TIME, "ip": "192.0.2.1", **columns}
    cells = ('"' + text.replace('"', '""') + '"' for text in columns.values())
    return indicator(f"{','.join(columns)}\n{','.join(cells)}\n", report_type)


def errors(body: str | bytes, report_type: str | None = "scan_smb") -> list[tuple[str, str]]:
    (record,) = read(body, report_type)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def warnings(body: str | bytes, report_type: str | None = "scan_smb") -> list[tuple[str, str]]:
    return [(warning.field, warning.code) for warning in parsed(body, report_type).warnings]


def refusal(body: str | bytes, *, max_records: int = 100) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(body, max_records=max_records)
    return refused.value.status, refused.value.code


def test_the_example_of_the_design_reads_as_it_says() -> None:
    body = (
        '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","device_vendor"\n'
        '"2026-03-01 04:05:06","high","192.0.2.10","tcp",445,"h10.example.net","smb;cve-2020-0796",64500,"NL",\n'
    )

    record = parsed(body)

    assert (record.record, record.line, record.warnings) == (1, 2, ())
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        category="vulnerable/vulnerable-system",
        identifier="open-smb",
        asset=Asset(ip="192.0.2.10", port=445, transport=Transport.TCP, hostname="h10.example.net"),
        geo_country="NL",
        asn=64500,
        severity=Severity.HIGH,
        cve_ids=("CVE-2020-0796",),
        tags=("smb",),
        extra={"report_type": "scan_smb"},
    )


def test_the_order_and_the_spelling_of_columns_do_not_matter() -> None:
    assert indicator(f'\ufeff IP ,"Timestamp"\r\n192.0.2.1,{TIME}\r\n').asset.ip == "192.0.2.1"


@pytest.mark.parametrize("tag", ["smb;CVE-2020-0796;v1", "smb,cve-2020-0796,v1", "smb; cve-2020-0796 ,v1,smb"])
def test_tags_are_split_at_semicolons_and_commas_and_give_their_cve_ids(tag: str) -> None:
    found = row(tag=tag)

    assert (found.tags, found.cve_ids) == (("smb", "v1"), ("CVE-2020-0796",))


@pytest.mark.parametrize("geo", ["ZZ", "AA", "XX", "", "0", "unknown"])
def test_words_for_no_country_are_no_country(geo: str) -> None:
    assert row(geo=geo).geo_country is None
    assert row(geo="nl").geo_country == "NL"


@pytest.mark.parametrize(("asn", "expected"), [("0", None), ("", None), ("64500", 64500), ("AS64500", 64500)])
def test_as_number_0_is_none(asn: str, expected: int | None) -> None:
    assert row(asn=asn, naics="0").asn == expected
    assert "naics" not in row(asn=asn, naics="0").extra


def test_an_optional_value_that_is_wrong_is_dropped_with_a_warning() -> None:
    body = f"timestamp,ip,severity,asn,geo,protocol,hostname\n{TIME},192.0.2.1,awful,many,Holland,carrier pigeon,a b\n"

    record = parsed(body)

    assert {w.field for w in record.warnings} == {"severity", "asn", "geo", "protocol", "hostname"}
    assert {w.code for w in record.warnings} == {"value-discarded"}
    assert (record.indicator.severity, record.indicator.asn, record.indicator.geo_country) == (None, None, None)


def test_all_errors_of_a_row_are_told_together() -> None:
    body = "timestamp,ip,port\nyesterday,300.1.1.1,99999\n"

    assert errors(body) == [("timestamp", "invalid-timestamp"), ("ip", "invalid-ip"), ("port", "invalid-port")]


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("", "missing-timestamp"),
        ("0000-00-00 00:00:00", "missing-timestamp"),
        ("20260301", "invalid-timestamp"),
        ("2026-03-01", "invalid-timestamp"),
        ("2026-W09-7 04:05:06", "invalid-timestamp"),
        ("2026-03-01 24:00:00", "invalid-timestamp"),
        ("1999-12-31 23:59:59", "timestamp-out-of-range"),
        ("2026-03-03 00:00:01", "timestamp-out-of-range"),
        ("9999-12-31T23:59:59-23:59", "invalid-timestamp"),
    ],
)
def test_a_time_must_be_one_and_be_possible(time: str, code: str) -> None:
    assert errors(f"timestamp,ip\n{time},192.0.2.1\n") == [("timestamp", code)]


@pytest.mark.parametrize(
    "time",
    [TIME, "2026-03-01T04:05:06Z", "2026-03-01 05:05:06+0100", "2026-03-01 04:05:06 UTC", "2026-03-01T04:05:06.000GMT"],
)
def test_a_time_is_utc_unless_it_names_a_zone(time: str) -> None:
    assert row(timestamp=time).seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)


def test_a_leap_second_is_the_second_before() -> None:
    assert row(timestamp="2016-12-31 23:59:60").seen_at == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_row_with_missing_last_fields_is_read_and_warned_about() -> None:
    body = f"timestamp,ip,port,tag\n{TIME},192.0.2.1,445\n"

    assert warnings(body) == [("", "short-row")]
    assert indicator(body).asset.port == 445


def test_a_torn_row_and_a_row_with_too_many_fields_are_rejected() -> None:
    assert errors(f"timestamp,ip,port,tag,asn\n{TIME},192.0.2.1\n") == [("", "too-few-fields")]
    assert errors(f"timestamp,ip\n{TIME},192.0.2.1,445\n") == [("", "too-many-fields")]


def test_the_port_of_a_client_is_no_service_of_the_asset() -> None:
    header = "timestamp,src_ip,src_port,src_asn,src_geo,dst_ip,infection"
    body = f"{header}\n{TIME},192.0.2.1,50123,64500,NL,192.0.2.9,avalanche\n"

    found = indicator(body, "event4_sinkhole")

    assert found.asset == Asset(ip="192.0.2.1")
    assert (found.asn, found.geo_country, found.malware_name) == (64500, "NL", "avalanche")
    assert (found.category, found.identifier) == ("malicious-code/infected-system", "avalanche")
    assert found.extra == {
        "report_type": "event4_sinkhole",
        "source_port": "50123",
        "dst_ip": "192.0.2.9",
    }


def test_a_sinkhole_event_without_infection_is_named_by_its_type() -> None:
    body = f"timestamp,src_ip,infection\n{TIME},192.0.2.1,\n"

    assert indicator(body, "event4_sinkhole").identifier == "event4-sinkhole"


def test_the_referring_site_is_the_asset_of_a_referer_event() -> None:
    body = f"timestamp,http_referer_ip,http_referer_port,dst_ip,infection\n{TIME},192.0.2.1,80,192.0.2.9,x1\n"

    found = indicator(body, "event4_sinkhole_http_referer")

    assert (found.asset, found.extra["source_port"]) == (Asset(ip="192.0.2.1"), "80")


def test_in_a_spam_report_the_linked_address_is_the_asset_and_not_the_relay() -> None:
    relay = {"src_ip": "192.0.2.9", "src_port": "25"}

    found = row("spam_url", url="http://shop.example.com/a", hostname="shop.example.com", **relay)

    assert found.asset == Asset(ip="192.0.2.1", domain="shop.example.com", url="http://shop.example.com/a")
    assert relay.items() <= found.extra.items()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.example.com/x.php", "http://www.example.com/x.php"),
        ("/favicon.ico", "https://www.example.com/favicon.ico"),
        ("GET /favicon.ico HTTP/1.1", "https://www.example.com/favicon.ico"),
        ("POST http://other.example.com/ HTTP/1.1", "http://other.example.com/"),
        ("GET /?password=hunter2 HTTP/1.1", "https://www.example.com/?password="),
        ("", None),
        ("nonsense", None),
    ],
)
def test_the_url_of_a_compromised_website_is_built_from_what_there_is(url: str, expected: str | None) -> None:
    found = row("compromised_website", url=url, http_host="www.example.com", port="443")

    assert (found.asset.url, found.asset.domain) == (expected, "www.example.com")
    assert "url" not in found.extra


def test_the_url_of_other_reports_is_the_other_side() -> None:
    found = row("sandbox_url", url="http://u:p@example.org/?token=abc", hostname="example.org")

    assert (found.asset.url, found.asset.domain) == (None, "example.org")
    assert found.extra["url"] == "http://example.org/?token="


def test_a_compromised_account_is_its_email_address_and_its_secret_stays_out() -> None:
    body = f"timestamp,email,username,password,service\n{TIME},J.Doe@Example.com,jdoe,hunter2,vpn\n"

    record = parsed(body, "compromised_account")

    assert record.indicator.asset == Asset(email="J.Doe@example.com")
    assert record.indicator.credentials
    assert record.indicator.extra == {"report_type": "compromised_account", "service": "vpn", "username": "jdoe"}
    assert "hunter2" not in repr(record)


def test_a_user_name_that_is_an_address_is_the_account() -> None:
    body = f"timestamp,email,username\n{TIME},,j.doe@example.com\n"

    found = indicator(body, "compromised_account")

    assert found.asset.email == "j.doe@example.com"
    assert "username" not in found.extra


@pytest.mark.parametrize("website", ["example.com", "https://www.Example.com/about", "www.example.com/"])
def test_the_victim_of_ransomware_is_its_website(website: str) -> None:
    found = indicator(f"timestamp,website,ransomware\n{TIME},{website},lockbit\n", "ransomware_victim")

    assert found.asset.domain in ("example.com", "www.example.com")
    assert found.extra["ransomware"] == "lockbit"


def test_a_row_that_names_nothing_is_rejected() -> None:
    assert errors(f"timestamp,email,tag\n{TIME},,x\n", "compromised_account") == [("email", "no-asset")]
    assert errors(f"timestamp,ip,tag\n{TIME},,x\n") == [("ip", "no-asset")]


@pytest.mark.parametrize(
    ("tag", "category", "identifier"),
    [
        ("exchange;webshell", "intrusions/system-compromise", "exchange-server-webshell"),
        ("exchange;cve-2021-26855", "vulnerable/vulnerable-system", "vulnerable-exchange-server"),
    ],
)
def test_a_tag_decides_what_an_exchange_server_suffers_from(tag: str, category: str, identifier: str) -> None:
    for report_type in ("scan_exchange", "scan6_exchange"):
        found = row(report_type, tag=tag)
        assert (found.category, found.identifier) == (category, identifier)


def test_a_single_address_may_be_written_as_a_network_and_more_are_too_large() -> None:
    assert row("blocklist", ip="192.0.2.1/32").asset.ip == "192.0.2.1"
    assert errors(f"timestamp,ip\n{TIME},192.0.2.0/24\n", "blocklist") == [("ip", "network-too-large")]
    assert errors(f"timestamp,ip\n{TIME},192.0.2.0/99\n", "blocklist") == [("ip", "invalid-network")]


def test_what_a_honeypot_was_attacked_with_is_no_vulnerability_of_the_attacker() -> None:
    body = f"timestamp,src_ip,vulnerability_id,tag\n{TIME},192.0.2.1,CVE-2021-44228,scan\n"

    found = indicator(body, "event4_honeypot_http_scan")

    assert (found.cve_ids, found.extra["vulnerability_id"]) == ((), "CVE-2021-44228")


def test_a_type_that_implies_a_transport_gives_it_where_the_row_has_none() -> None:
    assert row("scan_rdp").asset.transport == Transport.TCP
    assert row("scan_rdp", protocol="UDP").asset.transport == Transport.UDP
    assert row("scan_http").asset.transport is None


def test_the_product_is_the_device_and_the_version_of_a_protocol_is_not() -> None:
    found = row(device_vendor="Example", device_model="Router", device_version="1.2", version="SMB 3")
    other = row(product="VNC server", product_version="7")

    assert (found.product, found.extra["version"]) == (Product("Example", "Router", "1.2"), "SMB 3")
    assert other.product == Product(None, "VNC server", "7")


def test_an_unknown_type_is_read_generically_and_said_once() -> None:
    first, second = read(f"timestamp,src_ip\n{TIME},192.0.2.1\n{TIME},192.0.2.2\n", "scan_brand_new")

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert (first.indicator.category, first.indicator.identifier) == ("other/undetermined", "scan-brand-new")
    assert [w.code for w in first.warnings] == ["unknown-report-type"]
    assert second.warnings == ()


def test_no_type_at_all_is_read_generically() -> None:
    assert row(None).identifier == "shadowserver-unknown"
    assert "report_type" not in row(None).extra


def test_old_column_names_are_read_as_todays() -> None:
    found = row("sandbox_dns", md5hash="abc", request="example.org", type="A")

    assert (found.extra["md5"], found.extra["request_type"]) == ("abc", "A")


@pytest.mark.parametrize("column", ["password", "set_cookie", "cookie", "sessionid", "badsecret_secret", "community"])
def test_columns_with_secrets_are_not_taken_in(column: str) -> None:
    first, second = read(f"timestamp,ip,{column}\n{TIME},192.0.2.1,hunter2\n{TIME},192.0.2.1,hunter2\n")

    assert isinstance(first, ParsedRecord)
    assert [(w.field, w.code) for w in first.warnings] == [(column, "redacted-secret")]
    assert "hunter2" not in repr([first, second])


def test_columns_that_only_tell_about_secrets_and_files_are_kept() -> None:
    columns = {
        "has_password": "true",
        "sha256": "ab",
        "md5": "cd",
        "hassh": "ef",
        "build_hash": "12",
        "badsecret_type": "x",
    }

    assert columns.items() <= row(**columns).extra.items()


def test_a_certificate_is_bounded_to_what_identifies_it() -> None:
    found = row(
        subject_common_name="www.example.com",
        sha256_fingerprint="AA:BB",
        cert_expiration_date="2027-01-01 00:00:00",
        issuer_common_name="Example CA",
        sha1_fingerprint="CC",
        raw_cert="MIIC",
        raw_response="AAAA",
    )

    assert found.extra.keys() == {"report_type", "subject_common_name", "sha256_fingerprint", "cert_expiration_date"}


def test_extra_is_bounded_in_keys_values_and_all_together() -> None:
    long = row(banner="x" * 5_000)
    many = row(**{f"column_{n}": "x" for n in range(100)})
    much = row(**{f"column_{n}": "x" * 1_000 for n in range(30)})

    assert (len(long.extra["banner"]), long.extra["_truncated"]) == (1024, "true")
    assert (len(many.extra), many.extra["_truncated"]) == (64, "true")
    assert sum(len(k) + len(v) for k, v in much.extra.items()) <= 16 * 1024
    assert much.extra["_truncated"] == "true"


def test_values_are_kept_as_they_came_but_without_invisible_characters() -> None:
    found = row(banner="=cmd|' /C calc'!A0", city="D\u202een H\u200baag\x07")

    assert found.extra["banner"] == "=cmd|' /C calc'!A0"
    assert found.extra["city"] == "Den Haag"


def test_null_words_say_nothing() -> None:
    assert row(sector="unknown", region="0", city=" ").extra == {"report_type": "scan_smb"}


def test_an_ipv4_address_in_an_ipv6_one_is_marked() -> None:
    assert row(ip="64:ff9b::192.0.2.1", tag="smb").tags == ("smb", "embedded-ipv4")
    assert row(ip="::ffff:192.0.2.1").asset.ip == "192.0.2.1"


def test_other_encodings_are_read() -> None:
    body = f"timestamp,ip,city\r{TIME},192.0.2.1,Málaga\r"

    assert indicator(body.encode("utf-16")).extra["city"] == "Málaga"
    assert indicator(body.encode("cp1252")).extra["city"] == "Málaga"
    assert warnings(body.encode("cp1252")) == [("", "assumed-charset")]


def test_rows_that_cannot_be_read_are_rejected_alone() -> None:
    good = f"{TIME},192.0.2.1,x\n".encode()
    body = b"timestamp,ip,tag\n" + good + b'"broken,192.0.2.1,\n' + b"nul\0,,\n" + b"x" * 70_000 + b"\n" + good

    records = read(body)

    assert [type(record) for record in records] == [ParsedRecord, *[RejectedRecord] * 3, ParsedRecord]
    assert [r.errors[0].code for r in records if isinstance(r, RejectedRecord)] == [
        "unclosed-quote",
        "undecodable-text",
        "field-too-long",
    ]
    assert [(record.record, record.line) for record in records] == [(n, n + 1) for n in range(1, 6)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "empty-payload"),
        ("\n \n", "empty-payload"),
        ("timestamp,ip\n", "empty-payload"),
        ("timestamp,ip\n\n\n", "empty-payload"),
        (f"{TIME},192.0.2.1\n", "no-header"),
        ('"timestamp,ip\n', "no-header"),
        ("x" * 100_000, "no-header"),
        ("time\0stamp,ip\n", "undecodable-text"),
        ("when,ip\n", "missing-column"),
        ("<!DOCTYPE html>\n<p>Sign in\n", "missing-column"),
        ("timestamp,ip,IP \n", "duplicate-column"),
        ("timestamp,md5,md5hash\n", "duplicate-column"),
        ("timestamp," + ",".join(f"c{n}" for n in range(10_000)), "unsupported-layout"),
    ],
)
def test_a_payload_that_is_no_report_is_refused_as_a_whole(body: str, code: str) -> None:
    assert refusal(body) == (422, code)


def test_too_many_records_are_refused() -> None:
    body = "timestamp,ip\n" + f"{TIME},192.0.2.1\n" * 3

    assert refusal(body, max_records=2) == (413, "too-many-records")
    assert len(read(body, max_records=3)) == 3
