"""Our relay's side of SMTP, with Debian's Postfix on the other: takes, defers, refuses, greylists, bounces."""

import asyncio
import email
from collections.abc import Iterator
from email import policy

import dkim
import msgspec
import pytest

from libs.common.verp import notification_at, return_address
from services.notifier.domain.dkim import DkimKey, DkimKeys
from services.notifier.domain.meanings import Meaning, Stage, hint_of
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered
from services.notifier.gateway.dkim import SigningRelay
from services.notifier.gateway.relay import Relay, RelayAddress, RelayAway, RelayRefusesUs, SmtpRelay
from tests.integration.postfix.server import BOUNCES, GONE, MAILBOXES, Postfix, is_possible, postfix
from tests.unit.notifier.builders import NOW, consignment, notification, recipient
from tests.unit.notifier.test_dkim import rsa_key
from tests.unit.notifier.test_message import raw

pytestmark = pytest.mark.skipif(not is_possible(), reason="Postfix is not installed, or we are not root")

KEY = b"key of the tests"
KEYS = DkimKeys("tocsin.example", [DkimKey(selector="s1", key=rsa_key())])


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    with postfix() as started:
        yield started


def relay_of(server: Postfix, *, dry_run: bool = False) -> Relay:
    address = RelayAddress(host="127.0.0.1", port=server.port, ca_file=server.ca_file, dry_run=dry_run)
    return SigningRelay(SmtpRelay(address), KEYS, now=lambda: NOW)


def mail_to(address: str) -> Mail:
    of = consignment(about=msgspec.structs.replace(notification(to=recipient(email=address))))
    sender = return_address(of.notification.id, domain=BOUNCES, key=KEY)
    return Mail(sender=sender, recipient=address, subject="s", content=raw(of))


async def deliver(server: Postfix, mail: Mail, *, dry_run: bool = False) -> Answered:
    relay = relay_of(server, dry_run=dry_run)
    reply = await relay.deliver(mail)
    await relay.close()
    assert isinstance(reply, Answered)
    return reply


@pytest.mark.parametrize(
    ("who", "meaning", "stage"),
    [
        ("nobody", Meaning.DEAD_ADDRESS, Stage.RECIPIENT),
        ("greylisted", Meaning.GREYLISTED, Stage.RECIPIENT),
        ("busy", Meaning.TRANSIENT, Stage.RECIPIENT),
        ("full", Meaning.MAILBOX_FULL, Stage.RECIPIENT),
        ("spam", Meaning.POLICY, Stage.RECIPIENT),
        ("late", Meaning.BAD_MESSAGE, Stage.CONTENT),
    ],
)
async def test_each_refusal_is_understood(server: Postfix, who: str, meaning: Meaning, stage: Stage) -> None:
    reply = await deliver(server, mail_to(f"{who}@{MAILBOXES}"))

    assert (reply.meaning, reply.at) == (meaning, stage)


async def test_the_server_says_when_to_come_again(server: Postfix) -> None:
    reply = await deliver(server, mail_to(f"greylisted@{MAILBOXES}"))

    hint = hint_of(reply.text)
    assert hint is not None
    assert hint.total_seconds() == 300


async def test_a_sender_that_is_not_wanted_is_our_trouble(server: Postfix) -> None:
    unwanted = msgspec.structs.replace(mail_to(f"info@{MAILBOXES}"), sender="unwanted@tocsin.example")

    assert (await deliver(server, unwanted)).meaning is Meaning.POLICY


@pytest.mark.parametrize(("who", "mailbox"), [("info", "info"), ("jörg", "joerg")])
async def test_a_mail_arrives_with_a_signature_that_verifies(server: Postfix, who: str, mailbox: str) -> None:
    mail = mail_to(f"{who}@{MAILBOXES}")

    assert (await deliver(server, mail)).meaning is Meaning.ACCEPTED

    [arrived, *_] = await asyncio.to_thread(server.await_mails, mailbox, containing=b"X-Tocsin-Reference")
    assert arrived.startswith(f"Return-Path: <{mail.sender}>".encode())
    as_sent = arrived.replace(b"\n", b"\r\n")
    assert dkim.verify(as_sent, dnsfunc=lambda name, timeout=5: KEYS.keys[0].record.encode())


async def test_a_bounce_comes_back_to_the_notification_s_own_address(server: Postfix) -> None:
    mail = mail_to(f"info@{GONE}")

    assert (await deliver(server, mail)).meaning is Meaning.ACCEPTED

    [bounce, *_] = await asyncio.to_thread(server.await_mails, "bounces", containing=f"info@{GONE}".encode())
    returned = email.message_from_bytes(bounce, policy=policy.default)
    assert returned.get_content_type() == "multipart/report"
    assert notification_at(str(returned["Delivered-To"] or returned["X-Original-To"]), KEY) == notification().id
    assert b"Status: 5.1.1" in bounce


async def test_a_dry_run_leaves_nothing_and_learns_as_much(server: Postfix) -> None:
    before = len(server.mails("info"))

    taken = await deliver(server, mail_to(f"info@{MAILBOXES}"), dry_run=True)
    refused = await deliver(server, mail_to(f"nobody@{MAILBOXES}"), dry_run=True)

    assert (taken.meaning, taken.at) == (Meaning.ACCEPTED, Stage.RECIPIENT)
    assert refused.meaning is Meaning.DEAD_ADDRESS
    assert len(server.mails("info")) == before


async def test_without_tls_nothing_is_said(server: Postfix) -> None:
    clear = SmtpRelay(RelayAddress(host="127.0.0.1", port=server.port, security="none"))
    unknown = SmtpRelay(RelayAddress(host="127.0.0.1", port=server.port, security="required"))

    with pytest.raises(RelayRefusesUs, match="STARTTLS"):
        await clear.deliver(mail_to(f"info@{MAILBOXES}"))
    with pytest.raises(RelayAway, match="certificate verify failed"):
        await unknown.deliver(mail_to(f"info@{MAILBOXES}"))


async def test_a_hundred_mails_at_once_share_connections_and_all_arrive(server: Postfix) -> None:
    relay, before = relay_of(server), len(server.mails("info"))
    mails = [mail_to(f"info@{MAILBOXES}") for _ in range(5)]

    for _ in range(20):
        replies = await asyncio.gather(*(relay.deliver(mail) for mail in mails))
        assert {reply.code for reply in replies if isinstance(reply, Answered)} == {250}
    await relay.close()

    async with asyncio.timeout(30):
        while len(server.mails("info")) < before + 100:
            await asyncio.sleep(0.1)
