"""The relay that misbehaves: what each of its faults does, as the notifier's own client hears it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.doubles import relay as double
from deploy.doubles.relay import BadRelay
from deploy.local.mail_sink import Maildir, MailSink
from libs.common.faults import AT_THE_RELAY, LOSES_AN_ANSWER, Chance, Draw
from services.notifier.domain.meanings import Meaning
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Lost, Reply
from services.notifier.gateway.relay import RelayAddress, SmtpRelay

TIMEOUT_SECONDS = 0.5
MAIL = b"Subject: s\r\n\r\ntext\r\n"
SECOND_COPY = b"Subject: s\r\nX-Tocsin-Resend: in-doubt\r\n\r\ntext\r\n"

HEARD: dict[str, tuple[int | None, int]] = {
    "relay-shuts-down": (421, 0),
    "relay-greylists": (451, 0),
    "relay-babbles-early": (421, 0),
    "relay-hangs-before-content": (421, 0),
    "relay-cuts-within-content": (None, 0),
    "relay-is-full": (452, 0),
    "relay-rejects": (554, 0),
    "relay-hangs-unstored": (None, 0),
    "relay-hangs-stored": (None, 1),
    "relay-cuts-unstored": (None, 0),
    "relay-cuts-stored": (None, 1),
    "relay-cuts-after-answer": (250, 1),
    "relay-half-closes": (None, 1),
    "relay-babbles-stored": (None, 1),
    "relay-dawdles": (250, 1),
}
"""The code that is heard, None where the answer is lost; and how many mails the relay has then."""

Deliver = Callable[[bytes], Awaitable[Reply]]


@asynccontextmanager
async def relay_with(
    fault: str, maildir: Path, *, ruthless: bool = False, nobody_at: tuple[str, ...] = ()
) -> AsyncIterator[Deliver]:
    """A relay that always has this fault, and a way to hand it mails over one client."""
    draw = Draw({fault: Chance(1.0)}, random_numbers=random.Random(1))
    sink = MailSink(Maildir(maildir))
    loop = asyncio.get_running_loop()

    def session() -> BadRelay:
        return BadRelay(sink, draw, ruthless=ruthless, nobody_at=nobody_at)

    server = await loop.create_server(session, host="127.0.0.1", port=0)
    port = server.sockets[0].getsockname()[1]
    client = SmtpRelay(RelayAddress(host="127.0.0.1", port=port, security="none", timeout_seconds=TIMEOUT_SECONDS))

    async def deliver(content: bytes) -> Reply:
        return await client.deliver(Mail(sender="a@b.example", recipient="c@d.example", subject="s", content=content))

    async with server:
        yield deliver
        await client.close()


def code_of(reply: Reply) -> int | None:
    match reply:
        case Answered(code, _):
            return code
        case Lost():
            return None
    raise AssertionError(f"no relay says {reply}")


def stored(maildir: Path) -> int:
    return len(list((maildir / "new").iterdir()))


@pytest.mark.parametrize("fault", AT_THE_RELAY)
async def test_a_fault_is_heard_as_what_it_is_called(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "HANG_SECONDS", 3 * TIMEOUT_SECONDS)
    monkeypatch.setattr(double, "DAWDLE_SECONDS", 0.01)
    async with relay_with(fault, tmp_path) as deliver:
        heard = code_of(await deliver(MAIL))
    assert (heard, stored(tmp_path)) == HEARD[fault]


def test_what_loses_an_answer_is_what_is_heard_as_lost() -> None:
    assert {fault for fault, (code, _) in HEARD.items() if code is None} == LOSES_AN_ANSWER & AT_THE_RELAY.keys()


@pytest.mark.parametrize(("ruthless", "heard"), [(False, 250), (True, None)])
async def test_a_second_copy_is_served_well_unless_the_relay_is_ruthless(
    ruthless: bool, heard: int | None, tmp_path: Path
) -> None:
    async with relay_with("relay-cuts-stored", tmp_path, ruthless=ruthless) as deliver:
        assert code_of(await deliver(SECOND_COPY)) == heard


async def test_a_mail_to_nobody_is_refused_for_good(tmp_path: Path) -> None:
    async with relay_with("relay-dawdles", tmp_path, nobody_at=("c@d.example",)) as deliver:
        reply = await deliver(MAIL)
    assert isinstance(reply, Answered)
    assert (reply.meaning, stored(tmp_path)) == (Meaning.DEAD_ADDRESS, 0)
