"""The relay: the real one, against a server on the loopback, and the fake pass the same tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import DATA_SIZE_DEFAULT, SMTP, Envelope, Session

from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Lost, TooLarge, Unwritable
from services.notifier.gateway.relay import Relay, RelayAddress, RelayAway, RememberingRelay, SmtpRelay

REPLIES = {
    "gone@jansen.example": Answered(550, "5.1.1 No such user", Stage.RECIPIENT),
    "later@jansen.example": Answered(451, "4.7.1 Greylisted", Stage.RECIPIENT),
    "spam@jansen.example": Answered(554, "5.7.1 Looks like spam"),
}


class Capricious:
    """Answers each recipient as `REPLIES` says; `lost@` gets its connection cut once its mail is in."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.connections = 0
        self.is_closing = False

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, arg: str) -> str:  # noqa: N802 - aiosmtpd's name
        return "421 4.4.2 Closing" if self.is_closing else "250 Ok"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = REPLIES.get(address)
        if reply is not None and reply.code != 554:
            return f"{reply.code} {reply.text}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        [address] = envelope.rcpt_tos
        if address == "lost@jansen.example":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return ""
        if address == "babble@jansen.example":
            self.envelopes.append(envelope)
            return "I took it, I think"
        if address in REPLIES:
            return f"{REPLIES[address].code} {REPLIES[address].text}"
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


def mail_to(recipient: str) -> Mail:
    return Mail(
        sender="bounces@tocsin.example",
        recipient=recipient,
        subject="s",
        content=b"Subject: s\r\n\r\n.a line with a dot\r\nend\r\n",
    )


@pytest.fixture
def server() -> Iterator[tuple[Capricious, int]]:
    handler = Capricious()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture(params=["smtp", "fake"])
async def relay(request: pytest.FixtureRequest, server: tuple[Capricious, int]) -> AsyncIterator[Relay]:
    real = SmtpRelay(RelayAddress(host="127.0.0.1", port=server[1], security="none", timeout_seconds=5))
    lost = {f"{name}@jansen.example": Lost("no answer after the mail") for name in ("lost", "babble")}
    fake = RememberingRelay({**REPLIES, **lost})
    chosen: Relay = real if request.param == "smtp" else fake
    yield chosen
    await chosen.close()


async def test_a_mail_that_is_taken_is_answered_with_250(relay: Relay) -> None:
    assert await relay.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")


@pytest.mark.parametrize("address", list(REPLIES))
async def test_a_refusal_is_an_answer_with_its_words(relay: Relay, address: str) -> None:
    assert await relay.deliver(mail_to(address)) == REPLIES[address]


async def test_a_connection_that_is_cut_after_the_mail_leaves_it_in_doubt(relay: Relay) -> None:
    assert isinstance(await relay.deliver(mail_to("lost@jansen.example")), Lost)


async def test_an_answer_that_is_no_smtp_leaves_the_mail_in_doubt(relay: Relay) -> None:
    """A bug once: it was tried again as if refused, and its recipient got two mails without a mark."""
    assert isinstance(await relay.deliver(mail_to("babble@jansen.example")), Lost)


async def test_a_refusal_does_not_touch_the_mail_after_it(relay: Relay) -> None:
    for address in ("gone", "lost", "babble", "spam"):
        await relay.deliver(mail_to(f"{address}@jansen.example"))
        assert await relay.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")


async def test_many_mails_at_once_each_get_their_own_answer(relay: Relay) -> None:
    addresses = ["info@jansen.example", "gone@jansen.example", "later@jansen.example"] * 10

    replies = await asyncio.gather(*(relay.deliver(mail_to(address)) for address in addresses))

    assert list(replies) == [REPLIES.get(address, Answered(250, "2.0.0 taken")) for address in addresses]


