"""A mail relay that misbehaves, in every way that RFC 5321 leaves open between a mail and its answer.

`python -m deploy.doubles.relay --port PORT --maildir FOLDER --faults relay-greylists:0.05 --tally FILE --seed N`. Mails
that are taken lie in the Maildir, as with deploy/local/mail_sink.py; each fault that struck is a line of the tally.
"""

import argparse
import asyncio
import re
import signal
from collections.abc import Collection
from pathlib import Path
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail_sink import MAX_MAIL_BYTES, Maildir, MailSink
from libs.common.faults import AT_THE_RELAY, Draw, Point, draw_of

HANG_SECONDS = 5.0
"""Longer than a sender waits that is told to be impatient, `SMTP_TIMEOUT_SECONDS`; others take it for slowness."""

DAWDLE_SECONDS = 0.5

SECOND_COPY = re.compile(rb"^X-Tocsin-Resend:", re.MULTILINE)


class BadRelay(SMTP):
    """aiosmtpd's server, with a fault for each mail that is to have one.

    It serves a second copy well, unless it is `ruthless`: then no mail's answer is lost twice, after which it fails.
    At the addresses `nobody_at` nobody is there, whatever else happens.
    """

    def __init__(self, sink: MailSink, draw: Draw, *, ruthless: bool, nobody_at: Collection[str] = ()) -> None:
        super().__init__(self, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True, ident="Bad relay")
        self._sink = sink
        self._draw = draw
        self._ruthless = ruthless
        self._nobody_at = nobody_at
        self._fault = ""
        self._is_mute = False

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._fault = self._next_fault(Point.MAIL_OFFERED)
        if self._fault == "relay-shuts-down":
            return "421 4.3.2 Shutting down"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        match self._fault:
            case "relay-greylists":
                return "451 4.7.1 Greylisted, try again later"
            case "relay-babbles-early":
                return "?? whom do you mean"
        if address in self._nobody_at:
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if self._fault == "relay-hangs-before-content":
            await asyncio.sleep(HANG_SECONDS)
        if self._fault == "relay-cuts-within-content":
            await self.push("354 Go on")
            await self._reader.readline()
            self._cut()
            return
        await super().smtp_DATA(arg)
        if self._fault == "relay-cuts-after-answer":
            self._cut()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self._ruthless or not SECOND_COPY.search(envelope.original_content or b""):
            self._fault = self._next_fault(Point.MAIL_TAKEN)
        return await self._refused() or await self._stored(await self._sink.handle_DATA(server, session, envelope))

    async def _refused(self) -> str:
        """The answer to a mail that is not stored; empty for one that is."""
        match self._fault:
            case "relay-is-full":
                return "452 4.3.1 No room"
            case "relay-rejects":
                return "554 5.7.1 Not wanted"
            case "relay-hangs-unstored":
                await asyncio.sleep(HANG_SECONDS)
                return "451 4.3.0 Too late"
            case "relay-cuts-unstored":
                self._cut()
                return "451 4.3.0 Gone"
        return ""

    async def _stored(self, answer: str) -> str:
        match self._fault:
            case "relay-hangs-stored":
                await asyncio.sleep(HANG_SECONDS)
            case "relay-cuts-stored":
                self._cut()
            case "relay-half-closes":
                self._fall_silent()
            case "relay-babbles-stored":
                return "?? okidoki"
            case "relay-dawdles":
                await asyncio.sleep(DAWDLE_SECONDS)
        return answer

    def _next_fault(self, point: Point) -> str:
        return next((fault.name for fault in self._draw.at(point)), "")

    def _cut(self) -> None:
        """Close the connection; what was said before is still delivered."""
        if self.transport is not None:
            self.transport.close()

    def _fall_silent(self) -> None:
        self._is_mute = True
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write_eof()

    async def push(self, status: AnyStr) -> None:
        """Say nothing on a connection that is gone."""
        if self.transport is not None and not self.transport.is_closing() and not self._is_mute:
            await super().push(status)


async def serve(*, port: int, maildir: Path, draw: Draw, ruthless: bool, nobody_at: Collection[str]) -> None:
    """Listen until SIGTERM."""
    sink = MailSink(Maildir(maildir))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)

    def session() -> BadRelay:
        return BadRelay(sink, draw, ruthless=ruthless, nobody_at=nobody_at)

    async with await loop.create_server(session, host="127.0.0.1", port=port):
        await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A mail relay that misbehaves.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    parser.add_argument("--faults", default="")
    parser.add_argument("--tally", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ruthless", action="store_true")
    parser.add_argument("--nobody-at", nargs="*", default=(), metavar="ADDRESS")
    given = parser.parse_args()
    draw_of_run = draw_of(given.faults, known=AT_THE_RELAY, seed=given.seed, tally=given.tally)
    asyncio.run(
        serve(
            port=given.port,
            maildir=given.maildir,
            draw=draw_of_run,
            ruthless=given.ruthless,
            nobody_at=frozenset(given.nobody_at),
        )
    )
