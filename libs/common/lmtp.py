"""A door for a mail server: LMTP (RFC 2033), which asks of each recipient whether the mail is taken.

Mails stream to a spool of their own, so that they cost no memory. A mail counts as taken when its answer says so; an
answer of 4xx, or none, lets the mail server keep the mail and come again. Only CR LF ends a line here, so that nobody
smuggles a second mail in the first.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from libs.common.errors import Fatal, Permanent, Transient
from libs.common.shutdown import Shutdown
from libs.common.spool import Mail, spooled
from libs.common.text import plain

log = structlog.get_logger(__name__)

NAME = "tocsin"
CONNECTIONS = 20
IDLE_SECONDS = 300.0
"""As long as RFC 5321 (4.5.3.2.7) wants a server to wait."""

MAX_RECIPIENTS = 100
MAX_LINE_BYTES = 4096
READ_BYTES = 64 * 1024
MAX_TEXT_CHARS = 400

_LINE_END = b"\r\n"
_CONTENT_END = b"\r\n.\r\n"
_PATH = re.compile(r"(FROM|TO):\s*<([^<>\s]*)>(?:\s+(.*))?", re.IGNORECASE)
_SIZE = re.compile(r"(?:^|\s)SIZE=(\d{1,20})(?:\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply with its enhanced status code (RFC 3463): 2 is taken, 4 try again later, 5 never."""

    code: int
    status: str
    text: str

    @property
    def line(self) -> bytes:
        text = plain(self.text, MAX_TEXT_CHARS).encode("ascii", errors="replace")
        return b"%d %s %s\r\n" % (self.code, self.status.encode(), text)


LATER = Answer(451, "4.3.0", "Something of ours is away; try again later")
TOO_LARGE = Answer(552, "5.3.4", "The mail is too large")
NO_ROOM = Answer(452, "4.3.1", "There is no room for the mail; try again later")
BUSY = Answer(421, "4.3.2", "Too many connections; try again later")
CLOSING = Answer(421, "4.3.2", "Closing; try again later")
OUT_OF_ORDER = Answer(503, "5.5.1", "That command does not come now")
UNREADABLE = Answer(501, "5.5.4", "That can't be read")


class Mailroom(Protocol):
    """What a service does with mail. Either may raise `Transient`, which lets the mail server come again."""

    async def refusal(self, recipient: str) -> Answer | None:
        """Why this recipient gets no mail, now or ever; `None` if a mail may come."""

    async def deliver(self, recipient: str, mail: Mail) -> Answer:
        """Take the mail for one recipient. It is ours, durably, once the answer is 2xx."""


class LmtpServer:
    """The door, as a task of a service. After shutdown it takes no more mail, and answers those that are under way."""

    def __init__(self, mailroom: Mailroom, *, host: str, port: int, max_mail_bytes: int) -> None:
        self._mailroom = mailroom
        self._host = host
        self._port = port
        self._max_mail_bytes = max_mail_bytes
        self._sessions: dict[asyncio.Task[None], _Session] = {}

    async def run(self, shutdown: Shutdown) -> None:
        try:
            server = await asyncio.start_server(self._welcome, self._host, self._port, limit=READ_BYTES)
        except OSError as error:
            raise Fatal(f"can't listen for mail on {self._host}:{self._port}: {error.strerror}") from error
        log.info("listening for mail", port=self._port)
        try:
            await shutdown.wait()
        finally:
            server.close()
        for task, session in self._sessions.items():
            session.is_closing = True
            if session.is_idle:
                task.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        session = _Session(_Wire(reader, writer), self._mailroom, max_mail_bytes=self._max_mail_bytes)
        try:
            if task is None or len(self._sessions) >= CONNECTIONS:
                writer.write(BUSY.line)
                return
            self._sessions[task] = session
            with suppress(ConnectionError, TimeoutError):
                await session.serve()
        finally:
            if task is not None:
                self._sessions.pop(task, None)
            with suppress(ConnectionError):
                writer.close()


