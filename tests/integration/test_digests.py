"""Digests at the notifier, on a real database: each is mailed once, whatever crashes, and counts among no warnings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import DigestDue
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.outbox import waiting_events
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.shutdown import Shutdown
from services.notifier.app import build
from services.notifier.domain.digests.digest import AnySideMail, Digest, WantedDigests
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Attempt, Brake, BrakeScope, State, Wanted
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered, Lost, Reply, Sent
from services.notifier.gateway.relay import RelayAway, RememberingRelay
from services.notifier.handlers.commands import set_brake, suppress
from services.notifier.handlers.digests import DigestSender, claim, deliver, doubt_lost, record, take_up_digests
from services.notifier.settings import NotifierSettings
from services.notifier.store import digests, lists, orders
from tests.integration.relays import LockingRelay
from tests.integration.test_notifier import LATER, LEASE, RETRY, SCRIBE, database
from tests.unit.notifier.builders import NOW
from tests.unit.notifier.test_digests import DUE

__all__ = ["database"]

AFTER_LEASE = LATER + LEASE + timedelta(seconds=1)


def due(number: int = 1, **changes: object) -> DigestDue:
    return msgspec.structs.replace(DUE, digest_id=derived_id("digest", number), **changes)


async def take_up(database: Database, *events: DigestDue, now: datetime = NOW) -> None:
    async with database.transaction() as tx:
        assert await take_up_digests(events, tx=tx, now=now) == ()


async def all_digests(database: Database) -> list[Digest]:
    async with database.transaction() as tx:
        return await digests.newest_digests(tx, WantedDigests(), before=None, limit=99)


async def the_digest(database: Database) -> Digest:
    [found] = await all_digests(database)
    return found


async def attempts(database: Database) -> list[Attempt]:
    async with database.transaction() as tx:
        return await digests.attempts_at(tx, (await the_digest(database)).id)


async def claimed(database: Database, *, now: datetime = LATER) -> AnySideMail | None:
    async with database.transaction() as tx:
        await doubt_lost(tx, now=now)
        return await claim(tx, now=now, lease=LEASE)


async def send(database: Database, relay: RememberingRelay, *, now: datetime = LATER) -> bool:
    """One turn of a sender at that moment; whether there was something to send."""
    taken = await claimed(database, now=now)
    if taken is None:
        return False
    result, subject = await deliver(taken, scribe=SCRIBE, relay=relay, policy=RETRY, now=now)
    async with database.transaction() as tx:
        await record(tx, taken, result, subject=subject, now=now)
    return True


def brake(scope: BrakeScope, value: str = "", *, engaged: bool = True) -> Brake:
    return Brake(scope=scope, value=value, engaged=engaged, reason="x", changed_at=NOW, changed_by="a")


async def set_brakes(database: Database, *brakes: Brake) -> None:
    async with database.transaction() as tx:
        for each in brakes:
            await set_brake(tx, each)


async def test_a_digest_that_comes_again_is_mailed_once(database: Database) -> None:
    relay = RememberingRelay()
    await take_up(database, due(), due())
    await take_up(database, due())

    assert await send(database, relay)
    await take_up(database, due())
    assert not await send(database, relay, now=AFTER_LEASE)

    [mail] = relay.mails
    assert (mail.sender, mail.recipient) == ("bounces@tocsin.example", "feeds@acme.example")
    found = await the_digest(database)
    assert (found.state, found.sent_at, found.tries, found.due) == (State.SENT, LATER, 1, due())
    assert (
        found.subject
        == mail.subject
        == "Daily digest for Acme Research, 2 Mar 2026: 1,237 records, 2 could not be read"
    )
    assert [(each.result, each.smtp_code, each.ended_at) for each in await attempts(database)] == [("sent", 250, LATER)]


async def test_a_digest_is_no_notification_and_nobody_is_told_of_it(database: Database) -> None:
    await take_up(database, due())
    await send(database, RememberingRelay())
    async with database.transaction() as tx:
        assert await waiting_events(tx) == []
        assert await lists.newest_notifications(tx, Wanted(), before=None, limit=9) == []
        assert await tx.fetch("SELECT FROM attempts UNION ALL SELECT FROM targets") == []


@pytest.mark.parametrize(
    "engaged", [brake(BrakeScope.ALL), brake(BrakeScope.DOMAIN, "acme.example"), brake(BrakeScope.DOMAIN, "example")]
)
async def test_a_brake_holds_a_digest_and_loses_none(database: Database, engaged: Brake) -> None:
    relay = RememberingRelay()
    await take_up(database, due())
    await set_brakes(database, engaged)
    assert not await send(database, relay)
    await set_brakes(database, msgspec.structs.replace(engaged, engaged=False))
    assert await send(database, relay)


async def test_a_brake_on_warnings_or_on_another_domain_does_not_hold_a_digest(database: Database) -> None:
    await take_up(database, due())
    others = (BrakeScope.PARTNER, "acme"), (BrakeScope.INCIDENT, "open-smb"), (BrakeScope.DOMAIN, "me.example")
    await set_brakes(database, *(brake(scope, value) for scope, value in others))
    assert await send(database, RememberingRelay())


@pytest.mark.parametrize(
    ("value", "incident", "goes"),
    [("feeds@acme.example", "", False), ("acme.example", "", False), ("acme.example", "open-smb", True)],
)
async def test_an_address_that_is_not_written_to_gets_no_digest(
    database: Database, value: str, incident: str, goes: bool
) -> None:
    relay = RememberingRelay()
    await take_up(database, due(email="Feeds@acme.example"), due(2, email="a@other.example"))
    silence = Suppression(value=value, reason=SuppressionReason.OPT_OUT, incident=incident)
    async with database.transaction() as tx:
        await suppress(tx, silence, note="", by="a", now=NOW)

    while await send(database, relay):
        pass

    states = {each.due.email: (each.state, each.reason) for each in await all_digests(database)}
    assert states["a@other.example"] == (State.SENT, "")
    assert states["Feeds@acme.example"] == ((State.SENT, "") if goes else (State.CANCELLED, "opt-out"))


async def test_a_temporary_refusal_is_tried_again_and_ends_after_two_days(database: Database) -> None:
    relay = RememberingRelay({"feeds@acme.example": Answered(451, "4.7.1 Greylisted")})
    await take_up(database, due())
    await send(database, relay)
    deferred = await the_digest(database)
    assert deferred.state is State.DEFERRED
    assert deferred.next_attempt_at is not None
    assert not await send(database, relay, now=deferred.next_attempt_at - timedelta(seconds=1))

    assert await send(database, relay, now=NOW + timedelta(hours=49))

    found = await the_digest(database)
    assert (found.state, found.reason, found.tries) == (State.FAILED, "expired", 2)
    assert [each.result for each in await attempts(database)] == ["deferred", "failed"]


async def test_a_dead_address_fails_and_is_not_written_to_again(database: Database) -> None:
    relay = RememberingRelay({"feeds@acme.example": Answered(550, "5.1.1 No such user")})
    await take_up(database, due())
    await send(database, relay)
    await take_up(database, due(2))
    assert not await send(database, relay)

    states = [(each.state, each.reason) for each in await all_digests(database)]
    assert sorted(states) == [(State.CANCELLED, "undeliverable"), (State.FAILED, "dead-address")]
    async with database.transaction() as tx:
        [suppression] = await orders.newest_suppressions(tx, before=None, limit=9)
    assert suppression.suppression.value == "feeds@acme.example"


async def test_an_address_that_can_not_be_written_to_fails_in_words(database: Database) -> None:
    await take_up(database, due(email="a b@acme.example"), due(2, email=""))
    relay = RememberingRelay()
    while await send(database, relay):
        pass
    assert [(each.state, each.reason) for each in await all_digests(database)] == 2 * [
        (State.FAILED, "unwritable-address")
    ]
    assert relay.mails == []


async def test_in_a_dry_run_a_digest_is_rehearsed_and_never_called_sent(database: Database) -> None:
    await take_up(database, due())

    await send(database, RememberingRelay({due().email: Answered(250, "2.1.5 Ok", Stage.RECIPIENT)}))

    [found] = await all_digests(database)
    assert (found.state, found.reason, found.sent_at) == (State.REHEARSED, "dry-run", None)


async def test_two_senders_never_take_the_same_digest(database: Database) -> None:
    await take_up(database, due(), due(2))
    async with database.transaction() as first, database.transaction() as second:
        taken = [await claim(tx, now=LATER, lease=LEASE) for tx in (first, second, second)]
    assert sorted(each.id for each in taken if each) == sorted(due(number).digest_id for number in (1, 2))
    assert taken[2] is None


async def test_a_digest_whose_sender_died_goes_out_once_more_marked_and_then_no_more(database: Database) -> None:
    relay = RememberingRelay()
    await take_up(database, due())
    assert await claimed(database) is not None
    assert await claimed(database, now=LATER + LEASE) is None, "its sender has time until the lease ends"

    again = await claimed(database, now=AFTER_LEASE)
    assert again is not None
    mail = SCRIBE.write_beside(again, now=NOW)
    assert message_from_bytes(mail.content, policy=policy.default)["X-Tocsin-Resend"] == "in-doubt"
    assert (await the_digest(database)).doubts == 1

    assert await claimed(database, now=AFTER_LEASE + LEASE + timedelta(seconds=1)) is None
    found = await the_digest(database)
    assert (found.state, found.reason) == (State.FAILED, "in-doubt")
    assert [each.result for each in await attempts(database)] == ["in-doubt", "failed"]
    assert not await send(database, relay, now=AFTER_LEASE + timedelta(days=1))


async def test_a_lost_answer_allows_one_more_mail(database: Database) -> None:
    await take_up(database, due())
    await send(database, RememberingRelay({"feeds@acme.example": Lost("cut off")}))
    assert (await the_digest(database)).state is State.IN_DOUBT

    relay = RememberingRelay()
    assert await send(database, relay, now=LATER + timedelta(hours=4))

    [mail] = relay.mails
    assert b"X-Tocsin-Resend: in-doubt" in mail.content
    assert (await the_digest(database)).state is State.SENT


async def test_an_answer_after_another_sender_took_over_changes_nothing(database: Database) -> None:
    await take_up(database, due())
    frozen = await claimed(database)
    other = await claimed(database, now=AFTER_LEASE)
    assert frozen is not None
    assert other is not None
    async with database.transaction() as tx:
        await record(tx, frozen, Sent(250, "late"), subject="late", now=AFTER_LEASE)
    assert (await the_digest(database)).state is State.SENDING
    async with database.transaction() as tx:
        await record(tx, other, Sent(250, "taken"), subject="x", now=AFTER_LEASE)
    assert (await the_digest(database)).state is State.SENT


async def test_a_late_answer_ends_the_doubt_that_nobody_has_acted_on(database: Database) -> None:
    await take_up(database, due())
    frozen = await claimed(database)
    assert frozen is not None
    async with database.transaction() as tx:
        await doubt_lost(tx, now=AFTER_LEASE)
    async with database.transaction() as tx:
        await record(tx, frozen, Sent(250, "taken"), subject="x", now=AFTER_LEASE)
    found = await the_digest(database)
    assert (found.state, found.doubts) == (State.SENT, 0)


@asynccontextmanager
async def running(database: Database, relay: RememberingRelay, *, senders: int = 1) -> AsyncIterator[None]:
    shutdown = Shutdown()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for _ in range(senders):
            sender = DigestSender(database=database, relay=relay, scribe=SCRIBE, policy=RETRY, lease=LEASE)
            tasks.create_task(sender.run(shutdown))
        yield
        shutdown.request()


async def until(state: State, database: Database, *, mails: int = 1) -> None:
    while [each.state for each in await all_digests(database)] != mails * [state]:
        await asyncio.sleep(0.05)


async def test_two_running_senders_mail_each_digest_once(database: Database) -> None:
    relay = RememberingRelay()
    await take_up(database, *(due(number, email=f"a{number}@acme.example") for number in range(12)))
    async with running(database, relay, senders=2):
        await until(State.SENT, database, mails=12)
    assert len({mail.recipient for mail in relay.mails}) == len(relay.mails) == 12


class ReturningRelay(RememberingRelay):
    """Away at first."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def deliver(self, mail: Mail) -> Reply:
        self.asked += 1
        if self.asked == 1:
            raise RelayAway("the relay is away")
        return await super().deliver(mail)


