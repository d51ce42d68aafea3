"""The mail relay of these examples: treats each recipient as the test says, and remembers every mail that it took."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.doubles.relay import BadRelay
from deploy.local.mail_sink import MailSink
from libs.common.faults import Draw, Point
from tests.integration.models.lives import Life, until


class Mood(StrEnum):
    """How the relay treats the next mails to a recipient: the names of libs/common/faults where there is one."""

    GOOD = ""
    NO_SUCH_USER = "no-such-user"
    GREYLISTS = "relay-greylists"
    IS_FULL = "relay-is-full"
    REJECTS = "relay-rejects"
    CUTS_WITHIN_CONTENT = "relay-cuts-within-content"
    CUTS_UNSTORED = "relay-cuts-unstored"
    CUTS_STORED = "relay-cuts-stored"
    CUTS_AFTER_ANSWER = "relay-cuts-after-answer"
    BABBLES_EARLY = "relay-babbles-early"
    BABBLES_STORED = "relay-babbles-stored"
    REHEARSES = "dry-run"
    """The sender runs dry: it asks no further than for the recipient."""


class Death(StrEnum):
    """When a sender dies while the relay has its mail in hand."""

    UNSTORED = "before it is stored"
    STORED = "before the answer"


class Taken(NamedTuple):
    """A mail that the relay took. `is_marked`: it says that it may be a second copy."""

    notification_id: UUID
    is_marked: bool


@dataclass(slots=True)
class Postbox:
    """What is ordered of the relay, and what it has seen."""

    port: int = 0
    is_away: bool = False
    moods: dict[str, Mood] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    callers: set[int] = field(default_factory=set)
    """The other ends' ports of the dialogues that are open."""
    doomed: tuple[Life, Death] | None = None

    def clear(self) -> None:
        self.is_away, self.doomed = False, None
        self.moods.clear()
        self.taken.clear()

    async def wait_for_the_cut(self, life: Life) -> None:
        """Until it has done with the mails that a sender had handed over whose connections were cut."""
        ports = {here for here, there in life.cut_lines if there == self.port}

        async def have_gone() -> bool:
            return not ports & self.callers

        await until(have_gone)

    def kill(self, when: Death) -> None:
        if self.doomed is not None and self.doomed[1] is when:
            life, self.doomed = self.doomed[0], None
            life.die()


class _Keeper(MailSink):
    """Keeps in memory what the other one writes to a disk."""

    def __init__(self, postbox: Postbox) -> None:
        self._postbox = postbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self._postbox.kill(Death.UNSTORED)
        head = BytesHeaderParser().parsebytes(envelope.original_content or b"")
        notification_id = UUID(str(head["Message-ID"]).strip("<>").partition("@")[0])
        self._postbox.taken.append(Taken(notification_id, head["X-Tocsin-Resend"] == "in-doubt"))
        self._postbox.kill(Death.STORED)
        return "250 2.0.0 Stored"


class _MoodyRelay(BadRelay):
    """The double that misbehaves, once it knows who the recipient is."""

    def __init__(self, postbox: Postbox) -> None:
        super().__init__(_Keeper(postbox), Draw({}, random_numbers=random.Random(0)), ruthless=True)
        self._postbox = postbox
        self._caller = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._caller = transport.get_extra_info("peername")[1]
        self._postbox.callers.add(self._caller)
        super().connection_made(transport)
        if self._postbox.is_away:
            self._cut()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._postbox.callers.discard(self._caller)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._fault = self._postbox.moods.get(address, Mood.GOOD)
        if self._fault == Mood.NO_SUCH_USER:
            return "550 5.1.1 No such user"
        return await super().handle_RCPT(server, session, envelope, address, options)

    def _next_fault(self, point: Point) -> str:
        return self._fault


@asynccontextmanager
async def postbox() -> AsyncIterator[Postbox]:
    opened = Postbox()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: _MoodyRelay(opened), host="127.0.0.1", port=0) as server:
        opened.port = server.sockets[0].getsockname()[1]
        yield opened
