"""When a recipient is told again: a table of cases, and what holds for all of them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import derived_id
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.repeats import (
    Again,
    Enough,
    News,
    Reminder,
    Repeat,
    RepeatPolicy,
    Told,
    TooSoon,
    both_remind,
    weigh_repeat,
)
from services.notifier.domain.planning import REMINDERS
from tests.unit.notifier.builders import NOW

POLICY = RepeatPolicy(interval=timedelta(days=14), reminders=REMINDERS)
FIRST = derived_id("first")
CRITICAL, HIGH, MEDIUM, LOW, INFO = Severity


def told(
    mails: int,
    days_ago: float,
    severity: Severity = HIGH,
    *,
    is_waiting: bool = False,
    is_open: bool = False,
    was_fixed: bool = False,
) -> Told:
    return Told(
        first=FIRST,
        first_at=NOW - timedelta(days=400),
        last_at=NOW - timedelta(days=days_ago),
        mails=mails,
        severity=severity,
        is_waiting=is_waiting,
        open=derived_id("notification", "open") if is_open else None,
        was_fixed=was_fixed,
    )


def word(repeat: Repeat) -> str:
    return repeat.again if isinstance(repeat, Reminder) else type(repeat).__name__.lower()


SEEN_AGAIN = [
    ("never told", None, HIGH, False, "news"),
    ("never told, though it had been closed", None, HIGH, True, "news"),
    ("told an hour ago", told(1, 0.04), HIGH, False, "toosoon"),
    ("told yesterday", told(1, 1), HIGH, False, "toosoon"),
    ("told almost a fortnight ago", told(1, 13.99), HIGH, False, "toosoon"),
    ("told a fortnight ago", told(1, 14), HIGH, False, "still-there"),
    ("told long ago, and never seen meanwhile", told(1, 300), HIGH, False, "still-there"),
    ("reminded a fortnight ago", told(2, 14), HIGH, False, "toosoon"),
    ("reminded almost four weeks ago", told(2, 27.9), HIGH, False, "toosoon"),
    ("reminded four weeks ago", told(2, 28), HIGH, False, "still-there"),
    ("reminded twice, the last time four weeks ago", told(3, 28), HIGH, False, "toosoon"),
    ("reminded twice, the last time eight weeks ago", told(3, 56), HIGH, False, "still-there"),
    ("a high one was reminded of three times", told(4, 200), HIGH, False, "enough"),
    ("a high one, three times, too soon anyway", told(4, 20), HIGH, False, "toosoon"),
    ("a critical one has a fourth reminder", told(4, 112, CRITICAL), CRITICAL, False, "still-there"),
    ("a critical one, four times", told(5, 300, CRITICAL), CRITICAL, False, "enough"),
    ("a medium one has a second reminder", told(2, 28, MEDIUM), MEDIUM, False, "still-there"),
    ("a medium one has no third", told(3, 100, MEDIUM), MEDIUM, False, "enough"),
    ("a low one has one reminder", told(1, 14, LOW), LOW, False, "still-there"),
    ("a low one has no second", told(2, 100, LOW), LOW, False, "enough"),
    ("nobody is reminded of what is for information", told(1, 100, INFO), INFO, False, "enough"),
    ("its mail waits to go out", told(1, 0, is_waiting=True), HIGH, False, "toosoon"),
    ("its mail has waited for a month", told(1, 31, is_waiting=True), HIGH, False, "toosoon"),
    ("its mail can still be joined", told(1, 0, is_waiting=True, is_open=True), HIGH, False, "toosoon"),
]
WORSENED = [
    ("worse an hour later", told(1, 0.04, MEDIUM), HIGH, False, "worsened"),
    ("worse by more than one step", told(1, 1, LOW), CRITICAL, False, "worsened"),
    ("worse, after as many reminders as there are", told(3, 1, MEDIUM), CRITICAL, False, "worsened"),
    ("worse, and its mail can be joined", told(1, 0, LOW, is_waiting=True, is_open=True), HIGH, False, "news"),
    ("worse, and its mail waits and is closed", told(1, 0, LOW, is_waiting=True), HIGH, False, "worsened"),
    ("as bad as the worst that was told", told(2, 3, CRITICAL), CRITICAL, False, "toosoon"),
    ("less bad than it was", told(1, 3, CRITICAL), HIGH, False, "toosoon"),
    ("up, down and up again within a day", told(2, 0.5, CRITICAL), CRITICAL, False, "toosoon"),
    ("up by another step within a day", told(2, 0.5, HIGH), CRITICAL, False, "worsened"),
    ("up again, where the first rise was called fixed", told(0, 1, was_fixed=True), CRITICAL, False, "came-back"),
    ("less bad than it was, long after", told(1, 20, CRITICAL), HIGH, False, "still-there"),
    ("less bad, so it has fewer reminders", told(2, 100, CRITICAL), LOW, False, "enough"),
]
REOPENED = [
    ("called fixed, and seen again", told(0, 2, was_fixed=True), HIGH, True, "came-back"),
    ("called fixed here, and nobody else knows", told(0, 2, was_fixed=True), HIGH, False, "came-back"),
    ("called fixed after many reminders: it begins anew", told(0, 40, was_fixed=True), LOW, True, "came-back"),
    ("for information only, called fixed", told(0, 40, INFO, was_fixed=True), INFO, True, "came-back"),
    ("we said that it was wrong, and it was not", told(0, 2), HIGH, False, "news"),
    ("closed as a false alarm, too soon", told(1, 10), HIGH, True, "toosoon"),
    ("closed as a false alarm, and that has expired", told(1, 14), HIGH, True, "came-back"),
    ("not seen for long, after a reminder", told(2, 14), HIGH, True, "came-back"),
    ("not seen for long, after all reminders", told(4, 30), HIGH, True, "enough"),
    ("came back after a fix, and is still there", told(1, 14), HIGH, False, "still-there"),
]
CASES = [*SEEN_AGAIN, *WORSENED, *REOPENED]


@pytest.mark.parametrize(
    ("before", "severity", "is_reopened", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0].replace(" ", "-") for case in CASES],
)
def test_each_case_of_telling_again(before: Told | None, severity: Severity, is_reopened: bool, expected: str) -> None:
    decided = weigh_repeat(before, severity=severity, is_reopened=is_reopened, policy=POLICY, now=NOW)

    assert word(decided) == expected


def test_a_reminder_says_which_mail_was_the_first_and_how_often_we_wrote() -> None:
    decided = weigh_repeat(told(3, 60), severity=HIGH, is_reopened=False, policy=POLICY, now=NOW)

    assert decided == Reminder(first=FIRST, first_at=NOW - timedelta(days=400), mails=3, again=Again.STILL_THERE)


severities = st.sampled_from(Severity)
sightings = st.lists(st.tuples(st.floats(0.01, 60), severities, st.booleans()), min_size=1, max_size=80)


@given(sightings)
def test_no_two_mails_have_the_same_news_and_there_is_an_end_to_them(
    sightings: list[tuple[float, Severity, bool]],
) -> None:
    """Whatever is seen how often: a mail follows another only after the interval, or because it is worse."""
    before: Told | None = None
    days, mails = 0.0, 0
    for pause, severity, is_reopened in sightings:
        days += pause
        now = NOW + timedelta(days=days)
        decided = weigh_repeat(before, severity=severity, is_reopened=is_reopened, policy=POLICY, now=now)
        if isinstance(decided, TooSoon | Enough):
            continue
        mails += 1
        if before is None:
            assert isinstance(decided, News)
            before = Told(first=FIRST, first_at=now, last_at=now, mails=1, severity=severity)
            continue
        assert isinstance(decided, Reminder)
        is_worse = list(Severity).index(severity) < list(Severity).index(before.severity)
        assert is_worse or now - before.last_at >= POLICY.interval
        assert (decided.again is Again.WORSENED) == is_worse
        worst = min(severity, before.severity, key=list(Severity).index)
        before = Told(first=FIRST, first_at=before.first_at, last_at=now, mails=before.mails + 1, severity=worst)
    assert mails <= 1 + max(REMINDERS.values()) + len(Severity)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_each_reminder_comes_later_than_the_one_before(mails: list[int]) -> None:
    pauses = [POLICY.pause_after(each) for each in sorted(set(mails))]
    assert pauses == sorted(set(pauses))


def test_a_mail_with_anything_new_in_it_is_no_reminder() -> None:
    one = Reminder(first=FIRST, first_at=NOW, mails=1, again=Again.STILL_THERE)
    older = Reminder(first=derived_id("older"), first_at=NOW - timedelta(days=9), mails=3, again=Again.WORSENED)

    assert both_remind(one, None) is None
    assert both_remind(None, one) is None
    assert both_remind(one, older) == older
    assert both_remind(older, one) == older
