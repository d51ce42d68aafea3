"""When a period ends, what a digest sums, and what of it a partner can mend."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import DigestDue, DigestFormat, DigestReason, DigestSubmission
from libs.common.ids import derived_id
from libs.common.vocabulary import DigestCadence, Language, Outcome, Reliability
from services.intake.domain.digests.periods import LONGEST, Period, last_end, next_end, period_until
from services.intake.domain.digests.summing import MOST_FORMATS, REASONED, Fates, Standing, digest_of
from services.intake.domain.partners import Partner, PartnerKey
from services.intake.domain.webhooks.deliveries import Disabled, Webhook

DAILY, WEEKLY, NONE = DigestCadence.DAILY, DigestCadence.WEEKLY, DigestCadence.NONE
MONDAY = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
PERIOD = Period(MONDAY - DAY, MONDAY)
NOW = MONDAY + timedelta(minutes=5)
PARTNER = Partner(
    id=derived_id("partner", 1),
    slug="acme",
    name="Acme Research",
    reliability=Reliability.B,
    contact_email="feeds@acme.example",
    enabled=True,
    created_at=MONDAY - 99 * DAY,
    digest=DAILY,
    digest_language=Language.DUTCH,
)

NOTHING_AMISS = Standing()


def submission(number: int) -> UUID:
    return derived_id("submission", number)


def counted(name: str, *, submissions: int = 1, report_type: str | None = None, **outcomes: int) -> DigestFormat:
    return DigestFormat(format=name, report_type=report_type, submissions=submissions, outcomes=outcomes)


def made(fates: Fates, *, standing: Standing = NOTHING_AMISS, public_url: str = "") -> DigestDue:
    found = digest_of(PARTNER, PERIOD, fates, reasons=(), standing=standing, public_url=public_url, now=NOW)
    assert found is not None
    return found


def troubles(fates: Fates, standing: Standing = NOTHING_AMISS) -> list[tuple[str, int]]:
    return [(each.kind, each.count) for each in made(fates, standing=standing).troubles]


def key(number: int, *, ends: timedelta | None, replaces: int | None = None, revoked: bool = False) -> PartnerKey:
    return PartnerKey(
        id=derived_id("key", number),
        partner_id=PARTNER.id,
        prefix=f"tck_{number}",
        created_at=PARTNER.created_at,
        expires_at=None if ends is None else NOW + ends,
        last_used_at=None,
        revoked_at=NOW if revoked else None,
        replaces=None if replaces is None else derived_id("key", replaces),
    )


def webhook(*, disabled: Disabled | None = None, failing: bool = False) -> Webhook:
    return Webhook(
        partner_id=PARTNER.id,
        url="https://acme.example/hook",
        disabled=disabled,
        failing_since=MONDAY if failing else None,
        succeeded_at=None,
        previous_secret_until=None,
        created_at=MONDAY,
    )


@pytest.mark.parametrize(
    ("cadence", "now", "ended"),
    [
        (DAILY, MONDAY, MONDAY),
        (DAILY, MONDAY - timedelta(seconds=1), MONDAY - DAY),
        (DAILY, MONDAY + timedelta(hours=18), MONDAY),
        (DAILY, MONDAY + timedelta(hours=19), MONDAY),
        (WEEKLY, MONDAY, MONDAY),
        (WEEKLY, MONDAY - timedelta(seconds=1), MONDAY - 7 * DAY),
        (WEEKLY, MONDAY + 6 * DAY, MONDAY),
    ],
)
def test_days_end_at_the_hour_and_weeks_on_monday(cadence: DigestCadence, now: datetime, ended: datetime) -> None:
    assert last_end(cadence, hour=5, now=now) == ended
    assert next_end(cadence, hour=5, now=now) == ended + (DAY if cadence is DAILY else 7 * DAY)


def test_who_wants_no_digest_has_no_next_one() -> None:
    assert next_end(NONE, hour=5, now=NOW) is None


@given(
    cadence=st.sampled_from([DAILY, WEEKLY]),
    hour=st.integers(0, 23),
    now=st.timedeltas(-2000 * DAY, 2000 * DAY).map(lambda away: MONDAY + away),
)
def test_now_always_lies_between_the_last_end_and_the_next(cadence: DigestCadence, hour: int, now: datetime) -> None:
    following = next_end(cadence, hour=hour, now=now)
    assert following is not None
    assert last_end(cadence, hour=hour, now=now) <= now < following


def test_a_period_begins_where_the_last_one_ended_whatever_the_cadence_was() -> None:
    wednesday = MONDAY + 2 * DAY
    assert period_until(wednesday, cadence=DAILY, told_until=MONDAY) == Period(MONDAY, wednesday)
    assert period_until(MONDAY, cadence=WEEKLY, told_until=MONDAY - DAY) == Period(MONDAY - DAY, MONDAY)


def test_the_first_period_and_one_after_a_long_time_are_as_long_as_the_cadence() -> None:
    long_ago = MONDAY - LONGEST - timedelta(seconds=1)
    assert period_until(MONDAY, cadence=DAILY, told_until=None) == PERIOD
    assert period_until(MONDAY, cadence=WEEKLY, told_until=None) == Period(MONDAY - 7 * DAY, MONDAY)
    assert period_until(MONDAY, cadence=DAILY, told_until=long_ago) == PERIOD
    assert period_until(MONDAY, cadence=DAILY, told_until=MONDAY - LONGEST) == Period(MONDAY - LONGEST, MONDAY)


def test_what_was_told_is_not_told_again() -> None:
    assert period_until(MONDAY, cadence=DAILY, told_until=MONDAY) is None
    assert period_until(MONDAY, cadence=DAILY, told_until=MONDAY + DAY) is None


def test_a_digest_says_whose_it_is_and_of_which_period_and_has_one_id_for_both() -> None:
    fates = Fates(formats=[counted("stix", notified=1)])
    digest = made(fates)
    assert (digest.partner, digest.name, digest.email) == ("acme", "Acme Research", "feeds@acme.example")
    assert (digest.language, digest.cadence) == (Language.DUTCH, DAILY)
    assert (digest.since, digest.until, digest.made_at) == (PERIOD.since, PERIOD.until, NOW)
    later = digest_of(
        PARTNER,
        replace(PERIOD, since=MONDAY - 2 * DAY),
        fates,
        reasons=(),
        standing=NOTHING_AMISS,
        public_url="",
        now=MONDAY,
    )
    other = digest_of(
        PARTNER, replace(PERIOD, until=MONDAY + DAY), fates, reasons=(), standing=NOTHING_AMISS, public_url="", now=NOW
    )
    assert later is not None
    assert other is not None
    assert later.event_id == digest.event_id == digest.digest_id != other.event_id
    assert digest.key == "acme"


def test_nothing_is_said_when_nothing_came_and_nothing_moved() -> None:
    waiting = {submission(1): {"pending": 2}}
    for fates in (Fates(), Fates(told=waiting, earlier=waiting)):
        told = digest_of(
            PARTNER,
            PERIOD,
            fates,
            reasons=(),
            standing=Standing(keys=[key(1, ends=DAY)]),
            public_url="",
            now=NOW,
        )
        assert told is None


def test_a_submission_without_any_record_yet_is_something_that_came() -> None:
    assert made(Fates(formats=[counted("stix")])).submissions_total == 1


def test_what_moved_of_earlier_submissions_is_the_difference_to_what_was_told() -> None:
    fates = Fates(
        told={submission(1): {"pending": 5, "notified": 10}, submission(2): {"held": 2}},
        earlier={
            submission(1): {"pending": 1, "notified": 12, "refuted": 2},
            submission(2): {"held": 1, "notified": 1},
        },
    )
    digest = made(fates)
    assert digest.earlier == {"notified": 3, "refuted": 2}
    assert digest.earlier_pending == 1
    assert (digest.outcomes, digest.submissions_total) == ({}, 0)


def test_a_submission_that_was_still_being_read_moves_by_all_that_came_of_it() -> None:
    digest = made(Fates(told={submission(1): {}}, earlier={submission(1): {"rejected": 1, "pending": 9}}))
    assert (digest.earlier, digest.earlier_pending) == ({"rejected": 1}, 9)


@given(
    formats=st.lists(
        st.tuples(
            st.integers(1, 9), st.dictionaries(st.sampled_from([*Outcome, "rejected"]), st.integers(1, 999), max_size=4)
        ),
        min_size=1,
        max_size=MOST_FORMATS + 9,
    )
)
def test_the_sums_by_outcome_and_by_format_are_the_same(formats: list[tuple[int, Mapping[str, int]]]) -> None:
    counts = [
        DigestFormat(format=f"format-{number}", submissions=submissions, outcomes=dict(outcomes))
        for number, (submissions, outcomes) in enumerate(formats)
    ]
    digest = made(Fates(formats=counts))
    by_format: Counter[str] = Counter()
    for each in digest.formats:
        by_format.update(each.outcomes)
    assert dict(by_format) == digest.outcomes
    assert sum(each.submissions for each in digest.formats) == digest.submissions_total
    assert len(digest.formats) <= MOST_FORMATS + 1


def test_formats_come_with_the_most_records_first() -> None:
    digest = made(
        Fates(formats=[counted("b", notified=1), counted("a", notified=1), counted("c", report_type="x", rejected=2)])
    )
    assert [(each.format, each.report_type) for each in digest.formats] == [("c", "x"), ("a", None), ("b", None)]


def test_only_the_most_frequent_reasons_are_told() -> None:
    reasons = [DigestReason(outcome="rejected", reason=f"code-{n}", records=n) for n in range(1, 16)]
    digest = digest_of(
        PARTNER,
        PERIOD,
        Fates(formats=[counted("stix", rejected=120)]),
        reasons=reasons,
        standing=NOTHING_AMISS,
        public_url="",
        now=NOW,
    )
    assert digest is not None
    assert [each.records for each in digest.reasons] == [15, 14, 13, 12, 11, 10, 9, 8, 7, 6]


def test_the_reason_of_a_notified_record_is_never_told_as_it_names_a_mail_of_its_recipient() -> None:
    assert not {"notified", "suppressed", "duplicate", "pending"} & set(REASONED)


def test_a_submission_has_the_address_of_its_receipt_where_that_is_known() -> None:
    shown = DigestSubmission(submission_id=submission(1), received_at=MONDAY, status="done", format="stix")
    fates = Fates(formats=[counted("stix", notified=1)], shown=[shown])
    assert made(fates).submissions == (shown,)
    [linked] = made(fates, public_url="https://intake.tocsin.example").submissions
    assert linked.url == f"https://intake.tocsin.example/v1/submissions/{submission(1)}"


def test_records_and_submissions_that_could_not_be_read_or_came_late_are_trouble() -> None:
    fates = Fates(formats=[counted("stix", rejected=3, expired=2, refuted=9)], failed_submissions=1)
    assert troubles(fates) == [("submissions-failed", 1), ("records-rejected", 3), ("records-expired", 2)]
    assert troubles(Fates(formats=[counted("stix", notified=1, refuted=1)])) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([key(1, ends=None)], []),
        ([key(1, ends=15 * DAY)], []),
        ([key(1, ends=13 * DAY)], ["tck_1"]),
        ([key(1, ends=-DAY)], []),
        ([key(1, ends=DAY, revoked=True)], []),
        ([key(1, ends=DAY), key(2, ends=99 * DAY, replaces=1)], []),
        ([key(1, ends=DAY), key(2, ends=None, replaces=1, revoked=True)], ["tck_1"]),
        ([key(1, ends=DAY), key(2, ends=2 * DAY)], ["tck_1", "tck_2"]),
    ],
)
def test_a_key_that_ends_soon_is_trouble_unless_another_has_come_in_its_place(
    keys: list[PartnerKey], told: list[str]
) -> None:
    digest = made(Fates(formats=[counted("stix", notified=1)]), standing=Standing(keys=keys))
    assert [each.detail for each in digest.troubles if each.kind == "key-ends"] == told


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (None, []),
        (webhook(), []),
        (webhook(failing=True), [("webhook-failing", 0)]),
        (webhook(disabled=Disabled.FAILING, failing=True), [("webhook-disabled", 0)]),
        (webhook(disabled=Disabled.GONE), [("webhook-disabled", 0)]),
        (webhook(disabled=Disabled.ON_REQUEST), []),
    ],
)
def test_a_webhook_that_fails_is_trouble_unless_its_partner_switched_it_off(
    of: Webhook | None, told: list[tuple[str, int]]
) -> None:
    assert troubles(Fates(formats=[counted("stix", notified=1)]), Standing(webhook=of)) == told
