"""An answer that comes after its lease: it counts until another sender has taken the mail over, and then no more."""

import asyncio
from datetime import timedelta

import pytest

from libs.common.db import Database
from libs.common.shutdown import Shutdown
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import State, Wanted
from services.notifier.domain.replies import Deferred, Failed, InDoubt, Released, Reply, Result, Sent
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.handlers.sending import Delivered, claim, doubt_lost, record
from services.notifier.store import lists
from tests.integration.test_notifier import (
    LATER,
    LEASE,
    RETRY,
    SCRIBE,
    close_due,
    database,
    plan,
    said,
    states,
    take_up,
)
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
    await close_due(database)
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


@pytest.mark.parametrize(
    ("late", "state", "doubts"),
    [
        (Sent(250, "taken"), State.SENT, 0),
        (Failed("policy", "no"), State.FAILED, 0),
        (Deferred(451, "busy", LATER), State.DEFERRED, 0),
        (Released("not begun in time"), State.QUEUED, 0),
        (InDoubt("cut off", LATER), State.IN_DOUBT, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Result) else None,
)
async def test_a_late_answer_ends_the_doubt_that_nobody_has_acted_on(
    database: Database, late: Result, state: State, doubts: int
) -> None:
    await plan(database, target())
    await close_due(database)
    frozen = await take_up(database)
    async with database.transaction() as tx:
        await doubt_lost(tx, now=TAKEN_OVER, limit=9)

    for _ in range(2):
        async with database.transaction() as tx:
            await record(tx, [Delivered(item, late, "late") for item in frozen], now=TAKEN_OVER)

    async with database.transaction() as tx:
        [found] = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
    assert (found.state, found.doubts) == (state, doubts)
    assert found.settled == (state in {State.SENT, State.FAILED})
    assert len(await said(database)) == {State.SENT: 2, State.FAILED: 1}.get(state, 0)


class SlowRelay(RememberingRelay):
    """Takes longer over a mail than the lease of its sender."""

    async def deliver(self, mail: Mail) -> Reply:
        await asyncio.sleep(1.0)
        return await super().deliver(mail)


class LockingRelay(RememberingRelay):
    """Takes a mail, and from then on nobody can use the table of notifications for longer than the lease."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._locked = asyncio.Event()
        self._locking: asyncio.Task[None] | None = None

    async def deliver(self, mail: Mail) -> Reply:
        self._locking = asyncio.create_task(self._lock())
        await self._locked.wait()
        return await super().deliver(mail)

    async def _lock(self) -> None:
        async with self._database.transaction() as tx:
            await tx.fetch("LOCK TABLE notifications IN EXCLUSIVE MODE")
            self._locked.set()
            await asyncio.sleep(1.0)


async def run_two_rounds(database: Database, relay: RememberingRelay, *, seconds: float) -> None:
    """As the service runs them: two rounds of one sender, side by side."""
    limits = SenderLimits(
        connections=4, claim_size=4, start=timedelta(seconds=5), lease=timedelta(seconds=0.2), pause_seconds=0.05
    )
    sender = Sender(database=database, relay=relay, scribe=SCRIBE, policy=RETRY, limits=limits, queued=asyncio.Event())
    shutdown = Shutdown()
    async with asyncio.TaskGroup() as rounds:
        for _ in range(2):
            rounds.create_task(sender.run(shutdown))
        await asyncio.sleep(seconds)
        shutdown.request()


async def test_a_process_does_not_doubt_the_answers_that_it_still_holds_itself(database: Database) -> None:
    await plan(database, target())
    await close_due(database)
    relay = SlowRelay()

    await run_two_rounds(database, relay, seconds=1.5)

    assert await states(database) == [State.SENT]
    assert len(relay.mails) == 1


async def test_an_answer_outlasts_a_database_that_is_away_for_longer_than_the_lease(
    database: Database, database_url: str
) -> None:
    await plan(database, target())
    await close_due(database)
    relay = LockingRelay(database)
    impatient = Database(database_url, pool_size=4, statement_timeout_seconds=0.2)

    await run_two_rounds(impatient, relay, seconds=4.0)
    await impatient.close()

    assert await states(database) == [State.SENT]
    assert len(relay.mails) == 1
