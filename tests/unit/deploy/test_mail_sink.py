"""Over real SMTP, into a real Maildir."""

import asyncio
import mailbox
import shutil
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from deploy.local.mail_sink import listen

HOST = "127.0.0.1"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
async def port(maildir: Path) -> AsyncIterator[int]:
    """Where a sink listens that writes to `maildir`."""
    async with await listen(host=HOST, port=0, maildir=maildir) as server:
        yield server.sockets[0].getsockname()[1]


def mail(text: str = "Hello.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "tocsin@example.nl", "owner@example.nl", "Löchrig"
    message.set_content(text)
    return message


async def test_a_mail_is_in_the_maildir_when_it_is_accepted(port: int, maildir: Path) -> None:
    await aiosmtplib.send(mail(), sender="bounces@example.nl", recipients=["a@example.nl"], hostname=HOST, port=port)

    (kept,) = mailbox.Maildir(maildir)
    assert kept["Subject"] is not None
    assert kept["Return-Path"] == "<bounces@example.nl>"
    assert kept.get_all("Delivered-To") == ["a@example.nl"]
    assert kept.get_payload() == "Hello.\n"


async def test_a_hundred_mails_at_once_are_a_hundred_files(port: int, maildir: Path) -> None:
    await asyncio.gather(*(aiosmtplib.send(mail(str(n)), hostname=HOST, port=port) for n in range(100)))

    assert len({kept.get_payload() for kept in mailbox.Maildir(maildir)}) == 100


async def test_a_mail_that_cannot_be_stored_is_refused_for_now(port: int, maildir: Path) -> None:
    shutil.rmtree(maildir)

    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        await aiosmtplib.send(mail(), hostname=HOST, port=port)

    assert refusal.value.code == 452
