"""How long threats stand aside, and when a source is asked again."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import Severity
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.enquiries import (
    LATE_FOR,
    LONGEST_PAUSE,
    Asked,
    Claimed,
    Patience,
    PendingThreat,
    answers_only,
    next_try_at,
    urgencies,
)
from tests.unit.attribution.builders import a_threat

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = Enquiry(Source.SECURITY_TXT, "bakery.example")
OTHER = Enquiry(Source.RDAP_DOMAIN, "bakery.example")
PATIENCE = Patience(timedelta(minutes=1), timedelta(minutes=15), frozenset({"intrusions"}))
BAKERY = a_threat(Asset(domain="bakery.example"))


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 5), (1, 10), (2, 20), (9, 2560), (10, LONGEST_PAUSE.total_seconds()), (10**6, 3600)]
)
def test_each_failure_doubles_the_pause_up_to_an_hour(tries: int, seconds: float) -> None:
    failed = Answer(HOST, NOW, NOW, failure="away")
    assert next_try_at(Claimed(HOST, tries), failed) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("wanted", "given"), [(timedelta(minutes=5), 300), (timedelta(days=3), 3600)])
def test_a_source_that_wants_peace_gets_it_but_not_for_longer_than_an_hour(wanted: timedelta, given: float) -> None:
    failed = Answer(HOST, NOW, NOW + wanted, failure="asked too often")
    assert next_try_at(Claimed(HOST, 0), failed) == NOW + timedelta(seconds=given)


def test_a_question_is_as_urgent_as_the_most_urgent_threat_that_waits_for_it() -> None:
    first, second = BAKERY.indicator_id, a_threat(Asset(domain="other.example")).indicator_id
    asked = [Asked(HOST, first, 3), Asked(OTHER, first, 3), Asked(HOST, second, 1)]
    assert urgencies(asked) == [(OTHER, 3), (HOST, 1)]


@pytest.mark.parametrize(("severity", "minutes"), [(Severity.CRITICAL, 1), (Severity.HIGH, 15), (Severity.INFO, 15)])
def test_what_is_critical_waits_less(severity: Severity, minutes: int) -> None:
    waiting = msgspec.structs.replace(BAKERY, severity=severity)
    assert PATIENCE.decide_by(waiting, now=NOW) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("category", "is_asked"), [("intrusions/system-compromise", False), ("vulnerable/vulnerable-system", True)]
)
def test_a_hacked_host_is_not_asked_but_its_registry_is(category: str, is_asked: bool) -> None:
    reported = msgspec.structs.replace(BAKERY, indicator=msgspec.structs.replace(BAKERY.indicator, category=category))
    asked = PATIENCE.online(frozenset({Source.SECURITY_TXT, Source.RDAP_DOMAIN}), reported.indicator)
    assert (Source.SECURITY_TXT in asked, Source.RDAP_DOMAIN in asked) == (is_asked, True)


def test_hope_ends_a_week_after_the_decision() -> None:
    pending = PendingThreat(threat=BAKERY, arrived_at=NOW, decide_by=NOW, decided=True)
    assert not pending.is_past_hope(now=NOW + LATE_FOR - timedelta(seconds=1))
    assert pending.is_past_hope(now=NOW + LATE_FOR)
    assert not msgspec.structs.replace(pending, decided=False).is_past_hope(now=NOW + LATE_FOR)


def test_who_can_wait_does_not_take_a_failure_for_an_answer() -> None:
    known, failed = Answer(HOST, NOW, NOW), Answer(OTHER, NOW, NOW, failure="away")
    assert answers_only({HOST: known, OTHER: failed}) == {HOST: known}
