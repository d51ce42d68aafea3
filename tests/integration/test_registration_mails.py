"""Mails to organisations that register by themselves, on a real database: each thing is told once, as it is by then."""

import asyncio
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import httpx
import msgspec
import pytest

from libs.common.contracts import RegistrationFollowed, RegistrationToConfirm
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.outbox import waiting_events
from services.notifier.domain.digests.digest import FINAL, AnyRegistrationMail, RegistrationNews
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.domain.planning import Suppression, SuppressionReason, of_organisation
from services.notifier.domain.replies import Answered, Lost
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.keeping import forget
from services.notifier.handlers.registration_mails import TOGETHER_WITHIN, take_up_news, take_up_questions
from services.notifier.store import registration_mails
from tests.integration.test_digests import AFTER_LEASE, brake, claimed, client, due, running, send, set_brakes, take_up
from tests.integration.test_notifier import LATER, database
from tests.unit.notifier.builders import NOW
from tests.unit.notifier.test_registration_mails import ASKED as ASKED_IN_MARCH
from tests.unit.notifier.test_registration_mails import DOMAIN, FOLLOWED, RANGE, REGISTRATION, SHOP, followed_by

__all__ = ["client", "database"]

Json = dict[str, Any]  # Any: JSON as it came

ASKED = msgspec.structs.replace(ASKED_IN_MARCH, asked_at=NOW, expires_at=NOW + timedelta(days=7))
MUCH_LATER = LATER + timedelta(days=1)
"""When a mail that was put off is due again."""

BUSY = RememberingRelay({ASKED.email: Answered(451, "4.3.0 Try again later")})


async def ask(database: Database, *asked: RegistrationToConfirm, now: datetime = NOW) -> None:
    async with database.transaction() as tx:
        assert await take_up_questions(asked, tx=tx, now=now) == ()


async def follow(database: Database, *followed: RegistrationFollowed, now: datetime = NOW) -> None:
    async with database.transaction() as tx:
        assert await take_up_news(followed, tx=tx, now=now) == ()


async def all_mails(database: Database) -> list[AnyRegistrationMail]:
    """Oldest first; of one moment, in no order."""
    async with database.transaction() as tx:
        return (await registration_mails.newest_registration_mails(tx, None, before=None, limit=99))[::-1]


async def states(database: Database) -> list[tuple[State, str]]:
    return sorted((mail.state, mail.reason) for mail in await all_mails(database))


async def send_all(database: Database, relay: RememberingRelay, *, now: datetime = LATER) -> None:
    while await send(database, relay, now=now):
        pass


def texts_of(relay: RememberingRelay) -> list[str]:
    bodies = [message_from_bytes(mail.content, policy=policy.default).get_body(("plain",)) for mail in relay.mails]
    return [body.get_content() for body in bodies if body is not None]


def named_in(text: str) -> set[str]:
    return {value for value in (DOMAIN, SHOP, RANGE) if value.replace(".", "[.]") in text}


async def test_a_question_that_comes_again_is_mailed_once_and_leads_to_its_page(database: Database) -> None:
    relay = RememberingRelay()
    await ask(database, ASKED, ASKED)
    await ask(database, ASKED)
    await send_all(database, relay)
    await ask(database, ASKED)
    await send_all(database, relay, now=MUCH_LATER)

    [mail] = relay.mails
    assert (mail.sender, mail.recipient) == ("bounces@tocsin.example", ASKED.email)
    page = f"https://tocsin.example/register/{Links(b'key of the tests').registration_token(REGISTRATION)}"
    assert page in texts_of(relay)[0].split()
    assert await states(database) == [(State.SENT, "")]
    async with database.transaction() as tx:
        assert await waiting_events(tx) == []


async def test_who_registers_once_more_is_asked_once_more(database: Database) -> None:
    relay = RememberingRelay()
    await ask(database, ASKED, msgspec.structs.replace(ASKED, asked_at=NOW + timedelta(hours=1)))
    await send_all(database, relay)
    assert len(relay.mails) == 2


