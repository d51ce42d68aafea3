"""A sender whose answers come late, or that is told to stop: what it has begun counts, and it begins nothing more.

An answer after its lease counts until another sender has taken the mail over, and then no more.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from libs.common.db import Database
from libs.common.shutdown import Shutdown
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Brake, BrakeScope, State, Wanted
from services.notifier.domain.replies import Deferred, Failed, InDoubt, Released, Reply, Result, Sent
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import set_brake
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.handlers.sending import Delivered, claim, doubt_lost, record
from services.notifier.store import lists
from tests.integration.relays import LockingRelay
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
from tests.unit.notifier.builders import NOW, recipient, target

__all__ = ["database"]

TAKEN_OVER = LATER + 2 * LEASE
BRAKE = Brake(scope=BrakeScope.ALL, value="", engaged=True, reason="x", changed_at=NOW, changed_by="a")


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
    """Takes longer over a mail than the lease of its sender, and than its pause between two looks for lost mails."""

    async def deliver(self, mail: Mail) -> Reply:
        await asyncio.sleep(2.5)
        return await super().deliver(mail)


class UnevenRelay(RememberingRelay):
    """Answers some mails at once, and others only while the answers to later ones are being recorded."""

    async def deliver(self, mail: Mail) -> Reply:
        await asyncio.sleep(0.0 if len(self.mails) % 3 else 0.05)
        return await super().deliver(mail)


class ShutRelay(RememberingRelay):
    """Answers no mail before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.opened = asyncio.Event()

    async def deliver(self, mail: Mail) -> Reply:
        self.waiting += 1
        await self.opened.wait()
        return await super().deliver(mail)


@asynccontextmanager
async def running_sender(database: Database, relay: RememberingRelay) -> AsyncIterator[None]:
    """As the service runs it, with a lease that any answer outlasts, over at most four connections."""
    limits = SenderLimits(connections=4, start=timedelta(seconds=5), lease=timedelta(seconds=0.2), pause_seconds=0.05)
    sender = Sender(database=database, relay=relay, scribe=SCRIBE, policy=RETRY, limits=limits, news=asyncio.Event())
    shutdown = Shutdown()
    async with asyncio.timeout(60), asyncio.TaskGroup() as running:
        running.create_task(sender.run(shutdown))
        yield
        shutdown.request()


async def until_all_are(state: State, *, mails: int, database: Database) -> None:
    while await states(database) != mails * [state]:
        await asyncio.sleep(0.05)


async def queue_mails(database: Database, mails: int) -> None:
    await plan(database, *(target(to=recipient(email=f"a{number}@jansen.example")) for number in range(mails)))
    await close_due(database)


async def test_a_process_does_not_doubt_the_answers_that_it_still_holds_itself(database: Database) -> None:
    await queue_mails(database, 1)
    relay = SlowRelay()

    async with running_sender(database, relay):
        await until_all_are(State.SENT, mails=1, database=database)

    assert len(relay.mails) == 1


async def test_an_answer_outlasts_a_database_that_is_away_for_longer_than_the_lease(
    database: Database, database_url: str
) -> None:
    await queue_mails(database, 1)
    relay = LockingRelay(database, "notifications")
    impatient = Database(database_url, pool_size=4, statement_timeout_seconds=0.2)

    async with running_sender(impatient, relay):
        await until_all_are(State.SENT, mails=1, database=database)
    await impatient.close()

    assert len(relay.mails) == 1


async def test_an_answer_that_comes_while_others_are_recorded_is_recorded_too(database: Database) -> None:
    """A bug once: it was appended to the list that was being recorded, and the mail stayed under way for ever."""
    await queue_mails(database, 40)
    relay = UnevenRelay()

    async with running_sender(database, relay):
        await until_all_are(State.SENT, mails=40, database=database)

    assert len({mail.recipient for mail in relay.mails}) == len(relay.mails) == 40


async def test_no_more_mails_are_in_the_hands_of_a_sender_than_it_has_connections(database: Database) -> None:
    await queue_mails(database, 10)
    relay = ShutRelay()

    async with running_sender(database, relay):
        while relay.waiting < 4:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert Counter(await states(database)) == {State.SENDING: 4, State.QUEUED: 6}
        relay.opened.set()
        await until_all_are(State.SENT, mails=10, database=database)

    assert len(relay.mails) == 10


async def test_what_is_under_way_at_a_shutdown_is_answered_and_recorded_and_nothing_else_begun(
    database: Database,
) -> None:
    await queue_mails(database, 10)
    relay = ShutRelay()

    async with running_sender(database, relay):
        while relay.waiting < 4:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.2, relay.opened.set)

    assert Counter(await states(database)) == {State.SENT: 4, State.QUEUED: 6}


async def test_no_mail_is_begun_after_a_brake_but_those_that_were_claimed_before_it(database: Database) -> None:
    await queue_mails(database, 10)
    relay = ShutRelay()

    async with running_sender(database, relay):
        while relay.waiting < 4:
            await asyncio.sleep(0.01)
        async with database.transaction() as tx:
            await set_brake(tx, BRAKE)
        relay.opened.set()
        while Counter(await states(database)) != {State.SENT: 4, State.QUEUED: 6}:
            assert relay.waiting == 4
            await asyncio.sleep(0.01)
        async with database.transaction() as tx:
            await set_brake(tx, msgspec.structs.replace(BRAKE, engaged=False))
        await until_all_are(State.SENT, mails=10, database=database)

    assert len(relay.mails) == 10
