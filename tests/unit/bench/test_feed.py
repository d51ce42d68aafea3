"""The feed that everything is measured with: its mixture is what the figures are about."""

from collections import Counter
from datetime import UTC, datetime

from bench.events import attributed_targets, raw_indicators, verified_threats
from bench.feed import Kind, feed, kind_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def addresses(records: int, first: int = 0) -> list[str]:
    lines = b"".join(feed(records, now=NOW, first=first)).decode().splitlines()[1:]
    return [line.split(",")[2] for line in lines]


def test_the_mixture_is_what_the_docstring_says() -> None:
    assert Counter(map(kind_of, range(1000, 1100))) == {
        Kind.NEWS: 60,
        Kind.KNOWN: 20,
        Kind.ABROAD: 10,
        Kind.OLD: 5,
        Kind.STRANGER: 5,
    }


def test_one_in_five_addresses_was_there_before() -> None:
    found = addresses(1000)

    assert len(found) - len(set(found)) == 1000 // 5 - 4  # none among the first twenty


def test_a_feed_that_begins_where_another_ends_is_news() -> None:
    assert not set(addresses(500)) & set(addresses(500, first=500))


def test_every_event_of_a_stage_is_another_one() -> None:
    for source in (raw_indicators, verified_threats, attributed_targets):
        assert len({event.event_id for event in source(300, NOW)}) == 300


def test_what_is_attributed_is_what_is_news() -> None:
    assert all(kind_of(target.record - 1) is Kind.NEWS for target in attributed_targets(300, NOW))
