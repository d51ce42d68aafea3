"""What a record says of itself that can't all be true, and what only looks bad."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from libs.common.contracts import Asset, Product
from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain.checks import CHECKS
from services.verifier.domain.checks.contradictions import consistent, no_noise
from services.verifier.domain.checks.exposure import exposed, found_exposed
from services.verifier.domain.exploitation import Exploitation, Exploited
from services.verifier.domain.judgement import judge
from services.verifier.domain.values import CheckResult
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw

IP = "145.10.20.30"


KEV = {
    cve_id: Exploited(cve_id=cve_id, vendor=vendor, product=product, added_on=NOW.date(), by_ransomware=False)
    for cve_id, vendor, product in (
        ("CVE-2022-40684", "Fortinet", "Multiple Products"),
        ("CVE-2021-44228", "Apache", "Log4j2"),
        ("CVE-2022-1388", "F5", "BIG-IP"),
        ("CVE-2024-3400", "Palo Alto Networks", "PAN-OS"),
        ("CVE-2023-37580", "Synacor", "Zimbra Collaboration Suite (ZCS)"),
        ("CVE-2019-11510", "Ivanti", "Pulse Connect Secure"),
        ("CVE-2021-26855", "Microsoft", "Exchange Server"),
    )
}
WITH_KEV = msgspec.structs.replace(RULES, exploitation=Exploitation(exploited=KEV))


def said_of_consistency(**changes: Any) -> tuple[CheckResult, str]:  # Any: fields of Indicator, each of its own type
    reason = consistent(NOTHING_KNOWN.case_of(raw(**changes), None), WITH_KEV, NOW)
    return reason.result, reason.detail


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identifier": "open-rdp", "asset": Asset(ip=IP, port=445)}, "port 445, which is that of open-smb"),
        ({"identifier": "open-smb", "asset": Asset(ip=IP, port=3389)}, "that of open-rdp"),
        ({"asset": Asset(ip=IP, hostname="static-145-10-20-31.isp.example")}, "the host name says 145.10.20.31"),
        ({"asset": Asset(ip=IP, hostname="31.20.10.145.isp.example")}, "the host name says 31.20.10.145"),
        ({"asset": Asset(ip=IP, url="http://145.10.20.99/x")}, "leads to 145.10.20.99"),
        ({"asset": Asset(domain="bakery.nl", url="https://butcher.nl/")}, "the URL leads to butcher.nl"),
        ({"cve_ids": ("CVE-2031-1234",)}, "before CVE-2031-1234 was known"),
        (
            {"cve_ids": ("CVE-2024-3400",), "product": Product(vendor="Citrix", name="NetScaler")},
            "CVE-2024-3400 is of Palo Alto Networks PAN-OS, the record names Citrix NetScaler",
        ),
        ({"cve_ids": ("CVE-2020-1", "CVE-2022-1388"), "product": Product(name="MOVEit")}, "CVE-2022-1388 is of F5"),
    ],
)
def test_a_record_that_contradicts_itself_is_doubted(changes: dict[str, Any], words: str) -> None:  # Any: as above
    result, detail = said_of_consistency(**changes)

    assert result is CheckResult.WARN
    assert words in detail


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"identifier": "open-rdp", "asset": Asset(ip=IP, port=3390)},
        {"identifier": "never-heard-of", "asset": Asset(ip=IP, port=445)},
        {"asset": Asset(ip=IP, hostname="static-145-10-20-30.isp.example")},
        {"asset": Asset(ip=IP, hostname="30.20.10.145.isp.example")},
        {"asset": Asset(ip=IP, hostname="145-010-020-030.isp.example")},
        {"asset": Asset(ip=IP, hostname="ip-1-2-3-999.isp.example")},
        {"asset": Asset(ip=IP, hostname="vps-2-1-0-4.isp.example")},
        {"asset": Asset(ip=IP, hostname="ip-172-31-5-9.eu-west-1.compute.internal")},
        {"asset": Asset(ip=IP, hostname="20-145-10-30.isp.example")},
        {"asset": Asset(ip="2a02::1", hostname="static-145-10-20-30.isp.example")},
        {"asset": Asset(ip=IP, url="https://bakery.nl/")},
        {"asset": Asset(domain="bakery.nl", url="https://www.bakery.nl/")},
        {"asset": Asset(domain="www.bakery.nl", url="https://bakery.nl/")},
        {"asset": Asset(url="https://[2a02::1]/")},
        {"cve_ids": (f"CVE-{NOW.year}-1", "CVE-2017-0144")},
        {"cve_ids": ("CVE-2024-3400",), "product": Product(vendor="Palo Alto", name="GlobalProtect")},
        {"cve_ids": ("CVE-2024-3400",), "product": Product(name="panos")},
        {"cve_ids": ("CVE-2022-1388",), "product": Product(name="BIGIP")},
        {"cve_ids": ("CVE-2023-37580",), "product": Product(vendor="Zimbra", name="Zimbra")},
        {"cve_ids": ("CVE-2019-11510",), "product": Product(vendor="Pulse Secure", name="SSL VPN")},
        {"cve_ids": ("CVE-2021-26855",), "product": Product(name="MSExchange")},
        {"cve_ids": ("CVE-2021-44228",), "product": Product(vendor="VMware", name="Horizon")},
        {"cve_ids": ("CVE-2024-3400",), "product": Product(version="10.2.1")},
        {"cve_ids": ("CVE-2001-1",), "product": Product(vendor="Citrix", name="NetScaler")},
    ],
)
def test_a_record_that_is_only_unusual_is_not_doubted(changes: dict[str, Any]) -> None:  # Any: as above
    assert said_of_consistency(**changes)[0] is CheckResult.PASS


def test_two_contradictions_weigh_more_than_one_and_all_are_told() -> None:
    one = judge(raw(cve_ids=("CVE-2031-1",)), NOTHING_KNOWN, RULES, NOW)
    two = judge(raw(cve_ids=("CVE-2031-1", "CVE-2032-1"), asset=Asset(ip=IP, port=3389)), NOTHING_KNOWN, RULES, NOW)

    assert (one.outcome, one.confidence) == (None, 0.63)
    assert (two.outcome, two.confidence) == (None, 0.441)
    strange = Asset(ip=IP, port=3389, url="http://145.10.20.99/")
    three = judge(raw(cve_ids=("CVE-2031-1",), asset=strange), NOTHING_KNOWN, RULES, NOW)
    assert (three.outcome, three.reason) == (Outcome.HELD, "confidence")
    detail = next(reason.detail for reason in three.reasons if reason.check == "consistent")
    assert detail.count(";") == 2


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"tags": ("cwmp", "honeypot")}, CheckResult.FAIL),
        ({"asset": Asset(ip=IP, hostname="honeypot3.lab.nl")}, CheckResult.FAIL),
        ({"asset": Asset(ip=IP, domain="honeypothoning.nl", hostname="honeypothoning.nl")}, CheckResult.PASS),
        ({"category": "malicious-code/infected-system", "tags": ("honeypot",)}, CheckResult.PASS),
        (
            {
                "category": "malicious-code/infected-system",
                "asset": Asset(ip=IP, hostname="sinkhole-07.sinkhole.example"),
            },
            CheckResult.FAIL,
        ),
        (
            {
                "category": "information-gathering/scanner",
                "asset": Asset(ip=IP, hostname="scan-11.shadowserver.org"),
            },
            CheckResult.FAIL,
        ),
        (
            {"category": "information-gathering/scanner", "asset": Asset(ip=IP, hostname="notshodan.io")},
            CheckResult.PASS,
        ),
        ({"asset": Asset(ip=IP, hostname="scan-11.shadowserver.org")}, CheckResult.PASS),
        ({}, CheckResult.PASS),
    ],
)
def test_what_looks_bad_on_purpose_waits_for_a_person(
    changes: dict[str, Any],  # Any: as above
    result: CheckResult,
) -> None:
    assert no_noise(NOTHING_KNOWN.case_of(raw(**changes), None), RULES, NOW).result is result


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"extra": {"anonymous_access": "Y"}}, Severity.HIGH),
        ({"extra": {"anonymous_access": "N"}}, None),
        ({"extra": {"has_password": "N"}}, Severity.HIGH),
        ({"extra": {"has_password": "Y"}}, None),
        ({"extra": {"smb_implant": "Y"}}, Severity.CRITICAL),
        ({"extra": {"smb_implant": "N"}}, None),
        ({"extra": {"bluekeep_vulnerable": "1"}}, Severity.CRITICAL),
        ({"extra": {"cve20190708_vulnerable": "true"}}, Severity.CRITICAL),
        ({"extra": {"visible_databases": "local | shop"}}, Severity.HIGH),
        ({"extra": {"visible_databases": " "}}, None),
        ({"extra": {"visible_databases": "shop", "smb_implant": "yes"}}, Severity.CRITICAL),
        ({"tags": ("no-password",)}, Severity.HIGH),
        ({"tags": ("default-credentials", "iot")}, Severity.HIGH),
        ({"tags": ("iot",), "extra": {"banner": "hello"}}, None),
        ({"extra": {"anonymous_access": "Y"}, "category": "malicious-code/infected-system"}, None),
    ],
)
def test_how_open_something_is_makes_it_more_severe(changes: dict[str, Any], severity: Severity | None) -> None:
    case = NOTHING_KNOWN.case_of(raw(**changes), None)

    said, found = exposed(case, RULES, NOW), found_exposed(case.event.indicator)

    assert (found.severity if found else None) == severity
    assert said.result is (CheckResult.PASS if severity else CheckResult.SKIP)
    assert severity is None or f"so it is {severity} at least" in said.detail


def test_no_warning_takes_more_than_its_check_is_said_to_take() -> None:
    """Everything that can be wrong at once, but for what fails."""
    worst = raw(
        identifier="open-smb",
        asset=Asset(ip=IP, port=3389, hostname="145-10-20-31.x.nl", url="http://145.10.20.99/"),
        cve_ids=("CVE-2031-1", "CVE-2032-1", "CVE-2033-1", "CVE-2024-3400"),
        product=Product(vendor="Citrix", name="NetScaler"),
        confidence=0,
        first_seen_at=datetime(2026, 3, 3, tzinfo=UTC),
    )
    for check in CHECKS:
        reason = check.look(NOTHING_KNOWN.case_of(worst, None), WITH_KEV, NOW)
        if reason.result is CheckResult.WARN:
            assert reason.weight == pytest.approx(check.warns_up_to), check.name
        assert (check.fails_as is not None) or reason.result is not CheckResult.FAIL, check.name


def test_every_check_says_what_it_looks_at() -> None:
    assert all(check.about.endswith(".") for check in CHECKS)
    assert len({check.name for check in CHECKS}) == len(CHECKS)
