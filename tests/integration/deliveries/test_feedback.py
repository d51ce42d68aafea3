"""Whatever comes twice or in another order: each mail is kept and counted once, and the newest title wins."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given

from libs.common.contracts import Event
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Ending, Rig
from tests.integration.deliveries.schedules import Batch, Batches, examples, in_any_order
from tests.integration.feedback.conftest import NOW
from tests.integration.feedback.mails import SENT_AT, incident, mail

NEWS: list[Event] = [
    incident("open-smb", title="Draft"),
    incident("open-smb", title="Shares are open", revision=2),
    incident("open-smb", title="Shared folders are open", revision=3),
    incident("open-rdp", title="Remote desktops are open"),
    mail("bakery"),
    mail("butcher"),
    mail("brewer", incident="open-rdp"),
    mail("baker", sent_at=SENT_AT + timedelta(days=30)),
]


@pytest.fixture(scope="module")
def rig(started: Start) -> Iterator[Rig]:
    with started("feedback", Rig(now=NOW)) as rig:
        yield rig


@pytest.fixture(scope="module")
def in_order(rig: Rig) -> Ending:
    return rig.ending([Batch(NEWS)])


def test_in_order_mails_are_counted_by_month_and_incident(in_order: Ending) -> None:
    assert sorted(row["notifications"] for row in in_order.rows["tallies"]) == [1, 1, 2]
    assert [row["revision"] for row in in_order.rows["incidents"]] == [1, 3]


@examples(30)
@given(batches=in_any_order(NEWS))
def test_the_same_news_in_any_order_and_number_is_kept_and_counted_once(
    rig: Rig, in_order: Ending, batches: Batches
) -> None:
    assert rig.ending(batches) == in_order
