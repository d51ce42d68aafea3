"""Servers of sources outside, on this machine. They speak HTTP by themselves, to do everything wrong in it."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum, auto

Body = Mapping[str, object] | bytes


class Mood(StrEnum):
    """How a server answers. All but the first are wrong."""

    FINE = auto()
    HANGS = auto()
    DRIPS = auto()
    CUTS = auto()
    HALF_CLOSES = auto()
    BREAKS = auto()
    TOO_OFTEN = auto()
    SHOWS_A_PAGE = auto()
    FLOODS = auto()
    LOOPS = auto()
    TALKS_NONSENSE = auto()
    BABBLES = auto()
    LEADS_INWARD = auto()
    LEADS_TO_NO_NAME = auto()
    LEADS_TO_NO_HOST = auto()
    WANTS_PEACE_FOR_EVER = auto()
    SPLITS_LETTERS = auto()


HALF_OF_A_LETTER = rb"""{
    "objectClassName": "domain", "ldhName": "bakery.nl", "name": "\ud83e", "handle": "\ud83e",
    "startAddress": "145.10.20.0", "endAddress": "145.10.20.127",
    "entities": [{"objectClassName": "entity", "handle": "H", "roles": ["registrant"],
        "vcardArray": ["vcard", [["fn", {}, "text", "\ud83e"], ["kind", {}, "text", "org"]]]}],
    "totaal": 1, "resultaten": [{"kvkNummer": "01234567", "naam": "\ud83e"}]
}"""
"""JSON that any parser takes, with texts that no column and no message does."""


class WebServer:
    """Answers each path with what it was given, in the mood that it is in.

    `pages` are by path, or by host and path where several hosts are here. `asked` counts paths, `visited` with hosts.
    """

    def __init__(self, pages: Mapping[str, tuple[str, Body]]) -> None:
        self.pages = dict(pages)
        self.mood = Mood.FINE
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.visited: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["WebServer"]:
        self._gone = asyncio.Event()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self.stop()

    async def stop(self) -> None:
        self._gone.set()
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path, host = head.split(" ")[1], _host_in(head)
            self.asked[path] += 1
            self.visited[f"{host}{path}"] += 1
            await self._say(writer, path, host=host)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, path: str, *, host: str) -> None:
        place = path.partition("?")[0]
        page = self.pages.get(f"{host}{place}") or self.pages.get(place)
        kind, body = page if page is not None else ("text/plain", b"not here")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        whole = _message(200 if page is not None else 404, {"Content-Type": kind}, content)
        match self.mood:
            case Mood.HANGS:
                await self._gone.wait()
            case Mood.DRIPS:
                await self._drip(writer, whole)
            case Mood.CUTS:
                writer.write(whole[: -len(content) // 2 or -1])
            case Mood.HALF_CLOSES:
                await _half_close(writer, whole[:20])
            case _:
                writer.write(_wrong(self.mood, kind=kind, path=path) or whole)
        await writer.drain()

    async def _drip(self, writer: asyncio.StreamWriter, whole: bytes) -> None:
        for place in range(len(whole)):
            writer.write(whole[place : place + 1])
            await writer.drain()
            if await _is_over(self._gone, seconds=0.05):
                return


def _host_in(head: str) -> str:
    """Without its port."""
    values = (line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("host:"))
    return next(values, "").partition(":")[0]


async def _half_close(writer: asyncio.StreamWriter, beginning: bytes) -> None:
    writer.write(beginning)
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _wrong(mood: Mood, *, kind: str, path: str) -> bytes:
    """What it says in one go instead of the truth; empty where it says the truth."""
    of_its_kind = {"Content-Type": kind}
    match mood:
        case Mood.FLOODS:
            return _message(200, of_its_kind, b"# a line\n" * 1_200_000)
        case Mood.LOOPS:
            return _message(302, {"Location": path}, b"")
        case Mood.TALKS_NONSENSE:
            return _message(200, of_its_kind, b'{"entities": 7, "resultaten": "x", "handle": ["y"]}')
        case Mood.SPLITS_LETTERS:
            return _message(200, of_its_kind, HALF_OF_A_LETTER)
        case _:
            return WHATEVER_IS_ASKED.get(mood, b"")


async def _is_over(event: asyncio.Event, *, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _message(status: int, headers: Mapping[str, str], content: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


WHATEVER_IS_ASKED: Mapping[Mood, bytes] = {
    Mood.BREAKS: _message(500, {}, b"oops"),
    Mood.TOO_OFTEN: _message(429, {"Retry-After": "120"}, b""),
    Mood.WANTS_PEACE_FOR_EVER: _message(429, {"Retry-After": "9" * 400}, b""),
    Mood.SHOWS_A_PAGE: _message(200, {"Content-Type": "text/html"}, b"<html>Contact: mailto:a@b.example</html>"),
    Mood.LEADS_INWARD: _message(302, {"Location": "https://169.254.169.254/secrets"}, b""),
    Mood.LEADS_TO_NO_NAME: _message(302, {"Location": "https://xn--0000h.nl/"}, b""),
    Mood.LEADS_TO_NO_HOST: _message(302, {"Location": "http:///"}, b""),
    Mood.BABBLES: b"\x00\xff220 hello\r\n" * 50,
}
