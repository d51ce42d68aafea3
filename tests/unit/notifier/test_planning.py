"""Which target is mailed, and when; and which is not, and why."""

from datetime import time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Continued
from libs.common.contracts import TargetAttributed as Target
from libs.common.ids import derived_id, new_id
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.calendar import QuietHours
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.amount.repeats import Told
from services.notifier.domain.planning import (
    History,
    Planned,
    PlanningPolicy,
    Suppressed,
    Suppression,
    SuppressionReason,
    Warned,
    plan,
)
from tests.unit.notifier.builders import NOW, recipient, target, trying_partner

POLICY = PlanningPolicy(
    windows={
        Severity.CRITICAL: timedelta(0),
        Severity.HIGH: timedelta(minutes=5),
        Severity.MEDIUM: timedelta(hours=1),
        Severity.LOW: timedelta(hours=1),
        Severity.INFO: timedelta(hours=1),
    },
    repeat_interval=timedelta(days=14),
)
LONG_AGO = NOW - timedelta(days=900)
CONTACTS = ("desk@jansen.example", "owner@jansen.example")
TOLD = Told(
    first=derived_id("first"),
    first_at=NOW - timedelta(days=3),
    last_at=NOW - timedelta(days=3),
    mails=1,
    severity=Severity.HIGH,
)


@pytest.mark.parametrize("severity", list(Severity))
def test_a_target_waits_for_the_window_of_its_severity(severity: Severity) -> None:
    [decision] = plan([target(severity=severity)], history=History(), policy=POLICY, now=NOW)

    assert isinstance(decision, Planned)
    assert decision.due_at == NOW + POLICY.windows[severity]
    assert decision.wait is None


@pytest.mark.parametrize("value", ["info@jansen.example", "jansen.example", "example"])
def test_a_suppressed_address_or_domain_is_not_written_to(value: str) -> None:
    history = History(suppressions=[Suppression(value=value, reason=SuppressionReason.OPT_OUT)])

    [decision] = plan([target()], history=history, policy=POLICY, now=NOW)

    assert isinstance(decision, Suppressed)
    assert decision.reason == "opt-out"


def test_a_suppression_of_a_longer_name_is_another_domain() -> None:
    history = History(suppressions=[Suppression(value="sen.example", reason=SuppressionReason.OPT_OUT)])

    [decision] = plan([target()], history=history, policy=POLICY, now=NOW)

    assert isinstance(decision, Planned)


def test_a_suppression_about_one_incident_leaves_the_others() -> None:
    only = Suppression(value="info@jansen.example", reason=SuppressionReason.OPERATOR, incident="open-smb")

    decisions = plan(
        [target(incident="open-smb"), target(incident="open-rdp")],
        history=History(suppressions=[only]),
        policy=POLICY,
        now=NOW,
    )

    assert [type(decision) for decision in decisions] == [Suppressed, Planned]


@pytest.mark.parametrize("reason", SuppressionReason)
def test_only_what_is_for_a_dead_address_is_planned_to_go_on_and_not_beyond_the_third_contact(
    reason: SuppressionReason,
) -> None:
    """When it is due its mail goes on to the next contact: neither an hour nor a day keeps it back."""
    dead = {SuppressionReason.UNDELIVERABLE, SuppressionReason.BOUNCED}
    history = History(suppressions=[Suppression(value="jansen.example", reason=reason)])
    quiet = AmountPolicy(quiet=QuietHours(time(0), time(23, 59)))
    policy = msgspec.structs.replace(POLICY, amounts=quiet)
    second, third = (continued(*CONTACTS[:tried]) for tried in (1, 2))

    decisions = plan([target(), second, third], history=history, policy=policy, now=NOW)

    expected = Planned if reason in dead else Suppressed
    assert [type(each) for each in decisions] == [expected, expected, Suppressed]
    for each in decisions:
        assert isinstance(each, Suppressed) or (each.due_at <= NOW + timedelta(hours=1) and each.wait is None)


def test_what_a_partner_tries_out_goes_on_to_nobody() -> None:
    history = History(suppressions=[Suppression(value="demo.example", reason=SuppressionReason.BOUNCED)])

    [decision] = plan([target(to=trying_partner())], history=history, policy=POLICY, now=NOW)

    assert isinstance(decision, Suppressed)


def continued(*failed: str) -> Target:
    went_on = Continued(
        target_id=new_id(), notification_id=new_id(), reference="TOC-5AYK65XB0F", failed=failed, is_settled=False
    )
    return msgspec.structs.replace(target(), continued=went_on)


def test_a_target_of_a_closed_incident_is_not_mailed() -> None:
    decisions = plan(
        [target(incident="open-smb"), target(incident="open-rdp")],
        history=History(closed=frozenset({"open-smb"})),
        policy=POLICY,
        now=NOW,
    )

    assert [type(decision) for decision in decisions] == [Suppressed, Planned]


def test_the_same_news_is_not_told_again_within_the_interval() -> None:
    known = target()
    history = History(told={Warned("info@jansen.example", known.threat_id): TOLD})

    same, other = plan([known, target()], history=history, policy=POLICY, now=NOW)

    assert isinstance(same, Suppressed)
    assert same.reason == "interval"
    assert isinstance(other, Planned)


def test_no_message_to_a_partner_names_the_recipient() -> None:
    told = target(to=recipient(email="a@b.example"))
    enough = target(to=recipient(email="c@d.example"))
    history = History(
        suppressions=[Suppression(value="jansen.example", reason=SuppressionReason.COMPLAINT)],
        told={
            Warned("a@b.example", told.threat_id): TOLD,
            Warned("c@d.example", enough.threat_id): msgspec.structs.replace(TOLD, mails=9, last_at=LONG_AGO),
        },
    )
    targets = [target(), told, enough]

    for decision in plan(targets, history=history, policy=POLICY, now=NOW):
        assert isinstance(decision, Suppressed)
        assert "@" not in decision.message
        assert "Jansen" not in decision.message


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_each_target_has_one_decision_in_order(names: list[str]) -> None:
    targets = [target(incident=name) for name in names]

    decisions = plan(targets, history=History(closed=frozenset("abc")), policy=POLICY, now=NOW)

    assert [decision.target for decision in decisions] == targets
    assert {d.target.incident for d in decisions if isinstance(d, Planned)} <= set("def")


def test_who_asked_not_to_be_written_to_gets_no_test_either() -> None:
    test = target(to=trying_partner(email="desk@demo.example"))
    for value in ("desk@demo.example", "demo.example"):
        silent = History(suppressions=[Suppression(value=value, reason=SuppressionReason.OPT_OUT)])
        (decision,) = plan([test], history=silent, policy=POLICY, now=NOW)
        assert isinstance(decision, Suppressed)


def test_what_a_recipient_was_told_in_earnest_is_no_matter_to_a_test_nor_the_reverse() -> None:
    in_earnest, test = (
        target(to=recipient(email="desk@demo.example")),
        target(to=trying_partner(email="desk@demo.example")),
    )
    for told, other in ((in_earnest, test), (test, in_earnest)):
        known = History(told={Warned(told.recipient.key, other.threat_id): TOLD})
        (decision,) = plan([other], history=known, policy=POLICY, now=NOW)
        assert isinstance(decision, Planned)
