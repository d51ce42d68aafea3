"""How old each source is, and which file is too small to be whole."""

from datetime import UTC, date, datetime

import pytest

from services.attribution.domain.sources import AGING, ORGANISATIONS, SOURCES, Ages, Version, joined, state_of, too_few
from tests.unit.attribution.world import SHIPPED

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_version(day: int, **counts: int) -> Version:
    return Version(source="ripe", made_on=date(2026, 11, day), imported_at=NOW, counts=counts)


@pytest.mark.parametrize(("limit", "is_stale"), [(19, True), (20, False), (None, False)])
def test_a_source_is_stale_when_it_is_older_than_its_limit(limit: int | None, is_stale: bool) -> None:
    ages = Ages({"ripe": limit} if limit is not None else {}, 0.5)

    state = state_of("ripe", a_version(4), ages=ages, today=NOW.date())

    assert (state.age_days, state.is_stale) == (20, is_stale)


def test_a_source_that_was_never_brought_in_has_no_age_and_is_not_stale() -> None:
    state = state_of("ripe", None, ages=Ages({"ripe": 30}, 0.5), today=NOW.date())

    assert (state.made_on, state.age_days, state.is_stale) == (None, None, False)


def test_a_day_that_lies_ahead_is_no_age() -> None:
    assert state_of("ripe", a_version(30), ages=Ages({"ripe": 1}, 0.5), today=NOW.date()).age_days == 0


def test_several_parts_are_of_the_day_of_the_oldest() -> None:
    whole = joined("network-file", [a_version(9, asn=3), a_version(4, country=5)])

    assert (whole.made_on.day, whole.counts) == (4, {"asn": 3, "country": 5})


@pytest.mark.parametrize(
    ("records", "before", "is_refused"), [(499, 1000, True), (500, 1000, False), (1, 999, False), (0, 10**6, True)]
)
def test_less_than_half_of_many_is_too_few(records: int, before: int, is_refused: bool) -> None:
    assert too_few(records, before=before) is is_refused


def test_every_imported_source_has_its_age_in_the_ladder_and_is_warned_of_before() -> None:
    for source in set(SOURCES) - {ORGANISATIONS}:
        greatest, warned = SHIPPED.ages.greatest_of(source), SHIPPED.ages.warned_of(source)
        assert greatest is not None
        assert warned is not None
        assert 0 < warned < greatest
    assert SHIPPED.ages.greatest_of("delegated-arin") == SHIPPED.greatest_age_days["delegated"]
    assert SHIPPED.ages.greatest_of(ORGANISATIONS) is None
    assert set(AGING) <= set(SHIPPED.greatest_age_days)


@pytest.mark.parametrize(("share", "warned"), [(0.5, 10), (1.0, 20), (0.01, 1), (0.0, 1)])
def test_how_long_before_it_is_warned_of_is_the_operators_choice(share: float, warned: int) -> None:
    assert Ages({"delegated": 20}, share).warned_of("delegated-lacnic") == warned
