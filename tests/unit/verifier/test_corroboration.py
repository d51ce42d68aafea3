"""Partners of poor repute: what one of them says is held, what two of them find is believed, and not as much."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from libs.common.contracts import RawIndicator
from libs.common.vocabulary import Outcome, Reliability, Severity, Tlp
from services.verifier.domain import HeldSighting, History, Judgement, judge_all, release, threat_id_of
from services.verifier.domain.corroboration import COUNT_WHILE_HELD
from services.verifier.domain.judgement import settle_review
from services.verifier.domain.sightings import held_with, threat_after
from services.verifier.domain.what_if import Comparing
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw

HOUR = timedelta(hours=1)
THREAT = threat_id_of(raw())


def said(
    number: int,
    partner: str,
    *,
    reliability: Reliability = Reliability.E,
    **changes: Any,  # Any: fields of Indicator, each of its own type
) -> RawIndicator:
    return raw(number, partner=partner, reliability=reliability, **changes)


def ends(judgements: list[Judgement]) -> list[tuple[str, str]]:
    return [(each.outcome.value if each.outcome else "verified", each.grade) for each in judgements]


def after(judgements: list[Judgement], before: History = NOTHING_KNOWN) -> History:
    """What is known once these are stored."""
    threats, held = dict(before.threats), dict(before.held)
    for each in judgements:
        if each.is_verified:
            threats[each.threat_id] = threat_after(each, threats.get(each.threat_id))
        held[each.threat_id] = held_with(each, held.get(each.threat_id, ()))
    return msgspec.structs.replace(before, threats=threats, held=held)


def reason(judgement: Judgement, check: str) -> str:
    return next(each.detail for each in judgement.reasons if each.check == check)


def test_in_one_batch_the_second_is_verified_with_the_first_which_then_is_a_sighting() -> None:
    judged = judge_all([said(1, "ann"), said(2, "bob")], NOTHING_KNOWN, RULES, NOW)
    assert ends(judged) == [("held", "E4"), ("verified", "E3")]

    (released,) = release(judged[:1], after(judged), RULES, NOW + HOUR)

    assert ends([released]) == [("duplicate", "E3")]
    assert reason(released, "corroborated") == "somebody else has found it too, who is not believed alone"
    assert reason(released, "waited") == "held since 2026-03-02 12:00 UTC, until somebody else found it too"
    assert [each.check for each in released.reasons[-3:]] == ["sighting", "waited", "severity"]
    assert (released.at, released.decided_by) == (NOW + HOUR, None)


@pytest.mark.parametrize("order", list(permutations([("ann", "E"), ("bob", "E"), ("carl", "B")])))
def test_whoever_comes_first_of_a_good_one_and_two_poor_ones_all_are_believed_in_the_end(
    order: tuple[tuple[str, str], ...],
) -> None:
    batch = [
        said(number, partner, reliability=Reliability(letter))
        for number, (partner, letter) in enumerate(order, start=1)
    ]
    judged = judge_all(batch, NOTHING_KNOWN, RULES, NOW)

    known = after(judged)
    left = [each for each in judged if each.outcome is Outcome.HELD]
    in_the_end = [*(each for each in judged if each not in left), *release(left, known, RULES, NOW)]

    assert {each.outcome for each in in_the_end} == {None, Outcome.DUPLICATE}
    assert sum(each.outcome is None for each in in_the_end) == 1
    assert len(in_the_end) == 3
    assert not known.threats[THREAT].is_doubted


def test_what_only_poor_ones_have_found_confirms_the_next_poor_one_no_more_than_they_are_worth() -> None:
    judged = judge_all([said(number, partner) for number, partner in enumerate("abca", 1)], NOTHING_KNOWN, RULES, NOW)

    assert ends(judged) == [("held", "E4"), ("verified", "E3"), ("duplicate", "E3"), ("duplicate", "E3")]
    assert after(judged).threats[THREAT].is_doubted


def test_once_a_good_one_has_found_it_the_next_poor_one_is_confirmed() -> None:
    good = said(3, "good", reliability=Reliability.B)
    judged = judge_all([said(1, "ann"), said(2, "bob"), good, said(4, "carl")], NOTHING_KNOWN, RULES, NOW)

    assert [each.grade for each in judged] == ["E4", "E3", "B1", "E1"]


def test_a_threat_that_a_person_has_believed_is_not_doubted() -> None:
    held = judge_all([said(1, "ann")], NOTHING_KNOWN, RULES, NOW)
    decided = settle_review(held, NOTHING_KNOWN, RULES, verified=True, by="anna", now=NOW)

    (second,) = judge_all([said(2, "bob")], after(decided), RULES, NOW)

    assert ends([second]) == [("duplicate", "E1")]


@pytest.mark.parametrize(
    "other",
    [
        said(2, "ann"),
        msgspec.structs.replace(said(2, "bob"), upstream="ann"),
        said(2, "bob", test_mails_to="desk@bob.example"),
        said(2, "bob", identifier="open-rdp"),
        said(2, "bob", tlp=Tlp.RED),
        said(2, "bob", tags=("honeypot",)),
    ],
    ids=["itself", "who passes on its findings", "a test", "another finding", "forbidden to tell", "a honeypot"],
)
def test_what_confirms_nothing_releases_nothing(other: RawIndicator) -> None:
    first, second = judge_all([said(1, "ann"), other], NOTHING_KNOWN, RULES, NOW)
    last = judge_all([said(3, "ann")], after([first, second]), RULES, NOW)

    assert (first.outcome, last[0].outcome) == (Outcome.HELD, Outcome.HELD)
    assert release([first], after([first, second]), RULES, NOW) == []


def test_what_waits_for_an_incident_counts_but_stays() -> None:
    judged = judge_all(
        [said(1, "ann", identifier="open-rdp"), said(2, "bob", identifier="open-rdp")], NOTHING_KNOWN, RULES, NOW
    )

    assert ends(judged) == [("held", "E4"), ("held", "E3")]
    assert release(judged, after(judged), RULES, NOW) == []


def test_what_is_released_too_late_to_be_news_stays() -> None:
    judged = judge_all([said(1, "ann", seen_at=NOW - timedelta(days=13)), said(2, "bob")], NOTHING_KNOWN, RULES, NOW)
    assert ends(judged)[1] == ("verified", "E3")

    assert release(judged[:1], after(judged), RULES, NOW + timedelta(days=2)) == []


def test_what_is_released_and_worse_than_what_was_told_is_news() -> None:
    first = said(1, "ann", severity=Severity.CRITICAL)
    judged = judge_all([first, said(2, "bob")], NOTHING_KNOWN, RULES, NOW)

    (released,) = release(judged[:1], after(judged), RULES, NOW)

    assert (released.outcome, released.severity) == (None, Severity.CRITICAL)


def test_of_each_partner_and_source_one_held_record_is_kept_the_newest() -> None:
    held: tuple[HeldSighting, ...] = ()
    for number in range(1, 1001):
        (judged,) = judge_all(
            [said(number, "ann", seen_at=NOW - number * timedelta(seconds=1))], NOTHING_KNOWN, RULES, NOW
        )
        held = held_with(judged, held)

    assert held == (HeldSighting("ann", "ann", NOW - timedelta(seconds=1000), 0.3),)
    assert COUNT_WHILE_HELD == ("confidence", "incident")


def what_if(
    *events: RawIndicator, limit: float
) -> tuple[dict[str, int], dict[str, int], int, dict[tuple[str, str], int]]:
    """Outcomes now and by a draft with that limit, how many threats more would be told of, and what decides."""
    draft = msgspec.structs.replace(RULES, hold_below_confidence=limit)
    comparing = Comparing(now=RULES, draft=draft)
    for number, event in enumerate(events):
        at = NOW + number * HOUR
        sides = (side.judge([event], {THREAT}, {}, at) for side in (comparing.now, comparing.draft))
        comparing.add(zip(*sides, strict=True))
    found = comparing.result()
    because = {(change.draft, check): count for change in found.changes for check, count in change.because.items()}
    return dict(found.now), dict(found.draft), len(found.more) - len(found.fewer), because


def test_a_what_if_knows_that_two_confirm_each_other_and_what_goes_on_with_them() -> None:
    now, draft, more, because = what_if(said(1, "ann"), said(2, "ann"), said(3, "bob"), limit=0.2)

    assert now == {"verified": 1, "duplicate": 2}
    assert draft == {"verified": 1, "duplicate": 2}
    assert (more, because) == (0, {("verified", "verified"): 1, ("duplicate", "sighting"): 1})


def test_a_what_if_says_what_would_be_confirmed_by_others_under_the_draft() -> None:
    good = [said(number, partner, reliability=Reliability.D) for number, partner in enumerate(("ann", "ann", "bob"), 1)]

    now, draft, more, because = what_if(*good, limit=0.6)

    assert now == {"verified": 1, "duplicate": 2}
    assert draft == {"verified": 1, "duplicate": 2}
    assert (more, because) == (0, {("duplicate", "corroborated"): 1, ("verified", "verified"): 1})


def test_a_what_if_holds_what_nobody_else_confirms() -> None:
    now, draft, more, _ = what_if(said(1, "ann"), said(2, "ann"), limit=0.2)

    assert (now, draft, more) == ({"held": 2}, {"verified": 1, "duplicate": 1}, 1)


def test_a_what_if_knows_what_was_held_before() -> None:
    comparing = Comparing(now=RULES, draft=RULES)
    for side in (comparing.now, comparing.draft):
        side.learn([], {THREAT: (HeldSighting("bob", "bob", NOW, 0.3),)})
    sides = (side.judge([said(1, "ann")], {THREAT}, {}, NOW) for side in (comparing.now, comparing.draft))
    comparing.add(zip(*sides, strict=True))

    assert dict(comparing.result().now) == {"verified": 1}