async def test_a_question_that_is_too_old_is_not_sent(database: Database) -> None:
    relay = RememberingRelay()
    await ask(database, ASKED)
    await send_all(database, relay, now=ASKED.expires_at)
    await ask(database, msgspec.structs.replace(ASKED, registration_id=derived_id("other")), now=ASKED.expires_at)
    await send_all(database, relay, now=ASKED.expires_at)
    assert relay.mails == []
    assert await states(database) == [(State.CANCELLED, "expired")]


@pytest.mark.parametrize("is_sent", [True, False])
async def test_a_question_is_forgotten_when_its_link_is_over(database: Database, is_sent: bool) -> None:
    await ask(database, ASKED)
    await follow(database, FOLLOWED)
    if is_sent:
        await send_all(database, RememberingRelay())
    for now, left in ((ASKED.expires_at - timedelta(seconds=1), 2), (ASKED.expires_at, 1)):
        async with database.transaction() as tx:
            await forget(tx, now=now)
        mails = await all_mails(database)
        assert len(mails) == left
    assert isinstance(mails[0], RegistrationNews)
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT FROM digest_attempts WHERE digest_id = $1", ASKED.event_id) == []


@pytest.mark.parametrize(
    ("value", "reason", "asked", "told"),
    [
        (ASKED.email, SuppressionReason.OPT_OUT, True, False),
        (ASKED.email, SuppressionReason.COMPLAINT, True, False),
        (ASKED.email, SuppressionReason.OPERATOR, False, False),
        (of_organisation(FOLLOWED.organisation_id), SuppressionReason.OPERATOR, True, False),
        (ASKED.email, SuppressionReason.UNDELIVERABLE, False, False),
        ("bakery.example", SuppressionReason.OPERATOR, False, False),
    ],
)
async def test_who_wanted_no_mail_is_asked_but_not_told(
    database: Database, value: str, reason: SuppressionReason, asked: bool, told: bool
) -> None:
    relay = RememberingRelay()
    await ask(database, ASKED)
    await follow(database, FOLLOWED)
    async with database.transaction() as tx:
        await suppress(tx, Suppression(value=value, reason=reason), note="", by="a", now=NOW)

    await send_all(database, relay)

    assert ["aangemeld?" in mail.subject for mail in relay.mails] == [True] * asked + [False] * told
    ends = {False: (State.CANCELLED, str(reason)), True: (State.SENT, "")}
    assert await states(database) == sorted([ends[asked], ends[told]])


async def test_a_narrower_word_of_its_owner_does_not_hide_an_order_for_the_domain(database: Database) -> None:
    await ask(database, ASKED)
    async with database.transaction() as tx:
        for value, reason in ((ASKED.email, SuppressionReason.OPT_OUT), ("example", SuppressionReason.OPERATOR)):
            await suppress(tx, Suppression(value=value, reason=reason), note="", by="a", now=NOW)
    await send_all(database, RememberingRelay())
    assert await states(database) == [(State.CANCELLED, "operator")]


@pytest.mark.parametrize("engaged", [brake(BrakeScope.ALL), brake(BrakeScope.DOMAIN, "bakery.example")])
async def test_a_brake_holds_both(database: Database, engaged: Any) -> None:  # Any: a brake
    relay = RememberingRelay()
    await ask(database, ASKED)
    await follow(database, FOLLOWED)
    await set_brakes(database, engaged)
    await send_all(database, relay)
    assert relay.mails == []
    await set_brakes(database, msgspec.structs.replace(engaged, engaged=False))
    await send_all(database, relay)
    assert len(relay.mails) == 2


