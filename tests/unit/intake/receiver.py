"""A partner's receiver of webhooks on this machine, which behaves and misbehaves as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(slots=True)
class Receiver:
    """`answers` are used up one by one; after the last, every answer is `204`.

    A number is a status. `hang` reads and says nothing, `huge` says yes and goes on for ever, `drip` sends a header
    that never ends, `garbage` is not HTTP, `close` hangs up.
    """

    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    headers: str = ""
    sent_bytes: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    before_answer: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    async def received(self, wanted: int, *, seconds: float = 20) -> list[Received]:
        """The first requests, once there are so many."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < wanted:
                self.came.clear()
                await self.came.wait()
        return self.requests[:wanted]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._take(reader)
            await self._answer(self.answers.pop(0) if self.answers else "204", writer)
        writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(Received(line, headers, body))
        self.came.set()

    async def _answer(self, answer: str, writer: asyncio.StreamWriter) -> None:
        self.before_answer()
        match answer:
            case "hang":
                await asyncio.sleep(3600)
            case "close":
                return
            case "garbage":
                await self._send(writer, b"SSH-2.0-OpenSSH_9.9\r\n")
            case "huge":
                await self._send(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                while True:
                    await self._send(writer, b"x" * MIB)
            case "drip":
                await self._send(writer, b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    await self._send(writer, b"x")
                    await asyncio.sleep(0.01)
            case status:
                await self._send(
                    writer, f"HTTP/1.1 {status} So\r\n{self.headers}Content-Length: 6\r\n\r\nsecret".encode()
                )

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.sent_bytes += len(data)


@asynccontextmanager
async def receiving(*answers: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that is up as long as the block."""
    receiver = Receiver(answers=list(answers))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        await receiver.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
