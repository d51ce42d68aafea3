"""The mail relay: a Protocol, the real one over a pool of SMTP connections, and a fake that passes the same tests."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

import aiosmtplib
import msgspec

from libs.common import faults
from libs.common.errors import Transient
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Lost, Meaning, Reply, meaning_of

MAILS_PER_CONNECTION = 100
CONNECTION_SECONDS = 60.0
"""Relays limit both; a connection that has had enough is closed after the mail it carries."""

DISCONNECTED = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)


class RelayAway(Transient):
    """The relay can't be reached, or does not accept who we are: not the mail's fault, so no try is used up."""


class Relay(Protocol):
    """Takes a mail for one recipient."""

    async def deliver(self, mail: Mail) -> Reply:
        """The relay's answer, or that it was lost. Raises `RelayAway` when nothing was tried."""

    async def close(self) -> None:
        """Say goodbye on every connection that is open."""


class RelayAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the relay is, and how to speak to it. `security`: none, starttls, or tls from the first byte."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    ca_file: Path | None = None
    username: str = ""
    password: str = ""
    timeout_seconds: float = 20.0


class SmtpRelay:
    """A pool of connections; as many are open as mails are under way at once, so the caller bounds them."""

    def __init__(self, address: RelayAddress) -> None:
        self._address = address
        self._tls = ssl.create_default_context(cafile=address.ca_file) if address.security != "none" else None
        self._idle: list[_Connection] = []

    async def deliver(self, mail: Mail) -> Reply:
        while self._idle:
            # A relay closes idle connections without a word; only a fresh one tells whether it is really away.
            connection = self._idle.pop()
            try:
                return await self._carry(connection, mail)
            except _GoneBeforeMail:
                connection.drop()
        connection = await _Connection.open(self._address, self._tls)
        try:
            return await self._carry(connection, mail)
        except _GoneBeforeMail as error:
            connection.drop()
            return Answered(421, f"the relay went away: {error}")

    async def _carry(self, connection: "_Connection", mail: Mail) -> Reply:
        reply = await connection.carry(mail)
        accepted = isinstance(reply, Answered) and meaning_of(reply.code, reply.text) is Meaning.ACCEPTED
        if accepted and not connection.worn:
            self._idle.append(connection)
        else:
            # After any refusal or failure the state of the dialogue is not certain: the next mail gets a new one.
            await connection.quit()
        if isinstance(reply, Answered) and meaning_of(reply.code, reply.text) is Meaning.CREDENTIALS:
            raise RelayAway(f"the relay does not accept our credentials: {reply.code} {reply.text}")
        return reply

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().quit()


class _GoneBeforeMail(Exception):
    """The connection ended before any content was sent: nothing has left."""


class _Connection:
    """One SMTP dialogue."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client
        self._opened = time.monotonic()
        self._mails = 0

    @classmethod
    async def open(cls, address: RelayAddress, tls: ssl.SSLContext | None) -> "_Connection":
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            use_tls=address.security == "tls",
            start_tls=address.security == "starttls",
            tls_context=tls,
            username=address.username or None,
            password=address.password or None,
            timeout=address.timeout_seconds,
        )
        try:
            await client.connect()
            await client.ehlo()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise RelayAway(f"the relay {address.host}:{address.port} is away: {error}") from error
        return cls(client)

    @property
    def worn(self) -> bool:
        return self._mails >= MAILS_PER_CONNECTION or time.monotonic() - self._opened > CONNECTION_SECONDS

    async def carry(self, mail: Mail) -> Reply:
        self._mails += 1
        try:
            with _gone_before_mail():
                await self._client.mail(mail.sender)
                await self._client.rcpt(mail.recipient)
                await self._begin_content()
            await faults.reach(faults.Point.MAIL_ADDRESSED, line=self._client.transport)
            response = await self._send_content(mail.content)
            await faults.reach(faults.Point.MAIL_ANSWERED)
        except aiosmtplib.SMTPResponseException as error:
            if _is_garbage(error):
                # It may have meant yes.
                return Lost(f"not readable: {error.message}")
            return Answered(error.code, error.message)
        except DISCONNECTED as error:
            self.drop()
            return Lost(f"no answer after the mail: {error}")
        return Answered(response.code, response.message)

    async def _begin_content(self) -> None:
        response = await self._client.execute_command(b"DATA")
        if response.code != aiosmtplib.SMTPStatus.start_input:
            raise aiosmtplib.SMTPDataError(response.code, response.message)

    async def _send_content(self, content: bytes) -> aiosmtplib.SMTPResponse:
        """Every line of ours ends with CR LF already: aiosmtplib's `data` would search for those that don't, and takes
        a quarter of a millisecond for it.
        """
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("cut before the mail's content")
        protocol.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return await protocol.read_response(timeout=self._client.timeout)

    async def quit(self) -> None:
        try:
            await self._client.quit()
        except (aiosmtplib.SMTPException, OSError):
            self.drop()

    def drop(self) -> None:
        self._client.close()


@contextmanager
def _gone_before_mail() -> Iterator[None]:
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        if not _is_garbage(error):
            raise
        raise _GoneBeforeMail(f"no answer that can be read: {error.message}") from error
    except DISCONNECTED as error:
        raise _GoneBeforeMail(str(error)) from error


def _is_garbage(error: aiosmtplib.SMTPResponseException) -> bool:
    """Whether the relay said something that is no SMTP answer; aiosmtplib gives that a code of its own."""
    return error.code == aiosmtplib.SMTPStatus.invalid_response


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
        if isinstance(reply, Answered) and meaning_of(reply.code, reply.text) is Meaning.CREDENTIALS:
            raise RelayAway(f"the relay does not accept our credentials: {reply.code} {reply.text}")
        if isinstance(reply, Answered) and reply.code < 300:
            self.mails.append(mail)
        return reply

    async def close(self) -> None:
        self.away = True
