"""From the queue to the relay: slow domains, refusals that are about us, credentials that are wrong, and dry runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.links import Links
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.shutdown import Shutdown
from libs.common.verp import notification_at, return_address
from services.notifier.app import build
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import BrakeScope, Command, State, Wanted
from services.notifier.domain.replies import Answered, Reply
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import RelayRefusesUs, RememberingRelay
from services.notifier.handlers.commands import command_notification
from services.notifier.handlers.looking import all_brakes
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.handlers.sending import claim
from services.notifier.settings import NotifierSettings
from services.notifier.store import lists
from tests.integration.test_notifier import (
    LATER,
    RETRY,
    SCRIBE,
    close_due,
    database,
    plan,
    said,
    states,
)
from tests.name_server import name_server
from tests.unit.notifier.builders import HOUSE, recipient, target

__all__ = ["database"]

KEY = b"key of the tests"
LIMITS = SenderLimits(
    connections=4, start=timedelta(seconds=5), lease=timedelta(seconds=30), pause_seconds=0.02, per_domain=2, refusals=3
)


@asynccontextmanager
async def running(database: Database, relay: RememberingRelay, limits: SenderLimits = LIMITS) -> AsyncIterator[Sender]:
    sender = Sender(database=database, relay=relay, scribe=SCRIBE, policy=RETRY, limits=limits, news=asyncio.Event())
    shutdown = Shutdown()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.run(shutdown))
        yield sender
        shutdown.request()


async def queue_mails(database: Database, *emails: str) -> None:
    await plan(database, *(target(to=recipient(email=email)) for email in emails))
    await close_due(database)


async def until_are(expected: dict[State, int], database: Database) -> None:
    while Counter(await states(database)) != expected:
        await asyncio.sleep(0.02)


class PartlySlowRelay(RememberingRelay):
    """Does not answer for one domain before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.opened = asyncio.Event()

    async def deliver(self, mail: Mail) -> Reply:
        if mail.recipient.endswith("@slow.example"):
            self.waiting += 1
            await self.opened.wait()
        return await super().deliver(mail)


async def test_one_slow_domain_does_not_hold_up_the_others(database: Database) -> None:
    await queue_mails(database, *(f"a{n}@slow.example" for n in range(8)), *(f"a@quick{n}.example" for n in range(8)))
    relay = PartlySlowRelay()

    async with running(database, relay):
        await until_are({State.SENT: 8, State.SENDING: 2, State.QUEUED: 6}, database)
        assert relay.waiting == 2
        relay.opened.set()
        await until_are({State.SENT: 16}, database)


async def test_refusals_in_a_row_that_are_about_us_engage_a_brake_for_their_domain(database: Database) -> None:
    strict = [f"a{number}@strict.example" for number in range(9)]
    await queue_mails(database, *strict, "info@jansen.example")
    relay = RememberingRelay(dict.fromkeys(strict, Answered(554, "5.7.1 Looks like spam")))

    async with running(database, relay, msgspec.structs.replace(LIMITS, per_domain=1)):
        await until_are({State.FAILED: 3, State.SENT: 1, State.QUEUED: 6}, database)

    async with database.transaction() as tx:
        [brake] = await all_brakes(tx)
    assert (brake.engaged, brake.scope, brake.value) == (True, BrakeScope.DOMAIN, "strict.example")


class LockedRelay(RememberingRelay):
    """Lets nobody in."""

    async def deliver(self, mail: Mail) -> Reply:
        raise RelayRefusesUs("the relay does not accept our credentials (535 5.7.8 No)")


async def is_troubled(sender: Sender) -> bool:
    try:
        await sender.check()
    except Transient:
        return True
    return False


async def test_wrong_credentials_stop_the_sender_with_a_word_and_lose_nothing(database: Database) -> None:
    await queue_mails(database, "info@jansen.example", "info@bakker.example")

    async with running(database, LockedRelay()) as sender:
        while not await is_troubled(sender):
            await asyncio.sleep(0.02)
        with pytest.raises(Transient, match="credentials"):
            await sender.check()
        await until_are({State.QUEUED: 2}, database)

    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
    assert [each.tries for each in found] == [0, 0]


