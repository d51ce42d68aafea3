"""A mail relay that only counts: it takes every mail at once, and writes down when and for whom.

`python -m bench.mail_counter --port PORT --log FILE`. A line of the file is the Unix time and the recipient. A relay
that keeps mails costs more than the notifier that is measured: the stack's own sink takes some hundreds a second.
Speaks as much of SMTP (RFC 5321) as a client needs that sends one mail to one recipient.
"""

import argparse
import asyncio
import os
import signal
import time
from pathlib import Path
from typing import cast

import uvloop

END_OF_CONTENT = b"\r\n.\r\n"
GREETING = b"220 counter\r\n"
CAPABILITIES = b"250-counter\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 33554432\r\n"
ANSWERS = {
    b"EHLO": CAPABILITIES,
    b"HELO": b"250 counter\r\n",
    b"MAIL": b"250 2.1.0 Go on\r\n",
    b"RCPT": b"250 2.1.5 Go on\r\n",
    b"DATA": b"354 Go on\r\n",
    b"RSET": b"250 2.0.0 Forgotten\r\n",
    b"NOOP": b"250 2.0.0 Here\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Dialogue(asyncio.Protocol):
    """One connection."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._unread = bytearray()
        self._in_content = False
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's looks the same and is no subclass
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        searched = max(0, len(self._unread) - len(END_OF_CONTENT))
        self._unread += data
        while self._read_content(searched) if self._in_content else self._read_command():
            searched = 0

    def _read_content(self, searched: int) -> bool:
        """False while its end has not come."""
        end = self._unread.find(END_OF_CONTENT, searched)
        if end < 0:
            return False
        del self._unread[: end + len(END_OF_CONTENT)]
        self._in_content = False
        os.write(self._log, b"%.6f %s\n" % (time.time(), self._recipient))
        self._transport.write(b"250 2.0.0 Counted\r\n")
        return True

    def _read_command(self) -> bool:
        """False while there is no whole line."""
        line, ending, rest = self._unread.partition(b"\r\n")
        if not ending:
            return False
        self._unread = rest
        verb = bytes(line[:4]).upper()
        if verb == b"RCPT":
            self._recipient = bytes(line).partition(b"<")[2].partition(b">")[0]
        if verb == b"DATA":
            self._in_content = True
            self._unread[:0] = b"\r\n"  # so that a content without a line ends like any other
        self._transport.write(ANSWERS.get(verb, b"502 5.5.1 Not here\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True


async def serve(*, host: str, port: int, log: Path) -> None:
    """Listen until SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    async with await loop.create_server(lambda: Dialogue(file), host=host, port=port):
        await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take every mail, keep none, write down when it came.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(host=arguments.host, port=arguments.port, log=arguments.log))
