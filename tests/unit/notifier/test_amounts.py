"""When mails may go, and how many a day: tables of cases, and what holds for all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Fatal
from libs.common.vocabulary import NotificationKind, Severity
from services.notifier.api.views import summary_of
from services.notifier.domain.amount.calendar import Calendar, Calendars, QuietHours, calendar_of
from services.notifier.domain.amount.caps import Asked, Count, Freed, counts_of, let_go, most_of
from services.notifier.domain.amount.policy import (
    FREE,
    AmountPolicy,
    Caps,
    Slot,
    Subject,
    slot_for,
    slot_to_plan,
)
from services.notifier.domain.amount.waits import SENTENCES, Wait, explained
from services.notifier.domain.notification import State
from tests.unit.notifier.builders import notification

CRITICAL, HIGH, MEDIUM, LOW, INFO = Severity
DUTCH = Calendar("NL", "Europe/Amsterdam")
CALENDARS = Calendars(
    DUTCH, {"BE": Calendar("BE", "Europe/Brussels"), "GB": Calendar("GB", "Europe/London"), "FI": Calendar("FI", "EET")}
)
POLICY = AmountPolicy(
    calendars=CALENDARS,
    quiet=QuietHours(time(20), time(7)),
    business_days_for=(MEDIUM, LOW, INFO),
    round_up_at=time(10),
)


def subject(severity: Severity, to: str = "info@jansen.example", kind: str = "warning") -> Subject:
    return Subject(recipient_key=to, domain=to.rpartition("@")[2], severity=severity, kind=NotificationKind(kind))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NL, BE, UK, FI = "info@jansen.nl", "info@bakker.be", "info@baker.co.uk", "info@leipomo.fi"
TEAM = "national-cert:in@cert.example"
TEST = "test:demo:organisation:nl:desk@demo.example"
HOURS = [
    # In winter Amsterdam is an hour ahead of UTC, in summer two. 2 March 2026 is a Monday.
    ("high by day goes", HIGH, NL, "2026-03-02 12:00", "2026-03-02 12:00", None),
    ("high at seven goes", HIGH, NL, "2026-03-02 06:00", "2026-03-02 06:00", None),
    ("high a moment before eight goes", HIGH, NL, "2026-03-02 18:59", "2026-03-02 18:59", None),
    ("high at eight waits for morning", HIGH, NL, "2026-03-02 19:00", "2026-03-03 06:00", Wait.QUIET_HOURS),
    (
        "high after midnight waits for morning",
        HIGH,
        NL,
        "2026-03-03 01:00",
        "2026-03-03 06:00",
        Wait.QUIET_HOURS,
    ),
    ("high on a Saturday goes", HIGH, NL, "2026-03-07 12:00", "2026-03-07 12:00", None),
    ("high on Christmas goes", HIGH, NL, "2026-12-25 12:00", "2026-12-25 12:00", None),
    ("critical at night goes", CRITICAL, NL, "2026-03-03 01:00", "2026-03-03 01:00", None),
    ("critical on a Sunday night goes", CRITICAL, NL, "2026-03-08 01:00", "2026-03-08 01:00", None),
    ("medium on a Monday goes", MEDIUM, NL, "2026-03-02 12:00", "2026-03-02 12:00", None),
    ("medium on a Friday evening waits for Monday", MEDIUM, NL, "2026-03-06 20:00", "2026-03-09 06:00", Wait.DAY_OFF),
    ("medium on a Saturday waits for Monday", MEDIUM, NL, "2026-03-07 12:00", "2026-03-09 06:00", Wait.DAY_OFF),
    (
        "medium on a Monday night waits",
        MEDIUM,
        NL,
        "2026-03-02 22:00",
        "2026-03-03 06:00",
        Wait.QUIET_HOURS,
    ),
    ("medium on King's Day waits", MEDIUM, NL, "2026-04-27 10:00", "2026-04-28 05:00", Wait.DAY_OFF),
    ("medium on Ascension Day waits", MEDIUM, NL, "2026-05-14 10:00", "2026-05-15 05:00", Wait.DAY_OFF),
    ("medium over Easter waits for Tuesday", MEDIUM, NL, "2026-04-03 10:00", "2026-04-07 05:00", Wait.DAY_OFF),
    ("medium over Christmas waits for Monday", MEDIUM, NL, "2026-12-25 10:00", "2026-12-28 06:00", Wait.DAY_OFF),
    ("medium on New Year's Day waits", MEDIUM, NL, "2027-01-01 10:00", "2027-01-04 06:00", Wait.DAY_OFF),
    ("liberation day is a holiday every five years", MEDIUM, NL, "2025-05-05 10:00", "2025-05-06 05:00", Wait.DAY_OFF),
    ("and none in between", MEDIUM, NL, "2026-05-05 10:00", "2026-05-05 10:00", None),
    ("Belgium has no King's Day in April", MEDIUM, BE, "2026-04-27 10:00", "2026-04-27 10:00", None),
    ("and its own day in July", MEDIUM, BE, "2026-07-21 10:00", "2026-07-22 05:00", Wait.DAY_OFF),
    ("London goes by its own clock", HIGH, UK, "2026-03-02 19:30", "2026-03-02 19:30", None),
    ("and so does Helsinki", HIGH, FI, "2026-03-02 18:30", "2026-03-03 05:00", Wait.QUIET_HOURS),
    (
        "an unknown country goes by ours",
        MEDIUM,
        "a@b.com",
        "2026-04-27 10:00",
        "2026-04-28 05:00",
        Wait.DAY_OFF,
    ),
    ("the night when clocks go forward", HIGH, NL, "2026-03-28 22:00", "2026-03-29 05:00", Wait.QUIET_HOURS),
    ("the night when clocks go back", HIGH, NL, "2026-10-24 22:00", "2026-10-25 06:00", Wait.QUIET_HOURS),
    ("a team has no quiet hours", MEDIUM, TEAM, "2026-03-08 01:00", "2026-03-08 01:00", None),
    ("who tries out waits for nothing", LOW, TEST, "2026-03-08 01:00", "2026-03-08 01:00", None),
]
ROUND_UPS = [
    ("low in the morning goes at ten", LOW, NL, "2026-03-02 07:00", "2026-03-02 09:00"),
    ("low at ten goes", LOW, NL, "2026-03-02 09:00", "2026-03-02 09:00"),
    ("low after ten goes on the next day", LOW, NL, "2026-03-02 09:01", "2026-03-03 09:00"),
    ("low on a Friday goes on Monday", LOW, NL, "2026-03-06 12:00", "2026-03-09 09:00"),
    ("for information, on a Saturday", INFO, NL, "2026-03-07 12:00", "2026-03-09 09:00"),
    ("low over Easter", LOW, NL, "2026-04-02 12:00", "2026-04-07 08:00"),
    ("low in London goes at ten there", LOW, UK, "2026-03-02 07:00", "2026-03-02 10:00"),
]


@pytest.mark.parametrize(
    ("severity", "to", "asked", "expected", "wait"),
    [case[1:] for case in HOURS],
    ids=[case[0].replace(" ", "-") for case in HOURS],
)
def test_each_hour_and_day(severity: Severity, to: str, asked: str, expected: str, wait: Wait | None) -> None:
    assert slot_for(subject(severity, to), utc(asked), POLICY) == Slot(utc(expected), wait)


@pytest.mark.parametrize(
    ("severity", "to", "asked", "expected"),
    [case[1:] for case in ROUND_UPS],
    ids=[case[0].replace(" ", "-") for case in ROUND_UPS],
)
def test_what_is_of_low_severity_waits_for_the_mail_of_the_day(
    severity: Severity, to: str, asked: str, expected: str
) -> None:
    assert slot_to_plan(subject(severity, to), utc(asked), POLICY) == Slot(utc(expected), Wait.ROUND_UP)


def test_a_correction_waits_for_no_hour() -> None:
    night = utc("2026-03-08 01:00")
    assert slot_for(subject(MEDIUM, kind="correction"), night, POLICY) == Slot(night)


def test_a_round_up_in_quiet_hours_goes_when_they_end() -> None:
    early = msgspec.structs.replace(POLICY, round_up_at=time(6))
    assert slot_to_plan(subject(LOW, NL), utc("2026-03-02 01:00"), early).at == utc("2026-03-02 06:00")


def test_quiet_hours_within_a_day_end_on_it() -> None:
    noon = msgspec.structs.replace(POLICY, quiet=QuietHours(time(12), time(13)))
    assert slot_for(subject(HIGH, NL), utc("2026-03-02 11:30"), noon).at == utc("2026-03-02 12:00")
    assert slot_for(subject(HIGH, NL), utc("2026-03-02 12:00"), noon).at == utc("2026-03-02 12:00")


@pytest.mark.parametrize(("country", "zone"), [("NL", "Europe/Atlantis"), ("XX", "Europe/Amsterdam"), ("", "")])
def test_a_country_or_clock_that_nobody_knows_stops_the_start(country: str, zone: str) -> None:
    with pytest.raises(Fatal):
        calendar_of(country, zone)


seconds = st.integers(0, 10 * 365 * 24 * 60 * 60)
moments = seconds.map(lambda after: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=after))
addresses = st.sampled_from([NL, BE, UK, FI, "a@b.com"])
clocks = st.times(timezones=st.none()).map(lambda clock: clock.replace(microsecond=0))
quiets = st.tuples(clocks, clocks).filter(lambda both: both[0] != both[1]).map(lambda both: QuietHours(*both))


@given(moments, st.sampled_from(Severity), addresses, st.one_of(st.none(), quiets), st.one_of(st.none(), clocks))
def test_nothing_waits_for_ever_and_what_is_critical_not_at_all(
    moment: datetime, severity: Severity, to: str, quiet: QuietHours | None, round_up_at: time | None
) -> None:
    policy = msgspec.structs.replace(POLICY, quiet=quiet, round_up_at=round_up_at)
    slot = slot_to_plan(subject(severity, to), moment, policy)

    assert moment <= slot.at < moment + timedelta(days=9)
    assert (slot.at > moment) <= (slot.wait is not None)
    if severity is CRITICAL:
        assert slot.at == moment
    again = slot_for(subject(severity, to), slot.at, policy)
    assert again.at == slot.at, "when its time has come it may go"


ONE = Caps(recipient=1, domain=2, incident=3, total=4)
A, B, C = "a@one.nl", "b@one.nl", "c@two.nl"
DAY = utc("2026-03-02 12:00")
NEXT_DAY = utc("2026-03-03 06:00")
"""A cap ends at midnight, and then it is night."""


def asking(*mails: tuple[Severity, str, str]) -> list[Asked]:
    return [
        Asked(subject=subject(severity, to), incidents=(incident,), is_round_up=POLICY.rounds_up(subject(severity, to)))
        for severity, to, incident in mails
    ]


def answers(mails: Sequence[Asked], caps: Caps, used: Mapping[Count, int] | None = None) -> list[str]:
    policy = msgspec.structs.replace(POLICY, caps=caps)
    verdicts = let_go(mails, used=used or {}, policy=policy, now=DAY)
    return ["goes" if isinstance(verdict, Freed) else str(verdict.wait) for verdict in verdicts]


CAPPED = [
    ("no cap", Caps(), [(HIGH, A, "x")] * 9, ["goes"] * 9),
    (
        "one a recipient",
        Caps(recipient=1),
        [(HIGH, A, "x"), (HIGH, A, "y"), (HIGH, B, "x")],
        ["goes", "recipient-cap", "goes"],
    ),
    (
        "two a domain",
        Caps(domain=2),
        [(HIGH, A, "x"), (HIGH, B, "x"), (HIGH, A, "y"), (HIGH, C, "x")],
        ["goes", "goes", "domain-cap", "goes"],
    ),
    (
        "one an incident",
        Caps(incident=1),
        [(HIGH, A, "x"), (HIGH, B, "x"), (HIGH, C, "y")],
        ["goes", "incident-cap", "goes"],
    ),
    ("two in all", Caps(total=2), [(HIGH, A, "x"), (HIGH, B, "y"), (HIGH, C, "z")], ["goes", "goes", "total-cap"]),
    ("critical ones go above each", ONE, [(CRITICAL, A, "x")] * 6, ["goes"] * 6),
    ("and are counted", Caps(recipient=1), [(CRITICAL, A, "x"), (HIGH, A, "y")], ["goes", "recipient-cap"]),
    ("the narrowest is said", ONE, [(HIGH, A, "x"), (HIGH, A, "x")], ["goes", "recipient-cap"]),
    ("a team is above each", ONE, [(HIGH, TEAM, "x")] * 6, ["goes"] * 6),
    ("and uses up nothing", Caps(total=1), [(HIGH, TEAM, "x"), (HIGH, TEST, "x"), (HIGH, A, "x")], ["goes"] * 3),
    ("what goes first uses it up", Caps(total=1), [(HIGH, A, "x"), (MEDIUM, B, "x")], ["goes", "total-cap"]),
    (
        "one round-up a day, without any cap",
        Caps(),
        [(LOW, A, "x"), (LOW, A, "y"), (LOW, B, "x")],
        ["goes", "one-round-up-a-day", "goes"],
    ),
    ("a round-up is a mail like any", Caps(recipient=1), [(HIGH, A, "x"), (LOW, A, "y")], ["goes", "recipient-cap"]),
    (
        "what is held uses up nothing",
        Caps(recipient=1, total=2),
        [(HIGH, A, "x"), (HIGH, A, "y"), (HIGH, B, "z")],
        ["goes", "recipient-cap", "goes"],
    ),
]


@pytest.mark.parametrize(
    ("caps", "mails", "expected"),
    [case[1:] for case in CAPPED],
    ids=[case[0].replace(" ", "-") for case in CAPPED],
)
def test_each_cap(caps: Caps, mails: Sequence[tuple[Severity, str, str]], expected: Sequence[str]) -> None:
    assert answers(asking(*mails), caps) == expected


def test_what_went_earlier_that_day_counts() -> None:
    used = {Count(Wait.DOMAIN_CAP, "one.nl"): 2}
    assert answers(asking((HIGH, A, "x"), (HIGH, C, "x")), Caps(domain=2), used) == ["domain-cap", "goes"]


@pytest.mark.parametrize(
    ("mail", "until"),
    [((HIGH, A, "x"), NEXT_DAY), ((MEDIUM, A, "x"), NEXT_DAY), ((LOW, A, "x"), utc("2026-03-03 09:00"))],
    ids=["high", "medium", "low"],
)
def test_what_is_over_a_cap_asks_again_on_the_next_day(mail: tuple[Severity, str, str], until: datetime) -> None:
    policy = msgspec.structs.replace(POLICY, caps=Caps(total=0))
    assert let_go(asking(mail), used={}, policy=policy, now=DAY) == [Slot(until, Wait.TOTAL_CAP)]


def test_a_round_up_counts_for_each_incident_in_it() -> None:
    round_up = Asked(subject=subject(LOW, A), incidents=("x", "y"), is_round_up=True)

    assert counts_of(round_up, Caps(incident=5, total=9)) == (
        Count(Wait.ONE_ROUND_UP_A_DAY, A),
        Count(Wait.INCIDENT_CAP, "x"),
        Count(Wait.INCIDENT_CAP, "y"),
        Count(Wait.TOTAL_CAP),
    )


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02 22:59", date(2026, 3, 2)),
        ("2026-03-02 23:00", date(2026, 3, 3)),
        ("2026-07-01 21:59", date(2026, 7, 1)),
        ("2026-07-01 22:00", date(2026, 7, 2)),
    ],
)
def test_a_day_of_mails_begins_at_our_midnight(moment: str, day: date) -> None:
    assert CALENDARS.day_of(utc(moment)) == day
    assert CALENDARS.day_of(CALENDARS.day_after(utc(moment))) == day + timedelta(days=1)


mails = st.lists(
    st.tuples(st.sampled_from(Severity), st.sampled_from([A, B, C, TEAM, TEST]), st.sampled_from("xyz")), max_size=30
)
limits = st.one_of(st.none(), st.integers(0, 4))


@given(mails, limits, limits, limits, limits)
def test_no_cap_is_exceeded_but_by_what_is_critical_and_nothing_is_lost(
    mails: Sequence[tuple[Severity, str, str]],
    recipient: int | None,
    domain: int | None,
    incident: int | None,
    total: int | None,
) -> None:
    caps = Caps(recipient=recipient, domain=domain, incident=incident, total=total)
    policy = msgspec.structs.replace(POLICY, caps=caps)
    asked = asking(*mails)
    verdicts = let_go(asked, used={}, policy=policy, now=DAY)

    went: Counter[Count] = Counter()
    for each, verdict in zip(asked, verdicts, strict=True):
        if isinstance(verdict, Freed):
            is_above = each.subject.severity is CRITICAL
            assert is_above or all(went[count] < most_of(count.scope, caps) for count in verdict.counts)
            went.update(verdict.counts)
        else:
            assert not each.subject.goes_at_once
            assert DAY < verdict.at < DAY + timedelta(days=4)
            assert verdict.wait in SENTENCES


def test_without_any_setting_everything_goes_and_nothing_is_counted() -> None:
    asked = asking((HIGH, A, "x"), (MEDIUM, B, "y"))
    assert let_go(asked, used={}, policy=FREE, now=utc("2026-03-08 01:00")) == [Freed(), Freed()]


def test_an_analyst_reads_until_when_and_why() -> None:
    assert explained("", DAY) == ""
    assert explained("day-off", NEXT_DAY) == (
        "Waits until 2026-03-03 06:00 UTC. It can wait, and the recipient's next business day begins then."
    )
    assert set(SENTENCES) == set(Wait)


def test_what_a_notification_waits_for_is_shown_with_it() -> None:
    waiting = msgspec.structs.replace(
        notification(), state=State.PLANNED, due_at=NEXT_DAY, wait=Wait.QUIET_HOURS, next_attempt_at=None
    )
    assert summary_of(waiting).waits == (
        "Waits until 2026-03-03 06:00 UTC. It is not critical, and the recipient has quiet hours until then."
    )
    assert summary_of(waiting).next_attempt_at == NEXT_DAY
    assert summary_of(notification()).waits == ""
