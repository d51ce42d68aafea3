"""What the verifier decides, as a table of cases."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, Reopened
from libs.common.vocabulary import Credibility, Outcome, Reliability, Severity, Tlp, Transport
from services.verifier.domain import (
    Catalogue,
    CheckResult,
    FalsePositive,
    History,
    Threat,
    ThreatState,
    Verdict,
    judge_all,
    parse_vital_assets,
    rules_version,
    settle_review,
    threat_id_of,
)
from services.verifier.domain.checks import CHECKS
from services.verifier.domain.judgement import Weighed, credibility, judge, worst_of
from services.verifier.domain.sightings import threat_after
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, SMB, raw


def known(**changes: object) -> History:
    threat = Threat(
        threat_id=threat_id_of(raw()),
        asset="145.10.20.30",
        identifier="open-smb",
        incident="open-smb",
        state=ThreatState.OPEN,
        first_seen_at=NOW - timedelta(days=5),
        last_seen_at=NOW - timedelta(days=1),
        sightings=3,
        partners=frozenset({"demo"}),
        sources=frozenset({"demo"}),
        announced_at=NOW - timedelta(days=5),
    )
    threat = msgspec.structs.replace(threat, **changes)
    return History(threats={threat.threat_id: threat}, false_positives={})


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({}, None, "verified"),
        ({"asset": Asset(ip="10.0.0.1")}, Outcome.REFUTED, "routable"),
        ({"asset": Asset(ip="192.0.2.1")}, Outcome.REFUTED, "routable"),
        ({"asset": Asset(ip="2001:db8::1")}, Outcome.REFUTED, "routable"),
        ({"asset": Asset(ip="224.0.0.1")}, Outcome.REFUTED, "routable"),
        ({"asset": Asset(domain="shop.example.com")}, Outcome.REFUTED, "routable"),
        ({"asset": Asset(asn=64512)}, Outcome.REFUTED, "routable"),
        ({"seen_at": NOW + timedelta(hours=2)}, Outcome.REFUTED, "plausible"),
        ({"seen_at": datetime(1999, 12, 31, tzinfo=UTC)}, Outcome.REFUTED, "plausible"),
        ({"seen_at": NOW - timedelta(days=14, hours=1)}, Outcome.EXPIRED, "fresh"),
        ({"seen_at": NOW - timedelta(days=13)}, None, "verified"),
        ({"geo_country": "DE"}, Outcome.OUT_OF_SCOPE, "country"),
        ({"geo_country": None}, None, "verified"),
        ({"identifier": "open-rdp"}, Outcome.HELD, "incident"),
        ({"identifier": "something-new"}, Outcome.HELD, "incident"),
        ({"confidence": 0}, None, "verified"),
        ({"tlp": Tlp.AMBER}, None, "verified"),
        ({"tlp": Tlp.AMBER_STRICT}, Outcome.HELD, "sharing"),
        ({"tlp": Tlp.RED}, Outcome.HELD, "sharing"),
    ],
)
def test_an_indicator_ends_where_its_worst_check_says(
    changes: dict[str, Any],  # Any: fields of Indicator, each of its own type
    outcome: Outcome | None,
    reason: str,
) -> None:
    judgement = judge(raw(**changes), NOTHING_KNOWN, RULES, NOW)
    assert (judgement.outcome, judgement.reason) == (outcome, reason)


def test_all_reasons_are_kept_also_behind_the_first_that_fails() -> None:
    judgement = judge(raw(asset=Asset(ip="10.0.0.1"), geo_country="DE"), NOTHING_KNOWN, RULES, NOW)
    failed = {reason.check for reason in judgement.reasons if reason.result is CheckResult.FAIL}
    assert failed == {"routable", "country"}
    assert [reason.check for reason in judgement.reasons] == [*(check.name for check in CHECKS), "severity"]


def test_documentation_ranges_count_where_the_operator_says_so() -> None:
    rules = msgspec.structs.replace(RULES, allow_documentation_ranges=True)
    for asset in (Asset(ip="192.0.2.1"), Asset(domain="shop.example.com"), Asset(asn=64500)):
        assert judge(raw(asset=asset), NOTHING_KNOWN, rules, NOW).outcome is None
    assert judge(raw(asset=Asset(ip="10.0.0.1")), NOTHING_KNOWN, rules, NOW).outcome is Outcome.REFUTED


@pytest.mark.parametrize(
    ("said", "days_ago"), [(None, 1), (timedelta(days=9), 9), (timedelta(hours=3), 1), (timedelta(days=20_000), 1)]
)
def test_a_threat_is_no_older_than_can_be_believed(said: timedelta | None, days_ago: int) -> None:
    event = raw(seen_at=NOW - timedelta(days=1), first_seen_at=NOW - said if said is not None else None)

    (judged,) = judge_all([event], NOTHING_KNOWN, RULES, NOW)

    assert judged.first_seen_at == NOW - timedelta(days=days_ago)


def test_what_is_known_already_is_a_sighting() -> None:
    judgement = judge(raw(), known(), RULES, NOW)
    assert (judgement.verdict, judgement.outcome) == (Verdict.VERIFIED, Outcome.DUPLICATE)
    assert judgement.first_seen_at == NOW - timedelta(days=5)


def test_the_second_of_two_alike_in_one_batch_is_a_duplicate() -> None:
    first, second = judge_all([raw(1), raw(2)], NOTHING_KNOWN, RULES, NOW)
    assert (first.outcome, second.outcome) == (None, Outcome.DUPLICATE)
    assert first.threat_id == second.threat_id


def test_another_port_is_another_threat() -> None:
    other = Asset(ip="145.10.20.30", port=139, transport=Transport.TCP)
    outcomes = [each.outcome for each in judge_all([raw(1), raw(2, asset=other)], NOTHING_KNOWN, RULES, NOW)]
    assert outcomes == [None, None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Asset(ip="145.10.20.30", domain="baker.nl"), Asset(ip="145.10.20.30", domain="butcher.nl")),
        (Asset(domain="baker.nl", email="a@baker.nl"), Asset(domain="baker.nl", email="b@baker.nl")),
    ],
    ids=["two sites on one address", "two accounts of one domain"],
)
def test_what_shares_an_address_or_a_domain_is_not_the_same(one: Asset, other: Asset) -> None:
    judgements = judge_all([raw(1, asset=one), raw(2, asset=other)], NOTHING_KNOWN, RULES, NOW)
    assert [each.outcome for each in judgements] == [None, None]


def test_a_threat_seen_again_after_it_was_fixed_is_news() -> None:
    fixed = {"closed_at": NOW - timedelta(days=1), "closed_reason": "fixed"}
    again, once_more = judge_all([raw(1), raw(2)], known(**fixed), RULES, NOW)
    assert (again.outcome, once_more.outcome) == (None, Outcome.DUPLICATE)
    assert again.reopened == Reopened(closed_at=NOW - timedelta(days=1), reason="fixed")
    assert once_more.reopened is None


def test_what_was_never_closed_is_not_reopened() -> None:
    [new] = judge_all([raw(1)], known(announced_at=NOW - timedelta(days=90)), RULES, NOW)
    assert (new.outcome, new.reopened) == (None, None)


@given(st.lists(st.tuples(st.sampled_from(Severity), st.integers(0, 12)), min_size=1, max_size=40))
def test_what_goes_up_and_down_is_told_once_for_each_step_up(seen: list[tuple[Severity, int]]) -> None:
    """Within the days after which it is told again anyway: whatever is seen how often."""
    worst_first, history, told = list(Severity), NOTHING_KNOWN, list[Severity]()
    rules = msgspec.structs.replace(RULES, catalogue=Catalogue((msgspec.structs.replace(SMB, severity=Severity.INFO),)))
    for severity, hours in seen:
        now = NOW + timedelta(hours=hours)
        [judged] = judge_all([raw(severity=severity)], history, rules, now)
        history = msgspec.structs.replace(
            history,
            threats={judged.threat_id: threat_after(judged, history.threats.get(judged.threat_id))},
        )
        is_worse = all(worst_first.index(severity) < worst_first.index(before) for before in told)
        assert (judged.outcome is None) == is_worse
        told += [severity] if judged.outcome is None else []

    assert len(told) <= len(Severity)


def test_once_reopened_it_is_as_bad_as_it_is_then() -> None:
    fixed = known(closed_at=NOW - timedelta(days=1), closed_reason="fixed", told_severity=Severity.CRITICAL)
    worse = raw(3, severity=Severity.CRITICAL)

    judged = judge_all([raw(1), raw(2), worse], fixed, RULES, NOW)

    assert [each.outcome for each in judged] == [None, Outcome.DUPLICATE, None]
    assert judged[2].reopened is None


def test_a_threat_that_is_still_seen_long_after_it_was_news_is_news_again() -> None:
    long_ago = known(announced_at=NOW - timedelta(days=15))
    again, once_more = judge_all([raw(1), raw(2)], long_ago, RULES, NOW)
    assert (again.outcome, once_more.outcome) == (None, Outcome.DUPLICATE)
    assert judge(raw(), known(announced_at=NOW - timedelta(days=14)), RULES, NOW).outcome is Outcome.DUPLICATE


def test_a_late_record_from_before_the_fix_is_no_news() -> None:
    late = raw(seen_at=NOW - timedelta(days=2))
    assert judge(late, known(closed_at=NOW - timedelta(days=1)), RULES, NOW).outcome is Outcome.DUPLICATE


@pytest.mark.parametrize(
    ("identifier", "lasts", "outcome"),
    [
        ("open-smb", timedelta(days=1), Outcome.REFUTED),
        (None, timedelta(days=1), Outcome.REFUTED),
        ("open-rdp", timedelta(days=1), None),
        ("open-smb", timedelta(seconds=-1), None),
    ],
)
def test_a_known_false_positive_refutes_until_it_expires(
    identifier: str | None, lasts: timedelta, outcome: Outcome | None
) -> None:
    wrong = FalsePositive(asset="145.10.20.30", identifier=identifier, reason="a honeypot", expires_at=NOW + lasts)
    history = History(threats={}, false_positives={"145.10.20.30": (wrong,)})
    assert judge(raw(), history, RULES, NOW).outcome is outcome


def test_a_threat_that_is_known_to_be_wrong_says_nothing_of_others_at_its_asset() -> None:
    wrong = FalsePositive(
        asset="145.10.20.30",
        identifier="open-smb",
        threat_id=threat_id_of(raw()),
        reason="its recipient says so",
        expires_at=NOW + timedelta(days=1),
    )
    history = History(threats={}, false_positives={"145.10.20.30": (wrong,)})
    other_port = Asset(ip="145.10.20.30", port=139, transport=Transport.TCP)
    assert judge(raw(), history, RULES, NOW).outcome is Outcome.REFUTED
    assert judge(raw(asset=other_port), history, RULES, NOW).outcome is None
    assert judge(raw(), history, RULES, NOW + timedelta(days=1)).outcome is None


def test_vital_operators_are_handed_over() -> None:
    vital = parse_vital_assets(
        ["kind,value,name", "ip-range,145.10.0.0/16,Water Board", "domain,grid.nl,Grid", "asn,AS1234,Harbour"]
    )
    rules = msgspec.structs.replace(RULES, vital_assets=vital)
    for asset, asn in (
        (Asset(ip="145.10.20.30"), None),
        (Asset(domain="vpn.grid.nl"), None),
        (Asset(email="someone@grid.nl"), None),
        (Asset(url="https://www.grid.nl/login"), None),
        (Asset(ip="145.99.1.1"), 1234),
    ):
        judgement = judge(raw(asset=asset, asn=asn), NOTHING_KNOWN, rules, NOW)
        assert judgement.outcome is None
        assert judgement.listed is not None
    assert judge(raw(asset=Asset(domain="notgrid.nl")), NOTHING_KNOWN, rules, NOW).outcome is None


@pytest.mark.parametrize(
    ("reliability", "confidence", "grade", "outcome"),
    [
        (Reliability.A, None, "A2", None),
        (Reliability.B, None, "B2", None),
        (Reliability.C, None, "C2", None),
        (Reliability.D, None, "D3", None),
        (Reliability.E, None, "E4", Outcome.HELD),
        (Reliability.F, None, "F4", None),
        (Reliability.B, 10, "B3", None),
        (Reliability.F, 10, "F4", Outcome.HELD),
    ],
)
def test_grade_and_confidence_follow_the_partner_and_its_claim(
    reliability: Reliability, confidence: int | None, grade: str, outcome: Outcome | None
) -> None:
    judgement = judge(raw(reliability=reliability, confidence=confidence), NOTHING_KNOWN, RULES, NOW)
    assert (judgement.grade, judgement.outcome) == (grade, outcome)


def test_a_second_partner_confirms() -> None:
    assert judge(raw(partner="other"), known(), RULES, NOW).grade == "B1"
    assert judge(raw(partner="demo"), known(), RULES, NOW).grade == "B2"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(None, Severity.HIGH), (Severity.LOW, Severity.HIGH), (Severity.CRITICAL, Severity.CRITICAL)],
)
def test_severity_is_the_worse_of_record_and_incident(severity: Severity | None, expected: Severity) -> None:
    assert judge(raw(severity=severity), NOTHING_KNOWN, RULES, NOW).severity is expected


@pytest.mark.parametrize(
    ("said", "worst", "words"),
    [
        ((None, None, None, None), "medium", "medium, as nothing says otherwise"),
        (("low", None, None, None), "low", "low by the record"),
        (("low", "high", None, None), "high", "low by the record, high by its incident"),
        (("critical", "high", None, None), "critical", "critical by the record, high by its incident"),
        ((None, "medium", "high", None), "high", "medium by its incident, high by what is exploited"),
        ((None, "medium", "high", "critical"), "critical", "critical by how open it is"),
        (("info", "info", None, None), "info", "info by the record, info by its incident"),
    ],
)
def test_a_severity_is_the_worst_that_is_said_and_says_by_whom(
    said: tuple[str | None, str | None, str | None, str | None], worst: str, words: str
) -> None:
    record, incident, exploited, exposure = (Severity(each) if each else None for each in said)

    severity, why = worst_of(record, incident, exploited, exposure)

    assert severity == worst
    assert words in why.detail
    assert (why.check, why.result, why.weight) == ("severity", CheckResult.PASS, 0.0)


def test_a_person_decides_what_was_held() -> None:
    held = judge_all([raw(1, identifier="open-rdp"), raw(2, identifier="open-rdp")], NOTHING_KNOWN, RULES, NOW)
    yes = settle_review(held, NOTHING_KNOWN, RULES, verified=True, by="anna", now=NOW)
    no = settle_review(held, NOTHING_KNOWN, RULES, verified=False, by="anna", now=NOW)
    assert [each.outcome for each in yes] == [None, Outcome.DUPLICATE]
    assert [each.outcome for each in no] == [Outcome.REFUTED, Outcome.REFUTED]
    for decided in (yes[0], no[0]):
        assert [(each.check, each.detail) for each in decided.reasons[-2:]] == [
            ("review", "decided by anna"),
            ("severity", "high by its incident"),
        ]
        assert len({each.check for each in decided.reasons}) == len(decided.reasons)


def test_the_version_of_the_rules_changes_with_every_rule() -> None:
    versions = {
        rules_version(rules)
        for rules in (
            RULES,
            msgspec.structs.replace(RULES, constituency_countries=frozenset({"BE"})),
            msgspec.structs.replace(RULES, hold_below_confidence=0.5),
            msgspec.structs.replace(RULES, renew_after=timedelta(days=1)),
            msgspec.structs.replace(RULES, allow_documentation_ranges=True),
            msgspec.structs.replace(RULES, catalogue=Catalogue((msgspec.structs.replace(SMB, revision=2),))),
            msgspec.structs.replace(RULES, max_age_days={"vulnerable": 1}),
            msgspec.structs.replace(RULES, vital_assets=parse_vital_assets(["kind,value,name", "asn,1,One"])),
        )
    }
    assert len(versions) == 8


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["a", "b"])), max_size=20))
def test_of_all_that_say_the_same_exactly_the_first_is_news(said: list[tuple[int, str]]) -> None:
    indicators = [
        raw(number, partner=partner, asset=Asset(ip=f"145.10.20.{host}"))
        for number, (host, partner) in enumerate(said, start=1)
    ]
    judgements = judge_all(indicators, NOTHING_KNOWN, RULES, NOW)
    assert len(judgements) == len(said)
    assert sum(each.outcome is None for each in judgements) == len({host for host, _ in said})
    assert {each.outcome for each in judgements} <= {None, Outcome.DUPLICATE}


def test_what_is_tried_out_is_known_to_the_tests_of_its_partner_and_to_nobody_else() -> None:
    batch = [
        raw(1),
        raw(2, test_mails_to="a@demo.example"),
        raw(3, test_mails_to="b@demo.example"),
        raw(4, partner="other", test_mails_to="c@other.example"),
        raw(5, partner="other"),
    ]
    judged = judge_all(batch, NOTHING_KNOWN, RULES, NOW)
    assert [each.outcome for each in judged] == [None, None, Outcome.DUPLICATE, None, Outcome.DUPLICATE]
    assert len({each.threat_id for each in judged}) == 3
    assert [each.grade for each in judged] == ["B2", "B2", "B2", "B2", "B1"], "a test confirms nothing"


def test_a_test_is_checked_like_any_record_and_waits_for_its_incident_too() -> None:
    private, unapproved = Asset(ip="10.0.0.1"), "open-rdp"
    judged = judge_all(
        [raw(1, asset=private, test_mails_to="a@demo.example"), raw(2, identifier=unapproved, test_mails_to="a@b.nl")],
        NOTHING_KNOWN,
        RULES,
        NOW,
    )
    assert [(each.outcome, each.reason) for each in judged] == [
        (Outcome.REFUTED, "routable"),
        (Outcome.HELD, "incident"),
    ]


@pytest.mark.parametrize(
    ("corroborated", "improbable", "confidence", "number"),
    [
        (True, True, 0.9, Credibility.IMPROBABLE),
        (False, True, 0.9, Credibility.IMPROBABLE),
        (True, False, 0.9, Credibility.CONFIRMED),
        (True, False, 0.4, Credibility.CONFIRMED),
        (True, False, 0.39, Credibility.POSSIBLE),
        (False, False, 0.75, Credibility.PROBABLE),
        (False, False, 0.74, Credibility.POSSIBLE),
        (False, False, 0.5, Credibility.POSSIBLE),
        (False, False, 0.49, Credibility.DOUBTFUL),
    ],
)
def test_the_number_of_a_grade(corroborated: bool, improbable: bool, confidence: float, number: Credibility) -> None:
    weighed = Weighed((), None, confidence, improbable=improbable, corroborated=corroborated)

    case = NOTHING_KNOWN.case_of(raw(), SMB)

    assert credibility(weighed, case, RULES, NOW) is number


def test_whoever_is_trusted_is_trusted_for_all_records_of_a_batch() -> None:
    trusted = known(trusted_until=NOW + timedelta(days=1), trusted_by="anna")

    judged = judge_all([raw(number, reliability=Reliability.E) for number in (1, 2)], trusted, RULES, NOW)

    assert [each.outcome for each in judged] == 2 * [Outcome.DUPLICATE]


@pytest.mark.parametrize(
    ("fails_as", "outcome"),
    [({"country": Outcome.HELD}, Outcome.DUPLICATE), ({"noise": Outcome.REFUTED}, Outcome.REFUTED)],
)
def test_trust_passes_over_what_is_left_to_people_by_these_rules(
    fails_as: dict[str, Outcome | None], outcome: Outcome
) -> None:
    rules = msgspec.structs.replace(RULES, fails_as=fails_as)
    trusted = known(trusted_until=NOW + timedelta(days=1), trusted_by="anna")
    changes: dict[str, Any] = {"geo_country": "DE"} if "country" in fails_as else {"tags": ("honeypot",)}  # Any: fields

    assert judge(raw(**changes), trusted, rules, NOW).outcome is outcome


def test_the_version_of_the_rules_is_the_same_in_every_process() -> None:
    code = """
import msgspec
from services.verifier.domain import rules_version
from tests.unit.verifier.builders import RULES
print(rules_version(msgspec.structs.replace(RULES, constituency_countries=frozenset("NL BE DE FR".split()))))
"""

    def version(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    assert version("1") == version("2") == version("3")
