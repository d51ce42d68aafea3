"""Domains that are slow, and domains that refuse us: neither is to be every other's trouble."""

import msgspec

from services.notifier.domain.lanes import Lanes
from services.notifier.domain.notification import BrakeScope, Notification
from services.notifier.domain.refusals import Refusals
from services.notifier.domain.replies import Failed, Sent
from tests.unit.notifier.builders import notification, recipient

REFUSED = Failed("policy", "5.7.1 Blocked", 550)
TAKEN = Sent(250, "Ok")


def mail_to(email: str) -> Notification:
    return msgspec.structs.replace(notification(), recipient=recipient(email=email))


def test_a_lane_takes_no_more_than_it_has_room_for_and_the_others_go_on() -> None:
    due = [mail_to(email) for email in ("a@slow.example", "b@slow.example", "c@quick.example", "d@slow.example")]

    admitted = Lanes(per_domain=2, under_way={"slow.example": 1}).admit(due)

    assert [each.recipient.email for each in admitted] == ["a@slow.example", "c@quick.example"]


def test_a_full_domain_is_named() -> None:
    assert Lanes(per_domain=2, under_way={"slow.example": 2, "quick.example": 1}).full == ["slow.example"]


def test_so_many_refusals_in_a_row_are_too_many() -> None:
    refusals = Refusals(3)

    for _ in range(2):
        refusals.heed("jansen.example", REFUSED)
    assert refusals.too_many == []
    refusals.heed("jansen.example", REFUSED)

    assert refusals.too_many == [(BrakeScope.DOMAIN, "jansen.example")]


def test_a_mail_that_is_taken_starts_the_count_anew() -> None:
    refusals = Refusals(3)

    for result in (REFUSED, REFUSED, TAKEN, REFUSED, REFUSED):
        refusals.heed("jansen.example", result)

    assert refusals.too_many == []


def test_a_dead_address_is_not_about_us() -> None:
    refusals = Refusals(1)

    refusals.heed("jansen.example", Failed("dead-address", "5.1.1 No such user", 550, dead_address=True))

    assert refusals.too_many == []


def test_refusals_at_many_domains_stop_everything() -> None:
    refusals = Refusals(2)

    for number in range(6):
        refusals.heed(f"a{number}.example", REFUSED)

    assert refusals.too_many == [(BrakeScope.ALL, "")]
    refusals.forget(refusals.too_many)
    assert refusals.too_many == []


def test_who_has_a_brake_is_counted_anew() -> None:
    refusals = Refusals(1)
    refusals.heed("jansen.example", REFUSED)

    refusals.forget(refusals.too_many)

    assert refusals.too_many == []