async def test_content_and_envelope_arrive_unchanged(server: tuple[Capricious, int]) -> None:
    handler, port = server
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none"))

    await relay.deliver(mail_to("info@jansen.example"))
    await relay.close()

    [envelope] = handler.envelopes
    assert envelope.mail_from == "bounces@tocsin.example"
    assert envelope.rcpt_tos == ["info@jansen.example"]
    assert envelope.content == mail_to("info@jansen.example").content


async def test_one_connection_carries_many_mails(server: tuple[Capricious, int]) -> None:
    handler, port = server
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none"))

    for _ in range(5):
        await relay.deliver(mail_to("info@jansen.example"))
    await relay.close()

    assert handler.connections == 1
    assert len(handler.envelopes) == 5


async def test_a_relay_that_does_not_listen_is_away() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=probe.getsockname()[1], security="none"))

    with pytest.raises(RelayAway):
        await relay.deliver(mail_to("info@jansen.example"))


async def test_a_relay_without_the_wanted_encryption_is_away_and_gets_no_mail(server: tuple[Capricious, int]) -> None:
    handler, port = server
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="required"))

    with pytest.raises(RelayAway):
        await relay.deliver(mail_to("info@jansen.example"))
    assert handler.envelopes == []


class Attentive(Capricious):
    """Keeps what was said with the sender."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[list[str]] = []

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.options.append(options)
        envelope.mail_from = address
        return "250 Ok"


@asynccontextmanager
async def attentive(*, reads_utf8: bool) -> AsyncIterator[tuple[Attentive, SmtpRelay]]:
    handler, loop = Attentive(), asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(handler, enable_SMTPUTF8=reads_utf8, hostname="relay", loop=loop)

    async with await loop.create_server(session, host="127.0.0.1", port=0) as listening:
        relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=listening.sockets[0].getsockname()[1], security="none"))
        yield handler, relay
        await relay.close()


async def test_an_address_beyond_ascii_goes_to_a_relay_that_reads_it() -> None:
    async with attentive(reads_utf8=True) as (handler, relay):
        assert await relay.deliver(mail_to("jörg@jansen.example")) == Answered(250, "2.0.0 taken")

    [envelope] = handler.envelopes
    assert envelope.rcpt_tos == ["jörg@jansen.example"]
    assert "SMTPUTF8" in handler.options[0]


async def test_an_address_beyond_ascii_is_unwritable_where_it_is_not_read_and_the_next_mail_goes_on() -> None:
    async with attentive(reads_utf8=False) as (handler, relay):
        assert isinstance(await relay.deliver(mail_to("jörg@jansen.example")), Unwritable)
        assert await relay.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")

    assert handler.connections == 1


async def test_a_mail_that_is_larger_than_the_relay_says_that_it_takes_is_not_offered_and_the_next_one_goes_on(
    server: tuple[Capricious, int],
) -> None:
    handler, port = server
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none"))
    large = msgspec.structs.replace(mail_to("info@jansen.example"), content=b"x" * DATA_SIZE_DEFAULT + b"\r\n")

    assert await relay.deliver(large) == TooLarge(DATA_SIZE_DEFAULT + 2, DATA_SIZE_DEFAULT)
    assert await relay.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")
    await relay.close()

    assert (len(handler.envelopes), handler.connections) == (1, 1)


async def test_a_connection_that_has_carried_enough_is_closed(server: tuple[Capricious, int]) -> None:
    handler, port = server
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none", mails_per_connection=2))

    for _ in range(5):
        await relay.deliver(mail_to("info@jansen.example"))
    await relay.close()

    assert handler.connections == 3


async def test_a_relay_that_hung_up_meanwhile_costs_no_try(
    server: tuple[Capricious, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, port = server
    monkeypatch.setattr("services.notifier.gateway.connection.IDLE_SECONDS", 0.0)
    relay = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none"))
    await relay.deliver(mail_to("info@jansen.example"))
    handler.is_closing = True

    assert await relay.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")
    await relay.close()

    assert handler.connections == 2
