"""How the relay is spoken to: encrypted as the operator's policy says, and never in clear text against it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from libs.common.errors import Fatal
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RelayAddress, RelayAway, RelayRefusesUs, SmtpRelay
from tests.certificates import Authority

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

MAIL = Mail(
    sender="bounces@tocsin.example",
    recipient="info@jansen.example",
    subject="s",
    content=b"Subject: s\r\n\r\nsecret\r\n",
)
TAKEN = Answered(250, "OK")


class Listener:
    """Takes mails, and remembers how each came."""

    def __init__(self) -> None:
        self.mails: list[Literal["encrypted", "clear"]] = []
        self.passwords: list[bytes] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        is_encrypted = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        self.mails.append("encrypted" if is_encrypted else "clear")
        return "250 OK"

    def log_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.passwords.append(given.password)
        return AuthResult(success=given.password == b"right", handled=False)


Open = Callable[..., Awaitable[Listener]]


@asynccontextmanager
async def listening(
    *, implicit: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, asks_for_password: bool = False
) -> AsyncIterator[Listener]:
    listener, loop = Listener(), asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            listener,
            hostname="relay",
            tls_context=starttls,
            loop=loop,
            authenticator=listener.log_in if asks_for_password else None,
            auth_required=asks_for_password,
            auth_require_tls=False,
        )

    async with await loop.create_server(session, host="127.0.0.1", port=0, ssl=implicit) as server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_one(**how: Any) -> Listener:  # Any: as `listening` has it
            return await stack.enter_async_context(listening(**how))

        yield open_one


def address_of(listener: Listener, **settings: Any) -> RelayAddress:  # Any: whatever the address has
    return RelayAddress(host="127.0.0.1", port=listener.port, timeout_seconds=5, **settings)


async def delivered(listener: Listener, **settings: Any) -> object:  # Any: whatever the address has
    relay = SmtpRelay(address_of(listener, **settings))
    try:
        return await relay.deliver(MAIL)
    finally:
        await relay.close()


async def test_starttls_with_a_certificate_that_is_right_carries_mail(opened: Open, authority: Authority) -> None:
    listener = await opened(starttls=authority.server_context("relay", "127.0.0.1"))

    assert await delivered(listener, security="required", ca_file=authority.file) == TAKEN
    assert listener.mails == ["encrypted"]


async def test_tls_from_the_first_byte_carries_mail(opened: Open, authority: Authority) -> None:
    listener = await opened(implicit=authority.server_context("relay", "127.0.0.1"))

    assert await delivered(listener, security="implicit", ca_file=authority.file) == TAKEN
    assert listener.mails == ["encrypted"]


@pytest.mark.parametrize("security", ["required", "implicit"])
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_wrong_certificate_stops_everything(
    opened: Open, authority: Authority, tmp_path: Path, security: str, wrong: str
) -> None:
    context = authority.server_context("relay", *(() if wrong == "name" else ("127.0.0.1",)))
    listener = await opened(**{"starttls" if security == "required" else "implicit": context})
    trusted = Authority(tmp_path, "another").file if wrong == "authority" else authority.file

    with pytest.raises(RelayAway, match="certificate verify failed"):
        await delivered(listener, security=security, ca_file=trusted)
    assert listener.mails == []


async def test_a_relay_without_tls_gets_nothing_if_it_is_required(opened: Open) -> None:
    listener = await opened()

    with pytest.raises(RelayAway):
        await delivered(listener, security="required")
    assert listener.mails == []


async def test_no_password_is_sent_before_tls(opened: Open) -> None:
    listener = await opened(asks_for_password=True)

    with pytest.raises(RelayAway):
        await delivered(listener, security="required", username="tocsin", password="right")
    assert listener.passwords == []


async def test_opportunistic_encrypts_without_looking_at_the_certificate(opened: Open, authority: Authority) -> None:
    listener = await opened(starttls=authority.server_context("elsewhere"))

    assert await delivered(listener, security="opportunistic") == TAKEN
    assert listener.mails == ["encrypted"]


async def test_opportunistic_goes_on_in_clear_text_where_there_is_no_tls(opened: Open) -> None:
    listener = await opened()

    assert await delivered(listener, security="opportunistic") == TAKEN
    assert listener.mails == ["clear"]


@pytest.mark.parametrize(("security", "mails"), [("opportunistic", ["clear"]), ("required", [])])
async def test_only_opportunistic_goes_on_in_clear_text_after_a_failure_of_tls(
    opened: Open, authority: Authority, security: str, mails: list[str]
) -> None:
    broken = authority.server_context("relay", "127.0.0.1")
    broken.maximum_version = ssl.TLSVersion.TLSv1_2
    broken.set_ciphers("PSK")  # none that a client has
    listener = await opened(starttls=broken)

    if security == "required":
        with pytest.raises(RelayAway):
            await delivered(listener, security=security, ca_file=authority.file)
    else:
        assert await delivered(listener, security=security) == TAKEN
    assert listener.mails == mails


async def test_a_certificate_of_ours_opens_a_relay_that_asks_for_it(opened: Open, authority: Authority) -> None:
    context = authority.server_context("relay", "127.0.0.1", clients=authority.file)
    listener = await opened(implicit=context)
    ours = authority.certificate("tocsin")

    taken = await delivered(
        listener, security="implicit", ca_file=authority.file, client_certificate_file=ours, client_key_file=ours
    )
    with pytest.raises(RelayAway):
        await delivered(listener, security="implicit", ca_file=authority.file)

    assert taken == TAKEN
    assert listener.mails == ["encrypted"]


async def test_the_right_password_opens_and_a_wrong_one_is_a_person_s_affair(
    opened: Open, authority: Authority
) -> None:
    listener = await opened(starttls=authority.server_context("relay", "127.0.0.1"), asks_for_password=True)

    taken = await delivered(listener, ca_file=authority.file, username="tocsin", password="right")
    with pytest.raises(RelayRefusesUs, match="SMTP_PASSWORD"):
        await delivered(listener, ca_file=authority.file, username="tocsin", password="wrong")

    assert taken == TAKEN
    assert listener.mails == ["encrypted"]


def test_a_file_that_is_no_certificate_stops_the_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()

    for address in (
        RelayAddress(host="127.0.0.1", port=1, ca_file=empty),
        RelayAddress(host="127.0.0.1", port=1, ca_file=tmp_path / "none.pem"),
        RelayAddress(host="127.0.0.1", port=1, client_certificate_file=empty),
    ):
        with pytest.raises(Fatal):
            SmtpRelay(address)


async def test_in_a_dry_run_the_relay_is_asked_and_gets_no_content(opened: Open) -> None:
    listener = await opened()

    reply = await delivered(listener, security="none", dry_run=True)

    assert isinstance(reply, Answered)
    assert (reply.code, reply.at) == (250, Stage.RECIPIENT)
    assert listener.mails == []
