"""The door for a mail server: each recipient gets an answer, and a mail is taken whole or not at all."""

import asyncio
import random
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.ports import free_port_base
from libs.common.errors import Transient
from libs.common.lmtp import Answer, LmtpServer, _Wire
from libs.common.shutdown import Shutdown
from libs.common.spool import Mail

MAX_MAIL_BYTES = 3_000_000
TAKEN = Answer(250, "2.0.0", "Taken")


class Room:
    """Takes mail for anybody whose name does not say otherwise."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.reached = asyncio.Event()

    async def refusal(self, recipient: str) -> Answer | None:
        if recipient.startswith("away"):
            raise Transient("the database is away")
        return Answer(550, "5.1.1", "Nobody of that name") if recipient.startswith("nobody") else None

    async def deliver(self, recipient: str, mail: Mail) -> Answer:
        self.reached.set()
        await self.hold.wait()
        if recipient.startswith("full"):
            return Answer(554, "5.6.0", "Not\r\nthat, é")
        if recipient.startswith("down"):
            raise Transient("the database is away")
        if recipient.startswith("broken"):
            raise ZeroDivisionError
        self.taken.append((recipient, b"".join([piece async for piece in mail.chunks()])))
        return TAKEN


@asynccontextmanager
async def door(room: Room, shutdown: Shutdown) -> AsyncIterator[int]:
    port = free_port_base()
    server = LmtpServer(room, host="127.0.0.1", port=port, max_mail_bytes=MAX_MAIL_BYTES)
    running = asyncio.create_task(server.run(shutdown))
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.01)
    writer.close()
    try:
        yield port
    finally:
        shutdown.request()
        await running


class Client:
    """A mail server that says what it is told to, all at once or word by word."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *lines: bytes | str) -> None:
        self._writer.write(b"".join(line if isinstance(line, bytes) else f"{line}\r\n".encode() for line in lines))
        await self._writer.drain()

    async def hear(self, lines: int) -> list[str]:
        async with asyncio.timeout(10):
            return [(await self._reader.readline()).decode().rstrip("\r\n") for _ in range(lines)]

    async def hear_all(self) -> list[str]:
        async with asyncio.timeout(10):
            return (await self._reader.read()).decode().splitlines()

    def leave(self) -> None:
        self._writer.close()


async def client(port: int) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port))


async def converse(room: Room, *lines: bytes | str) -> list[str]:
    """All that is answered to lines that are sent at once, before QUIT."""
    async with door(room, Shutdown()) as port:
        one = await client(port)
        await one.say("LHLO mx.example.org", *lines, "QUIT")
        answers = await one.hear_all()
    return answers[7:-1]


async def test_every_recipient_gets_an_answer_of_their_own() -> None:
    room = Room()

    answers = await converse(
        room,
        "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME",
        "RCPT TO:<one@x.example>",
        "RCPT TO:<nobody@x.example>",
        "RCPT TO:<away@x.example>",
        "RCPT TO:<full@x.example>",
        "RCPT TO:<down@x.example>",
        "RCPT TO:<two@x.example>",
        "DATA",
        "Subject: x\r\n\r\n..a\r\n.. \r\n.",
    )

    codes = [answer[:9] for answer in answers]
    assert codes[:7] == ["250 2.1.0", "250 2.1.5", "550 5.1.1", "451 4.3.0", "250 2.1.5", "250 2.1.5", "250 2.1.5"]
    assert codes[7:] == ["354 Send ", "250 2.0.0", "554 5.6.0", "451 4.3.0", "250 2.0.0"]
    content = b"Subject: x\r\n\r\n.a\r\n. \r\n"
    assert room.taken == [("one@x.example", content), ("two@x.example", content)]


async def test_answers_are_single_lines_of_plain_letters() -> None:
    assert (
        Answer(554, "5.6.0", "Not\r\n250 that, é\0" + "x" * 999)
        .line.decode()
        .startswith("554 5.6.0 Not 250 that, ?xxx")
    )
    assert len(Answer(554, "5.6.0", "x" * 999).line) < 512


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DATA"], "503"),
        (["RCPT TO:<one@x.example>"], "503"),
        (["MAIL FROM:<>", "MAIL FROM:<>"], "503"),
        (["MAIL FROM:<>", "DATA"], "503"),
        (["MAIL FROM:<>", "RSET", "RCPT TO:<one@x.example>"], "503"),
        (["MAIL TO:<a@x.example>"], "501"),
        (["MAIL FROM:<>", "RCPT TO:one@x.example"], "501"),
        (["MAIL FROM:<> SIZE=99999999"], "552"),
        (["EHLO x"], "500"),
        (["BDAT 3"], "500"),
        (["NOOP"], "250"),
        (["VRFY x"], "252"),
    ],
)
async def test_what_is_out_of_order_is_said_so(lines: list[str], expected: str) -> None:
    assert (await converse(Room(), *lines))[-1][:3] == expected


async def test_the_end_of_a_mail_is_nothing_but_a_dot_between_two_whole_line_ends() -> None:
    """Else the rest of a mail would be obeyed, such as a second mail in the name of others."""
    room = Room()
    body = b"a\n.\nb\r\n.\nc\n.\r\nd\r.\re\r\n"

    await converse(room, "MAIL FROM:<>", "RCPT TO:<one@x.example>", "DATA", body + b".\r\n")

    assert room.taken == [("one@x.example", body)]


