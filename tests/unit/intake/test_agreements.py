"""What is agreed with a partner decides whether a key opens, and what of a payload is taken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.vocabulary import Reliability
from services.intake.domain.partners import (
    Caller,
    Objection,
    Partner,
    PartnerKey,
    Visit,
    canonical_certificate,
    objections,
)
from services.intake.domain.quotas import over_quota
from services.intake.domain.rates import Rate
from services.intake.handlers.keys import RateLimits

NOW = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
DAY = timedelta(days=1)
PARTNER = Partner(
    id=UUID(int=1),
    slug="acme",
    name="Acme",
    reliability=Reliability.B,
    contact_email="feeds@acme.example",
    enabled=True,
    created_at=NOW,
)
KEY = PartnerKey(
    id=UUID(int=2),
    partner_id=PARTNER.id,
    prefix="tck_abcdefgh",
    created_at=NOW - 10 * DAY,
    expires_at=None,
    last_used_at=None,
    revoked_at=None,
)
CALLER = Caller(partner=PARTNER, key=KEY)
LISTED = replace(PARTNER, allowed_networks=("192.0.2.0/28", "2001:db8::/64"))


def test_a_partner_without_an_agreement_may_do_everything_from_everywhere() -> None:
    assert PARTNER.may_push("misp")
    assert list(objections(CALLER, Visit("198.51.100.1"))) == []
    assert list(objections(CALLER, Visit(""))) == []


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("192.0.2.15", True),
        ("192.0.2.16", False),
        ("::ffff:192.0.2.3", True),
        ("2001:db8::1", True),
        ("2001:db8:0:1::1", False),
        ("", False),
        ("192.0.2.3:443", False),
        ("unknown", False),
    ],
)
def test_a_list_of_networks_holds_for_addresses_and_for_nothing_else(address: str, may: bool) -> None:
    assert LISTED.may_come_from(address) is may


def test_all_that_keeps_a_key_from_opening_is_told_at_once() -> None:
    caller = Caller(partner=replace(LISTED, enabled=False), key=replace(KEY, certificate="CN=acme"))

    found = list(objections(caller, Visit("198.51.100.1", "CN=other")))

    assert found == [Objection.DISABLED, Objection.ADDRESS, Objection.CERTIFICATE]


def test_a_key_that_is_bound_opens_with_its_certificate_alone() -> None:
    bound = replace(CALLER, key=replace(KEY, certificate="CN=acme"))

    seen = {name: list(objections(bound, Visit("", name))) for name in ("CN=acme", "CN=acme,O=x", None)}

    assert seen == {"CN=acme": [], "CN=acme,O=x": [Objection.CERTIFICATE], None: [Objection.CERTIFICATE]}
    assert list(objections(CALLER, Visit("", "CN=acme"))) == []


def test_a_fingerprint_is_the_same_however_it_is_written_and_a_subject_is_not() -> None:
    digits = "0A" * 32
    assert canonical_certificate(":".join(["0A"] * 32)) == canonical_certificate(f" {digits} ") == digits.lower()
    assert canonical_certificate("CN=Acme") != canonical_certificate("CN=acme")


@pytest.mark.parametrize(
    ("expires_at", "old_ends", "new_ends"),
    [
        (None, NOW + 7 * DAY, None),
        (NOW + 20 * DAY, NOW + 7 * DAY, NOW + 30 * DAY),
        (NOW + 2 * DAY, NOW + 2 * DAY, NOW + 12 * DAY),
    ],
)
def test_a_rotated_key_ends_after_the_overlap_and_the_new_one_lasts_as_long_as_it_was_to(
    expires_at: datetime | None, old_ends: datetime, new_ends: datetime | None
) -> None:
    key = replace(KEY, expires_at=expires_at)
    assert (key.end_after(7 * DAY, NOW), key.successor_end(NOW)) == (old_ends, new_ends)


def test_over_the_quota_one_may_come_back_at_midnight() -> None:
    refusal = over_quota(3, used=98, quota=100, now=NOW)

    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after_seconds) == (429, "quota-exceeded", 5400)
    assert over_quota(2, used=98, quota=100, now=NOW) is None


def test_what_is_more_than_a_whole_day_takes_does_not_get_better_by_waiting() -> None:
    refusal = over_quota(101, used=0, quota=100, now=NOW)

    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after_seconds) == (413, "too-many-records", None)


@given(st.lists(st.integers(0, 40)), st.integers(1, 100))
def test_what_is_taken_in_a_day_is_never_more_than_the_quota(payloads: list[int], quota: int) -> None:
    used = 0
    for records in payloads:
        if over_quota(records, used=used, quota=quota, now=NOW) is None:
            used += records
    assert used <= quota


def test_a_partners_own_rate_counts_instead_of_the_usual_one() -> None:
    limits = RateLimits(Rate(burst=100, per_second=10))
    slow = replace(CALLER, partner=replace(PARTNER, requests_burst=2, requests_per_minute=6))

    waits = [limits.take(slow) for _ in range(3)]

    assert waits[:2] == [0, 0]
    assert 9 < waits[2] <= 10
    assert limits.rate(CALLER) == Rate(burst=100, per_second=10)
    assert limits.rate(replace(CALLER, partner=replace(PARTNER, requests_burst=2))) == Rate(burst=2, per_second=10)