class _Wire:
    """Lines and contents as they come, and answers as they go."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    async def line(self) -> str | None:
        """The next command; `None` at the end of the connection, or for a line that no command is as long as."""
        while (end := self._buffer.find(_LINE_END)) < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                return None
            try:
                self._buffer += await self._read()
            except ConnectionError:
                return None
        line, self._buffer = self._buffer[:end], self._buffer[end + len(_LINE_END) :]
        return line.decode("utf-8", errors="replace")

    async def content(self) -> AsyncIterator[bytes]:
        """What follows DATA, to the line that is a single dot; the dots that were put before other dots are gone."""
        held, extra = _LINE_END + self._buffer, len(_LINE_END)  # as if a line had ended: there may be none
        while (end := held.find(_CONTENT_END)) < 0:
            cut = held.rfind(_LINE_END)  # which may belong to the end
            if cut <= 0 and len(held) > READ_BYTES:
                cut = len(held) - 1
            if cut > 0:
                yield _without_stuffing(held[:cut])[extra:]
                held, extra = held[cut:], 0
            held += await self._read()
        self._buffer = held[end + len(_CONTENT_END) :]
        yield _without_stuffing(held[: end + len(_LINE_END)])[extra:]

    async def say(self, *answers: Answer) -> None:
        await self.send(b"".join(answer.line for answer in answers))

    async def send(self, lines: bytes) -> None:
        self._writer.write(lines)
        async with asyncio.timeout(IDLE_SECONDS):
            await self._writer.drain()

    async def _read(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            piece = await self._reader.read(READ_BYTES)
        if not piece:
            raise ConnectionResetError
        return piece


def _without_stuffing(lines: bytes) -> bytes:
    return lines.replace(b"\r\n..", b"\r\n.")


class _Session:
    """One connection: any number of mails, one after the other."""

    def __init__(self, wire: _Wire, mailroom: Mailroom, *, max_mail_bytes: int) -> None:
        self._wire = wire
        self._mailroom = mailroom
        self._max_mail_bytes = max_mail_bytes
        self._has_greeted = False
        self._has_sender = False
        self._recipients: list[str] = []
        self.is_idle = True
        self.is_closing = False

    async def serve(self) -> None:
        await self._wire.say(Answer(220, NAME, "LMTP"))
        while (line := await self._wire.line()) is not None:
            verb, _, argument = line.strip().partition(" ")
            self.is_idle = False
            if not await self._obey(verb.upper(), argument.strip()):
                return
            if self.is_closing:
                await self._wire.say(CLOSING)
                return
            self.is_idle = True

    async def _obey(self, verb: str, argument: str) -> bool:
        """Whether the conversation goes on."""
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "LHLO": self._greet,
            "MAIL": self._begin,
            "RCPT": self._add_recipient,
            "DATA": self._take,
            "RSET": self._reset,
        }
        if verb == "QUIT":
            await self._wire.say(Answer(221, "2.0.0", "Bye"))
            return False
        if command := commands.get(verb):
            await command(argument)
        elif verb in ("NOOP", "VRFY"):
            code, status = (250, "2.0.0") if verb == "NOOP" else (252, "2.5.0")
            await self._wire.say(Answer(code, status, "Send the mail and see"))
        else:
            await self._wire.say(Answer(500, "5.5.1", "There is no such command; this is LMTP"))
        return True

    async def _greet(self, _: str) -> None:
        self._forget()
        self._has_greeted = True
        able = (NAME, "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", f"SIZE {self._max_mail_bytes}")
        lines = [f"250{' ' if word is able[-1] else '-'}{word}\r\n" for word in able]
        await self._wire.send("".join(lines).encode())

    async def _begin(self, argument: str) -> None:
        path = _PATH.fullmatch(argument)
        announced = _SIZE.search((path[3] or "") if path else "")
        if not self._has_greeted or self._has_sender:
            await self._wire.say(OUT_OF_ORDER)
        elif path is None or path[1].upper() != "FROM":
            await self._wire.say(UNREADABLE)
        elif announced and int(announced[1]) > self._max_mail_bytes:
            await self._wire.say(TOO_LARGE)
        else:
            self._has_sender = True
            await self._wire.say(Answer(250, "2.1.0", "Go on"))

    async def _add_recipient(self, argument: str) -> None:
        path = _PATH.fullmatch(argument)
        if not self._has_sender:
            await self._wire.say(OUT_OF_ORDER)
        elif path is None or path[1].upper() != "TO":
            await self._wire.say(UNREADABLE)
        elif len(self._recipients) >= MAX_RECIPIENTS:
            await self._wire.say(Answer(452, "4.5.3", "Too many recipients at a time"))
        else:
            refusal = await _or_later(self._mailroom.refusal(path[2]))
            if refusal is None:
                self._recipients.append(path[2])
            await self._wire.say(refusal or Answer(250, "2.1.5", "Go on"))

    async def _take(self, _: str) -> None:
        if not self._recipients:
            await self._wire.say(OUT_OF_ORDER)
            return
        await self._wire.send(b"354 Send the mail\r\n")
        with spooled() as mail:
            trouble = await self._spool(mail)
            for recipient in self._recipients:
                await self._wire.say(trouble or await _or_later(self._mailroom.deliver(recipient, mail)) or LATER)
        self._forget()

    async def _spool(self, mail: Mail) -> Answer | None:
        """Take the content in, to its end also if there is trouble: the mail server hears of it only then."""
        trouble: Answer | None = None
        received_bytes = 0
        async for piece in self._wire.content():
            received_bytes += len(piece)
            if received_bytes > self._max_mail_bytes:
                trouble = TOO_LARGE
            if trouble is None:
                try:
                    await mail.write(piece)
                except OSError as error:
                    log.warning("a mail found no room", reason=error.strerror)
                    trouble = NO_ROOM
        return trouble

    async def _reset(self, _: str) -> None:
        self._forget()
        await self._wire.say(Answer(250, "2.0.0", "Forgotten"))

    def _forget(self) -> None:
        self._has_sender = False
        self._recipients = []


async def _or_later(answer: Awaitable[Answer | None]) -> Answer | None:
    """The answer; where something is away, or is in the way, that the mail server should come again."""
    try:
        return await answer
    except (Transient, Permanent) as error:
        log.warning("a mail waits", reason=str(error))
        return LATER
