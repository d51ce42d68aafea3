"""The feeds of the demo: the same for the same seed, of every kind, and in the layouts that partners use."""

import csv
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.demo.feeds import LEAST_RECORDS, MOST_RECORDS, PUSHES, Feed, make_feeds
from deploy.demo.organisations import ORGANISATIONS
from libs.common.vocabulary import Outcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

seeds = st.integers(min_value=0, max_value=2**32)
sizes = st.integers(min_value=LEAST_RECORDS, max_value=4_000)


def feeds(*, records: int = 2_000, seed: int = 1) -> list[Feed]:
    return make_feeds(records=records, seed=seed, now=NOW)


@settings(max_examples=6, deadline=None)
@given(seed=seeds, records=sizes)
def test_the_feeds_have_as_many_records_as_asked_for(seed: int, records: int) -> None:
    assert sum(len(feed.records) for feed in feeds(records=records, seed=seed)) == records


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert [feed.content for feed in feeds(seed=5)] == [feed.content for feed in feeds(seed=5)]


def test_another_seed_gives_other_bytes() -> None:
    assert [feed.content for feed in feeds(seed=5)] != [feed.content for feed in feeds(seed=6)]


@pytest.mark.parametrize("records", [LEAST_RECORDS - 1, MOST_RECORDS + 1])
def test_a_demo_too_small_to_show_everything_or_too_big_to_read_is_refused(records: int) -> None:
    with pytest.raises(ValueError, match="takes"):
        feeds(records=records)


def test_every_outcome_but_pending_and_failed_occurs() -> None:
    made = {record.fate.outcome for feed in feeds() for record in feed.records}

    assert made == {outcome.value for outcome in Outcome} - {"pending", "failed"} | {"rejected"}


def test_there_are_six_types_of_report_from_two_partners_and_more() -> None:
    assert len({push.layout.report_type for push in PUSHES if push.layout.is_csv}) >= 6
    assert len({push.partner for push in PUSHES}) >= 2


@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_no_two_threats_of_one_report_type_share_an_asset(seed: int) -> None:
    """Or the second would be a duplicate, or be withheld because its recipient had just been told of the asset."""
    threats = Counter(
        (feed.report_type, record.sighting.address)
        for feed in feeds(seed=seed)
        for record in feed.records
        if record.fate.is_threat and record.sighting
    )

    assert [asset for asset, times in threats.items() if times > 1] == []


def test_one_recipient_is_told_of_an_asset_once_for_each_incident() -> None:
    told = Counter(
        (record.fate.recipient, record.fate.incident, record.fate.asset)
        for feed in feeds(records=6_000)
        for record in feed.records
        if record.fate.recipient
    )

    assert max(told.values()) == 1


def test_a_small_organisation_has_few_machines_in_trouble() -> None:
    bakery = ORGANISATIONS[0]
    mailed = Counter(
        feed.report_type
        for feed in feeds(records=6_000)
        for record in feed.records
        if record.fate.recipient == bakery.contact
    )

    assert mailed
    assert max(mailed.values()) <= bakery.place.machines


def test_readable_rows_have_the_columns_of_their_header_or_lack_the_last() -> None:
    for feed in feeds():
        if feed.push.layout.is_csv:
            header, *rows = csv.reader(feed.content.decode().splitlines())
            lengths = {len(row) for row, record in zip(rows, feed.records, strict=True) if record.sighting}
            assert lengths <= {len(header), len(header) - 1}


def test_some_rows_lack_their_last_field() -> None:
    lengths = {
        len(next(csv.reader([record.line]))) - len(feed.push.layout.columns)
        for feed in feeds()
        for record in feed.records
        if feed.push.layout.is_csv and record.sighting
    }

    assert lengths == {0, -1}


def test_a_repetition_says_what_a_threat_before_it_has_said() -> None:
    known: set[tuple[str, str]] = set()
    for feed in feeds():
        sightings = [(record.fate, record.sighting) for record in feed.records if record.sighting]
        known |= {(feed.report_type, sighting.address) for fate, sighting in sightings if fate.is_threat}
        repeated = {(feed.report_type, s.address) for fate, s in sightings if fate.outcome == Outcome.DUPLICATE}
        assert repeated <= known


def test_a_bigger_demo_grows_where_there_are_addresses() -> None:
    small, big = feeds(records=6_000), feeds(records=20_000)
    growth = {
        feed.file_name: (feed.push.layout.ip_version, len(feed.records) - len(before.records))
        for before, feed in zip(small, big, strict=True)
    }

    assert all(grown <= 650 for version, grown in growth.values() if version == 4)
    assert all(len(feed.records) <= 650 for feed in big if feed.push.layout.ip_version == 4)