async def test_an_empty_mail_and_the_next_one_are_two() -> None:
    room = Room()
    mail = ("MAIL FROM:<>", "RCPT TO:<one@x.example>", "DATA")

    await converse(room, *mail, ".", *mail, "x\r\n.")

    assert [content for _, content in room.taken] == [b"", b"x\r\n"]


async def test_a_mail_that_is_too_large_is_heard_to_its_end_and_refused() -> None:
    room = Room()
    lines = b"x" * 998 + b"\r\n"

    answers = await converse(
        room, "MAIL FROM:<>", "RCPT TO:<one@x.example>", "RCPT TO:<two@x.example>", "DATA", lines * 3_100, ".", "NOOP"
    )

    assert [answer[:9] for answer in answers[-3:]] == ["552 5.3.4", "552 5.3.4", "250 2.0.0"]
    assert room.taken == []


async def test_a_large_mail_with_lines_of_any_length_arrives_as_it_was() -> None:
    room = Room()
    content = (b"x" * 200_000 + b"\r\n..y\r\n") * 10 + b"z\r\n"

    async with door(room, Shutdown()) as port:
        await asyncio.to_thread(_send, port, content)

    assert room.taken == [("one@x.example", content)]


def _send(port: int, content: bytes) -> None:
    with smtplib.LMTP("127.0.0.1", port) as server:
        server.sendmail("a@example.org", ["one@x.example"], content)


async def test_a_connection_that_ends_within_a_mail_delivers_nothing() -> None:
    room = Room()
    async with door(room, Shutdown()) as port:
        one = await client(port)
        await one.say("LHLO x", "MAIL FROM:<>", "RCPT TO:<one@x.example>", "DATA", "Subject: x")
        assert (await one.hear(10))[-1].startswith("354")
        one.leave()

    assert room.taken == []


async def test_a_bug_of_ours_gets_no_answer_and_the_door_stays_open() -> None:
    room = Room()
    async with door(room, Shutdown()) as port:
        one = await client(port)
        await one.say("LHLO x", "MAIL FROM:<>", "RCPT TO:<broken@x.example>", "DATA", "x", ".")
        assert (await one.hear_all())[-1].startswith("354")
        await asyncio.to_thread(_send, port, b"x\r\n")

    assert len(room.taken) == 1


async def test_shutdown_ends_the_idle_and_lets_a_mail_under_way_be_answered() -> None:
    room, shutdown = Room(), Shutdown()
    room.hold.clear()
    async with door(room, shutdown) as port:
        idle, busy = await client(port), await client(port)
        await idle.say("NOOP")
        await idle.hear(2)
        await busy.say("LHLO x", "MAIL FROM:<>", "RCPT TO:<one@x.example>", "DATA", "x", ".")
        await room.reached.wait()
        shutdown.request()
        assert await idle.hear_all() == []
        room.hold.set()
        assert [answer[:3] for answer in (await busy.hear_all())[-2:]] == ["250", "421"]

    assert len(room.taken) == 1


async def test_more_connections_than_a_mail_server_needs_are_sent_away() -> None:
    async with door(Room(), Shutdown()) as port:
        clients = [await client(port) for _ in range(21)]
        greetings = [(await one.hear(1))[0][:3] for one in clients]
        for one in clients:
            one.leave()

    assert greetings == ["220"] * 20 + ["421"]


async def test_whatever_is_said_to_it_the_door_stays_open() -> None:
    room, chance = Room(), random.Random(7)
    words = [
        b"LHLO x",
        b"MAIL FROM:<>",
        b"RCPT TO:<one@x.example>",
        b"DATA",
        b".",
        b"",
        b"\r\n",
        b"\n",
        b"\xff\0",
        b"RSET",
    ]
    words += [
        b"SIZE=",
        b"MAIL FROM:<a> SIZE=" + b"9" * 30,
        b"RCPT TO:<%s>" % (b"x" * 3_000),
        b"x" * 9_000,
        b" ",
        b"QUIT",
    ]
    async with door(room, Shutdown()) as port:
        for _ in range(200):
            one = await client(port)
            with suppress(ConnectionError):
                await one.say(b"\r\n".join(chance.choices(words, k=12)), "", ".", "QUIT")
                await one.hear_all()
        before = len(room.taken)
        await asyncio.to_thread(_send, port, b"x\r\n")

    assert before > 0
    assert len(room.taken) == before + 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"..", b"x" * 70_000]), max_size=12).map(b"".join),
    st.integers(1, 7),
)
def test_however_a_mail_is_cut_it_arrives_as_it_was(content: bytes, size: int) -> None:
    body = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\nNEXT\r\n"

    step = size if len(stuffed) < 1_000 else size * 10_000
    pieces = [stuffed[at : at + step] for at in range(0, len(stuffed), step)]

    async def received() -> tuple[bytes, str | None]:
        wire = _Wire(_Slow(pieces), None)  # type: ignore[arg-type]  # says nothing
        return b"".join([piece async for piece in wire.content()]), await wire.line()

    assert asyncio.run(received()) == (body, "NEXT")


async def test_a_line_end_may_be_cut_in_two_behind_a_line_of_any_length() -> None:
    wire = _Wire(_Slow([b"x" * 70_000 + b"\r", b"\n.", b"\r\nNEXT\r\n"]), None)  # type: ignore[arg-type]  # says nothing

    assert b"".join([piece async for piece in wire.content()]) == b"x" * 70_000 + b"\r\n"
    assert await wire.line() == "NEXT"


class _Slow:
    """Bytes that come a few at a time."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    async def read(self, _: int) -> bytes:
        return next(self._pieces, b"")
