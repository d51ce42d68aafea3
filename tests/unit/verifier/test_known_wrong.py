"""What is known to be wrong by range, domain, finding, partner and incident; and addresses that many share."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import Outcome
from services.verifier.domain import FalsePositive, Rules
from services.verifier.domain.judgement import judge
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.shared import SharedPlace, SharedPlaces, Sharing
from services.verifier.domain.values import CheckResult
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw

LATER = NOW + timedelta(days=1)
IP = "145.10.20.30"
SITE = Asset(url="https://user@www.bakery.nl:8080/x")


def knowing(**conditions: Any) -> Rules:  # Any: fields of FalsePositive, each of its own type
    entry = FalsePositive(**{"reason": "a test network", "expires_at": LATER, **conditions})
    return msgspec.structs.replace(RULES, known_wrong=KnownWrong([entry]))


@pytest.mark.parametrize(
    ("conditions", "asset", "is_wrong"),
    [
        ({"ip_range": "145.10.20.0/24"}, Asset(ip=IP), True),
        ({"ip_range": "145.10.0.0/16", "identifier": "open-smb"}, Asset(ip=IP), True),
        ({"ip_range": "145.10.0.0/16", "identifier": "open-rdp"}, Asset(ip=IP), False),
        ({"ip_range": "145.10.21.0/24"}, Asset(ip=IP), False),
        ({"ip_range": "2a02:1::/32"}, Asset(ip="2a02:1::5"), True),
        ({"ip_range": "2a02:1::/32"}, Asset(ip=IP), False),
        ({"ip_range": "145.10.20.0/24"}, SITE, False),
        ({"domain": "bakery.nl"}, SITE, True),
        ({"domain": "bakery.nl"}, Asset(domain="bakery.nl"), True),
        ({"domain": "bakery.nl"}, Asset(email="jan@mail.bakery.nl"), True),
        ({"domain": "bakery.nl"}, Asset(domain="notbakery.nl"), False),
        ({"domain": "www.bakery.nl"}, Asset(domain="bakery.nl"), False),
        ({"identifier": "open-smb"}, Asset(ip=IP), True),
        ({"identifier": "open-rdp"}, Asset(ip=IP), False),
        ({"partner": "demo"}, Asset(ip=IP), True),
        ({"partner": "another"}, Asset(ip=IP), False),
        ({"partner": "demo", "identifier": "open-smb"}, Asset(ip=IP), True),
        ({"incident": "open-smb"}, Asset(ip=IP), True),
        ({"incident": "open-rdp"}, Asset(ip=IP), False),
        ({"ip_range": "145.10.20.0/24", "expires_at": NOW}, Asset(ip=IP), False),
    ],
)
def test_what_fits_each_condition_is_wrong(conditions: dict[str, Any], asset: Asset, is_wrong: bool) -> None:
    judged = judge(raw(asset=asset), NOTHING_KNOWN, knowing(**conditions), NOW)

    assert (judged.outcome is Outcome.REFUTED) == is_wrong
    assert (judged.reason == "known-false-positive") == is_wrong


@pytest.mark.parametrize(
    ("said", "rule", "is_wrong"),
    [
        ({"tags": ("smb", "smbv1")}, "smbv1", True),
        ({"tags": ("smb", "smbv1")}, "smb1", False),
        ({"malware_name": "avalanche"}, "avalanche", True),
        ({"extra": {"report_type": "scan_smb"}}, "scan_smb", True),
        ({"extra": {"template-id": "smb-v1-detect"}}, "smb-v1-detect", True),
        ({"extra": {"banner": "scan_smb"}}, "scan_smb", False),
        ({}, "scan_smb", False),
    ],
)
@pytest.mark.parametrize("besides", [{}, {"identifier": "open-smb"}, {"ip_range": "145.10.20.0/24"}])
def test_what_one_rule_of_a_source_finds_is_wrong(
    said: dict[str, Any], rule: str, is_wrong: bool, besides: dict[str, str]
) -> None:
    judged = judge(raw(**said), NOTHING_KNOWN, knowing(rule=rule, **besides), NOW)
    assert (judged.reason == "known-false-positive") == is_wrong


def test_of_a_rule_only_what_fits_the_other_conditions_is_wrong() -> None:
    found = raw(extra={"report_type": "scan_smb"})
    for besides in ({"partner": "another"}, {"identifier": "open-rdp"}, {"ip_range": "145.99.0.0/16"}):
        assert judge(found, NOTHING_KNOWN, knowing(rule="scan_smb", **besides), NOW).outcome is None


def test_of_several_ranges_around_an_address_each_is_asked() -> None:
    entries = [
        FalsePositive(reason="expired", expires_at=NOW, ip_range="145.10.20.0/24"),
        FalsePositive(reason="of another finding", expires_at=LATER, ip_range="145.10.0.0/16", identifier="open-rdp"),
        FalsePositive(reason="all of it", expires_at=LATER, ip_range="145.0.0.0/8"),
    ]
    rules = msgspec.structs.replace(RULES, known_wrong=KnownWrong(entries))

    assert "all of it" in judge(raw(), NOTHING_KNOWN, rules, NOW).message


CDN = SharedPlace(name="Edge", kind=Sharing.CDN, ranges=("145.10.20.0/24",), asns=(64500,), domains=("edge.net",))
CLOUD = SharedPlace(name="Many Machines", kind=Sharing.CLOUD, asns=(64502,))
HOSTING = SharedPlace(name="Many Sites", kind=Sharing.HOSTING, ranges=("145.10.30.0/24",))


@pytest.mark.parametrize(
    ("asset", "asn", "result", "outcome"),
    [
        (Asset(ip=IP), None, CheckResult.FAIL, Outcome.HELD),
        (Asset(ip="145.10.99.1"), 64500, CheckResult.FAIL, Outcome.HELD),
        (Asset(ip="145.10.99.1", hostname="a.b.edge.net"), None, CheckResult.FAIL, Outcome.HELD),
        (Asset(ip="145.10.99.1", hostname="edge.net.isp.nl"), 64501, CheckResult.PASS, None),
        (Asset(ip=IP, domain="bakery.nl"), None, CheckResult.PASS, None),
        (Asset(ip="145.10.30.9"), None, CheckResult.WARN, None),
        (Asset(ip="145.10.40.9"), 64502, CheckResult.WARN, None),
        (Asset(ip="145.10.20.9"), 64502, CheckResult.FAIL, Outcome.HELD),
        (Asset(ip="145.10.40.9", domain="bakery.nl"), 64502, CheckResult.PASS, None),
        (Asset(domain="bakery.nl"), None, CheckResult.PASS, None),
        (Asset(asn=64666), None, CheckResult.SKIP, None),
    ],
)
def test_an_address_that_many_share_says_little_without_a_name(
    asset: Asset, asn: int | None, result: CheckResult, outcome: Outcome | None
) -> None:
    rules = msgspec.structs.replace(RULES, shared=SharedPlaces([CDN, HOSTING, CLOUD]), allow_documentation_ranges=True)

    judged = judge(raw(asset=asset, asn=asn), NOTHING_KNOWN, rules, NOW)

    assert next(reason.result for reason in judged.reasons if reason.check == "shared") is result
    assert judged.outcome is outcome
