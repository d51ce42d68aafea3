"""The relay that only counts: each mail once, for whom it was."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import pytest

from bench.mail_counter import Dialogue
from bench.mail_log import MailLog

MAIL = b"Subject: a word\r\n\r\nA line.\r\n..A line that begins with a dot.\r\n"


@pytest.fixture
def log(tmp_path: Path) -> MailLog:
    return MailLog(tmp_path / "mails.log")


@pytest.fixture
def file(log: MailLog) -> Iterator[int]:
    opened = os.open(log.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    yield opened
    os.close(opened)


class Line(asyncio.Transport):
    """The client's end: what it was told, and whether the other hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.is_closed = True


def spoken(file: int, *pieces: bytes) -> Line:
    line, dialogue = Line(), Dialogue(file)
    dialogue.connection_made(line)
    for piece in pieces:
        dialogue.data_received(piece)
    return line


async def test_a_client_is_understood_and_each_of_its_mails_counted_with_its_recipient(file: int, log: MailLog) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Dialogue(file), host="127.0.0.1", port=0)
    async with server, aiosmtplib.SMTP(hostname="127.0.0.1", port=server.sockets[0].getsockname()[1]) as client:
        for number in range(3):
            await client.sendmail("us@tocsin.example", [f"r{number}@example.org"], MAIL)

    assert list(log.read().first_to) == ["r0@example.org", "r1@example.org", "r2@example.org"]
    assert log.times == sorted(log.times)


@pytest.mark.parametrize("length", [1, 3, 1000])
def test_a_dialogue_is_the_same_in_whatever_pieces_it_comes(file: int, log: MailLog, length: int) -> None:
    dialogue = b"EHLO us\r\nMAIL FROM:<us@a.example>\r\nRCPT TO:<you@b.example>\r\nDATA\r\n" + MAIL + b".\r\nQUIT\r\n"

    line = spoken(file, *(dialogue[place : place + length] for place in range(0, len(dialogue), length)))

    assert line.said.count(b"250 2.0.0 Counted\r\n") == 1
    assert line.said.endswith(b"221 2.0.0 Bye\r\n")
    assert line.is_closed
    assert list(log.read().first_to) == ["you@b.example"]


def test_an_empty_mail_has_an_end_too(file: int, log: MailLog) -> None:
    spoken(file, b"MAIL FROM:<>\r\nRCPT TO:<you@b.example>\r\nDATA\r\n.\r\n")

    assert len(log.read().times) == 1


def test_what_is_no_command_is_refused(file: int) -> None:
    assert b"502" in spoken(file, b"HELP\r\n").said


def test_a_mail_that_is_still_being_written_down_is_read_the_next_time(log: MailLog) -> None:
    log.path.write_text("1.5 a@example.org\n2.5 b@exam")
    assert log.read().times == [1.5]

    with log.path.open("a") as file:
        file.write("ple.org\n")
    assert log.read().first_to == {"a@example.org": 1.5, "b@example.org": 2.5}
