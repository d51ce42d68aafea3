"""The expectations of the demo add up to what its feeds were made of."""

import csv
from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.demo.expectations import Expectations, expect, write_beside
from deploy.demo.feeds import PUSHED_TWICE, Feed, make_feeds
from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.places import NEVER_WRITTEN_TO
from deploy.demo.world import TEAM, VITAL_DOMAIN, VITAL_IPV4, VITAL_IPV6, Standing
from libs.common.vocabulary import Outcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

seeds = st.integers(min_value=0, max_value=2**32)


def made(*, seed: int = 1, records: int = 2_000) -> tuple[list[Feed], Expectations]:
    feeds = make_feeds(records=records, seed=seed, now=NOW)
    return feeds, expect(feeds, seed=seed, now=NOW)


@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_every_record_is_expected_somewhere_once(seed: int) -> None:
    feeds, expectations = made(seed=seed)

    for feed, file in zip(feeds, expectations.files, strict=True):
        assert file.records == len(feed.records) == file.accepted + file.rejected
        assert sum(file.outcomes.values()) == file.accepted
    assert sum(file.records for file in expectations.files) == expectations.records


@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_as_many_assets_are_mailed_as_records_are_notified(seed: int) -> None:
    _, expectations = made(seed=seed)
    notified = sum(file.outcomes.get(Outcome.NOTIFIED, 0) for file in expectations.files)

    warnings = [mail for mail in expectations.mails if mail.recipient != TEAM]
    assert sum(len(mail.assets) for mail in warnings) == notified


def test_what_hits_vital_organisations_is_handed_over_and_they_are_not_written_to() -> None:
    _, expectations = made()
    handed_over = [asset for mail in expectations.mails if mail.recipient == TEAM for asset in mail.assets]

    for network in (VITAL_IPV4, VITAL_IPV6, IPv4Network("192.0.2.224/28")):
        assert any(ip_address(asset) in network for asset in handed_over if "@" not in asset)
    assert {f"ict@{VITAL_DOMAIN}", "ict@streekziekenhuis-delinde.example"} & expectations.recipients == set()


@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_a_report_that_comes_twice_is_accepted_as_before_and_notifies_nobody(seed: int) -> None:
    _, expectations = made(seed=seed)
    first, again = expectations.files[PUSHED_TWICE], expectations.again

    assert (again.records, again.accepted, again.rejected) == (first.records, first.accepted, first.rejected)
    assert not again.outcomes.keys() & {Outcome.NOTIFIED, Outcome.SUPPRESSED, Outcome.UNATTRIBUTABLE}


def test_nobody_is_expected_to_be_written_to_who_must_not_be() -> None:
    _, expectations = made()

    assert not expectations.recipients & NEVER_WRITTEN_TO
    assert len(NEVER_WRITTEN_TO) >= 3


def test_who_opted_out_is_never_written_to() -> None:
    opted_out = {org.contact for org in ORGANISATIONS if org.place.standing is Standing.OPTED_OUT}

    assert opted_out
    assert opted_out <= NEVER_WRITTEN_TO


def test_the_mails_stay_few_enough_to_be_read() -> None:
    _, expectations = made(records=6_000)

    assert 60 <= len(expectations.mails) <= 150


def test_feeds_and_expectations_are_written_side_by_side(tmp_path: Path) -> None:
    feeds, expectations = made()

    write_beside(feeds, expectations, folder=tmp_path)

    read = msgspec.json.decode((tmp_path / "expectations.json").read_bytes(), type=Expectations)
    assert read == expectations
    for feed in feeds:
        assert (tmp_path / feed.file_name).read_bytes() == feed.content


def test_the_fates_say_for_each_record_where_it_ends_and_why(tmp_path: Path) -> None:
    feeds, expectations = made()

    write_beside(feeds, expectations, folder=tmp_path)

    lines = (tmp_path / f"{feeds[0].file_name}.fates").read_text(encoding="utf-8").splitlines()
    outcomes = Counter(line.split(maxsplit=2)[1] for line in lines)
    assert outcomes.pop("rejected") == expectations.files[0].rejected
    assert outcomes == expectations.files[0].outcomes


def test_what_a_report_says_in_its_columns_is_what_is_expected_of_it() -> None:
    """Read back from the bytes alone: private addresses are refuted, foreign countries are out of scope."""
    feeds, _ = made()
    rows = csv.DictReader(feeds[0].content.decode().splitlines())

    for row, record in zip(rows, feeds[0].records, strict=True):
        if record.sighting and row["ip"].startswith(("10.", "172.20.", "192.168.")):
            assert record.fate.outcome == Outcome.REFUTED
        if record.sighting and row["geo"] not in ("NL", ""):
            assert record.fate.outcome == Outcome.OUT_OF_SCOPE
