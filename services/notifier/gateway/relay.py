"""The mail relay: a Protocol, the real one over a pool of SMTP connections, and a fake that passes the same tests."""

from collections.abc import Mapping
from typing import Protocol

from services.notifier.domain.meanings import Meaning, Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Reply, TooLarge, Unwritable
from services.notifier.gateway.connection import (
    Connection,
    GoneBeforeMail,
    RelayAddress,
    RelayAway,
    RelayRefusesUs,
    open_connection,
    refusal_of_us,
    tls_of,
)

__all__ = ["Relay", "RelayAddress", "RelayAway", "RelayRefusesUs", "RememberingRelay", "SmtpRelay"]


class Relay(Protocol):
    """Takes a mail for one recipient."""

    async def deliver(self, mail: Mail) -> Reply:
        """The relay's answer, or that it was lost. Raises `RelayAway` when nothing was tried."""

    async def close(self) -> None:
        """Say goodbye on every connection that is open."""


class SmtpRelay:
    """A pool of connections; as many are open as mails are under way at once, so the caller bounds them."""

    def __init__(self, address: RelayAddress) -> None:
        self._address = address
        self._tls = tls_of(address)
        self._idle: list[Connection] = []

    async def deliver(self, mail: Mail) -> Reply:
        while self._idle:
            # A relay closes idle connections without a word; only a fresh one tells whether it is really away.
            connection = self._idle.pop()
            if connection.is_worn:
                await connection.quit()
                continue
            try:
                await connection.wake()
                return await self._carry(connection, mail)
            except GoneBeforeMail:
                connection.drop()
        connection = await open_connection(self._address, self._tls)
        try:
            return await self._carry(connection, mail)
        except GoneBeforeMail as error:
            connection.drop()
            return Answered(421, f"the relay went away: {error}", Stage.SENDER)

    async def _carry(self, connection: Connection, mail: Mail) -> Reply:
        reply = await connection.carry(mail)
        if _is_over(reply) and not connection.is_worn:
            self._idle.append(connection)
        else:
            await connection.quit()
        if isinstance(reply, Answered) and reply.meaning is Meaning.CREDENTIALS:
            raise refusal_of_us(self._address, reply.code, reply.text)
        return reply

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().quit()


def _is_over(reply: Reply) -> bool:
    """Whether another mail may follow. After any refusal or failure the state of the dialogue is not certain, and after
    a rehearsal it is not at its start.
    """
    match reply:
        case Unwritable() | TooLarge():
            return True
        case Answered(at=Stage.CONTENT):
            return reply.meaning is Meaning.ACCEPTED
        case _:
            return False


class RememberingRelay:
    """A relay for tests: keeps what it took, and answers certain recipients as it was told."""

    def __init__(self, replies: Mapping[str, Reply] | None = None) -> None:
        self._replies = dict(replies or {})
        self.away = False
        self.mails: list[Mail] = []

    async def deliver(self, mail: Mail) -> Reply:
        if self.away:
            raise RelayAway("the relay is away")
        reply = self._replies.get(mail.recipient, Answered(250, "2.0.0 taken"))
        if isinstance(reply, Answered) and reply.meaning is Meaning.CREDENTIALS:
            raise RelayRefusesUs(f"the relay does not accept our credentials: {reply.code} {reply.text}")
        if isinstance(reply, Answered) and reply.meaning is Meaning.ACCEPTED and reply.at is Stage.CONTENT:
            self.mails.append(mail)
        return reply

    async def close(self) -> None:
        self.away = True
