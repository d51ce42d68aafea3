"""Assets that somebody has registered with us: warned about wherever they stand, and about what only they asked for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, ListedOperator
from libs.common.intervals import Space, parse_interval
from libs.common.vocabulary import AssetKind, Outcome
from services.verifier.domain import Catalogue, parse_vital_assets
from services.verifier.domain.judgement import judge
from services.verifier.domain.registered import Changed, Ends, Registered, renewed
from services.verifier.domain.rules import rules_version
from services.verifier.domain.values import CheckResult
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RDP, RULES, SMB, raw
from tests.unit.verifier.test_countries import said_of

VERSIONS = {AssetKind.IP_RANGE: 1, AssetKind.DOMAIN: 1, AssetKind.ASN: 1}


def ends_of(*texts: str) -> dict[Space, Ends]:
    intervals = sorted((each for text in texts if (each := parse_interval(text))), key=lambda each: each.packed)
    return {
        space: (
            b"".join(each.packed[0] for each in intervals if each.space is space),
            b"".join(each.packed[1] for each in intervals if each.space is space),
        )
        for space in {each.space for each in intervals}
    }


KNOWN = renewed(
    Registered(),
    Changed(
        ranges=ends_of("146.0.0.0/16", "146.0.5.0/24", "147.0.0.3 - 147.0.0.9", "2a02:1800::/32"),
        domains="bakery.de\nbutcher.example",
        asns="AS3320\nAS1101",
    ),
    VERSIONS,
)
OPT_IN = Catalogue((msgspec.structs.replace(SMB, opt_in=True), msgspec.structs.replace(RDP, opt_in=True)))


@pytest.mark.parametrize(
    ("asset", "asn", "is_ours"),
    [
        (Asset(ip="146.0.5.9"), None, True),
        (Asset(ip="146.0.6.9"), None, True),
        (Asset(ip="146.1.0.0"), None, False),
        (Asset(ip="147.0.0.9"), None, True),
        (Asset(ip="147.0.0.10"), None, False),
        (Asset(ip="2a02:1800:ffff::1"), None, True),
        (Asset(ip="2a02:1801::"), None, False),
        (Asset(domain="bakery.de"), None, True),
        (Asset(domain="mail.bakery.de"), None, True),
        (Asset(domain="notbakery.de"), None, False),
        (Asset(url="https://shop.bakery.de/x"), None, True),
        (Asset(email="baker@bakery.de"), None, True),
        (Asset(ip="9.9.9.9", domain="shop.bakery.de"), None, True),
        (Asset(ip="9.9.9.9", hostname="mail.bakery.de"), None, False),
        (Asset(asn=3320), None, True),
        (Asset(ip="9.9.9.9"), 1101, True),
        (Asset(ip="9.9.9.9"), 1102, False),
    ],
)
def test_what_lies_in_a_registered_asset_is_registered(asset: Asset, asn: int | None, is_ours: bool) -> None:
    assert KNOWN.covers(asset, asn) is is_ours
    assert not Registered().covers(asset, asn)


def test_only_what_was_read_anew_changes() -> None:
    later = renewed(KNOWN, Changed(domains="", asns="AS5"), {**VERSIONS, AssetKind.DOMAIN: 2, AssetKind.ASN: 2})

    assert not later.covers(Asset(domain="bakery.de"), None)
    assert not later.covers(Asset(ip="9.9.9.9"), 3320)
    assert later.covers(Asset(ip="9.9.9.9"), 5)
    assert later.covers(Asset(ip="146.0.5.9"), None)
    assert KNOWN.covers(Asset(domain="bakery.de"), None), "what a batch is being judged by stays as it is"


def test_what_its_owner_registered_is_ours_wherever_it_stands() -> None:
    abroad = raw(geo_country="DE", asset=Asset(ip="146.0.5.9", domain="bakery.de"))

    ours = judge(abroad, NOTHING_KNOWN, msgspec.structs.replace(RULES, registered=KNOWN), NOW)
    others = judge(abroad, NOTHING_KNOWN, RULES, NOW)

    assert (ours.outcome, said_of("country", ours).detail) == (None, "registered with us by its owner")
    assert (others.outcome, others.reason) == (Outcome.OUT_OF_SCOPE, "country")


@pytest.mark.parametrize(
    ("address", "identifier", "reason", "outcome"),
    [
        ("146.0.5.9", "open-smb", CheckResult.PASS, None),
        ("145.10.20.30", "open-smb", CheckResult.FAIL, Outcome.OUT_OF_SCOPE),
        ("145.10.20.30", "open-rdp", CheckResult.FAIL, Outcome.OUT_OF_SCOPE),
        ("145.10.20.30", "never-heard-of", CheckResult.SKIP, Outcome.HELD),
    ],
)
def test_an_opt_in_incident_is_told_only_to_those_who_asked(
    address: str, identifier: str, reason: CheckResult, outcome: Outcome | None
) -> None:
    rules = msgspec.structs.replace(RULES, registered=KNOWN, catalogue=OPT_IN)

    judgement = judge(raw(asset=Asset(ip=address), identifier=identifier), NOTHING_KNOWN, rules, NOW)

    assert (said_of("opt-in", judgement).result, judgement.outcome) == (reason, outcome)
    if reason is CheckResult.FAIL:
        assert judgement.message == "Not for us: only for those who asked."


def test_a_test_does_not_tell_what_is_registered() -> None:
    rules = msgspec.structs.replace(RULES, registered=KNOWN, catalogue=OPT_IN)
    for country, check in (("DE", "country"), ("NL", "opt-in")):
        tried = raw(geo_country=country, asset=Asset(ip="146.0.5.9"), test_mails_to="desk@demo.example")
        judgement = judge(tried, NOTHING_KNOWN, rules, NOW)
        assert (judgement.outcome, judgement.reason) == (Outcome.OUT_OF_SCOPE, check)


def test_any_other_incident_is_told_to_everybody() -> None:
    assert said_of("opt-in", judge(raw(), NOTHING_KNOWN, RULES, NOW)).result is CheckResult.PASS


def test_vital_comes_before_registered() -> None:
    vital = parse_vital_assets(["kind,value,name", "ip-range,146.0.0.0/16,Water Board"])
    rules = msgspec.structs.replace(RULES, registered=KNOWN, vital_assets=vital)

    judgement = judge(raw(geo_country="DE", asset=Asset(ip="146.0.5.9")), NOTHING_KNOWN, rules, NOW)

    assert judgement.outcome is None
    assert judgement.listed == ListedOperator(name="Water Board")


def test_the_version_of_the_rules_follows_what_is_registered() -> None:
    assert rules_version(RULES) != rules_version(msgspec.structs.replace(RULES, registered=KNOWN))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=8), st.integers(0, 70))
def test_an_address_is_registered_if_any_range_has_it(ranges: list[tuple[int, int]], asked: int) -> None:
    texts = [f"146.0.0.{first} - 146.0.0.{first + size}" for first, size in ranges]
    known = renewed(Registered(), Changed(ranges=ends_of(*texts)), VERSIONS)

    expected = any(first <= asked <= first + size for first, size in ranges)

    assert known.covers(Asset(ip=f"146.0.0.{asked}"), None) is expected
