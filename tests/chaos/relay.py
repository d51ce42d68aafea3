"""A mail relay that misbehaves at a seeded rate, in every way that RFC 5321 leaves open between a mail and its answer.

`python -m tests.chaos.relay --port PORT --maildir FOLDER --strikes FILE --seed N --rate 0.05`. Mails that are taken lie
in the Maildir; each fault that struck is a line of FILE, which outlives a kill.
"""

import argparse
import asyncio
import os
import random
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail_sink import MAX_MAIL_BYTES, Maildir, MailSink

HANG_SECONDS = 5.0

FAULTS: Mapping[str, str] = {
    "greylist": "answers 451 to the recipient: later, please",
    "shutting-down": "answers 421 to the sender and goes on",
    "refuse-after-data": "takes the content, and answers 452: stored nothing",
    "reject": "takes the content, and answers 554: never",
    "hang-before-content": "does not answer DATA",
    "hang-unstored": "takes the content, stores nothing, and never answers",
    "hang-stored": "stores the mail and never answers",
    "cut-within-content": "drops the connection while the content comes in",
    "cut-unstored": "takes the content, stores nothing, and drops the connection",
    "cut-stored": "stores the mail and drops the connection instead of answering",
    "cut-after-answer": "stores the mail, answers 250, and drops the connection",
    "garbage-stored": "stores the mail and answers with what is no SMTP",
    "slow-answer": "stores the mail and takes half a second to say so",
}
LOSES_ANSWERS = frozenset(
    {
        "hang-before-content",
        "hang-unstored",
        "hang-stored",
        "cut-within-content",
        "cut-unstored",
        "cut-stored",
        "garbage-stored",
    }
)
"""After these the sender can't know: each may make one mail doubtful."""


class Mischief:
    """Decides at which mail which fault strikes, and writes it down before it does."""

    def __init__(self, *, rate: float, seed: int, strikes: Path) -> None:
        self._rate = rate
        self._random = random.Random(f"{seed} {os.getpid()}")
        self._strikes = strikes

    def of_next_mail(self) -> str | None:
        if self._random.random() >= self._rate:
            return None
        fault = self._random.choice(tuple(FAULTS))
        with self._strikes.open("a") as file:
            file.write(f"{fault}\n")
        return fault


class BadRelay(SMTP):
    """aiosmtpd's server, with a fault for each mail that is to have one."""

    def __init__(self, sink: MailSink, mischief: Mischief) -> None:
        super().__init__(self, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True, ident="Bad relay")
        self._sink = sink
        self._mischief = mischief
        self._fault: str | None = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._fault = self._mischief.of_next_mail()
        if self._fault == "shutting-down":
            return "421 4.3.2 Shutting down"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._fault == "greylist":
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if self._fault == "hang-before-content":
            await asyncio.sleep(HANG_SECONDS)
        if self._fault == "cut-within-content":
            await self.push("354 Go on")
            await self._reader.readline()
            self._cut()
            return
        await super().smtp_DATA(arg)
        if self._fault == "cut-after-answer":
            self._cut()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        match self._fault:
            case "refuse-after-data":
                return "452 4.3.1 No room"
            case "reject":
                return "554 5.7.1 Not wanted"
            case "hang-unstored":
                await asyncio.sleep(HANG_SECONDS)
                return "451 4.3.0 Too late"
            case "cut-unstored":
                self._cut()
                return "451 4.3.0 Gone"
        answer = await self._sink.handle_DATA(server, session, envelope)
        match self._fault:
            case "hang-stored":
                await asyncio.sleep(HANG_SECONDS)
            case "cut-stored":
                self._cut()
            case "garbage-stored":
                return "?? okidoki"
            case "slow-answer":
                await asyncio.sleep(0.5)
        return answer

    def _cut(self) -> None:
        """Close the connection; what was said before is still delivered."""
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: AnyStr) -> None:
        """Say nothing on a connection that is gone."""
        if self.transport is not None and not self.transport.is_closing():
            await super().push(status)


def struck(strikes: Path) -> list[str]:
    """The faults that happened so far."""
    return strikes.read_text().split() if strikes.exists() else []


async def serve(*, port: int, maildir: Path, mischief: Mischief) -> None:
    """Listen until SIGTERM."""
    sink = MailSink(Maildir(maildir))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with await loop.create_server(lambda: BadRelay(sink, mischief), host="127.0.0.1", port=port):
        await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A mail relay that misbehaves.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    parser.add_argument("--strikes", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.05)
    given = parser.parse_args()
    mischief_of_run = Mischief(rate=given.rate, seed=given.seed, strikes=given.strikes)
    asyncio.run(serve(port=given.port, maildir=given.maildir, mischief=mischief_of_run))
