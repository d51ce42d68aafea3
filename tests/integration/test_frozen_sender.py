"""A sender that was frozen beyond its lease wakes up: what another has taken over meanwhile is not its to change."""

from datetime import timedelta

import pytest

from libs.common.db import Database
from services.notifier.domain.notification import State
from services.notifier.domain.replies import Failed, InDoubt, Released, Result, Sent
from services.notifier.handlers.sending import Delivered, claim, doubt_lost, record
from tests.integration.test_notifier import LATER, LEASE, database, group, plan, said, states
from tests.unit.notifier.builders import target

__all__ = ["database"]

TAKEN_OVER = LATER + 2 * LEASE


@pytest.mark.parametrize(
    "late",
    [Released("late"), InDoubt("late", LATER), Failed("policy", "late"), Sent(250, "late")],
    ids=lambda r: type(r).__name__,
)
async def test_a_sender_that_lost_its_lease_changes_nothing(database: Database, late: Result) -> None:
    await plan(database, target())
    await group(database)
    async with database.transaction() as tx:
        frozen = await claim(tx, now=LATER, lease=LEASE, limit=9)
    async with database.transaction() as tx:
        await doubt_lost(tx, now=TAKEN_OVER, limit=9)
        other = await claim(tx, now=TAKEN_OVER, lease=LEASE, limit=9)

    async with database.transaction() as tx:
        await record(tx, [Delivered(item, late, "late") for item in frozen], now=TAKEN_OVER)
    assert await states(database) == [State.SENDING]
    assert await said(database) == []

    async with database.transaction() as tx:
        await record(
            tx, [Delivered(item, Sent(250, "taken"), "x") for item in other], now=TAKEN_OVER + timedelta(seconds=1)
        )
    assert await states(database) == [State.SENT]
    assert sorted(await said(database)) == [("notification-sent", ""), ("notified", (await said(database))[-1][1])]
