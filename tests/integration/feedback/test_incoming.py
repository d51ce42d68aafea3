"""Mails that come back, as a mail server brings them (LMTP) or lays them into a Maildir."""

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from libs.common.contracts import Event, FeedbackReceived, MailReturned
from libs.common.lmtp import LmtpServer
from libs.common.outbox import waiting_events
from libs.common.shutdown import Shutdown
from libs.common.verp import return_address
from libs.common.vocabulary import FeedbackKind, Permanence, ReturnKind, Trust
from services.feedback.api.letterbox import Letterbox, MaildirReader
from services.feedback.domain.incoming.recognised import House
from tests.integration.feedback.conftest import LINK_KEY, Running
from tests.integration.feedback.mails import mail
from tests.unit.feedback.test_mails_that_come_back import MAILS

HOUSE = House(key=LINK_KEY.encode(), domain="tocsin.example")
SENT = mail()
RETURN = return_address(SENT.notification_id, domain="bounce.tocsin.example", key=HOUSE.key)
DESK = f"desk+{SENT.reference}@tocsin.example"


def stored(name: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes()


@pytest.fixture
def letterbox(running: Running) -> Letterbox:
    return Letterbox(running.database, house=HOUSE, desk_address="desk@tocsin.example")


@pytest.fixture
async def port(letterbox: Letterbox) -> AsyncIterator[int]:
    shutdown = Shutdown()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free_port: int = probe.getsockname()[1]
    server = LmtpServer(letterbox, host="127.0.0.1", port=free_port, max_mail_bytes=2_000_000)
    serving = asyncio.create_task(server.run(shutdown))
    await _listening(free_port)
    yield free_port
    shutdown.request()
    await serving


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


def _bring(port: int, content: bytes, to: str) -> str:
    with smtplib.LMTP("127.0.0.1", port, timeout=20) as server:
        server.ehlo_or_helo_if_needed()
        server.mail("")
        code, answer = server.rcpt(to)
        if code == 250:
            code, answer = server.data(content)
    return f"{code} {answer.decode()}"


async def brought(port: int, content: bytes, *, to: str) -> str:
    return await asyncio.to_thread(partial(_bring, port, content, to))


async def said(running: Running) -> list[Event]:
    async with running.database.transaction() as tx:
        return list(await waiting_events(tx))


async def test_a_bounce_is_told_once_however_often_it_is_brought(running: Running, port: int) -> None:
    await running.hear(SENT)
    for _ in range(2):
        assert await brought(port, stored("dsn-postfix-user-unknown"), to=RETURN) == "250 2.0.0 Taken"

    (event,) = await said(running)
    assert isinstance(event, MailReturned)
    assert (event.notification_id, event.kind, event.trust) == (SENT.notification_id, ReturnKind.BOUNCE, Trust.TOKEN)
    assert (event.permanence, event.code, event.address) == (Permanence.PERMANENT, "5.1.1", "security@bakery.example")


async def test_a_bounce_that_is_here_before_the_news_of_its_mail_is_told_too(running: Running, port: int) -> None:
    await brought(port, stored("plain-qmail"), to=RETURN)
    assert [type(event) for event in await said(running)] == [MailReturned]


async def test_what_names_no_mail_of_ours_is_kept_and_told_to_nobody(
    running: Running, port: int, viewer: dict[str, str]
) -> None:
    await brought(port, stored("dsn-forged-without-anything"), to="desk@tocsin.example")

    assert await said(running) == []
    page = (await running.browser.get("/v1/incoming?kind=bounce", headers=viewer)).raise_for_status().json()
    assert [(each["trust"], each["notification_id"], each["code"]) for each in page["items"]] == [
        ("none", None, "5.1.1")
    ]


async def test_an_answer_by_mail_is_a_question(running: Running, port: int) -> None:
    await running.hear(SENT)
    content = b"From: Jan <jan@bakery.example>\r\nSubject: Re: warning\r\n\r\nIs this mail real?\r\n"
    await brought(port, content, to=DESK)

    (event,) = await said(running)
    assert isinstance(event, FeedbackReceived)
    assert (event.kind, event.text) == (FeedbackKind.QUESTION, "Is this mail real?")


async def test_an_unsubscription_by_mail_is_an_opt_out(running: Running, port: int) -> None:
    await running.hear(SENT)
    await brought(port, b"From: jan@bakery.example\r\nSubject: unsubscribe\r\n\r\n", to=DESK)
    assert [event.kind for event in await running.said()] == [FeedbackKind.OPT_OUT]


async def test_an_answer_of_a_machine_is_no_question(running: Running, port: int) -> None:
    await running.hear(SENT)
    await brought(port, stored("auto-words-only"), to=DESK)
    (event,) = await said(running)
    assert isinstance(event, MailReturned)
    assert event.kind is ReturnKind.AUTO_REPLY


async def test_our_own_mail_that_comes_back_starts_nothing(running: Running, port: int) -> None:
    await running.hear(SENT)
    assert (await brought(port, stored("loop-our-own-mail"), to=RETURN))[:3] == "250"
    assert await said(running) == []


async def test_who_answers_with_a_ticket_number_within_a_minute_is_a_machine(running: Running, port: int) -> None:
    prompt = msgspec.structs.replace(SENT, sent_at=running.database.now())
    await running.hear(prompt)
    await brought(port, stored("reply-with-ticket-number"), to=DESK)
    (event,) = await said(running)
    assert isinstance(event, MailReturned)
    assert event.kind is ReturnKind.TICKET


async def test_hostile_mails_are_taken_and_counted(running: Running, port: int) -> None:
    bomb = b"Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000
    for content in (bomb, b"Subject: " + b"a" * 1_000_000 + b"\r\n\r\nhello\r\n", b"\x00\xff\xfe\r\n"):
        assert (await brought(port, content, to=RETURN))[:3] == "250"
    assert (await brought(port, b"Subject: a\r\n\r\n" + b"a\r\n" * 1_000_000, to=RETURN))[:3] == "552"
    rows = await running.rows("SELECT kind, notification_id FROM incoming")
    assert {row["notification_id"] for row in rows} == {SENT.notification_id}
    assert "other" in {row["kind"] for row in rows}


async def test_other_addresses_are_not_ours(port: int) -> None:
    assert (await brought(port, b"\r\n", to="info@tocsin.example"))[:9] == "550 5.1.1"


async def test_a_maildir_is_emptied_once(running: Running, letterbox: Letterbox, tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    laid = b"Delivered-To: " + RETURN.encode() + b"\r\n" + stored("dsn-mailbox-full-552")
    (tmp_path / "new" / "1.a.host").write_bytes(laid)
    reader = MaildirReader(letterbox, tmp_path)

    assert [await reader.look(), await reader.look()] == [1, 0]
    (tmp_path / "cur" / "1.a.host:2,S").rename(tmp_path / "new" / "1.a.host")
    assert await reader.look() == 1, "as after a death before it was moved"

    (event,) = await said(running)
    assert isinstance(event, MailReturned)
    assert (event.trust, event.permanence) == (Trust.TOKEN, Permanence.MAILBOX_FULL)
