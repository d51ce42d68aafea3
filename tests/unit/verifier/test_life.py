"""What silence makes of a threat, and what records say of the feeds that they came by."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, RawIndicator
from libs.common.vocabulary import Outcome
from services.verifier.domain import (
    NOT_SEEN_AGAIN,
    Catalogue,
    CheckResult,
    Feed,
    FeedState,
    History,
    Report,
    Threat,
    ThreatState,
    TrackRecord,
    called_wrong,
    feed_standing,
    judge_all,
    last_reported_at,
    reports_of,
    rules_version,
    state_after_silence,
)
from services.verifier.domain.checks.partner import of_a_good_track_record
from services.verifier.domain.judgement import judge
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, SMB, raw
from tests.unit.verifier.test_judgement import known

DAY = timedelta(days=1)
(THREAT,) = known(last_seen_at=NOW, announced_at=NOW).threats.values()
LEAK = msgspec.structs.replace(SMB, slug="leak", category="information-content-security/data-leak")


def a_threat(**changes: Any) -> Threat:  # Any: fields of Threat, each of its own type
    return msgspec.structs.replace(THREAT, **changes)


@pytest.mark.parametrize(
    ("changes", "days", "state"),
    [
        ({}, 30, ThreatState.OPEN),
        ({}, 30.01, ThreatState.QUIET),
        ({}, 90, ThreatState.QUIET),
        ({}, 90.01, ThreatState.CLOSED),
        ({"state": ThreatState.QUIET}, 90.01, ThreatState.CLOSED),
        ({"state": ThreatState.QUIET}, 29, ThreatState.OPEN),
        ({"state": ThreatState.CLOSED, "closed_at": NOW}, 10, ThreatState.CLOSED),
        ({"last_seen_at": NOW - 80 * DAY}, 30, ThreatState.OPEN),
        ({"announced_at": NOW - 80 * DAY}, 30, ThreatState.OPEN),
        ({"last_seen_at": NOW - 80 * DAY, "announced_at": NOW - 80 * DAY}, 1, ThreatState.QUIET),
    ],
)
def test_silence_counts_from_the_last_sighting_or_news_to_the_last_report_of_the_feed(
    changes: dict[str, Any],  # Any: as above
    days: float,
    state: ThreatState,
) -> None:
    assert state_after_silence(a_threat(**changes), NOW + days * DAY, RULES) is state


def test_silence_of_a_feed_that_never_reported_says_nothing() -> None:
    assert state_after_silence(THREAT, None, RULES) is ThreatState.OPEN


@pytest.mark.parametrize(
    ("days", "state"), [(364, ThreatState.OPEN), (366, ThreatState.QUIET), (426, ThreatState.CLOSED)]
)
def test_a_leak_is_told_of_once_and_stays_open_as_long_as_it_is_news(days: int, state: ThreatState) -> None:
    rules = msgspec.structs.replace(RULES, catalogue=Catalogue((LEAK,)))

    assert state_after_silence(a_threat(incident="leak"), NOW + days * DAY, rules) is state


@given(first=st.integers(0, 200), later=st.integers(0, 200))
def test_the_longer_a_feed_is_silent_about_a_threat_the_further_it_is_on_its_way(first: int, later: int) -> None:
    way = [ThreatState.OPEN, ThreatState.QUIET, ThreatState.CLOSED]
    sooner, longer = sorted((first, later))

    states = [state_after_silence(THREAT, NOW + days * DAY, RULES) for days in (sooner, longer)]

    assert way.index(states[0]) <= way.index(states[1])


@pytest.mark.parametrize(
    ("reported_days_ago", "state"), [(None, FeedState.STOPPED), (31, FeedState.STOPPED), (30, FeedState.REPORTING)]
)
def test_a_feed_has_stopped_when_it_has_not_reported_for_so_long(
    reported_days_ago: int | None, state: FeedState
) -> None:
    reported_at = None if reported_days_ago is None else NOW - reported_days_ago * DAY
    standing = feed_standing(reported_at, RULES, NOW)

    assert (standing.state, standing.reported_at) == (state, reported_at)


def test_any_of_its_partners_speaks_for_a_threat_and_nobody_else_does() -> None:
    threat = a_threat(partners=frozenset({"demo", "other"}))
    reported = {
        Feed("demo", "open-smb"): NOW,
        Feed("other", "open-smb"): NOW + DAY,
        Feed("other", "open-rdp"): NOW + 2 * DAY,
        Feed("third", "open-smb"): NOW + 3 * DAY,
    }

    assert last_reported_at(threat, reported) == NOW + DAY
    assert last_reported_at(threat, {}) is None


@pytest.mark.parametrize(
    ("changes", "days", "is_refuted"),
    [
        ({}, 9, False),
        ({"closed_at": NOW + 5 * DAY, "closed_reason": "fixed"}, 5, False),
        ({"closed_at": NOW + 5 * DAY, "closed_reason": "fixed"}, 6, True),
        ({"closed_at": NOW + 95 * DAY, "closed_reason": NOT_SEEN_AGAIN}, 0, False),
        ({"closed_at": NOW + 95 * DAY, "closed_reason": NOT_SEEN_AGAIN}, 94, True),
    ],
)
def test_what_was_closed_because_nobody_saw_it_is_news_again_with_any_later_sighting(
    changes: dict[str, Any],  # Any: as above
    days: int,
    is_refuted: bool,
) -> None:
    threat = a_threat(**changes)
    history = History(threats={threat.threat_id: threat}, false_positives={})
    seen_at = NOW + days * DAY

    assert threat.is_refuted_by(seen_at) is is_refuted
    if threat.closed_at is not None:
        judged = judge_all([raw(1, seen_at=seen_at), raw(2, seen_at=seen_at)], history, RULES, NOW + 96 * DAY)
        again = Outcome.EXPIRED if seen_at < NOW + 82 * DAY else None if is_refuted else Outcome.DUPLICATE
        assert [each.outcome for each in judged] == [again, Outcome.DUPLICATE if again is None else again]


def arrived(number: int, *, hours: int = 0, partner: str = "demo", **changes: Any) -> RawIndicator:  # Any: as above
    return msgspec.structs.replace(raw(number, partner=partner, **changes), received_at=NOW + timedelta(hours=hours))


def said(*indicators: RawIndicator, before: History = NOTHING_KNOWN) -> dict[tuple[str, str], tuple[object, int]]:
    """When each feed reported, and how many threats are new with it."""
    reports = reports_of(judge_all(indicators, before, RULES, NOW), before)
    assert all(report.wrong == 0 for report in reports)
    return {(each.feed.partner, each.feed.identifier): (each.reported_at, each.verified) for each in reports}


def test_a_feed_reports_whatever_becomes_of_its_records_and_each_threat_counts_once_with_each_partner() -> None:
    assert said(
        arrived(1),
        arrived(2, hours=2),
        arrived(3, hours=1, partner="other"),
        arrived(4, asset=Asset(ip="145.10.20.31")),
        arrived(5, asset=Asset(ip="10.0.0.1"), hours=3),
        arrived(6, identifier="nobody-knows"),
        arrived(7, identifier="tried-out", test_mails_to="x@demo.example"),
    ) == {
        ("demo", "open-smb"): (NOW + timedelta(hours=3), 2),
        ("other", "open-smb"): (NOW + timedelta(hours=1), 1),
        ("demo", "nobody-knows"): (NOW, 0),
    }


def test_what_a_partner_has_told_of_before_is_not_new_with_it() -> None:
    assert said(arrived(1), arrived(2, partner="other"), before=known()) == {
        ("demo", "open-smb"): (NOW, 0),
        ("other", "open-smb"): (NOW, 1),
    }


def test_a_threat_called_wrong_counts_against_each_of_its_partners_and_a_test_against_nobody() -> None:
    threats = [
        a_threat(partners=frozenset({"demo", "other"})),
        a_threat(threat_id=UUID(int=1)),
        a_threat(threat_id=UUID(int=2), is_test=True),
    ]

    assert sorted(called_wrong(threats), key=lambda each: each.feed.partner) == [
        Report(feed=Feed("demo", "open-smb"), wrong=2),
        Report(feed=Feed("other", "open-smb"), wrong=1),
    ]


@pytest.mark.parametrize(
    ("record", "result", "weight", "detail"),
    [
        (None, CheckResult.SKIP, 0.0, "the partner has too few threats yet"),
        (TrackRecord(49, 49), CheckResult.SKIP, 0.0, "the partner has too few threats yet"),
        (TrackRecord(50, 0), CheckResult.PASS, 0.0, "recipients called 0 of the 50 threats of demo wrong (0.0%)"),
        (TrackRecord(50, 1), CheckResult.PASS, 0.0, "recipients called 1 of the 50 threats of demo wrong (2.0%)"),
        (
            TrackRecord(50, 5),
            CheckResult.WARN,
            0.1,
            "recipients called 5 of the 50 threats of demo wrong (10.0%); 2.0% is the limit",
        ),
        (
            TrackRecord(50, 60),
            CheckResult.WARN,
            0.5,
            "recipients called 60 of the 50 threats of demo wrong (100.0%); 2.0% is the limit",
        ),
    ],
)
def test_a_partner_that_was_wrong_too_often_is_believed_less(
    record: TrackRecord | None, result: CheckResult, weight: float, detail: str
) -> None:
    rules = msgspec.structs.replace(RULES, track_records={"demo": record} if record else {})

    reason = of_a_good_track_record(NOTHING_KNOWN.case_of(raw(), None), rules, NOW)

    assert (reason.check, reason.result, reason.weight, reason.detail) == ("track-record", result, weight, detail)
    judgement = judge(raw(), NOTHING_KNOWN, rules, NOW)
    assert judgement.confidence == pytest.approx(0.9 * (1 - weight))
    assert reason in judgement.reasons


def test_the_limits_of_a_track_record_are_rules() -> None:
    rules = msgspec.structs.replace(
        RULES,
        track_records={"demo": TrackRecord(10, 4)},
        track_record_from=10,
        greatest_wrong_share=0.3,
        track_record_weight=0.2,
    )

    assert judge(raw(), NOTHING_KNOWN, rules, NOW).confidence == pytest.approx(0.72)
    assert rules_version(rules) != rules_version(msgspec.structs.replace(rules, greatest_wrong_share=0.2))
    assert rules_version(rules) == rules_version(msgspec.structs.replace(rules, track_records={}))
