"""Rules as data: what a file changes, and how it says what is wrong in it."""

from datetime import timedelta

import pytest

from libs.common.vocabulary import Outcome, Reliability
from services.verifier.domain.checks import CHECKS
from services.verifier.domain.judgement import judge
from services.verifier.domain.rule_file import NEVER_CHANGED, THRESHOLDS, BrokenRules, apply_rule_file
from services.verifier.domain.rules import Rules, rules_version
from services.verifier.handlers.rules import SHIPPED
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(BrokenRules) as broken:
        apply_rule_file(RULES, text)
    return [(fault.line, fault.rule) for fault in broken.value.faults]


def test_a_file_changes_what_it_names_and_nothing_else() -> None:
    rules = apply_rule_file(
        RULES,
        """
        [thresholds]
        hold_below_confidence = 0.6
        renew_after_days = 30
        [constituency]
        countries = ["BE", "NL"]
        [max_age_days]
        "vulnerable/ddos-amplifier" = 2
        [confidence]
        B = 0.5
        [reliability_weight]
        B = 0.1
        [checks]
        noise = "ignored"
        fresh = "held"
        """,
    )

    assert rules.hold_below_confidence == 0.6
    assert rules.renew_after == timedelta(days=30)
    assert rules.constituency_countries == {"BE", "NL"}
    assert rules.max_age_days == {**RULES.max_age_days, "vulnerable/ddos-amplifier": 2}
    assert rules.base_confidence == {**RULES.base_confidence, Reliability.B: 0.5}
    assert rules.reliability_weight == {**RULES.reliability_weight, Reliability.B: 0.1}
    assert rules.fails_as == {"noise": None, "fresh": Outcome.HELD}
    assert (rules.probable_from, rules.catalogue) == (RULES.probable_from, RULES.catalogue)
    assert rules_version(rules) != rules_version(RULES)


def test_all_that_is_wrong_is_named_with_line_and_rule() -> None:
    assert faults(
        """[thresholds]
hold_below_confidence = 1.5
hold_below = 0.3
renew_after_days = 1.5

[max_age_days]
vulnerable = "long"
Weird = 3

[confidence]
G = 0.1
A = true

[checks]
sharing = "ignored"
fresh = "sometimes"

[constituency]
countries = ["Holland"]

[[shared]]
name = "Good"
kind = "cdn"
asns = [1]

[[shared]]
name = "Bad"
kind = "cdn"
ranges = ["10.0.0.1/8"]

[extra]
x = 1
"""
    ) == [
        (2, "thresholds.hold_below_confidence"),
        (3, "thresholds.hold_below"),
        (4, "thresholds.renew_after_days"),
        (7, "max_age_days.vulnerable"),
        (8, "max_age_days.Weird"),
        (11, "confidence.G"),
        (12, "confidence.A"),
        (15, "checks.sharing"),
        (16, "checks.fresh"),
        (19, "constituency.countries"),
        (26, "shared.1"),
        (31, "extra"),
    ]


def test_a_file_says_what_is_wrong_and_until_when() -> None:
    rules = apply_rule_file(
        RULES,
        """
        [[false_positives]]
        rule = "scan_smb"
        reason = "takes printers for servers"
        expires_at = 2026-04-01T00:00:00Z
        """,
    )
    by_scan = raw(extra={"report_type": "scan_smb"}, seen_at=NOW)

    assert judge(by_scan, NOTHING_KNOWN, rules, NOW).outcome is Outcome.REFUTED
    assert judge(by_scan, NOTHING_KNOWN, rules, NOW + timedelta(days=40)).reason != "known-false-positive"
    assert judge(raw(), NOTHING_KNOWN, rules, NOW).outcome is None


WRONG = "[[false_positives]]\nreason = 'it is wrong'\nexpires_at = 2030-01-01T00:00:00Z\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (WRONG, "at least one of"),
        (WRONG + "rule = ''", "none empty"),
        (WRONG + "rules = 'scan_smb'", "rules"),
        (WRONG + "ip_range = '10.0.0.1/8'", "host bits"),
        (WRONG + "domain = 'No Domain'", "not a domain"),
        (WRONG + "threat_id = '0199a1c2-0000-7000-8000-000000000001'", "one threat"),
        (WRONG.replace("Z", "") + "rule = 'x'", "no time zone"),
        (WRONG.replace("reason", "rule"), "reason"),
    ],
)
def test_an_entry_of_what_is_wrong_that_can_not_be_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BrokenRules, match=says) as broken:
        apply_rule_file(RULES, "\n" + text)
    assert [(fault.line, fault.rule) for fault in broken.value.faults] == [(2, "false_positives.0")]


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("[thresholds]\nhold_below_confidence = = 1\n", 2, "syntax"),
        ("[thresholds]\nx = [1,\n", 3, "syntax"),
        ("thresholds = 3\n", 1, "thresholds"),
        ("\nthresholds.probable_from = 3\n", 2, "thresholds.probable_from"),
        ("[shared]\nname = 'x'\n", 1, "shared"),
        ("[checks]\nnoise = []\n", 2, "checks.noise"),
        ("x = " + 3000 * "[", 1, "syntax"),
        ("[[shared]]\nname = 'x'\nkind = 'cdn'\n", 1, "shared.0"),
        ("[[shared]]\nname = 'x'\nkind = 'moon'\nasns = [1]\n", 1, "shared.0"),
        ("[[shared]]\nname = 'x'\nkind = 'cdn'\ndomains = ['No Domain']\n", 1, "shared.0"),
    ],
)
def test_a_fault_of_any_kind_has_its_line(text: str, line: int, rule: str) -> None:
    assert faults(text) == [(line, rule)]


def test_the_shipped_file_is_sound_and_leaves_the_thresholds_alone() -> None:
    rules = apply_rule_file(RULES, SHIPPED.text)

    assert len(rules.shared.places) >= 5
    assert {field for field in Rules.__struct_fields__ if getattr(rules, field) != getattr(RULES, field)} == {"shared"}


def test_the_shipped_file_shows_each_threshold_with_its_own_value() -> None:
    shown = "\n".join(line.removeprefix("# ") for line in SHIPPED.text.splitlines() if " = " in line and line[0] == "#")
    for name, known in THRESHOLDS.items():
        value = getattr(RULES, known.field)
        assert f"{name} = {value.days if known.in_days else f'{value:g}'}" in shown


@pytest.mark.parametrize(
    ("way", "outcome"),
    [("held", Outcome.HELD), ("refuted", Outcome.REFUTED), ("expired", Outcome.EXPIRED), ("ignored", None)],
)
def test_an_operator_decides_how_a_record_ends_that_fails_a_check(way: str, outcome: Outcome | None) -> None:
    rules = apply_rule_file(RULES, f'[checks]\ncountry = "{way}"')

    assert judge(raw(geo_country="DE"), NOTHING_KNOWN, rules, NOW).outcome is outcome


def test_what_may_not_be_changed_are_checks_that_there_are() -> None:
    assert {check.name for check in CHECKS} >= NEVER_CHANGED


def test_a_file_that_names_no_place_keeps_none_of_the_shipped_and_one_with_too_many_is_refused() -> None:
    place = "[[shared]]\nname = 'x'\nkind = 'cdn'\nasns = [1]\n"

    assert apply_rule_file(RULES, "").shared.places == ()
    assert len(apply_rule_file(RULES, 1000 * place).shared.places) == 1000
    assert faults(1001 * place) == [(4001, "shared.1000")]
