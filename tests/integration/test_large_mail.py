"""10,000 assets of one recipient on a real database: one mail, and everybody hears of all that it tells of."""

import tracemalloc
from collections import Counter

import msgspec

from libs.common.contracts import Asset, IndicatorSettled, NotificationSent
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.outbox import waiting_events
from libs.common.vocabulary import Outcome
from services.notifier.domain.grouping import GroupingPolicy
from services.notifier.domain.notification import State, Wanted
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.looking import TARGETS_SHOWN, dossier_of
from services.notifier.handlers.sending import claim, deliver, record
from services.notifier.settings import NotifierSettings
from services.notifier.store import lists
from tests.integration.test_notifier import LATER, LEASE, RETRY, SCRIBE, close_due, database, plan_within
from tests.unit.notifier.builders import target

__all__ = ["database"]

MANY = 10_000
MOST = NotifierSettings.model_fields["targets_per_mail_max"].default
GROUPING = GroupingPolicy(approval_confidence=0.3, targets_per_mail=MOST, reference_key=b"key of the tests")
MOST_MEMORY_BYTES = 60_000_000
"""Of Python; measured: 46 MB, with the mail itself and all events."""


async def fill(database: Database, count: int = MANY) -> None:
    one = target()
    for first in range(0, count, 1000):
        targets = [
            msgspec.structs.replace(
                one,
                target_id=derived_id("of many", number),
                indicator_id=derived_id("indicator of many", number),
                threat_id=derived_id("threat of many", number),
                indicator=msgspec.structs.replace(one.indicator, asset=Asset(domain=f"host-{number}.jansen.example")),
            )
            for number in range(first, min(count, first + 1000))
        ]
        async with database.transaction() as tx:
            await plan_within(tx, *targets, grouping=GROUPING)
    await close_due(database)


async def test_all_are_in_one_mail_and_each_record_ends_with_it(database: Database) -> None:
    await fill(database)
    relay = RememberingRelay()

    async with database.transaction() as tx:
        [consignment] = await claim(tx, now=LATER, lease=LEASE, limit=50)
    delivered = await deliver(consignment, scribe=SCRIBE, relay=relay, policy=RETRY, now=LATER)
    async with database.transaction() as tx:
        await record(tx, [delivered], now=LATER)

    assert len(consignment.targets) == MANY
    assert len(relay.mails) == 1
    async with database.transaction() as tx:
        events = await waiting_events(tx)
        [mail] = await lists.newest_notifications(tx, Wanted(), before=None, limit=10)
        dossier = await dossier_of(tx, mail)
    assert (mail.state, mail.targets_total, len(dossier.targets)) == (State.SENT, MANY, TARGETS_SHOWN)
    settled = Counter(each.indicator_id for each in events if isinstance(each, IndicatorSettled))
    assert (len(settled), set(settled.values())) == (MANY, {1})
    assert {each.outcome for each in events if isinstance(each, IndicatorSettled)} == {Outcome.NOTIFIED}
    told = [told.target_id for each in events if isinstance(each, NotificationSent) for told in each.targets]
    assert sorted(told) == sorted(each.target_id for each in consignment.targets)


async def test_its_memory_is_bounded(database: Database) -> None:
    await fill(database)
    tracemalloc.start()

    async with database.transaction() as tx:
        [consignment] = await claim(tx, now=LATER, lease=LEASE, limit=50)
    delivered = await deliver(consignment, scribe=SCRIBE, relay=RememberingRelay(), policy=RETRY, now=LATER)
    async with database.transaction() as tx:
        await record(tx, [delivered], now=LATER)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_MEMORY_BYTES


async def test_one_more_is_another_mail(database: Database) -> None:
    await fill(database, MANY + 1)

    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=10)

    assert sorted(each.targets_total for each in found) == [1, MANY]
