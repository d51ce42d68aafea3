"""The way out to webhooks, against receivers that are up, down, slow, huge, or want us to go somewhere else."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from services.intake.domain.webhooks.deliveries import Answer
from services.intake.domain.webhooks.targets import Rules
from services.intake.gateway.webhooks import HttpWebhooks
from tests.certificates import certificate
from tests.unit.intake.receiver import MIB, Receiver, receiving

INSECURE = Rules(insecure=True)
HEADERS = {"webhook-id": "1", "webhook-signature": "v1,x"}
SECONDS = 2.0


def names(known: Mapping[str, Sequence[str]]) -> "Names":
    return Names({name: list(addresses) for name, addresses in known.items()})


class Names:
    """A resolver that knows a few names; with several lists for one name, each question gets the next."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known = known
        self.asked: list[str] = []

    async def __call__(self, name: str, port: int) -> Sequence[str]:
        self.asked.append(name)
        if name not in self.known:
            raise OSError("no such name")
        return self.known[name]


async def post(
    url: str, *, rules: Rules = INSECURE, resolve: Names | None = None, tls: ssl.SSLContext | None = None
) -> Answer:
    door = HttpWebhooks(rules=rules, seconds=SECONDS, resolve=resolve or names({}), tls=tls)
    return await door.post(url, headers=HEADERS, body=b'{"type":"ping"}')


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_an_event_is_posted_with_its_headers_and_its_body(receiver: Receiver) -> None:
    assert await post(receiver.url) == Answer(204)

    (request,) = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.body == b'{"type":"ping"}'
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "Tocsin-Webhooks/1"
    assert HEADERS.items() <= request.headers.items()


async def test_a_redirect_is_an_answer_and_nobody_goes_there(receiver: Receiver) -> None:
    async with receiving() as inside:
        for status in ("301", "302", "303", "307", "308"):
            receiver.answers.append(status)
            receiver.headers = f"Location: {inside.url}\r\n"
            assert await post(receiver.url) == Answer(int(status))
        assert inside.connections == 0
    assert len(receiver.requests) == 5


async def test_an_answer_without_end_is_not_read(receiver: Receiver) -> None:
    receiver.answers.append("huge")
    assert await post(receiver.url) == Answer(200)
    assert receiver.sent_bytes < 32 * MIB, "what the kernel's buffers hold, and no more"


@pytest.mark.parametrize("answer", ["hang", "drip"])
async def test_an_answer_that_does_not_come_is_not_waited_for(receiver: Receiver, answer: str) -> None:
    receiver.answers.append(answer)
    began = time.monotonic()
    assert await post(receiver.url) == Answer(error="timeout")
    assert time.monotonic() - began < SECONDS + 1


async def test_headers_without_end_are_not_kept(receiver: Receiver) -> None:
    receiver.headers = f"X: {MIB * 'x'}\r\n"
    assert await post(receiver.url) == Answer(error="broken-answer")


@pytest.mark.parametrize("answer", ["garbage", "close"])
async def test_what_is_no_answer_is_told_from_one_and_not_repeated(receiver: Receiver, answer: str) -> None:
    receiver.answers.append(answer)
    assert await post(receiver.url) == Answer(error="broken-answer")
    assert len(receiver.requests) == 1


async def test_nobody_there_is_no_connection() -> None:
    async with receiving() as gone:
        url = gone.url
    assert await post(url) == Answer(error="no-connection")


async def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await post(receiver.url) == Answer(204)
        assert proxy.connections == 0


async def test_no_connection_is_kept_for_the_next(receiver: Receiver) -> None:
    for _ in range(3):
        await post(receiver.url)
    assert receiver.connections == 3


@pytest.mark.parametrize("inner", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1%lo"])
async def test_a_name_that_leads_inside_is_refused_when_set_and_at_every_attempt(
    inner: str, receiver: Receiver
) -> None:
    rules = Rules(ports=frozenset({receiver.port}))
    url = f"https://hooks.example.com:{receiver.port}/"
    for addresses in ([inner], ["8.8.8.8", inner], [inner, "8.8.8.8"]):
        resolve = names({"hooks.example.com": addresses})
        door = HttpWebhooks(rules=rules, seconds=SECONDS, resolve=resolve)
        assert [refusal.code for refusal in await door.refusals(url)] == ["webhook-address"]
        assert await door.post(url, headers=HEADERS, body=b"{}") == Answer(error="webhook-address")
    assert receiver.connections == 0


async def test_a_name_is_resolved_once_for_an_attempt_so_it_can_not_change_between_check_and_connection() -> None:
    async with receiving() as receiver:
        resolve = names({"hooks.example.com": ["127.0.0.1"]})
        assert await post(f"http://hooks.example.com:{receiver.port}/", resolve=resolve) == Answer(204)
        assert resolve.asked == ["hooks.example.com"]
        assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"


async def test_a_name_that_nobody_knows_is_told_of() -> None:
    url = "https://nowhere.example.com/"
    door = HttpWebhooks(rules=Rules(), seconds=SECONDS, resolve=names({}))
    assert [refusal.code for refusal in await door.refusals(url)] == ["webhook-name"]
    assert await door.post(url, headers=HEADERS, body=b"{}") == Answer(error="webhook-name")


async def test_a_resolver_that_hangs_takes_no_longer_than_an_attempt_may() -> None:
    async def hang(name: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    door = HttpWebhooks(rules=Rules(), seconds=0.2, resolve=hang)
    assert [refusal.code for refusal in await door.refusals("https://slow.example.com/")] == ["webhook-name"]
    assert await door.post("https://slow.example.com/", headers=HEADERS, body=b"{}") == Answer(error="timeout")


async def test_a_url_that_was_taken_under_other_rules_is_judged_again(receiver: Receiver) -> None:
    assert await post(receiver.url, rules=Rules()) == Answer(error="webhook-scheme")
    assert receiver.connections == 0


async def test_where_one_address_does_not_answer_the_next_is_tried() -> None:
    async with receiving() as receiver:
        resolve = names({"hooks.example.com": ["127.0.0.2", "127.0.0.1"]})
        assert await post(f"http://hooks.example.com:{receiver.port}/", resolve=resolve) == Answer(204)
        assert len(receiver.requests) == 1


async def test_tls_goes_by_the_name_although_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "hooks.example.com")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pem)
    ours = ssl.create_default_context(cafile=str(pem))
    resolve = names({"hooks.example.com": ["127.0.0.1"], "other.example.com": ["127.0.0.1"]})
    async with receiving(tls=theirs) as receiver:
        good = f"https://hooks.example.com:{receiver.port}/"
        assert await post(good, resolve=resolve, tls=ours) == Answer(204)
        other = f"https://other.example.com:{receiver.port}/"
        assert await post(other, resolve=resolve, tls=ours) == Answer(error="tls")
        assert await post(good, resolve=resolve) == Answer(error="tls"), "nobody vouches for it"
        assert len(receiver.requests) == 1
