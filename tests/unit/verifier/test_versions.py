"""Versions in the shapes that vendors give them, and whether an incident is about one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Product
from libs.common.vocabulary import Outcome
from services.verifier.domain import Catalogue, Incident
from services.verifier.domain.affected import Affected, VersionRange, is_affected, read_version
from services.verifier.domain.checks.versions import of_an_affected_version
from services.verifier.domain.judgement import judge
from services.verifier.domain.values import CheckResult
from services.verifier.handlers.shipped import read_shipped
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, SMB, raw

CATALOGUE = Catalogue(read_shipped())


def between(start: str | None, end: str | None) -> tuple[Affected, ...]:
    return (Affected(vendor="Acme", name="Gate", ranges=(VersionRange(from_=start, below=end),)),)


def gate(version: str) -> Product:
    return Product(vendor="Acme", name="Gate", version=version)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("9", [9]),
        ("v9.0.1", [9, 0, 1]),
        ("Version 9.0", [9, 0]),
        ("9.1r18", [9, 1, 18]),
        ("22.7R2.5", [22, 7, 2, 5]),
        ("13.1-49.13", [13, 1, 49, 13]),
        ("13.1 Build 49.13", [13, 1, 49, 13]),
        ("7.2.3p1", [7, 2, 3, 1]),
        ("8.8.15 Patch 46", [8, 8, 15, 46]),
        ("10.2.9-h1", [10, 2, 9, 1]),
        ("12.11.4 Update 1", [12, 11, 4, 1]),
        ("12.11.4_Update1", [12, 11, 4, 1]),
        ("15.1 (Build 2308.27)", [15, 1, 2308, 27]),
    ],
)
def test_a_version_is_its_numbers_in_order(text: str, numbers: list[int]) -> None:
    assert [number for _, number in read_version(text) or ()] == numbers


@pytest.mark.parametrize(
    "text",
    ["", "latest", "1.0-beta2", "2.0rc1", "1.0.2k", "8.8.15_GA_3829", "7.4.3,build2573", "9.1r", "4.92-8+deb10u6",
     "ns13.1", "9.1" * 30, "9 \u0661", "9.1p p2 q", "-1"],
)  # fmt: skip
def test_a_version_of_another_shape_is_not_guessed_at(text: str) -> None:
    assert read_version(text) is None


@pytest.mark.parametrize(
    ("version", "start", "end", "expected"),
    [
        ("9.0", None, "9.1", True),
        ("9.1", None, "9.1", False),
        ("9.0.99", None, "9.1", True),
        ("9.10", None, "9.9", False),
        ("9.1", "9.1", None, True),
        ("9.1.0", "9.1", "9.1.1", True),
        ("9.0", "9.1", None, False),
        ("9.0", None, None, True),
        ("13.1-49.13", "13.1", "13.1-49.13", False),
        ("13.1-48.47", "13.1", "13.1-49.13", True),
        ("13.1 build 48.47", "13.1", "13.1-49.13", True),
        ("13.1", None, "13.1-49.13", None),
        ("13", "13.1", "14", None),
        ("9.1R18", None, "9.1R18.9", None),
        ("9.1R18.8", None, "9.1R18.9", True),
        ("22.7.2.3597", None, "22.7R2.6", None),
        ("22.8R1", None, "22.7R2.6", False),
        ("10.2.9-h2", None, "10.2.9-h1", False),
        ("10.2.9", None, "10.2.9-h1", None),
        ("10.2.10", None, "10.2.9-h1", False),
        ("nonsense", None, "9", None),
    ],
)
def test_a_version_is_in_a_range_or_not_or_nobody_can_tell(
    version: str, start: str | None, end: str | None, expected: bool | None
) -> None:
    assert is_affected(between(start, end), gate(version)) is expected


numbers = st.lists(st.integers(0, 30), min_size=3, max_size=3)


@given(version=numbers, start=numbers, end=numbers)
def test_versions_of_plain_numbers_compare_as_those_numbers_do(
    version: list[int], start: list[int], end: list[int]
) -> None:
    texts = [".".join(map(str, each)) for each in (version, start, end)]

    assert is_affected(between(texts[1], texts[2]), gate(texts[0])) is (start <= version < end)


@given(st.text(max_size=80))
def test_any_text_is_a_version_or_none(text: str) -> None:
    found = read_version(text)
    assert found is None or (found and all(number >= 0 for _, number in found))


@pytest.mark.parametrize(
    ("vendor", "name", "is_known"),
    [
        ("Acme", "Gate", True),
        ("ACME Inc", "acme gate", True),
        (None, "Acme Gate", True),
        (None, "Gate", True),
        ("Acme", "Portal", True),
        ("Acme", "Gate Manager", False),
        ("Acme", "Agent", False),
        ("Other", "Gate", False),
        ("Acme", None, False),
        ("Acme", "Acme", False),
    ],
)
def test_a_product_is_known_by_its_names_and_by_no_others(vendor: str | None, name: str | None, is_known: bool) -> None:
    known = Affected(vendor="Acme", name="Gate", aliases=("Portal",), ranges=(VersionRange(below="9"),))

    assert known.is_about(Product(vendor=vendor, name=name)) is is_known


def incident_with(*affected: Affected) -> Incident:
    return msgspec.structs.replace(SMB, affected=affected, cve_ids=("CVE-2026-1",))


@pytest.mark.parametrize(
    ("product", "cve_ids", "result", "words"),
    [
        (gate("8.1"), (), CheckResult.PASS, "version 8.1 of Gate is among the affected ones"),
        (gate("8.1"), ("CVE-2026-1",), CheckResult.PASS, "is among"),
        (gate("9.0.1"), (), CheckResult.FAIL, "version 9.0.1 of Gate is not among the affected ones"),
        (gate("9.0.1"), ("CVE-2027-9",), CheckResult.SKIP, "nothing is known"),
        (Product(name="Door", version="9.0.1"), (), CheckResult.SKIP, "nothing is known"),
        (gate("newest"), (), CheckResult.SKIP, "nothing is known"),
        (Product(vendor="Acme", name="Gate"), (), CheckResult.SKIP, "names no version"),
        (None, (), CheckResult.SKIP, "names no version"),
    ],
)
def test_the_check_says_which_version(
    product: Product | None, cve_ids: tuple[str, ...], result: CheckResult, words: str
) -> None:
    case = NOTHING_KNOWN.case_of(raw(product=product, cve_ids=cve_ids), incident_with(*between(None, "9")))

    reason = of_an_affected_version(case, RULES, NOW)

    assert reason.result is result
    assert words in reason.detail


def test_a_record_of_another_version_waits_for_a_person() -> None:
    rules = msgspec.structs.replace(RULES, catalogue=Catalogue((incident_with(*between(None, "9")),)))

    held = judge(raw(product=gate("9.0.1")), NOTHING_KNOWN, rules, NOW)
    verified = judge(raw(product=gate("8.9")), NOTHING_KNOWN, rules, NOW)

    assert (held.outcome, held.reason) == (Outcome.HELD, "version")
    assert held.message == "A person looks at it: version 9.0.1 of Gate is not among the affected ones."
    assert verified.outcome is None


@pytest.mark.parametrize(
    ("slug", "vendor", "name", "affected", "safe"),
    [
        ("screenconnect", "ConnectWise", "ScreenConnect", "23.9.7.8804", "25.2.4"),
        ("citrix-netscaler", "Citrix", "NetScaler Gateway", "13.1-49.13", "14.1-47.48"),
        ("fortinet-fortios", "Fortinet", "FortiOS", "7.4.8", "7.4.9"),
        ("fortinet-fortios", None, "FortiOS", "v7.0.16", "7.6.4"),
        ("palo-alto-panos", "Palo Alto Networks", "PAN-OS", "11.1.2-h3", "11.2.4-h4"),
        ("ivanti-connect-secure", "Ivanti", "Connect Secure", "22.7R2.5", "22.7R2.6"),
        ("ivanti-connect-secure", "Ivanti", "Pulse Connect Secure", "9.1R18", "22.8R2"),
        ("moveit-transfer", "Progress", "MOVEit Transfer", "2021.0.5", "2023.0.1"),
        ("moveit-transfer", None, "MOVEit", "14.0.3", "15.0.5"),
        ("confluence", "Atlassian", "Confluence Data Center", "8.5.3", "8.5.4"),
        ("confluence", "Atlassian", "Confluence", "7.18.0", "7.19.16"),
        ("activemq", "Apache", "ActiveMQ", "5.17.5", "5.18.3"),
        ("veeam-backup", "Veeam", "Backup & Replication", "12.3.1.1139", "12.3.2.3617"),
        ("veeam-backup", None, "Veeam Backup and Replication", "12.1.2.172", "13.0.0.4967"),
        ("watchguard-firebox", "WatchGuard", "Fireware OS", "12.11.3", "2025.1.4"),
        ("zimbra-vulnerable", "Synacor", "Zimbra Collaboration Suite", "8.8.15 Patch 45", "10.1.1"),
        ("roundcube", "Roundcube", "Roundcube Webmail", "1.6.10", "1.6.11"),
        ("exim-21nails", None, "Exim", "4.93", "4.94.2"),
        ("log4shell", "Apache", "Log4j", "2.14.1", "2.17.1"),
        ("mikrotik-router", "MikroTik", "RouterOS", "6.42", "7.15.3"),
    ],
)
def test_shipped_incidents_know_the_versions_that_their_vendors_have_published(
    slug: str, vendor: str | None, name: str, affected: str, safe: str
) -> None:
    known = CATALOGUE.incidents[slug].affected

    assert is_affected(known, Product(vendor=vendor, name=name, version=affected)) is True
    assert is_affected(known, Product(vendor=vendor, name=name, version=safe)) is False
