"""Where mails come back: brought by a mail server (LMTP), or laid into a Maildir by one that does not speak it."""

import asyncio
from pathlib import Path

import structlog

from libs.common.addresses import canonical_email
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.lmtp import Answer
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from libs.common.spool import Mail
from libs.common.verp import PREFIX
from services.feedback import handlers
from services.feedback.domain.incoming.mail import READ_BYTES
from services.feedback.domain.incoming.recognised import House

log = structlog.get_logger(__name__)

_UNKNOWN = Answer(550, "5.1.1", "There is no such address")
LOOK_SECONDS = 5.0
MAILS_AT_A_LOOK = 100


class Letterbox:
    """Takes what comes to the desk, with or without a reference, and to the return addresses of our mails."""

    def __init__(self, database: Database, *, house: House, desk_address: str) -> None:
        self._database = database
        self._house = house
        self._desk = desk_address.lower().partition("@")[0]

    async def refusal(self, recipient: str) -> Answer | None:
        """A return address of any domain: whether its token is ours shows in the mail that comes."""
        local = (canonical_email(recipient) or recipient).lower().partition("@")[0]
        is_ours = PREFIX in local or local.partition("+")[0] in (self._desk, "postmaster", "abuse")
        return None if is_ours else _UNKNOWN

    async def deliver(self, recipient: str, mail: Mail) -> Answer:
        content = bytearray()
        async for chunk in mail.chunks():
            content += chunk
            if len(content) >= READ_BYTES:
                break
        await self.take(bytes(content[:READ_BYTES]), size_bytes=mail.size_bytes, to=recipient)
        return Answer(250, "2.0.0", "Taken")

    async def take(self, content: bytes, *, size_bytes: int, to: str) -> None:
        """`content` is as much of the mail as is looked at."""
        async with self._database.transaction() as tx:
            returned = await handlers.take_mail(
                tx, content, size_bytes=size_bytes, to=to, house=self._house, now=self._database.now()
            )
        log.info("mail came back", kind=returned.kind, trust=returned.trust, bytes=returned.size_bytes)


class MaildirReader:
    """Takes the mails in `new`, and moves each to `cur` once it is ours. A crash in between takes it again: once.

    Several replicas can read one folder: a mail that another one has moved is taken.
    """

    def __init__(self, letterbox: Letterbox, folder: Path, *, pause_seconds: float = LOOK_SECONDS) -> None:
        self._letterbox = letterbox
        self._folder = folder
        self._pause_seconds = pause_seconds

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(
            self._has_more,
            shutdown,
            in_trouble="the Maildir waits",
            pause_seconds=self._pause_seconds,
            troubles=(Transient, OSError),
        )

    async def _has_more(self) -> bool:
        return await self.look() >= MAILS_AT_A_LOOK

    async def look(self) -> int:
        """Take what is there, oldest first; how many."""
        names = await asyncio.to_thread(self._waiting)
        for name in names:
            try:
                content, size_bytes, to = await asyncio.to_thread(self._read, name)
                await self._letterbox.take(content, size_bytes=size_bytes, to=to)
                await asyncio.to_thread(self._done, name)
            except FileNotFoundError:
                if await asyncio.to_thread((self._folder / "new" / name).exists):
                    raise
        return len(names)

    def _waiting(self) -> list[str]:
        found = [path for path in (self._folder / "new").iterdir() if path.is_file() and path.name[0] != "."]
        return [path.name for path in sorted(found, key=lambda path: path.name)[:MAILS_AT_A_LOOK]]

    def _read(self, name: str) -> tuple[bytes, int, str]:
        """As much as is looked at, its size, and whom it was for: that says the server that laid it there."""
        path = self._folder / "new" / name
        with path.open("rb") as file:
            content = file.read(READ_BYTES)
        size_bytes = path.stat().st_size
        head = content[:65536].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        for line in head.split(b"\n"):
            header, _, value = line.partition(b":")
            if header.strip().lower() in (b"delivered-to", b"x-original-to", b"envelope-to"):
                return content, size_bytes, value.strip().decode("ascii", errors="replace").strip("<>")
        return content, size_bytes, ""

    def _done(self, name: str) -> None:
        (self._folder / "new" / name).rename(self._folder / "cur" / f"{name}:2,S")
