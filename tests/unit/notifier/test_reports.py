"""What machines get: reports in XARF that are valid and read back as what they were, and a table with every column."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zipfile import ZipFile

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, HandOver, Indicator, Product, Recipient, TargetAttributed
from libs.common.vocabulary import Language, RecipientKind, Severity, Tlp, Transport
from services.intake.domain import categories
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions
from services.intake.domain.formats.xarf.types import KINDS
from services.notifier.domain.attachments.attachment import MOST_BYTES, Attachment
from services.notifier.domain.attachments.table import COLUMNS, table_of
from services.notifier.domain.attachments.xarf import Sender, reports_of
from services.notifier.domain.findings import Finding, findings_of
from services.notifier.gateway.press import Press
from tests.unit.notifier.builders import NOW, notification, recipient, target

WORDS = Press().words(Language.ENGLISH)
SENDER = Sender(org="Tocsin", contact="desk+TOC-0@tocsin.example", domain="tocsin.example")
CERT = recipient(kind=RecipientKind.NATIONAL_CERT, name="CERT Example", email="in@cert.example")
CATEGORIES = sorted(categories._CATEGORIES)
SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "xarf-schemas" / "v4"
needs_schemas = pytest.mark.skipif(not SCHEMAS.exists(), reason="XARF's schemas are not here")

IPS = st.sampled_from(["192.0.2.1", "198.51.100.255", "2001:db8::1"])
DOMAINS = st.sampled_from(["www.jansen.example", "xn--jrg-sna.example"])
URLS = st.sampled_from(["https://www.jansen.example/a?b=c", "http://192.0.2.9:8080/x%20y"])
EMAILS = st.sampled_from(["info@jansen.example", "a.b+c@xn--jrg-sna.example"])
PORTS = st.none() | st.integers(1, 65535)
ASSETS = st.builds(
    Asset,
    ip=st.none() | IPS,
    port=PORTS,
    transport=st.none() | st.sampled_from(Transport),
    domain=st.none() | DOMAINS,
    url=st.none() | URLS,
    asn=st.none() | st.integers(1, 2**32 - 1),
    email=st.none() | EMAILS,
    hostname=st.none() | DOMAINS,
).filter(lambda asset: bool(asset.key))
TIMES = st.integers(0, 20 * 365 * 24 * 3600 * 10**6).map(lambda ago: NOW - timedelta(microseconds=ago))
WORDS_OF_OTHERS = st.text(max_size=9)
INDICATORS = st.builds(
    Indicator,
    seen_at=TIMES,
    category=st.sampled_from(CATEGORIES),
    identifier=st.sampled_from(["open-smb", "cve-2023-21529", "xarf-botnet"]),
    asset=ASSETS,
    asn=st.none() | st.integers(1, 2**32 - 1),
    geo_country=st.none() | st.sampled_from(["NL", "BE"]),
    cve_ids=st.lists(st.sampled_from(["CVE-2023-21529", "CVE-2024-12345"]), unique=True).map(tuple),
    product=st.none() | st.builds(Product, vendor=st.none() | WORDS_OF_OTHERS, name=st.none() | WORDS_OF_OTHERS),
    malware_name=st.none() | WORDS_OF_OTHERS,
    confidence=st.none() | st.integers(0, 100),
    tlp=st.none() | st.sampled_from(Tlp),
    extra=st.dictionaries(st.just("source_port"), st.sampled_from(["40000", "0", "65536", "²", "x", ""])),
)


def findings(
    *indicators: Indicator, first_seen_at: datetime = NOW - timedelta(days=2), severity: Severity = Severity.HIGH
) -> list[Finding]:
    told = [
        msgspec.structs.replace(target(to=CERT, severity=severity), indicator=indicator, first_seen_at=first_seen_at)
        for indicator in indicators
    ]
    return findings_of(told, WORDS)


def indicator(**fields: object) -> Indicator:
    found = target(asset=Asset(ip="192.0.2.1", port=445, transport=Transport.TCP)).indicator
    return msgspec.structs.replace(found, **fields)


def handed_over(**fields: object) -> TargetAttributed:
    made = msgspec.structs.replace(
        target(to=CERT), handed_over=HandOver(reason="vital-organisation", organisation="Ziekenhuis Zuid")
    )
    return msgspec.structs.replace(made, **fields)


def reports(found: Sequence[Finding]) -> Attachment:
    return reports_of(found, notification(to=CERT), SENDER)


def read_back(content: bytes) -> list[ParsedRecord]:
    read = list(FORMATS["xarf"].parse(iter([content]), ParseOptions(None, NOW)))
    assert all(isinstance(record, ParsedRecord) for record in read), read
    return [record for record in read if isinstance(record, ParsedRecord)]


def rows(attachment: Attachment) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(attachment.content.decode())))


@given(INDICATORS, TIMES, st.sampled_from(Severity))
def test_intake_reads_back_what_was_found_where_and_when(
    said: Indicator, first_seen_at: datetime, severity: Severity
) -> None:
    [record] = read_back(reports(findings(said, first_seen_at=first_seen_at, severity=severity)).content)

    back = record.indicator
    assert (back.asset, back.category, back.identifier) == (said.asset, said.category, said.identifier)
    assert (back.first_seen_at, back.seen_at) == (first_seen_at, said.seen_at)
    assert set(back.cve_ids) == set(said.cve_ids)
    assert (back.geo_country, back.confidence, back.severity) == (said.geo_country, said.confidence, severity)
    assert not record.warnings


@cache
def validator() -> jsonschema_rs.Validator:
    """XARF's master schema, with those that it refers to."""
    registry = jsonschema_rs.Registry(
        [
            (f"https://xarf.org/schemas/v4/{path.relative_to(SCHEMAS).as_posix()}", json.loads(path.read_text()))
            for path in SCHEMAS.rglob("*.json")
        ]
    )
    master = json.loads((SCHEMAS / "xarf-v4-master.json").read_text())
    return jsonschema_rs.Draft202012Validator(master, registry=registry, validate_formats=True)


