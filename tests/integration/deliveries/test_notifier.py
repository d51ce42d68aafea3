"""Whatever comes twice or in another order: the same mails to the same people, and the same silence."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given

from libs.common.contracts import Asset, Copy, Event, FeedbackReceived, HandOver, IndicatorSettled, TargetAttributed
from libs.common.db import Transaction
from libs.common.ids import derived_id
from libs.common.vocabulary import FeedbackKind, IncidentState, RecipientKind
from services.notifier.handlers.planner import close_due
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Ending, Rig
from tests.integration.deliveries.schedules import Batch, Batches, as_kafka_may, examples, in_any_order
from tests.unit.notifier.builders import NOW, incident, recipient, target

TOMORROW = NOW + timedelta(days=1)
LEAVING = recipient(name="Slagerij Pieters", email="info@pieters.example")
SMB = incident()
RDP = msgspec.structs.replace(SMB, slug="open-rdp")
OPT_OUT = FeedbackReceived(
    feedback_id=derived_id("feedback", 1),
    kind=FeedbackKind.OPT_OUT,
    incident="open-smb",
    at=NOW,
    recipient_key=LEAVING.key,
)
TEAM = recipient(kind=RecipientKind.NATIONAL_CERT, name="NCSC Voorbeeld", email="in@cert.example")


def with_a_copy(told: TargetAttributed) -> TargetAttributed:
    reason = HandOver(reason="also-warned", organisation=told.recipient.name)
    return msgspec.structs.replace(told, copies=(Copy(recipient=TEAM, handed_over=reason),))


PARTITIONS: list[list[Event]] = [
    [
        SMB,
        msgspec.structs.replace(SMB, revision=2, state=IncidentState.PAUSED),
        msgspec.structs.replace(SMB, revision=3),
        RDP,
        msgspec.structs.replace(RDP, revision=2, state=IncidentState.CLOSED),
    ],
    [target(), target(asset=Asset(ip="192.0.2.2")), target(incident=RDP.slug)],
    [target(to=recipient(email="abuse@provider.example"), confidence=0.1)],
    [target(to=LEAVING), with_a_copy(target(to=LEAVING, asset=Asset(ip="192.0.2.3")))],
    [OPT_OUT],
]
NEWS = [event for partition in PARTITIONS for event in partition]


@pytest.fixture(scope="module")
def rig(started: Start) -> Iterator[Rig]:
    with started("notifier", Rig(now=NOW)) as rig:
        yield rig


async def close(tx: Transaction) -> None:
    await close_due(tx, now=TOMORROW, approval_confidence=0.3, limit=100)


@pytest.fixture(scope="module")
def in_order(rig: Rig) -> Ending:
    return rig.ending([Batch(NEWS)], close)


def mails(ending: Ending) -> dict[frozenset[object], tuple[object, ...]]:
    """What goes out or waits for approval, by the targets that it carries."""
    carried: dict[object, set[object]] = {}
    for row in ending.rows["targets"]:
        carried.setdefault(row["notification_id"], set()).add(row["target_id"])
    return {
        frozenset(carried[row["id"]]): (row["recipient_key"], row["incident"], row["state"], row["targets_total"])
        for row in ending.rows["notifications"]
        if row["state"] != "cancelled"
    }


def ids(ending: Ending) -> set[object]:
    return {row["id"] for row in ending.rows["notifications"] if row["state"] != "cancelled"}


def test_in_order_there_are_three_mails_and_three_targets_that_nobody_is_told_of(in_order: Ending) -> None:
    assert sorted(mails(in_order).values()) == [
        ("abuse@provider.example", "open-smb", "awaiting-approval", 1),
        ("info@jansen.example", "open-smb", "queued", 2),
        ("national-cert:in@cert.example", "open-smb", "queued", 1),
    ]
    assert sorted(event.reason for event in in_order.said.values() if isinstance(event, IndicatorSettled)) == [
        "incident-closed",
        "opt-out",
        "opt-out",
    ]


@examples(30)
@given(batches=as_kafka_may(PARTITIONS), again=as_kafka_may(PARTITIONS))
def test_batches_that_come_again_cut_in_any_way_make_the_same_mails_under_the_same_ids(
    rig: Rig, in_order: Ending, batches: Batches, again: Batches
) -> None:
    ending = rig.ending(batches, close, again, close)
    assert mails(ending) == mails(in_order)
    assert ids(ending) == ids(in_order)
    assert ending.said == in_order.said


@examples(30)
@given(batches=in_any_order(NEWS), again=in_any_order(NEWS))
def test_in_whatever_order_the_news_comes_the_same_mails_go_to_the_same_people(
    rig: Rig, in_order: Ending, batches: Batches, again: Batches
) -> None:
    ending = rig.ending(batches, close, again, close)
    assert mails(ending) == mails(in_order)
    assert ending.said == in_order.said
