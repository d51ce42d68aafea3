"""Name servers: the real ones, over UDP, and the fake pass the same tests; and what a null MX means for a mail."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from libs.common.dns import Dns, DnsFailed, MailHost, NameServers, StaticDns
from libs.common.errors import Fatal
from services.notifier.domain.meanings import Meaning
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Reply
from services.notifier.gateway.mx import CarefulRelay
from services.notifier.gateway.relay import RememberingRelay
from tests.name_server import name_server
from tests.unit.notifier.test_relay import mail_to

NULL_MX = "silent.example"
LONG = "v=DKIM1; p=" + "A" * 400

ZONE = {
    ("tocsin.example", "TXT"): ['"v=spf1 -all"', '"one " "two"'],
    ("s1._domainkey.tocsin.example", "TXT"): [f'"{LONG[:255]}" "{LONG[255:]}"'],
    ("tocsin.example", "MX"): ["20 mx2.tocsin.example.", "10 MX1.tocsin.example."],
    (NULL_MX, "MX"): ["0 ."],
    ("mx1.tocsin.example", "A"): ["192.0.2.25"],
    ("mx1.tocsin.example", "AAAA"): ["2001:db8::25"],
    ("25.2.0.192.in-addr.arpa", "PTR"): ["Mail.Tocsin.example."],
}
FAILING = frozenset({"away.example"})
KNOWN = StaticDns(
    known_texts={
        "tocsin.example": ["v=spf1 -all", "one two"],
        "s1._domainkey.tocsin.example": [LONG],
    },
    known_mail_hosts={
        "tocsin.example": [MailHost(20, "mx2.tocsin.example"), MailHost(10, "mx1.tocsin.example")],
        NULL_MX: [MailHost(0, "")],
    },
    known_addresses={"mx1.tocsin.example": ["192.0.2.25", "2001:db8::25"]},
    known_names={"192.0.2.25": ["mail.tocsin.example"]},
    failing=FAILING,
)


@pytest.fixture(params=["servers", "fake"])
async def dns(request: pytest.FixtureRequest) -> AsyncIterator[Dns]:
    async with name_server(ZONE, failing=FAILING) as server:
        chosen: Dns = NameServers([server]) if request.param == "servers" else KNOWN
        yield chosen


async def test_texts_come_with_their_parts_joined(dns: Dns) -> None:
    assert sorted(await dns.texts("tocsin.example")) == ["one two", "v=spf1 -all"]
    assert list(await dns.texts("s1._domainkey.tocsin.example")) == [LONG]


async def test_mail_hosts_come_in_the_order_of_preference(dns: Dns) -> None:
    found = await dns.mail_hosts("tocsin.example")

    assert list(found) == [MailHost(10, "mx1.tocsin.example"), MailHost(20, "mx2.tocsin.example")]


async def test_a_null_mx_is_a_host_without_a_name(dns: Dns) -> None:
    assert list(await dns.mail_hosts(NULL_MX)) == [MailHost(0, "")]


async def test_addresses_are_of_both_kinds_and_have_names(dns: Dns) -> None:
    assert list(await dns.addresses("mx1.tocsin.example")) == ["192.0.2.25", "2001:db8::25"]
    assert list(await dns.names_of("192.0.2.25")) == ["mail.tocsin.example"]


async def test_what_is_not_there_answers_nothing(dns: Dns) -> None:
    assert list(await dns.texts("nowhere.example")) == []
    assert list(await dns.mail_hosts("mx1.tocsin.example")) == []
    assert list(await dns.addresses("nowhere.example")) == []


async def test_a_server_that_fails_is_told_of(dns: Dns) -> None:
    with pytest.raises(DnsFailed):
        await dns.mail_hosts("away.example")


@pytest.mark.parametrize("server", ["somewhere", "192.0.2.1:dns", "[2001:db8::1]:x"])
def test_a_server_that_is_none_stops_the_start(server: str) -> None:
    with pytest.raises(Fatal):
        NameServers([server])


async def careful(recipient: str, relay: RememberingRelay) -> Reply:
    return await CarefulRelay(relay, KNOWN).deliver(mail_to(recipient))


async def test_nobody_is_asked_to_carry_mail_where_none_is_taken() -> None:
    relay = RememberingRelay()

    reply = await careful(f"info@{NULL_MX}", relay)

    assert isinstance(reply, Answered)
    assert reply.meaning is Meaning.DEAD_ADDRESS
    assert relay.mails == []


@pytest.mark.parametrize("domain", ["tocsin.example", "nowhere.example", "away.example"])
async def test_all_else_is_for_the_relay_to_find_out(domain: str) -> None:
    relay = RememberingRelay()

    await careful(f"info@{domain}", relay)

    assert [mail.recipient for mail in relay.mails] == [f"info@{domain}"]


async def test_a_domain_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Counting(StaticDns):
        async def mail_hosts(self, name: str) -> tuple[MailHost, ...]:
            asked.append(name)
            return ()

    relay = CarefulRelay(RememberingRelay(), Counting())
    mail: Mail = mail_to("info@jansen.example")
    for number in range(3):
        await relay.deliver(msgspec.structs.replace(mail, recipient=f"a{number}@jansen.example"))

    assert asked == ["jansen.example"]
