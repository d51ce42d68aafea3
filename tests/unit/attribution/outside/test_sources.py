"""Every source against a server that speaks its protocol: what it answers, and each way in which it can go wrong."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from libs.common.addresses import IPAddress
from libs.common.dns import StaticDns
from services.attribution.domain.answers import (
    Answer,
    Companies,
    Company,
    DomainRegistration,
    Enquiry,
    Found,
    NetworkRegistration,
    PublishedContact,
    SecurityTxt,
    Source,
)
from services.attribution.gateway.companies import KvkRegistry
from services.attribution.gateway.connections import PublicTransport
from services.attribution.gateway.guard import Guarded, Limits
from services.attribution.gateway.rdap import RdapClient, RdapDomains, RdapNetworks, Registries
from services.attribution.gateway.security_txt import HttpSecurityTxt
from services.attribution.gateway.sources import OutsideSource, StaticSource
from tests.certificates import certificate
from tests.unit.attribution.outside.double import Body, Mood, WebServer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = 1.5
"""Three requests in a row have to fit in on a busy machine, and whoever hangs costs as much."""
HANGS = 20.0
LOOPBACK = ip_network("127.0.0.0/8")
HOST, REGISTRY, KVK = "www.bakery.nl", "rdap.registry.nl", "api.companies.nl"
RDAP, JSON, TEXT = "application/rdap+json", "application/json", "text/plain; charset=utf-8"
SECURITY_TXT = b"""\
# Tell us
Contact: mailto:security@bakery.nl
Contact: https://bakery.nl/report
Contact: mailto:Second%20@bakery.nl
Expires: 2027-01-01T00:00:00Z
Preferred-Languages: nl, en
"""


def jcard(name: str, email: str, *, kind: str = "org", country: str = "NL") -> list[object]:
    return [
        "vcard",
        [
            ["version", {}, "text", "4.0"],
            ["fn", {}, "text", name],
            ["kind", {}, "text", kind],
            ["adr", {}, "text", ["", "", "Ovenstraat 1", "Utrecht", "", "3500 AA", country]],
            ["email", {}, "text", email],
        ],
    ]


DOMAIN: Mapping[str, object] = {
    "objectClassName": "domain",
    "handle": "D-1",
    "ldhName": "bakery.nl",
    "entities": [
        {
            "objectClassName": "entity",
            "handle": "R-1",
            "roles": ["registrar"],
            "vcardArray": jcard("Registrar B.V.", "info@registrar.nl"),
            "entities": [
                {
                    "objectClassName": "entity",
                    "handle": "A-1",
                    "roles": ["abuse"],
                    "vcardArray": jcard("Abuse desk", "abuse@registrar.nl"),
                }
            ],
        },
        {
            "objectClassName": "entity",
            "handle": "H-1",
            "roles": ["registrant"],
            "vcardArray": jcard("Bakkerij De Korenaar B.V.", "REDACTED FOR PRIVACY"),
        },
        {
            "objectClassName": "entity",
            "handle": "P-1",
            "roles": ["administrative"],
            "vcardArray": jcard("Jan Bakker", "jan@bakery.nl", kind="individual"),
        },
    ],
    "redacted": [{"name": {"description": "Registrant Email"}, "method": "removal"}],
}
NETWORK: Mapping[str, object] = {
    "objectClassName": "ip network",
    "handle": "N-1",
    "name": "BAKERY-NET",
    "country": "nl",
    "startAddress": "145.10.20.0",
    "endAddress": "145.10.20.127",
    "entities": [
        {
            "objectClassName": "entity",
            "handle": "A-2",
            "roles": ["abuse"],
            "vcardArray": jcard("Abuse desk of the ISP", "abuse@isp.nl"),
        }
    ],
}
SEARCH: Mapping[str, object] = {
    "pagina": 1,
    "totaal": 2,
    "resultaten": [
        {"kvkNummer": "01234567", "naam": "Bakkerij De Korenaar B.V.", "type": "rechtspersoon"},
        {"kvkNummer": "76543210", "naam": "De Korenaar Verhuur B.V.", "type": "rechtspersoon"},
    ],
}
PROFILE: Mapping[str, object] = {
    "kvkNummer": "01234567",
    "naam": "Bakkerij De Korenaar B.V.",
    "handelsnamen": [{"naam": "De Korenaar", "volgorde": 1}],
    "totaalWerkzamePersonen": 12,
    "sbiActiviteiten": [{"sbiCode": "1071", "indHoofdactiviteit": "Ja"}],
    "_embedded": {"hoofdvestiging": {"vestigingsnummer": "000012345678"}},
}
BRANCH: Mapping[str, object] = {"vestigingsnummer": "000012345678", "websites": ["www.bakery.nl"]}


@dataclass(frozen=True, slots=True)
class Case:
    """A source, what it is asked and what it then says, and the pages of the server that says it."""

    host: str
    subject: str
    known: Found
    pages: Mapping[str, tuple[str, Body]]
    make: Callable[[PublicTransport, int, Path], OutsideSource]


def security_txt(transport: PublicTransport, port: int, folder: Path) -> OutsideSource:
    return HttpSecurityTxt(transport, seconds=SECONDS, contact="https://tocsin.example/why", port=port)


def rdap_client(transport: PublicTransport, port: int, folder: Path) -> RdapClient:
    url = [f"https://{REGISTRY}:{port}/"]
    documents = {
        "asn": [[["1-2"], url]],
        "dns": [[["nl"], url]],
        "ipv4": [[["145.0.0.0/8"], url]],
        "ipv6": [[["2001:600::/23"], url]],
        "object-tags": [[["x@y.example"], ["X"], url]],
    }
    for name, services in documents.items():
        (folder / f"{name}.json").write_text(json.dumps({"services": services}))
    return RdapClient(transport, Registries(folder), seconds=SECONDS, contact="")


def kvk(transport: PublicTransport, port: int, folder: Path) -> OutsideSource:
    return KvkRegistry(transport, base_url=f"https://{KVK}:{port}/api", api_key="secret", seconds=SECONDS, contact="")


CASES = {
    Source.SECURITY_TXT: Case(
        HOST,
        HOST,
        SecurityTxt(
            f"https://{HOST}/.well-known/security.txt",
            ("security@bakery.nl",),
            ("nl", "en"),
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
        {"/.well-known/security.txt": (TEXT, SECURITY_TXT)},
        security_txt,
    ),
    Source.RDAP_DOMAIN: Case(
        REGISTRY,
        "bakery.nl",
        DomainRegistration(
            domain="bakery.nl",
            registrant="Bakkerij De Korenaar B.V.",
            registrar="Registrar B.V.",
            contacts=(
                PublishedContact("info@registrar.nl", "registrar", "Registrar B.V.", True),
                PublishedContact("abuse@registrar.nl", "abuse", "Abuse desk", True),
                PublishedContact("jan@bakery.nl", "administrative"),
            ),
            redacted=("Registrant Email",),
            country="NL",
        ),
        {"/domain/bakery.nl": (RDAP, DOMAIN)},
        lambda transport, port, folder: RdapDomains(rdap_client(transport, port, folder)),
    ),
    Source.RDAP_NETWORK: Case(
        REGISTRY,
        "145.10.20.9",
        NetworkRegistration(
            network="145.10.20.0 - 145.10.20.127",
            name="BAKERY-NET",
            country="NL",
            contacts=(PublishedContact("abuse@isp.nl", "abuse", "Abuse desk of the ISP"),),
        ),
        {"/ip/145.10.20.9": (RDAP, NETWORK)},
        lambda transport, port, folder: RdapNetworks(rdap_client(transport, port, folder)),
    ),
    Source.COMPANY_REGISTRY: Case(
        KVK,
        "Bakkerij de Korenaar",
        Companies(
            (
                Company(
                    number="01234567",
                    name="Bakkerij De Korenaar B.V.",
                    country="NL",
                    other_names=("De Korenaar",),
                    sites=("www.bakery.nl",),
                    sectors=("sbi-2008:1071",),
                    employees=12,
                ),
                Company(number="76543210", name="De Korenaar Verhuur B.V.", country="NL"),
            )
        ),
        {
            "/api/v2/zoeken": (JSON, SEARCH),
            "/api/v1/basisprofielen/01234567": (JSON, PROFILE),
            "/api/v1/vestigingsprofielen/000012345678": (JSON, BRANCH),
        },
        kvk,
    ),
}
KNOWS_NOTHING = {
    (Source.SECURITY_TXT, Mood.SHOWS_A_PAGE),  # a page that is shown for every path
    (Source.SECURITY_TXT, Mood.TALKS_NONSENSE),  # a text without a contact
    (Source.SECURITY_TXT, Mood.SPLITS_LETTERS),
}

WANTS_PEACE = {Mood.TOO_OFTEN: timedelta(minutes=5), Mood.WANTS_PEACE_FOR_EVER: timedelta(days=1)}


def is_here(ip: IPAddress) -> bool:
    return ip in LOOPBACK


class Stage:
    """One source with its guard, and the server behind it."""

    def __init__(self, case: Case, server: WebServer, guarded: Guarded, source: Source) -> None:
        self.case, self.server, self.guarded, self._source = case, server, guarded, source

    async def ask(self, subject: str | None = None) -> Answer:
        async with asyncio.timeout(HANGS):
            return await self.guarded.ask(Enquiry(self._source, subject or self.case.subject), at=NOW)


@pytest.fixture(params=list(CASES), ids=str)
def source(request: pytest.FixtureRequest) -> Source:
    found: Source = request.param
    return found


@pytest.fixture
async def stage(source: Source, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(source, tmp_path) as found:
        yield found


@asynccontextmanager
async def staged(source: Source, folder: Path, *, certificate_for: str | None = None) -> AsyncIterator[Stage]:
    case = CASES[source]
    pem = certificate(folder, certificate_for or case.host)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pem)
    transport = PublicTransport(
        StaticDns(known_addresses={case.host: ("127.0.0.1",)}),
        most_bytes=512 * 1024,
        tls=ssl.create_default_context(cafile=str(pem)),
        may_reach=is_here,
        insecure=True,
    )
    limits = Limits(seconds=SECONDS, per_second=1000.0, failures=3, rest_seconds=60.0)
    async with WebServer(case.pages).running(tls=theirs) as server:
        guarded = Guarded(case.make(transport, server.port, folder), limits)
        yield Stage(case, server, guarded, source)
        await guarded.close()


async def test_it_is_read_as_it_is_published(stage: Stage) -> None:
    answer = await stage.ask()

    assert answer.failure == ""
    assert without_port(answer.found, stage.server.port) == stage.case.known
    assert answer.until > NOW + timedelta(days=2)


def without_port(found: Found | None, port: int) -> Found | None:
    if isinstance(found, SecurityTxt):
        return SecurityTxt(found.url.replace(f":{port}", ""), found.emails, found.languages, found.expires_at)
    return found


async def test_what_is_not_there_is_not_known_and_that_is_remembered_for_a_day(stage: Stage) -> None:
    stage.server.pages.clear()
    answer = await stage.ask()
    assert (answer.found, answer.failure, answer.until) == (None, "", NOW + timedelta(days=1))


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.FINE])
async def test_whatever_goes_wrong_is_an_answer_in_words(stage: Stage, source: Source, mood: Mood) -> None:
    stage.server.mood = mood

    answer = await stage.ask()

    assert answer.found is None
    assert (answer.failure == "") is ((source, mood) in KNOWS_NOTHING), answer
    stage.server.mood = Mood.FINE
    again = await stage.ask()
    if mood in WANTS_PEACE and source is not Source.SECURITY_TXT:
        assert answer.until == NOW + WANTS_PEACE[mood]
        assert "left alone" in again.failure
        assert "too often" in again.failure
    else:
        assert without_port(again.found, stage.server.port) == stage.case.known


async def test_a_server_that_is_not_there_is_an_answer_too(source: Source, tmp_path: Path) -> None:
    async with staged(source, tmp_path) as stage:
        await stage.server.stop()
        assert (await stage.ask()).failure == "it takes no connection"


async def test_a_certificate_of_somebody_else_is_none(source: Source, tmp_path: Path) -> None:
    async with staged(source, tmp_path, certificate_for="other.nl") as stage:
        assert (await stage.ask()).failure == "its certificate is not right"
        assert stage.server.asked.total() == 0


async def test_a_registry_that_fails_again_and_again_is_left_alone(source: Source, tmp_path: Path) -> None:
    """But not the security.txt of all hosts, because those of three were away."""
    async with staged(source, tmp_path) as stage:
        stage.server.mood = Mood.BREAKS
        for _ in range(3):
            assert (await stage.ask()).failure == "it answers 500"
        asked = stage.server.asked.total()
        stage.server.mood = Mood.FINE

        answer = await stage.ask()

    is_alone = source is not Source.SECURITY_TXT
    assert ("left alone" in answer.failure) is is_alone
    assert (stage.server.asked.total() == asked) is is_alone
    assert (stage.guarded.room() == 0) is is_alone


async def test_the_fake_keeps_the_same_promises(source: Source) -> None:
    known = CASES[source].known
    fake = StaticSource(source, known={"known": known}, failing={"failing": "it is away"})
    guarded = Guarded(fake, Limits(seconds=SECONDS))

    answers = [await guarded.ask(Enquiry(source, subject), at=NOW) for subject in ("known", "unknown", "failing")]

    assert [answer.found for answer in answers] == [known, None, None]
    assert [answer.failure for answer in answers] == ["", "", "it is away"]


async def test_a_name_that_leads_inward_is_not_gone_to(tmp_path: Path) -> None:
    async with staged(Source.SECURITY_TXT, tmp_path) as stage:
        for address in ("10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1", "::ffff:192.168.0.1"):
            transport = PublicTransport(
                StaticDns(known_addresses={HOST: (address, "145.10.20.9")}), most_bytes=1024, insecure=True
            )
            guarded = Guarded(security_txt(transport, stage.server.port, tmp_path), Limits(seconds=SECONDS))
            answer = await guarded.ask(Enquiry(Source.SECURITY_TXT, HOST), at=NOW)
            await guarded.close()
            assert "not a public one" in answer.failure
        assert ip_address("127.0.0.1") in LOOPBACK
        assert stage.server.asked.total() == 0


@pytest.mark.parametrize("host", ["localhost", "printer.local", "router", "x.internal", "hidden.onion", "127.0.0.1"])
async def test_what_is_no_name_on_the_internet_is_not_asked(host: str) -> None:
    transport = PublicTransport(StaticDns(known_addresses={host: ("145.10.20.9",)}), most_bytes=1024)
    guarded = Guarded(HttpSecurityTxt(transport, seconds=SECONDS, contact=""), Limits(seconds=SECONDS))
    answer = await guarded.ask(Enquiry(Source.SECURITY_TXT, host), at=NOW)
    await guarded.close()
    assert answer.failure in {
        "the host is no name on the internet",
        "the host is at an address that is not a public one",
    }
