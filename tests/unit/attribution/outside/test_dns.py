"""Names are asked of a real name server, which also fails in its ways."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from libs.common.dns import Dns, DnsFailed, MailHost, NameServers, StaticDns
from services.attribution.domain.answers import Answer, Enquiry, MailExchange, Source
from services.attribution.gateway.guard import Guarded, Limits
from services.attribution.gateway.mail_exchange import DnsMailExchange
from tests.name_server import Mood, NameServer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

BAKERY = "bakery.example"
RECORDS = {
    (BAKERY, "A"): [["192.0.2.1", "192.0.2.2"]],
    (BAKERY, "AAAA"): [["2001:db8::1"]],
    (BAKERY, "TXT"): [['"token=" "abc"', '"v=spf1 -all"']],
    (BAKERY, "MX"): [["10 mail.bakery.example."]],
    ("null.example", "MX"): [["0 ."]],
    ("rebinding.example", "A"): [["192.0.2.1"], ["127.0.0.1"]],
}
KNOWN = StaticDns(
    known_addresses={BAKERY: ("192.0.2.1", "192.0.2.2", "2001:db8::1")},
    known_texts={BAKERY: ("token=abc", "v=spf1 -all")},
    known_mail_hosts={BAKERY: [MailHost(10, "mail.bakery.example")], "null.example": [MailHost(0, "")]},
    failing=frozenset({"failing.example"}),
)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with NameServer(RECORDS).running() as server:
        yield server


@pytest.fixture(params=["resolver", "fake"])
def dns(request: pytest.FixtureRequest, server: NameServer) -> Dns:
    return NameServers([f"127.0.0.1:{server.port}"], seconds=0.4) if request.param == "resolver" else KNOWN


async def test_what_is_there_is_found(dns: Dns) -> None:
    assert sorted(await dns.addresses(BAKERY)) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert sorted(await dns.texts(BAKERY)) == ["token=abc", "v=spf1 -all"]
    assert (await DnsMailExchange(dns).ask(BAKERY)).takes_mail


async def test_what_is_not_there_is_nothing(dns: Dns) -> None:
    assert list(await dns.addresses("nobody.example")) == []
    assert list(await dns.texts("nobody.example")) == []
    assert not (await DnsMailExchange(dns).ask("null.example")).takes_mail
    assert not (await DnsMailExchange(dns).ask("nobody.example")).takes_mail


@pytest.mark.parametrize("mood", [mood for mood in get_args(Mood) if mood != "fine"])
async def test_a_server_that_does_not_do_its_work_is_told_from_a_name_that_is_not_there(
    server: NameServer, mood: Mood
) -> None:
    server.mood = mood
    dns = NameServers([f"127.0.0.1:{server.port}"], seconds=0.4)
    guarded = Guarded(DnsMailExchange(dns), Limits())

    with pytest.raises(DnsFailed, match=BAKERY):
        await dns.texts(BAKERY)
    answer = await guarded.ask(Enquiry(Source.MAIL_EXCHANGE, BAKERY), at=NOW)

    assert (answer.found, BAKERY in answer.failure) == (None, True)
    server.mood = "fine"
    assert await guarded.ask(Enquiry(Source.MAIL_EXCHANGE, BAKERY), at=NOW) == Answer(
        answer.enquiry, NOW, NOW + timedelta(days=14), MailExchange(BAKERY, True)
    )


async def test_a_server_that_is_not_there_has_failed() -> None:
    server = NameServer(RECORDS)
    async with server.running():
        dns = NameServers([f"127.0.0.1:{server.port}"], seconds=0.4)
    with pytest.raises(DnsFailed, match=BAKERY):
        await dns.texts(BAKERY)


async def test_the_fake_fails_where_it_is_told_to() -> None:
    with pytest.raises(DnsFailed):
        await KNOWN.texts("failing.example")


async def test_a_name_is_looked_at_again_each_time(server: NameServer) -> None:
    dns = NameServers([f"127.0.0.1:{server.port}"], seconds=0.4)
    assert [await dns.addresses("rebinding.example") for _ in range(2)] == [["192.0.2.1"], ["127.0.0.1"]]