async def test_while_the_relay_is_away_no_try_is_used_up(database: Database) -> None:
    relay = ReturningRelay()
    await take_up(database, due())
    async with running(database, relay):
        await until(State.SENT, database)
    assert (relay.asked, (await the_digest(database)).tries) == (2, 1)
    assert [each.result for each in await attempts(database)] == ["sent"]


async def test_an_answer_outlasts_a_database_that_is_away(database: Database, database_url: str) -> None:
    relay = LockingRelay(database, "digests")
    impatient = Database(database_url, pool_size=4, statement_timeout_seconds=0.2)
    await take_up(database, due())
    async with running(impatient, relay):
        await until(State.SENT, database)
    await impatient.close()
    assert len(relay.mails) == 1


Json = dict[str, Any]  # Any: JSON as it came


@pytest.fixture
async def client(
    database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[httpx.AsyncClient]:
    """An operator who looks at the notifier."""
    service = build(
        NotifierSettings(
            http_port=1,
            database_url=database_url,
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key=operator_public_key,
            link_key="a key of the tests",
            public_url="https://tocsin.example",
        )
    )
    now = datetime.now(UTC)
    viewer = Operator("sanne", Role.VIEWER)
    token = sign_operator_token(operator_key, operator=viewer, now=now, expires=now + timedelta(hours=1))
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=service.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as asking:
        yield asking
    await service.database.close()


async def test_operators_see_digests_their_attempts_and_the_mail_itself(
    database: Database, client: httpx.AsyncClient
) -> None:
    await take_up(database, due())
    await take_up(database, due(2, partner="other"), now=NOW + timedelta(seconds=1))
    await send(database, RememberingRelay())
    first: Json = (await client.get("/v1/digests", params={"limit": 1})).json()
    second: Json = (await client.get("/v1/digests", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["partner"] for item in (*first["items"], *second["items"])] == ["other", "acme"]
    assert second["next"] is None
    for query, partners in ({"state": "sent"}, ["acme"]), ({"partner": "other"}, ["other"]):
        found: Json = (await client.get("/v1/digests", params=query)).json()
        assert [item["partner"] for item in found["items"]] == partners

    path = f"/v1/digests/{due().digest_id}"
    detail: Json = (await client.get(path)).json()
    assert (detail["state"], detail["digest"], detail["records"]) == ("sent", "daily", 1237)
    assert [(each["result"], each["smtp_code"]) for each in detail["attempts"]] == [("sent", 250)]
    text = (await client.get(f"{path}/preview", params={"as": "text"})).text
    assert text.startswith("Dear Acme Research,")
    assert (await client.get(f"{path}/preview")).headers["Content-Type"].startswith("text/html")
    unknown = f"/v1/digests/{derived_id('digest', 99)}"
    assert [(await client.get(unknown + end)).status_code for end in ("", "/preview")] == [404, 404]
    sent: Json = (await client.get("/v1/sent", params={"since": "2020-01-01"})).json()
    assert "2026-03-01" not in str(sent)
    del client.headers["Authorization"]
    assert (await client.get("/v1/digests")).status_code == 401
