"""One SMTP dialogue with the relay: how it begins, what it carries, and when it has done enough."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import aiosmtplib
import msgspec
import structlog

from libs.common import faults
from libs.common.errors import Fatal, Transient
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Lost, Reply, TooLarge, Unwritable

log = structlog.get_logger(__name__)

IDLE_SECONDS = 5.0
"""After so long without a word the relay is asked whether it is still there, before a mail is begun."""

LOG_IN_REFUSED = range(500, 600)

DISCONNECTED = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)

NOT_OF_TLS = (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPConnectTimeoutError, aiosmtplib.SMTPAuthenticationError)
"""What goes wrong before TLS begins, or after it."""

Security = Literal["required", "implicit", "opportunistic", "none"]
"""STARTTLS or no mail; TLS from the first byte; TLS where the relay can, its certificate unchecked, and else clear
text; clear text."""


class RelayAway(Transient):
    """The relay can't be reached, or does not accept who we are: not the mail's fault, so no try is used up."""


class RelayRefusesUs(RelayAway):
    """It is there, and wants other credentials: only a person can mend that."""


class GoneBeforeMail(Exception):
    """The connection ended before any content was sent: nothing has left."""


class RelayAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the relay is, and how to speak to it. A `host` with a slash is the path of a Unix socket.

    A connection is closed after `mails_per_connection`, or the first mail after `connection_seconds`: relays limit
    both. In a `dry_run` all is said but the mail itself.
    """

    host: str
    port: int
    security: Security = "required"
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    username: str = ""
    password: str = ""
    helo_name: str = ""
    timeout_seconds: float = 20.0
    mails_per_connection: int = 100
    connection_seconds: float = 60.0
    dry_run: bool = False

    @property
    def is_socket(self) -> bool:
        return "/" in self.host

    @property
    def name(self) -> str:
        return self.host if self.is_socket else f"{self.host}:{self.port}"


def tls_of(address: RelayAddress) -> ssl.SSLContext | None:
    """How the relay's certificate is checked, and ours shown. Raises `Fatal` where a file is not what it should be."""
    if address.security == "none":
        return None
    try:
        context = ssl.create_default_context(cafile=address.ca_file)
        if address.client_certificate_file is not None:
            context.load_cert_chain(address.client_certificate_file, address.client_key_file)
    except OSError as error:
        raise Fatal(f"the relay's authority or our certificate can't be read: {error}") from error
    if address.security == "opportunistic":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def open_connection(address: RelayAddress, tls: ssl.SSLContext | None) -> "Connection":
    """Raises `RelayAway`. Only an opportunistic policy goes on in clear text where TLS fails."""
    try:
        return await _connected(address, tls, security=address.security)
    except RelayAway as error:
        if address.security != "opportunistic" or isinstance(error.__cause__, NOT_OF_TLS):
            raise
        log.warning("no TLS with the relay, going on in clear text", reason=str(error))
        return await _connected(address, None, security="none")


async def _connected(address: RelayAddress, tls: ssl.SSLContext | None, *, security: Security) -> "Connection":
    start_tls = {"required": True, "opportunistic": None}.get(security, False)
    client = aiosmtplib.SMTP(
        hostname=None if address.is_socket else address.host,
        port=None if address.is_socket else address.port,
        socket_path=address.host if address.is_socket else None,
        local_hostname=address.helo_name or None,
        use_tls=security == "implicit",
        start_tls=start_tls,
        tls_context=tls,
        username=address.username or None,
        password=address.password or None,
        timeout=address.timeout_seconds,
    )
    try:
        await client.connect()
        await client.ehlo()
    except aiosmtplib.SMTPAuthenticationError as error:
        client.close()
        if error.code in LOG_IN_REFUSED:
            raise refusal_of_us(address, error.code, error.message) from error
        raise RelayAway(f"the relay {address.name} lets nobody log in now: {error.message}") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise RelayAway(f"the relay {address.name} is away: {error}") from error
    return Connection(client, address)


def refusal_of_us(address: RelayAddress, code: int, text: str) -> RelayRefusesUs:
    return RelayRefusesUs(
        f"the relay {address.name} does not accept our credentials ({code} {text}): no mail leaves until it does, "
        "and none is lost; see SMTP_USERNAME, SMTP_PASSWORD, SMTP_CLIENT_CERTIFICATE_FILE and SMTP_SECURITY"
    )


class Connection:
    """An open dialogue, which carries one mail after another."""

    def __init__(self, client: aiosmtplib.SMTP, address: RelayAddress) -> None:
        self._client = client
        self._address = address
        self._opened = self._spoken = time.monotonic()
        self._mails = 0

    @property
    def _most_bytes(self) -> int:
        """How large a mail the relay takes, as far as it says so when it greets (SIZE, RFC 1870); 0: it does not."""
        said = self._client.esmtp_extensions.get("size", "")
        return int(said) if said.isascii() and said.isdigit() else 0

    @property
    def is_worn(self) -> bool:
        is_old = time.monotonic() - self._opened > self._address.connection_seconds
        return is_old or self._mails >= self._address.mails_per_connection

    async def wake(self) -> None:
        """Raises `GoneBeforeMail` if the relay has hung up since it was last spoken to, as it does without a word."""
        if time.monotonic() - self._spoken > IDLE_SECONDS:
            with _gone_before_mail():
                try:
                    await self._client.noop()
                except aiosmtplib.SMTPResponseException as error:
                    raise GoneBeforeMail(f"it is closing: {error.message}") from error

    async def carry(self, mail: Mail) -> Reply:
        """Raises `GoneBeforeMail` if the dialogue ended before the mail's content."""
        self._mails += 1
        if not mail.recipient.isascii() and not self._client.supports_extension("smtputf8"):
            return Unwritable("the relay does not carry mail to addresses beyond ASCII (SMTPUTF8)")
        if 0 < self._most_bytes < len(mail.content):
            return TooLarge(len(mail.content), self._most_bytes)
        stage = Stage.SENDER
        try:
            with _gone_before_mail():
                await self._name_sender(mail)
                stage = Stage.RECIPIENT
                accepted = await self._client.rcpt(mail.recipient, encoding="utf-8")
                if self._address.dry_run:
                    return Answered(accepted.code, accepted.message, stage)
                stage = Stage.CONTENT
                await self._begin_content()
            await faults.reach(faults.Point.MAIL_ADDRESSED, line=self._client.transport)
            response = await self._send_content(mail.content)
            await faults.reach(faults.Point.MAIL_ANSWERED)
        except aiosmtplib.SMTPResponseException as error:
            if _is_garbage(error):
                # It may have meant yes.
                return Lost(f"not readable: {error.message}")
            return Answered(error.code, error.message, stage)
        except DISCONNECTED as error:
            self.drop()
            return Lost(f"no answer after the mail: {error}")
        finally:
            self._spoken = time.monotonic()
        return Answered(response.code, response.message)

    async def _name_sender(self, mail: Mail) -> None:
        options = () if mail.recipient.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        await self._client.mail(mail.sender, options=options)

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
        raise GoneBeforeMail(f"no answer that can be read: {error.message}") from error
    except DISCONNECTED as error:
        raise GoneBeforeMail(str(error)) from error


def _is_garbage(error: aiosmtplib.SMTPResponseException) -> bool:
    """Whether the relay said something that is no SMTP answer; aiosmtplib gives that a code of its own."""
    return error.code == aiosmtplib.SMTPStatus.invalid_response