async def test_news_waits_a_minute_for_other_news_and_goes_with_it(database: Database) -> None:
    relay = RememberingRelay()
    await follow(database, followed_by(1, DOMAIN))
    await follow(database, followed_by(2, SHOP), now=NOW + timedelta(seconds=20))
    await follow(database, followed_by(3, RANGE), now=NOW + timedelta(seconds=40))
    await send_all(database, relay, now=NOW + TOGETHER_WITHIN - timedelta(seconds=1))
    assert relay.mails == []

    await send_all(database, relay, now=NOW + TOGETHER_WITHIN)

    [text] = texts_of(relay)
    assert named_in(text) == {DOMAIN, SHOP, RANGE}
    assert await states(database) == [(State.CANCELLED, "overtaken"), (State.CANCELLED, "overtaken"), (State.SENT, "")]
    await send_all(database, relay, now=MUCH_LATER)
    assert len(relay.mails) == 1


async def test_news_that_comes_again_or_late_is_not_told(database: Database) -> None:
    relay = RememberingRelay()
    await follow(database, followed_by(2, DOMAIN), followed_by(1, SHOP))
    await follow(database, followed_by(2, DOMAIN))
    await send_all(database, relay)
    await follow(database, followed_by(2, DOMAIN), followed_by(1, RANGE))
    await send_all(database, relay, now=MUCH_LATER)
    [text] = texts_of(relay)
    assert named_in(text) == {DOMAIN}


async def test_without_news_there_is_no_mail(database: Database) -> None:
    await follow(database, followed_by(1))
    assert await all_mails(database) == []


async def test_what_waits_is_told_as_it_is_by_then(database: Database) -> None:
    """The instructions wait for a relay that is busy; meanwhile the record is found, and one asset is taken back."""
    relay = RememberingRelay()
    await follow(database, FOLLOWED)
    await send(database, BUSY)
    assert [state for state, _ in await states(database)] == [State.DEFERRED]
    await follow(database, followed_by(2, known=(DOMAIN, SHOP)), now=LATER)

    await send_all(database, relay, now=MUCH_LATER)

    [text] = texts_of(relay)
    assert named_in(text) == {DOMAIN, SHOP}
    assert "_tocsin-challenge" not in text
    assert "Dit is van u".upper() in text


async def test_what_was_taken_back_altogether_is_told_no_more(database: Database) -> None:
    await follow(database, FOLLOWED, followed_by(2, known=()))
    await send_all(database, RememberingRelay())
    assert await states(database) == [(State.CANCELLED, "overtaken")]


@pytest.mark.parametrize("comes_back_as", [Answered(451, "4.3.0 Try again later"), Lost("cut off")])
async def test_older_news_that_was_under_way_never_follows_newer(database: Database, comes_back_as: Any) -> None:
    """Any: an answer of a relay."""
    relay = RememberingRelay()
    await follow(database, followed_by(1, DOMAIN, SHOP))
    await send(database, RememberingRelay({ASKED.email: comes_back_as}))
    await follow(database, followed_by(2, DOMAIN), now=LATER - TOGETHER_WITHIN)
    await send_all(database, relay)
    assert [named_in(text) for text in texts_of(relay)] == [{DOMAIN}]

    await send_all(database, relay, now=MUCH_LATER)

    assert [named_in(text) for text in texts_of(relay)] == [{DOMAIN}, {SHOP}]
    assert [state for state, _ in await states(database)] == [State.SENT, State.SENT]


async def test_an_address_that_has_changed_gets_the_news(database: Database) -> None:
    relay = RememberingRelay()
    await follow(database, FOLLOWED, msgspec.structs.replace(followed_by(2), email="New@bakery.example"))
    await send_all(database, relay)
    assert [mail.recipient for mail in relay.mails] == ["New@bakery.example"]


async def test_a_brake_on_the_domain_of_an_address_that_has_changed_holds_the_next_try(database: Database) -> None:
    moved = msgspec.structs.replace(followed_by(2), email="info@jansen.example")
    await follow(database, FOLLOWED, moved)
    await send(database, RememberingRelay({moved.email: Answered(451, "4.3.0 Try again later")}))
    await set_brakes(database, brake(BrakeScope.DOMAIN, "jansen.example"))
    relay = RememberingRelay()
    await send_all(database, relay, now=MUCH_LATER)
    assert relay.mails == []


