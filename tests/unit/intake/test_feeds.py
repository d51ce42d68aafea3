"""What is usual for a feed is learnt from its days; what is not is told, and nothing else is."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.intake.domain.feeds.anomalies import Anomaly, Kind
from services.intake.domain.feeds.days import Arrival, Day, FeedKey, day_of, with_a_known_header
from services.intake.domain.feeds.judging import ENDED_AFTER, Dismissal, Feed, State, judge

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
KEY = FeedKey(UUID(int=1), "shadowserver-csv", "scan_smb")
COLUMNS = ("ip", "port", "timestamp")


def arrival(
    at: datetime,
    rows: int = 100,
    *,
    rejected: int = 0,
    columns: Sequence[str] = COLUMNS,
    refused: str | None = None,
) -> Arrival:
    return Arrival(new_id(), KEY, at, rows - rejected, rejected, tuple(columns), refused=refused)


def daily(days: int, *, weekdays: Iterable[int] = range(7), rows: int = 100) -> list[Arrival]:
    """A push every morning from Monday on."""
    mornings = [MONDAY + day * DAY for day in range(days)]
    return [arrival(at, rows) for at in mornings if at.weekday() in weekdays]


def feed_of(arrivals: Iterable[Arrival], *, form: str = KEY.format) -> Feed:
    days: dict[object, Day] = {}
    for each in arrivals:
        day = day_of(each)
        days[day.day] = days[day.day] + day if day.day in days else day
    return Feed(
        id=UUID(int=2),
        partner_id=KEY.partner_id,
        partner="demo",
        format=form,
        report_type=KEY.report_type,
        days=[days[day] for day in sorted(days, key=str)],
    )


def unusual(arrivals: Iterable[Arrival], *, now: datetime, form: str = KEY.format) -> list[Anomaly]:
    return list(judge(feed_of(arrivals, form=form), now=now).anomalies)


def kinds(arrivals: Iterable[Arrival], *, now: datetime) -> list[Kind]:
    return [anomaly.kind for anomaly in unusual(arrivals, now=now)]


def test_a_daily_report_is_late_after_26_hours_and_not_before() -> None:
    arrivals = daily(10)
    last = arrivals[-1].at
    assert kinds(arrivals, now=last + 26 * HOUR) == []
    (late,) = unusual(arrivals, now=last + 26 * HOUR + MINUTE)
    assert (late.kind, late.since) == (Kind.LATE, last + 26 * HOUR)
    assert late.message == (
        "Nothing has come for 26 hours, since 2026-03-11 06:00 UTC; it usually comes every 24 hours."
    )
    assert late.figures == {"silent_seconds": 26 * 3600 + 60, "allowed_seconds": 26 * 3600}


def test_too_little_history_says_nothing() -> None:
    judgement = judge(feed_of(daily(4)), now=MONDAY + 8 * DAY)
    assert (judgement.state, judgement.anomalies, judgement.due_at) == (State.LEARNING, [], None)
    assert judge(feed_of(daily(5)), now=MONDAY + 8 * DAY).state is State.UNUSUAL


def test_a_report_that_comes_in_three_files_is_daily_all_the_same() -> None:
    arrivals = [arrival(each.at + part * 20 * MINUTE) for each in daily(10) for part in range(3)]
    assert kinds(arrivals, now=arrivals[-1].at + 25 * HOUR) == []
    assert kinds(arrivals, now=arrivals[-1].at + 27 * HOUR) == [Kind.LATE]


def test_a_feed_that_rests_at_weekends_is_not_late_on_saturday_but_is_on_monday() -> None:
    arrivals = daily(19, weekdays=range(5))
    friday = arrivals[-1].at
    assert friday.weekday() == 4
    for hours in range(1, 73):
        assert kinds(arrivals, now=friday + hours * HOUR) == []
    assert kinds(arrivals, now=friday + 75 * HOUR) == [Kind.LATE]


def test_the_first_saturday_of_a_new_feed_is_not_late_either() -> None:
    arrivals = daily(5, weekdays=range(5))
    assert kinds(arrivals, now=arrivals[-1].at + 48 * HOUR) == []
    assert kinds(arrivals, now=arrivals[-1].at + 75 * HOUR) == [Kind.LATE]


def test_one_report_on_a_saturday_makes_the_next_saturday_no_working_day() -> None:
    arrivals = [*daily(33, weekdays=range(5)), arrival(MONDAY + 12 * DAY)]
    assert kinds(sorted(arrivals, key=lambda each: each.at), now=MONDAY + 34 * DAY) == []


def test_a_feed_on_every_day_of_the_week_is_late_on_saturday() -> None:
    arrivals = daily(26)
    friday = arrivals[-1].at
    assert friday.weekday() == 4
    assert kinds(arrivals, now=friday + 27 * HOUR) == [Kind.LATE]


def test_office_hours_are_not_late_at_night() -> None:
    arrivals = [arrival(each.at + hour * HOUR, 1) for each in daily(11, weekdays=range(5)) for hour in range(10)]
    assert kinds(arrivals, now=arrivals[-1].at + 14 * HOUR) == []
    assert kinds(arrivals, now=arrivals[-1].at + 20 * HOUR) == [Kind.LATE]


def test_a_feed_that_comes_every_minute_is_late_after_three_hours() -> None:
    arrivals = [arrival(MONDAY + each * 10 * MINUTE, 1) for each in range(6 * 24 * 6)]
    assert kinds(arrivals, now=arrivals[-1].at + 2 * HOUR) == []
    assert kinds(arrivals, now=arrivals[-1].at + 4 * HOUR) == [Kind.LATE]


def test_a_push_between_two_others_makes_a_feed_no_quicker() -> None:
    arrivals = [*daily(9), arrival(MONDAY + 8 * DAY + 20 * HOUR), arrival(MONDAY + 9 * DAY)]
    rhythm = judge(feed_of(arrivals), now=arrivals[-1].at).rhythm
    assert rhythm is not None
    assert rhythm.usual == 24 * HOUR
    assert kinds(arrivals, now=arrivals[-1].at + 25 * HOUR) == []


def test_an_outage_of_three_days_does_not_change_what_is_usual() -> None:
    arrivals = [each for each in daily(20) if not MONDAY + 9 * DAY < each.at < MONDAY + 13 * DAY]
    assert kinds(arrivals, now=arrivals[-1].at + 27 * HOUR) == [Kind.LATE]


def test_a_feed_that_has_been_late_for_four_weeks_has_ended() -> None:
    arrivals = daily(10)
    due = arrivals[-1].at + 26 * HOUR
    assert kinds(arrivals, now=due + ENDED_AFTER - MINUTE) == [Kind.LATE]
    judgement = judge(feed_of(arrivals), now=due + ENDED_AFTER)
    assert (judgement.state, judgement.anomalies) == (State.ENDED, ())
    assert judge(feed_of(daily(2)), now=MONDAY + 60 * DAY).state is State.ENDED


def test_what_an_operator_expects_counts_from_the_first_push_on() -> None:
    feed = replace(feed_of([arrival(MONDAY)]), expected=6 * HOUR)
    assert judge(feed, now=MONDAY + 7 * HOUR).state is State.USUAL
    (late,) = judge(feed, now=MONDAY + 7 * HOUR + MINUTE).anomalies
    assert late.message == "Nothing has come for 7 hours, since 2026-03-02 06:00 UTC; it is expected every 6 hours."


def test_what_an_operator_expects_holds_at_weekends_until_some_were_seen() -> None:
    friday = MONDAY + 4 * DAY + 12 * HOUR
    assert judge(replace(feed_of([arrival(friday)]), expected=6 * HOUR), now=friday + 8 * HOUR).state is State.UNUSUAL
    weeks = replace(feed_of(daily(26, weekdays=range(5))), expected=24 * HOUR)
    assert judge(weeks, now=MONDAY + 27 * DAY).state is State.USUAL


def test_what_is_dismissed_is_told_of_again_when_it_begins_anew() -> None:
    arrivals = daily(10)
    last = arrivals[-1].at
    dismissals = {Kind.LATE: Dismissal(last + 30 * HOUR, "sanne", "they move house")}
    assert judge(replace(feed_of(arrivals), dismissals=dismissals), now=last + 40 * HOUR).state is State.USUAL
    again = replace(feed_of([*arrivals, arrival(last + 2 * DAY)]), dismissals=dismissals)
    assert [each.kind for each in judge(again, now=last + 2 * DAY + 27 * HOUR).anomalies] == [Kind.LATE]


def test_a_dismissal_of_one_thing_hides_no_other() -> None:
    arrivals = [*daily(9), arrival(MONDAY + 9 * DAY, 1000)]
    now = arrivals[-1].at + 30 * HOUR
    dismissals = {Kind.LATE: Dismissal(now, "sanne", "they move house")}
    assert [each.kind for each in judge(replace(feed_of(arrivals), dismissals=dismissals), now=now).anomalies] == [
        Kind.MORE_ROWS
    ]


@pytest.mark.parametrize(("rows", "found"), [(500, []), (501, [Kind.MORE_ROWS]), (20, []), (19, [Kind.FEWER_ROWS])])
def test_five_times_the_usual_rows_or_a_fifth_are_unusual(rows: int, found: list[Kind]) -> None:
    arrivals = [*daily(9), arrival(MONDAY + 9 * DAY, rows)]
    assert kinds(arrivals, now=arrivals[-1].at + HOUR) == found


def test_volume_is_told_with_its_figures() -> None:
    (more,) = unusual([*daily(9), arrival(MONDAY + 9 * DAY, 1200)], now=MONDAY + 9 * DAY + HOUR)
    assert more.message == "It brought 1,200 rows on 2026-03-11, and usually brings 100: 12 times as many."
    assert more.figures == {"rows": 1200, "usual_rows": 100, "factor": 5}
    assert more.since == MONDAY + 9 * DAY
    (fewer,) = unusual([*daily(9), arrival(MONDAY + 9 * DAY, 4)], now=MONDAY + 9 * DAY + HOUR)
    assert fewer.message == "It brought 4 rows on 2026-03-11, and usually brings 100: 1 in 25."


def test_a_feed_that_is_never_the_same_has_no_unusual_volume() -> None:
    rows = [10, 900, 60, 2000, 30, 400, 1500, 20, 700, 50]
    arrivals = [replace(each, accepted=n) for each, n in zip(daily(10), rows, strict=True)]
    assert kinds([*arrivals, arrival(MONDAY + 10 * DAY, 2400)], now=MONDAY + 10 * DAY + HOUR) == []


def test_a_handful_of_rows_more_says_nothing() -> None:
    assert kinds([*daily(9, rows=2), arrival(MONDAY + 9 * DAY, 20)], now=MONDAY + 9 * DAY + HOUR) == []


def test_a_day_has_fewer_rows_only_once_all_of_its_pushes_have_come_or_it_is_over() -> None:
    arrivals = [arrival(each.at + part * HOUR) for each in daily(9) for part in range(4)]
    begun = [*arrivals, arrival(MONDAY + 9 * DAY, 10)]
    assert kinds(begun, now=MONDAY + 9 * DAY + 2 * HOUR) == []
    assert kinds(begun, now=MONDAY + 9 * DAY + 19 * HOUR) == [Kind.FEWER_ROWS]
    whole = [*begun, *(arrival(MONDAY + 9 * DAY + part * HOUR, 10) for part in range(1, 4))]
    assert kinds(whole, now=MONDAY + 9 * DAY + 4 * HOUR) == [Kind.FEWER_ROWS]


def test_fewer_rows_are_told_of_until_the_next_day_is_whole() -> None:
    arrivals = [arrival(each.at + part * HOUR) for each in daily(9) for part in range(4)]
    fewer = [*arrivals, *(arrival(MONDAY + 9 * DAY + part * HOUR, 1) for part in range(4))]
    begun = [*fewer, arrival(MONDAY + 10 * DAY)]
    (told,) = unusual(begun, now=MONDAY + 10 * DAY + HOUR)
    assert (told.kind, told.since) == (Kind.FEWER_ROWS, MONDAY + 9 * DAY)
    assert kinds([*begun, *(arrival(begun[-1].at + part * HOUR) for part in range(1, 4))], now=begun[-1].at + DAY) == []


def test_a_weekend_is_compared_with_weekends() -> None:
    arrivals = [replace(each, accepted=10 if each.at.weekday() > 4 else 1000) for each in daily(27)]
    saturday = arrivals[-1].at
    assert saturday.weekday() == 5
    assert kinds(arrivals, now=saturday + HOUR) == []
    assert kinds([*arrivals[:-1], replace(arrivals[-1], accepted=1000)], now=saturday + HOUR) == [Kind.MORE_ROWS]


def test_an_unusual_volume_that_goes_on_has_begun_on_its_first_day() -> None:
    more = [arrival(MONDAY + day * DAY, 1000) for day in (9, 10, 11)]
    (told,) = unusual([*daily(9), *more[:2]], now=more[1].at + HOUR)
    assert told.since == more[0].at
    dismissed = {Kind.MORE_ROWS: Dismissal(more[1].at + HOUR, "sanne", "they see more now")}
    assert judge(replace(feed_of([*daily(9), *more]), dismissals=dismissed), now=more[2].at).anomalies == []


def test_a_sudden_share_of_unreadable_records_is_told() -> None:
    (told,) = unusual([*daily(9), arrival(MONDAY + 9 * DAY, rejected=30)], now=MONDAY + 9 * DAY + HOUR)
    assert told.message == "30 of its 100 records on 2026-03-11 could not be read, far more than usual."
    always = [replace(each, accepted=50, rejected=50) for each in daily(10)]
    assert kinds(always, now=always[-1].at + HOUR) == []


def test_pushes_that_are_refused_are_told_of_until_one_is_taken() -> None:
    refused = [arrival(MONDAY + 9 * DAY + hour * HOUR, 0, refused="missing-column") for hour in range(2)]
    (told,) = unusual([*daily(9), *refused], now=MONDAY + 9 * DAY + 2 * HOUR)
    assert (told.kind, told.since) == (Kind.UNREADABLE, MONDAY + 9 * DAY)
    assert told.message == "Its last 2 pushes were refused as a whole: missing-column. Nothing has been taken since."
    taken = arrival(MONDAY + 9 * DAY + 3 * HOUR)
    assert kinds([*daily(9), *refused, taken], now=MONDAY + 9 * DAY + 4 * HOUR) == []


def test_a_push_that_is_refused_is_no_arrival() -> None:
    refused = arrival(MONDAY + 10 * DAY, 0, refused="missing-column")
    assert kinds([*daily(10), refused], now=MONDAY + 10 * DAY + 3 * HOUR) == [Kind.LATE, Kind.UNREADABLE]


def test_a_renamed_column_is_new_and_gone() -> None:
    renamed = [arrival(MONDAY + day * DAY, columns=("address", "port", "timestamp")) for day in (9, 10)]
    (told,) = unusual([*daily(9), *renamed], now=renamed[-1].at + HOUR)
    assert (told.kind, told.since) == (Kind.COLUMNS, renamed[0].at)
    assert (told.new_columns, told.gone_columns) == (("address",), ("ip",))
    assert told.message == "Its columns have changed; new: 'address'; gone: 'ip'."


def test_columns_of_a_push_that_was_refused_for_them_are_told_too() -> None:
    refused = arrival(MONDAY + 9 * DAY, 0, columns=("address", "port", "timestamp"), refused="missing-column")
    found = {each.kind: each for each in unusual([*daily(9), refused], now=refused.at + HOUR)}
    assert found.keys() == {Kind.UNREADABLE, Kind.COLUMNS}
    assert (found[Kind.COLUMNS].new_columns, found[Kind.COLUMNS].gone_columns) == (("address",), ("ip",))


def test_changed_columns_are_usual_after_a_week_or_when_they_are_back() -> None:
    more = [arrival(MONDAY + day * DAY, columns=(*COLUMNS, "asn")) for day in range(9, 20)]
    assert kinds([*daily(9), *more[:7]], now=more[6].at) == [Kind.COLUMNS]
    assert kinds([*daily(9), *more[:8]], now=more[7].at) == []
    assert kinds([*daily(9), more[0], arrival(more[1].at)], now=more[1].at) == []


def test_dismissed_columns_stay_so_and_another_change_is_told() -> None:
    more = arrival(MONDAY + 9 * DAY, columns=(*COLUMNS, "asn"))
    most = arrival(MONDAY + 10 * DAY, columns=(*COLUMNS, "asn", "geo"))
    dismissals = {Kind.COLUMNS: Dismissal(more.at + HOUR, "sanne", "announced")}
    feed = replace(feed_of([*daily(9), more]), dismissals=dismissals)
    assert judge(feed, now=more.at + 2 * HOUR).anomalies == []
    (told,) = judge(replace(feed, days=feed_of([*daily(9), more, most]).days), now=most.at).anomalies
    assert told.new_columns == ("geo",)


def test_two_reports_in_turn_with_other_columns_are_no_change() -> None:
    arrivals = [
        arrival(each.at + part * HOUR, columns=COLUMNS if part else ("domain", "timestamp"))
        for each in daily(10)
        for part in range(2)
    ]
    for place, each in enumerate(arrivals[14:], 14):
        assert kinds(arrivals[: place + 1], now=each.at + MINUTE) == []


def test_keys_of_json_that_come_and_go_are_no_change() -> None:
    sometimes = [
        replace(each, columns=("ip", *(("cve",) if day % 5 == 0 else ()))) for day, each in enumerate(daily(20))
    ]
    for place in range(1, 21):
        assert unusual(sometimes[:place], now=sometimes[place - 1].at + MINUTE, form="intelmq-json") == []
    without = [arrival(MONDAY + 20 * DAY, columns=("address",))]
    (told,) = unusual([*sometimes, *without], now=without[0].at, form="intelmq-json")
    assert (told.new_columns, told.gone_columns) == (("address",), ("ip",))


def test_what_is_no_header_is_not_kept_of_a_refused_push() -> None:
    secret = arrival(MONDAY, columns=("j.doe@example.com", "hunter2"), refused="missing-column")
    assert with_a_known_header(secret, frozenset(COLUMNS)).columns == ()
    renamed = arrival(MONDAY, columns=("address", "port", "timestamp"), refused="missing-column")
    assert with_a_known_header(renamed, frozenset(COLUMNS)) == renamed


periods = st.integers(min_value=1, max_value=168).map(lambda hours: hours * HOUR)


def regular(period: timedelta, seed: int, *, beginning: int) -> list[Arrival]:
    """Some five weeks or more of a feed that is up to a quarter of an hour early or late."""
    random, count = Random(seed), max(12, 5 * 168 * HOUR // period)
    start = MONDAY + beginning * HOUR
    return [arrival(start + each * period + random.uniform(-15, 15) * MINUTE) for each in range(count)]


@settings(deadline=None)
@given(periods, st.integers(), st.integers(min_value=0, max_value=167))
@example(42 * HOUR, 0, 0)  # four times a week, as if on working days
def test_a_regular_feed_is_never_late(period: timedelta, seed: int, beginning: int) -> None:
    arrivals = regular(period, seed, beginning=beginning)
    step = max(1, len(arrivals) // 30)
    for place in range(step, len(arrivals), step):
        assert Kind.LATE not in kinds(arrivals[:place], now=arrivals[place].at)


@settings(deadline=None)
@given(periods, st.integers(), st.integers(min_value=0, max_value=167))
def test_a_feed_that_stopped_is_late_within_twice_its_interval_and_a_weekend(
    period: timedelta, seed: int, beginning: int
) -> None:
    arrivals = regular(period, seed, beginning=beginning)
    bound = 2 * period + 3 * HOUR + 2 * DAY
    assert Kind.LATE in kinds(arrivals, now=arrivals[-1].at + bound)


@given(st.permutations(range(12)))
def test_the_order_of_arrivals_does_not_matter(order: list[int]) -> None:
    codes = [None, "no-header", None, "missing-column"] * 3
    parts = [
        arrival(MONDAY + 30 * number * MINUTE, number, columns=(f"c{number}",), refused=code)
        for number, code in enumerate(codes)
    ]
    assert reduce(add, (day_of(parts[number]) for number in order)) == reduce(add, map(day_of, parts))
