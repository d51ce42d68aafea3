"""How old each source is, and which file is too small to be whole."""

from datetime import UTC, date, datetime

import pytest

from services.attribution.domain.sources import GREATEST_AGE_DAYS, SOURCES, Version, joined, state_of, too_few

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_version(day: int, **counts: int) -> Version:
    return Version(source="ripe", made_on=date(2026, 11, day), imported_at=NOW, counts=counts)


@pytest.mark.parametrize(("limit", "is_stale"), [(19, True), (20, False), (None, False)])
def test_a_source_is_stale_when_it_is_older_than_its_limit(limit: int | None, is_stale: bool) -> None:
    state = state_of("ripe", a_version(4), greatest_age_days=limit, today=NOW.date())

    assert (state.age_days, state.is_stale) == (20, is_stale)


def test_a_source_that_was_never_brought_in_has_no_age_and_is_not_stale() -> None:
    state = state_of("ripe", None, greatest_age_days=30, today=NOW.date())

    assert (state.made_on, state.age_days, state.is_stale) == (None, None, False)


def test_a_day_that_lies_ahead_is_no_age() -> None:
    assert state_of("ripe", a_version(30), greatest_age_days=1, today=NOW.date()).age_days == 0


def test_several_parts_are_of_the_day_of_the_oldest() -> None:
    whole = joined("network-file", [a_version(9, asn=3), a_version(4, country=5)])

    assert (whole.made_on.day, whole.counts) == (4, {"asn": 3, "country": 5})


@pytest.mark.parametrize(
    ("records", "before", "is_refused"), [(499, 1000, True), (500, 1000, False), (1, 999, False), (0, 10**6, True)]
)
def test_less_than_half_of_many_is_too_few(records: int, before: int, is_refused: bool) -> None:
    assert too_few(records, before=before) is is_refused


def test_every_limit_is_of_a_source_that_there_is() -> None:
    assert set(GREATEST_AGE_DAYS) <= set(SOURCES)