@needs_schemas
@given(INDICATORS, st.sampled_from(Severity))
def test_every_report_is_valid_by_the_schemas_of_xarf(said: Indicator, severity: Severity) -> None:
    validator().validate(json.loads(reports(findings(said, severity=severity)).content))


@needs_schemas
@pytest.mark.parametrize("severity", list(Severity))
def test_a_cve_has_the_severities_of_xarf(severity: Severity) -> None:
    report = json.loads(reports(findings(indicator(cve_ids=("CVE-2023-21529",)), severity=severity)).content)

    assert report["type"] == "cve"
    validator().validate(report)


@needs_schemas
def test_the_schemas_refuse_what_is_no_report() -> None:
    report = json.loads(reports(findings(indicator())).content)
    for name in ("report_id", "service", "sender"):
        assert not validator().is_valid({key: value for key, value in report.items() if key != name})


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"cve_ids": ("CVE-2023-21529",)}, "vulnerability/cve"),
        ({"cve_ids": ("CVE-2023-21529",), "asset": Asset(ip="192.0.2.1")}, "vulnerability/misconfiguration"),
        ({"category": "vulnerable/potentially-unwanted-accessible"}, "vulnerability/open_service"),
        ({"category": "malicious-code/infected-system"}, "infrastructure/botnet"),
        ({"category": "malicious-code/c2-server"}, "infrastructure/compromised_server"),
        ({"category": "fraud/phishing", "asset": Asset(ip="192.0.2.1", url="http://a.example/")}, "content/phishing"),
        ({"category": "fraud/phishing"}, "reputation/threat_intelligence"),
        ({"category": "availability/ddos", "extra": {"source_port": "40000"}}, "connection/ddos"),
        ({"category": "availability/ddos"}, "reputation/threat_intelligence"),
        ({"category": "other/undetermined"}, "reputation/threat_intelligence"),
    ],
)
def test_a_report_is_of_the_type_that_xarf_has_for_it(fields: dict[str, object], kind: str) -> None:
    report = json.loads(reports(findings(indicator(**fields))).content)
    assert f"{report['category']}/{report['type']}" == kind
    assert (report["category"], report["type"]) in KINDS


def test_a_report_has_the_id_of_its_target_and_a_single_one_stands_alone() -> None:
    told = [target(to=CERT, asset=Asset(ip=f"192.0.2.{place}")) for place in range(3)]

    several = json.loads(reports(findings_of(told, WORDS)).content)
    single = json.loads(reports(findings_of(told[:1], WORDS)).content)

    assert [report["report_id"] for report in several] == [str(each.target_id) for each in told]
    assert single == several[0]


def test_a_table_has_every_column_of_every_finding() -> None:
    said = indicator(
        asset=Asset(ip="192.0.2.1", port=443, transport=Transport.TCP, domain="www.jansen.example", asn=64500),
        cve_ids=("CVE-2023-21529", "CVE-2024-12345"),
        product=Product(vendor="Voorbeeld", name="Kassa", version="4.2"),
        tlp=Tlp.GREEN,
        extra={"source_port": "40000"},
    )

    made = handed_over(indicator=said, severity=Severity.CRITICAL)
    [row] = rows(table_of(findings_of([made], WORDS), notification(to=CERT)))

    assert list(row) == ["reference", *COLUMNS]
    assert row == row | {
        "reference": notification().reference,
        "report_id": str(made.target_id),
        "severity": "critical",
        "ip": "192.0.2.1",
        "port": "443",
        "transport": "tcp",
        "source_port": "40000",
        "domain": "www.jansen.example",
        "asn": "64500",
        "cve_ids": "CVE-2023-21529 CVE-2024-12345",
        "product": "Kassa",
        "tlp": "green",
        "last_seen": "2026-03-01T11:00:00Z",
        "concerns": "Ziekenhuis Zuid",
        "handed_over_because": "vital-organisation",
    }


