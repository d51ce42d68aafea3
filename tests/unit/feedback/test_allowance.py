"""How often one address may ask."""

from datetime import UTC, datetime, timedelta

from services.feedback.domain.allowance import Allowance, asker_of

NOW = datetime(2026, 5, 9, 10, 0, tzinfo=UTC)


def allowance(*, remembered: int = 100) -> Allowance:
    return Allowance(burst=3, per_minute=6, remembered=remembered)


def test_after_the_burst_one_has_to_wait() -> None:
    asked = allowance()

    waits = [asked.take("192.0.2.1", now=NOW) for _ in range(5)]

    assert waits == [0.0, 0.0, 0.0, 10.0, 10.0]


def test_who_waits_as_told_may_ask_again() -> None:
    asked = allowance()
    for _ in range(4):
        wait = asked.take("192.0.2.1", now=NOW)

    assert asked.take("192.0.2.1", now=NOW + timedelta(seconds=wait)) == 0.0


def test_one_address_does_not_use_up_anothers() -> None:
    asked = allowance()
    for _ in range(4):
        asked.take("192.0.2.1", now=NOW)

    assert asked.take("192.0.2.2", now=NOW) == 0.0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    asked = allowance()
    for _ in range(3):
        asked.take("192.0.2.1", now=NOW)

    assert asked.take("192.0.2.1", now=NOW - timedelta(hours=1)) > 0


def test_memory_is_bounded_and_the_longest_silent_is_forgotten() -> None:
    asked = allowance(remembered=2)
    for _ in range(3):
        asked.take("192.0.2.1", now=NOW)
    asked.take("192.0.2.2", now=NOW)
    asked.take("192.0.2.3", now=NOW)

    assert asked.take("192.0.2.1", now=NOW) == 0.0
    assert len(asked._buckets) == 2


def test_a_whole_ipv6_site_is_one_asker() -> None:
    assert asker_of("2001:db8:1:2::1") == asker_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert asker_of("2001:db8:1:3::1") != asker_of("2001:db8:1:2::1")
    assert asker_of("::ffff:192.0.2.1") == "::ffff:192.0.2.1"
    assert asker_of("") == ""