async def test_every_attempt_at_a_notification_has_its_own_return_address_and_the_same(database: Database) -> None:
    await queue_mails(database, "info@jansen.example", "info@bakker.example")
    scribe = Scribe(
        house=HOUSE,
        press=Press(),
        links=Links(KEY),
        return_address=partial(return_address, domain="bounce.tocsin.example", key=KEY),
    )

    async with database.transaction() as tx:
        claimed = await claim(tx, now=LATER, lease=timedelta(minutes=4), limit=9)
    mails = [scribe.write(item, now=LATER) for item in (*claimed, *claimed)]

    assert len({mail.sender for mail in mails}) == 2
    assert [notification_at(mail.sender, KEY) for mail in mails] == [
        item.notification.id for item in (*claimed, *claimed)
    ]


class DryRelay(RememberingRelay):
    """Asks as far as the recipient."""

    async def deliver(self, mail: Mail) -> Reply:
        return Answered(250, "2.1.5 Ok", Stage.RECIPIENT)


async def test_a_dry_run_sends_nothing_and_says_so_everywhere(database: Database) -> None:
    await queue_mails(database, "info@jansen.example")

    async with running(database, DryRelay(), msgspec.structs.replace(LIMITS, is_dry=True)) as sender:
        await until_are({State.REHEARSED: 1}, database)
        assert await sender.check() == "dry run, no mail leaves"

    async with database.transaction() as tx:
        [found] = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
    assert (found.sent_at, found.reason, found.settled) == (None, "dry-run", True)
    assert await said(database) == [("suppressed", "dry-run")]


async def test_what_was_rehearsed_can_be_sent_and_is_no_news_that_was_told(database: Database) -> None:
    first = target()
    await plan(database, first)
    await close_due(database)
    async with running(database, DryRelay()):
        await until_are({State.REHEARSED: 1}, database)

    again = msgspec.structs.replace(target(), threat_id=first.threat_id)
    assert await plan(database, again) == []
    async with database.transaction() as tx:
        rehearsed = (await lists.newest_notifications(tx, Wanted(state=State.REHEARSED), before=None, limit=9))[0]
        await command_notification(tx, rehearsed.id, Command.RESEND, note="", by="a", now=database.now())
    relay = RememberingRelay()
    async with running(database, relay):
        await until_are({State.SENT: 1, State.PLANNED: 1}, database)

    assert len(relay.mails) == 1
    assert Counter(await said(database)) == {("suppressed", "dry-run"): 1, ("notification-sent", ""): 1}


async def test_operators_see_how_the_sender_is_set_up(
    operator_key: Ed25519PrivateKey, operator_public_key: str
) -> None:
    async with name_server({("tocsin.example", "MX"): ["10 mx.tocsin.example."]}) as server:
        service = build(
            NotifierSettings(
                http_port=1,
                database_url="postgresql://nobody@127.0.0.1:1/none",
                kafka_bootstrap="127.0.0.1:1",
                operator_public_key=operator_public_key,
                link_key="a key of the tests",
                public_url="https://tocsin.example",
                nameservers=server,
            )
        )
        now = datetime.now(UTC)
        viewer = Operator("sanne", Role.VIEWER)
        token = sign_operator_token(operator_key, operator=viewer, now=now, expires=now + timedelta(hours=1))
        transport = httpx.ASGITransport(app=service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
            refused = await client.get("/v1/sender-check")
            told = await client.get("/v1/sender-check", headers={"Authorization": f"Bearer {token}"})

    assert refused.status_code == 401
    assert (told.json()["verdict"], told.json()["return_domain"]) == ("missing", "tocsin.example")
    assert {each["subject"] for each in told.json()["findings"]} == {"spf", "dkim", "dmarc", "bounces", "reverse-name"}