def test_no_cell_of_the_table_can_start_a_formula() -> None:
    nasty = Product(vendor="=cmd|' /C calc'!A0", name="@SUM(A1)", version="-1")
    made = handed_over(
        indicator=indicator(product=nasty, malware_name="+1"), handed_over=HandOver(reason="=1", organisation="\t=2")
    )

    [row] = rows(table_of(findings_of([made], WORDS), notification(to=CERT)))

    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t"))]


def stolen(**extra: str) -> Indicator:
    return indicator(
        category="information-content-security/data-leak",
        identifier="leaked-credentials",
        asset=Asset(email="j.doe@jansen.example", url="https://vpn.jansen.example/login"),
        credentials=True,
        extra=extra,
    )


def test_machines_are_told_which_account_which_leak_and_which_day() -> None:
    said = stolen(breach="Example Breach", leaked_at="2026-02-01T23:30:00-02:00", password="hunter2")

    file, table = reports(findings(said)), table_of(findings(said), notification(to=CERT))

    [row] = rows(table)
    assert list(row)[-3:] == ["account", "leak", "leaked_on"]
    told = {"account": "j.doe@jansen.example", "leak": "Example Breach", "leaked_on": "2026-02-02"}
    assert row == row | told
    own = json.loads(file.content)["tocsin"]
    assert own == own | told
    assert b"hunter2" not in file.content + table.content


def test_intake_reads_back_whose_credentials_were_stolen_from_which_leak_and_when() -> None:
    said = stolen(breach="Example Breach", leaked_at="2026-02-01T23:30:00-02:00", password="hunter2")

    [record] = read_back(reports(findings(said)).content)

    back = record.indicator
    assert (back.asset, back.credentials, back.identifier) == (said.asset, True, said.identifier)
    assert (back.extra["breach"], back.extra["leaked_at"]) == ("Example Breach", "2026-02-02")
    assert "hunter2" not in repr(record)
    assert not record.warnings


@needs_schemas
def test_a_report_of_a_stolen_account_is_valid_by_the_schemas_of_xarf() -> None:
    validator().validate(json.loads(reports(findings(stolen(breach="Example Breach"))).content))


def test_the_name_of_a_leak_is_no_formula_and_a_day_that_nobody_can_read_is_none() -> None:
    [row] = rows(table_of(findings(stolen(breach="=1+1", leaked_at="=2")), notification(to=CERT)))

    assert row == row | {"leak": "'=1+1", "leaked_on": ""}


def test_what_is_no_stolen_account_has_no_leak_in_the_table() -> None:
    said = indicator(asset=Asset(email="info@jansen.example"), extra={"breach": "One", "leaked_at": "2026-02-01"})
    [row] = rows(table_of(findings(said), notification(to=CERT)))

    assert row == row | {"account": "", "leak": "", "leaked_on": "", "email": "info@jansen.example"}


def test_what_partners_wrote_in_own_words_is_in_no_file() -> None:
    """Whatever a redaction has missed: a secret has no column and no member that it could leave by."""
    said = indicator(
        category="information-content-security/data-leak",
        asset=Asset(email="info@jansen.example"),
        credentials=True,
        description="hunter2",
        tags=("hunter2",),
        extra={"password": "hunter2", "source_port": "hunter2", "original": "hunter2"},
    )

    for file in (reports(findings(said)), table_of(findings(said), notification(to=CERT))):
        assert b"hunter2" not in file.content
        assert b"info@jansen.example" in file.content


def test_a_test_tells_nobody_whom_it_would_concern() -> None:
    partner = Recipient(
        kind=RecipientKind.NATIONAL_CERT, name="demo", email="a@demo.example", language=Language.ENGLISH, test_of="demo"
    )
    found = findings_of([handed_over(recipient=partner)], WORDS)

    for file in (reports(found), table_of(found, notification(to=partner))):
        assert b"Zuid" not in file.content
        assert b"vital" not in file.content


def test_large_files_are_packed_and_the_same_findings_make_the_same_bytes() -> None:
    many = [target(to=CERT, asset=Asset(ip=f"198.18.{place // 256}.{place % 256}")) for place in range(2_000)]
    found = findings_of(many, WORDS)

    file = reports(found)

    assert (file.media_type, file.told) == ("application/zip", 2_000)
    assert file.name == f"xarf-{notification().reference}.json.zip"
    assert len(file.content) < 400_000
    assert file == reports(found)
    assert len(read_back(unpacked(file))) == 2_000


def test_no_file_is_larger_than_a_mail_may_be_and_says_how_much_is_in_it() -> None:
    url = "https://www.jansen.example/" + "x" * 1900
    many = [target(to=CERT, asset=Asset(url=f"{url}{place}")) for place in range(10_000)]
    found = findings_of(many, WORDS)

    table, file = table_of(found, notification(to=CERT)), reports(found)

    assert len(unpacked(table)) <= MOST_BYTES
    assert table.told == 10_000, "a table holds everything"
    assert len(unpacked(file)) <= MOST_BYTES
    assert 0 < file.told < 10_000
    assert len(read_back(unpacked(file))) == file.told


def unpacked(file: Attachment) -> bytes:
    with ZipFile(io.BytesIO(file.content)) as archive:
        [inner] = archive.namelist()
        return archive.read(inner)
