"""Over real UDP and TCP, from a real file."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import dns.asyncquery
import dns.asyncresolver
import dns.message
import dns.rcode
import dns.resolver
import pytest

from deploy.local.name_server import listen
from deploy.local.ports import free_port_base
from libs.common.dns import DnsFailed, NameServers

HOST = "127.0.0.1"
RECORD = '_tocsin-challenge.bakery.example TXT "tocsin-proof=abc def"\n'


@dataclass(frozen=True, slots=True)
class Zone:
    """The file that it reads."""

    path: Path

    def hold(self, text: str) -> None:
        self.path.write_text(text)


@pytest.fixture
def records(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "names.zone")


@pytest.fixture
async def port(records: Zone) -> AsyncIterator[int]:
    port = free_port_base()
    async with await listen(host=HOST, port=port, records=records.path):
        yield port


async def test_a_record_is_known_from_when_it_is_in_the_file_until_it_is_gone(port: int, records: Zone) -> None:
    names = NameServers([f"{HOST}:{port}"])

    assert await names.texts("_tocsin-challenge.bakery.example") == []
    records.hold(RECORD)
    assert await names.texts("_tocsin-challenge.bakery.example") == ["tocsin-proof=abc def"]
    assert await names.texts("bakery.example") == []
    assert await names.mail_hosts("_tocsin-challenge.bakery.example") == []
    records.hold("")
    assert await names.texts("_tocsin-challenge.bakery.example") == []


async def test_it_is_asked_over_tcp_too_and_survives_who_asks_nothing(port: int, records: Zone) -> None:
    records.hold(RECORD)
    for nothing in (b"", b"\x00", b"\x00\x02??"):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(nothing)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()

    question = dns.message.make_query("_tocsin-challenge.bakery.example", "TXT")
    answer = await dns.asyncquery.tcp(question, HOST, port=port, timeout=5)

    assert "tocsin-proof=abc def" in str(answer.answer[0])


async def test_a_file_that_cannot_be_read_is_a_failure_and_no_proof_lost(port: int, records: Zone) -> None:
    records.hold("this is no record at all\n")

    with pytest.raises(DnsFailed):
        await NameServers([f"{HOST}:{port}"], seconds=2).texts("bakery.example")


async def test_only_names_that_may_be_somebodys_are_asked_elsewhere(
    port: int, records: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: list[str] = []

    async def resolve(name: object, *_: object, **__: object) -> None:
        elsewhere.append(str(name))
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(dns.asyncresolver, "resolve", resolve)
    names = NameServers([f"{HOST}:{port}"])

    for name in ("bakery.example", "bakery.test", "bakery.nl"):
        assert await names.texts(name) == []

    assert elsewhere == ["bakery.nl."]