async def test_an_address_that_has_changed_is_looked_up_among_those_that_are_not_written_to(database: Database) -> None:
    await follow(database, FOLLOWED, msgspec.structs.replace(followed_by(2), email="New@bakery.example"))
    async with database.transaction() as tx:
        silence = Suppression(value="new@bakery.example", reason=SuppressionReason.OPERATOR)
        await suppress(tx, silence, note="", by="a", now=NOW)
    await send_all(database, RememberingRelay())
    assert await states(database) == [(State.CANCELLED, "operator")]


async def test_another_registration_has_news_of_its_own(database: Database) -> None:
    relay = RememberingRelay()
    others = msgspec.structs.replace(followed_by(2, SHOP), registration_id=derived_id("other"))
    await follow(database, followed_by(1, DOMAIN), others)
    await send_all(database, relay)
    assert sorted(map(sorted, map(named_in, texts_of(relay)))) == [[DOMAIN], [SHOP]]


async def test_news_whose_sender_died_goes_out_once_more_marked(database: Database) -> None:
    relay = RememberingRelay()
    await follow(database, FOLLOWED)
    assert await claimed(database) is not None
    await send_all(database, relay, now=AFTER_LEASE)
    [mail] = relay.mails
    assert b"X-Tocsin-Resend: in-doubt" in mail.content


async def test_senders_that_meet_at_one_registration_do_not_wait_for_each_other(database: Database) -> None:
    relay = RememberingRelay()
    others = [derived_id("registration", number) for number in range(8)]
    for revision, value in enumerate((DOMAIN, SHOP, RANGE), start=1):
        news = followed_by(revision, value)
        await follow(database, *(msgspec.structs.replace(news, registration_id=other) for other in others))

    async with running(database, relay, senders=3):
        while any(state not in FINAL for state, _ in await states(database)):
            await asyncio.sleep(0.05)

    told = [value for text in texts_of(relay) for value in named_in(text)]
    assert sorted(told) == sorted(len(others) * [DOMAIN, SHOP, RANGE])


async def test_operators_see_the_mails_and_can_not_act_for_an_organisation(
    database: Database, client: httpx.AsyncClient
) -> None:
    await ask(database, ASKED)
    await follow(database, FOLLOWED, now=NOW + timedelta(seconds=1))
    await take_up(database, due(), now=NOW + timedelta(seconds=2))
    await send_all(database, RememberingRelay())
    listed = "/v1/registration-mails"
    first: Json = (await client.get(listed, params={"limit": 1})).json()
    second: Json = (await client.get(listed, params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["kind"] for item in (*first["items"], *second["items"])] == ["registration-news", "registration"]
    assert first["items"][0]["about"] == list(FOLLOWED.news)
    assert second["items"][0]["about"] == [asset.value for asset in ASKED.assets]
    assert (await client.get(listed, params={"state": "failed"})).json()["items"] == []
    for mail in (ASKED, FOLLOWED):
        path = f"{listed}/{mail.event_id}"
        detail: Json = (await client.get(path)).json()
        assert (detail["state"], detail["registration_id"]) == ("sent", str(REGISTRATION))
        assert [(each["result"], each["smtp_code"]) for each in detail["attempts"]] == [("sent", 250)]
        text = (await client.get(f"{path}/preview", params={"as": "text"})).text
        assert "https://tocsin.example/register/preview" in text
    unknown = f"{listed}/{derived_id('nobody')}"
    assert [(await client.get(unknown + end)).status_code for end in ("", "/preview")] == [404, 404]
    digests: Json = (await client.get("/v1/digests")).json()
    assert [item["id"] for item in digests["items"]] == [str(due().digest_id)]
    assert (await client.get(f"{listed}/{due().digest_id}")).status_code == 404
    del client.headers["Authorization"]
    assert (await client.get(listed)).status_code == 401
