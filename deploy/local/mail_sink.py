"""An SMTP server that delivers nothing: every mail becomes a file in a Maildir.

Run as `python -m deploy.local.mail_sink --port PORT --maildir FOLDER`. Answers 250 only when the mail is on disk.
Sources: RFC 5321 §4.4 (Return-Path), the Maildir format (write in `tmp`, rename into `new`).
"""

import argparse
import asyncio
import itertools
import os
import signal
import socket
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MAIL_BYTES = 32 * 2**20


class Maildir:
    """A folder of mails; `store` may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def store(self, mail: bytes) -> Path:
        """Returns only when mail and folder entry would survive a power cut."""
        name = f"{time.time():.6f}.P{os.getpid()}Q{next(self._numbers)}.{socket.gethostname()}"
        draft, final = self._folder / "tmp" / name, self._folder / "new" / name
        with draft.open("xb") as file:
            file.write(mail)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(final)
        _sync_folder(final.parent)
        return final


class MailSink:
    """aiosmtpd's handler: takes every recipient and keeps the mail."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self._maildir.store, _envelope_lines(envelope) + content)
        except OSError as error:
            return f"452 4.3.1 The mail could not be stored: {error.strerror}"
        return "250 2.0.0 Stored"


def _envelope_lines(envelope: Envelope) -> bytes:
    """What a final delivery writes above the mail, so that a reader of the Maildir sees the envelope too."""
    lines = [f"Return-Path: <{envelope.mail_from or ''}>", *(f"Delivered-To: {to}" for to in envelope.rcpt_tos)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def serve(*, host: str, port: int, maildir: Path) -> None:
    """Listen until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with await listen(host=host, port=port, maildir=maildir):
        await stopped.wait()


async def listen(*, host: str, port: int, maildir: Path) -> asyncio.Server:
    """Start to take mails."""
    sink = MailSink(Maildir(maildir))
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(sink, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True, ident="Tocsin mail sink", loop=loop)

    return await loop.create_server(session, host=host, port=port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keep every mail in a Maildir.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(host=arguments.host, port=arguments.port, maildir=arguments.maildir))
