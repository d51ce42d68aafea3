"""Which targets share a mail, and when it is closed to more."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Encryption, TargetAttributed
from libs.common.errors import Fatal
from libs.common.ids import derived_id
from libs.common.references import is_reference
from libs.common.vocabulary import RecipientKind, Severity
from services.notifier.domain.grouping import (
    Group,
    GroupingPolicy,
    Joined,
    Pair,
    choose_references,
    fill,
    references_for,
)
from services.notifier.domain.notification import State
from services.notifier.domain.planning import Planned
from tests.unit.notifier.builders import NOW, recipient, target, trying_partner

POLICY = GroupingPolicy(approval_confidence=0.3, targets_per_mail=3, reference_key=b"key of the tests")
KEYED, STRICT = Encryption(pgp_key="a key"), Encryption(is_required=True)
SOON = NOW + timedelta(minutes=5)


def join(
    targets: Iterable[TargetAttributed],
    *,
    groups: Iterable[Group] = (),
    minutes: int = 5,
    approved: bool = True,
    policy: GroupingPolicy = POLICY,
) -> list[Joined]:
    return fill(
        [Planned(each, NOW + timedelta(minutes=minutes)) for each in targets],
        groups={Pair(group.recipient.key, group.incident): group for group in groups},
        approved={"open-smb", "open-rdp"} if approved else (),
        policy=policy,
        now=NOW,
    )


def test_targets_of_one_recipient_and_incident_share_a_mail() -> None:
    first, second, third = target(), target(), target(incident="open-rdp")

    joined = join([first, third, second])

    assert [item.target_ids for item in joined] == [(first.target_id, second.target_id), (third.target_id,)]
    assert [item.group.state for item in joined] == 2 * [State.PLANNED]


@pytest.mark.parametrize(
    ("surest", "other", "expected"),
    [
        (None, None, None),
        (KEYED, None, KEYED),
        (None, KEYED, KEYED),
        (KEYED, STRICT, Encryption(pgp_key="a key", is_required=True)),
        (STRICT, KEYED, Encryption(pgp_key="a key", is_required=True)),
        (KEYED, Encryption(pgp_key="another"), KEYED),
    ],
    ids=["none", "surest", "other", "other-is-strict", "surest-is-strict", "both"],
)
def test_what_any_target_knows_of_a_recipient_s_keys_counts_for_the_mail(
    surest: Encryption | None, other: Encryption | None, expected: Encryption | None
) -> None:
    sure, unsure = (
        target(to=recipient(encryption=each), confidence=confidence)
        for each, confidence in ((surest, 0.9), (other, 0.5))
    )
    [together] = join([unsure, sure])
    [first] = join([unsure])
    [later] = join([sure], groups=[first.group])

    assert together.group.recipient.encryption == later.group.recipient.encryption == expected


def test_two_spellings_of_an_address_are_one_recipient() -> None:
    assert len(join([target(), target(to=recipient(email="INFO@jansen.example"))])) == 1


def test_a_target_joins_the_open_mail_of_its_recipient_and_incident() -> None:
    [opened] = join([target()])

    [joined] = join([target()], groups=[opened.group])

    assert (joined.group.id, joined.group.targets_total, joined.is_new) == (opened.group.id, 2, False)


def test_the_same_targets_always_become_the_same_notification() -> None:
    targets = [target(), target()]

    assert join(targets) == join(targets)


def test_a_mail_is_as_urgent_as_its_worst_target_and_as_certain_as_its_least_certain() -> None:
    sure = target(severity=Severity.CRITICAL, confidence=0.9)
    unsure = target(severity=Severity.LOW, confidence=0.4)

    [together] = join([unsure, sure])
    [opened] = join([unsure], minutes=60)
    [later] = join([sure], groups=[opened.group])

    for group in (together.group, later.group):
        assert (group.severity, group.confidence) == (Severity.CRITICAL, 0.4)
    assert later.group.due_at == SOON


def test_a_mail_goes_to_the_recipient_as_its_most_certain_target_knows_it() -> None:
    first, second, third = (
        target(to=recipient(name=name), confidence=confidence)
        for name, confidence in (("abuse desk", 0.5), ("Bakkerij Jansen", 0.8), ("J. Jansen", 0.7))
    )

    [opened] = join([first])
    [joined] = join([second], groups=[opened.group])
    [again] = join([third], groups=[joined.group])

    assert [item.group.recipient.name for item in (opened, joined, again)] == [
        "abuse desk",
        "Bakkerij Jansen",
        "Bakkerij Jansen",
    ]


def test_a_mail_that_is_due_closes_and_an_uncertain_one_waits_for_a_person() -> None:
    [certain] = join([target(confidence=0.3)], minutes=0)
    [uncertain] = join([target(), target(confidence=0.29)], minutes=0)

    assert certain.group.state is State.QUEUED
    assert uncertain.group.state is State.AWAITING_APPROVAL


def test_a_mail_that_is_due_stays_open_while_its_incident_is_not_approved() -> None:
    [joined] = join([target()], minutes=0, approved=False)

    assert joined.group.state is State.PLANNED


def test_a_full_mail_closes_whatever_it_waits_for() -> None:
    [joined] = join([target(), target(), target()], approved=False)

    assert joined.group.state is State.QUEUED


def test_a_mail_knows_all_partners_so_that_a_brake_on_one_can_hold_it() -> None:
    b, a = (msgspec.structs.replace(target(), partner=partner) for partner in "ba")

    [opened] = join([b])
    [joined] = join([a, b], groups=[opened.group])

    assert joined.group.partners == ("a", "b")


@given(open_total=st.integers(0, 4), newcomers=st.integers(1, 12), most=st.integers(1, 5))
def test_every_target_joins_one_mail_and_only_the_last_one_stays_open(
    open_total: int, newcomers: int, most: int
) -> None:
    policy = msgspec.structs.replace(POLICY, targets_per_mail=most)
    opened = [msgspec.structs.replace(item.group, targets_total=open_total) for item in join([target()]) if open_total]
    targets = [target() for _ in range(newcomers)]

    joined = join(targets, groups=opened, policy=policy)

    assert [each for item in joined for each in item.target_ids] == [each.target_id for each in targets]
    assert sum(item.group.targets_total for item in joined) == open_total + newcomers
    assert all(item.group.state is State.QUEUED for item in joined[:-1])
    assert len({item.group.id for item in joined}) == len(joined)
    for item in joined:
        assert item.group.targets_total <= max(most, open_total + 1)
        assert (item.group.state is State.QUEUED) == (item.group.targets_total >= most)


def test_a_reference_that_is_taken_gives_way_to_the_next_one() -> None:
    one, other = derived_id("notification", 1), derived_id("notification", 2)
    first, second, *_ = references_for(one, key=POLICY.reference_key)
    assert is_reference(first)

    chosen = choose_references({one: (first, second), other: (second, "TOC-OTHER")}, taken={first})

    assert chosen == {one: second, other: "TOC-OTHER"}


def test_a_notification_without_a_free_reference_stops_everything() -> None:
    with pytest.raises(Fatal, match="no free reference"):
        choose_references({derived_id("notification", 1): ["TOC-TAKEN"]}, taken={"TOC-TAKEN"})


def test_a_test_shares_no_mail_with_anything_else_also_at_the_same_address() -> None:
    address = "desk@demo.example"
    found = [
        target(to=recipient(email=address)),
        target(to=trying_partner(email=address)),
        target(to=trying_partner(email=address)),
        target(to=trying_partner(email=address, partner="other")),
        target(to=trying_partner(email=address, kind=RecipientKind.NETWORK_OWNER)),
    ]
    assert [len(joined.target_ids) for joined in join(found)] == [1, 2, 1, 1]


def test_nobody_is_asked_about_an_uncertain_test_and_an_unapproved_incident_holds_it_all_the_same() -> None:
    uncertain = target(to=trying_partner(), confidence=0.1)
    (due,) = join([uncertain], minutes=0)
    assert due.group.state is State.QUEUED
    (in_earnest,) = join([target(confidence=0.1)], minutes=0)
    assert in_earnest.group.state is State.AWAITING_APPROVAL
    (unapproved,) = join([uncertain], minutes=0, approved=False)
    assert unapproved.group.state is State.PLANNED
