"""A claim is put to the registry's contact by a real broker and mail, and the code that comes back proves it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.background import BackgroundStack
from deploy.local.mail_sink import listen
from libs.common.consumer import BatchConsumer
from libs.common.contracts import Asset, ClaimToConfirm
from libs.common.migrations import migrate
from libs.common.outbox import OutboxRelay
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution.app import build
from services.attribution.domain.answers import DomainRegistration, Found, MailExchange, PublishedContact, Source
from services.attribution.gateway.guard import Limits, Sources
from services.attribution.gateway.sources import StaticSource
from services.attribution.handlers import ProofRounds
from services.attribution.settings import AttributionSettings
from services.notifier.app import build as build_notifier
from services.notifier.settings import NotifierSettings
from tests.conftest import Kafka
from tests.databases import new_database
from tests.integration.attribution.test_organisations import ChangingDns
from tests.integration.test_attribution import RIPE, Answer, Desk, in_short, token, until_read
from tests.unit.attribution.builders import a_threat as threat

CLAIMS_URL = "https://claims.tocsin.example"
ADMIN = "admin@salon.example"
SHOP = Asset(domain="www.salon.example")
KNOWN: Mapping[str, Found] = {
    "salon.example": DomainRegistration(
        "salon.example", contacts=(PublishedContact(ADMIN, "administrative"),), country="NL"
    ),
    "hidden.example": DomainRegistration("hidden.example", redacted=("Registrant Email",)),
    "mute.example": DomainRegistration("mute.example", redacted=("Registrant Email",)),
}
TAKES_MAIL: Mapping[str, Found] = {
    "hidden.example": MailExchange("hidden.example", takes_mail=True),
    "mute.example": MailExchange("mute.example", takes_mail=False),
}
QUICK = Limits(per_second=100)


@dataclass(frozen=True)
class Office:
    """The running service with its API."""

    service: Service
    client: httpx.AsyncClient
    desk: Desk

    async def claim(self, value: str, *, name: str = "Salon", kind: str = "domain", contact: str = "") -> str:
        """The path of an asset that a new organisation claims and has not proven."""
        organisation = await self.desk.add_organisation(name, email=contact or f"security@{name.lower()}.example")
        path = f"/v1/organisations/{organisation}/assets"
        asset = await self.desk.ask("POST", path, {"kind": kind, "value": value, "vouched": False}, status=201)
        return f"{path}/{asset['asset_id']}"

    async def ask(self, asset: str, *, status: int = 202) -> Answer:
        return await self.desk.ask("POST", f"{asset}/ask-contact", status=status)

    async def confirm(self, asset: str, code: str, *, status: int = 200) -> Answer:
        return await self.desk.ask("POST", f"{asset}/confirm", {"code": code}, status=status)

    async def mailed(self) -> list[ClaimToConfirm]:
        """What the notifier is told, in its order."""
        return [event for event in await self.desk.sent() if isinstance(event, ClaimToConfirm)]

    async def page(self, claim: ClaimToConfirm, **form: str) -> httpx.Response:
        """The page that the mail leads to; with a form, what it answers."""
        path = claim.url.removeprefix(CLAIMS_URL)
        assert path.startswith("/claims/")
        return await (self.client.post(path, data=form) if form else self.client.get(path))

    async def warned(self, asset: Asset = SHOP) -> str:
        (short,) = in_short(await self.desk.attribute(threat(asset)))
        return short

    async def state(self, asset: str) -> str:
        state: str = (await self.desk.ask("GET", asset))["proof"]["state"]
        return state

    async def later(self, by: timedelta) -> None:
        """All that was asked was asked so much earlier."""
        async with self.service.database.transaction() as tx:
            await tx.fetch(
                "UPDATE contact_proof SET asked_at = asked_at - $1::interval, expires_at = expires_at - $1::interval",
                by,
            )

    async def refused_claims(self) -> int:
        """How many the desk has to look at."""
        found = await self.desk.ask("GET", "/v1/overdue")
        [state] = [item for item in found["items"] if item["state"] == "claim-refused"]
        waiting: int = state["waiting"]
        return waiting


@asynccontextmanager
async def opened(database_url: str, kafka: str, key: Ed25519PrivateKey, public_key: str) -> AsyncIterator[Office]:
    await asyncio.to_thread(migrate, "attribution", database_url)
    settings = AttributionSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka,
        operator_public_key=public_key,
        claims_url=CLAIMS_URL,
    )
    known = ((Source.RDAP_DOMAIN, KNOWN), (Source.MAIL_EXCHANGE, TAKES_MAIL))
    failing = {"away.example": "no answer within 10 seconds"}
    outside = Sources.of([(StaticSource(source, found, failing), QUICK) for source, found in known])
    service, shutdown = build(settings, outside=outside, dns=ChangingDns()), Shutdown()
    running = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until_read(service)
    transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token(key)}"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            yield Office(service, client, Desk(service, client))
    finally:
        shutdown.request()
        await running
        await service.publisher.close()
        await service.database.close()


@pytest.fixture
async def office(database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> AsyncIterator[Office]:
    async with opened(database_url, "127.0.0.1:1", operator_key, operator_public_key) as office:
        yield office


async def test_a_code_that_was_mailed_to_the_registrys_contact_proves_the_claim(
    kafka: Kafka,
    infrastructure: BackgroundStack,
    database_url: str,
    operator_key: Ed25519PrivateKey,
    operator_public_key: str,
    tmp_path: Path,
) -> None:
    """From the desk over the broker to the mailbox, and back by hand."""
    async with (
        new_database(infrastructure.endpoints.postgres) as other_database,
        opened(database_url, kafka.bootstrap, operator_key, operator_public_key) as office,
        mailing(kafka, other_database, operator_public_key, tmp_path) as notifier,
    ):
        salon = await office.claim("salon.example")
        asked = await office.ask(salon)
        assert (asked["contact"], asked["source"], asked["tries_left"]) == (ADMIN, "rdap-domain", 5)

        relay = OutboxRelay(
            database=office.service.database,
            publisher=office.service.publisher,
            service="attribution",
            retry_max_seconds=1,
        )
        shutdown = Shutdown()
        shutdown.request()
        await relay.run(shutdown)
        mail = await one_mail(tmp_path)

        code = code_in(mail)
        assert mail["To"].endswith(f"<{ADMIN}>")
        assert (await office.confirm(salon, "AAAA-AAAA-AAAA", status=409))["type"].endswith("/wrong-code")
        assert await office.state(salon) == "challenged"
        proven = (await office.confirm(salon, code.lower()))["proof"]
        assert (proven["state"], proven["method"]) == ("proven", "contact")
        assert await office.warned() == "security@salon.example"
        assert (await office.confirm(salon, code, status=409))["type"].endswith("/code-used")
        await until_forgotten(notifier, code)


@asynccontextmanager
async def mailing(kafka: Kafka, database_url: str, operator_public_key: str, mails: Path) -> AsyncIterator[Service]:
    """The notifier with a mailbox of its own."""
    await asyncio.to_thread(migrate, "notifier", database_url)
    sink = await listen(host="127.0.0.1", port=0, maildir=mails)
    settings = NotifierSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
        smtp_port=sink.sockets[0].getsockname()[1],
        smtp_security="none",
        public_url="https://tocsin.example",
        link_key="sixteen or more characters",
    )
    await kafka.start_group_here("tocsin-notifier")
    service, shutdown = build_notifier(settings), Shutdown()
    consumer = BatchConsumer(
        service="notifier",
        settings=settings,
        subscriptions=service.subscriptions,
        database=service.database,
        publisher=service.publisher,
    )
    running = asyncio.gather(*(task(shutdown) for task in (consumer.run, *service.tasks)))
    try:
        yield service
    finally:
        shutdown.request()
        await running
        await service.publisher.close()
        await service.database.close()
        sink.close()


async def one_mail(mails: Path) -> EmailMessage:
    async with asyncio.timeout(30):
        while not (found := list((mails / "new").iterdir())):
            await asyncio.sleep(0.05)
    [file] = found
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def code_in(mail: EmailMessage) -> str:
    text = mail.get_body(("plain",))
    assert text is not None
    [code] = re.findall(r"^ +([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})\r?$", text.get_content(), re.MULTILINE)
    assert isinstance(code, str)
    return code


async def until_forgotten(notifier: Service, code: str) -> None:
    """Once the mail has left, nobody but its reader knows the code."""
    async with asyncio.timeout(10):
        while True:
            async with notifier.database.transaction() as tx:
                [row] = await tx.fetch("SELECT state, due FROM digests")
            if row["state"] == "sent":
                break
            await asyncio.sleep(0.05)
    assert code.encode() not in row["due"]


async def test_the_contacts_no_refuses_the_claim_tells_the_desk_and_is_not_asked_again(office: Office) -> None:
    salon = await office.claim("salon.example")
    await office.ask(salon)
    [claim] = await office.mailed()

    shown = await office.page(claim)
    assert (shown.status_code, await office.state(salon)) == (200, "challenged"), "looking changes nothing"
    assert "salon[.]example" in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (await office.page(claim, answer="perhaps")).status_code == 422
    assert (await office.page(claim, answer="no")).status_code == 200

    assert await office.state(salon) == "revoked"
    assert await office.refused_claims() == 1
    assert (await office.page(claim, answer="yes", code=claim.code)).status_code == 422, "a no stands"
    assert (await office.ask(salon, status=409))["type"].endswith("/refused-by-contact")
    changes = await office.desk.items(f"{salon.partition('/assets')[0]}/changes")
    assert [change["what"] for change in changes if change["what"].startswith("registry")] == [
        "registry-contact-answered",
        "registry-contact-asked",
    ]
    assert claim.code not in str(changes)
    await office.desk.ask("POST", f"{salon}/vouch", {"note": "extract of the register seen"})
    assert await office.refused_claims() == 0


async def test_the_page_takes_the_code_and_a_desk_that_heard_a_no_can_say_so(office: Office) -> None:
    salon, butcher = await office.claim("salon.example"), await office.claim("shop.salon.example", name="Butcher")
    await office.ask(salon)
    await office.ask(butcher)
    first, second = await office.mailed()

    wrong = await office.page(first, answer="yes", code=second.code)
    assert wrong.status_code == 422
    assert "4 keer" in wrong.text
    assert (await office.page(first, answer="yes", code=first.code)).status_code == 200
    assert await office.state(salon) == "proven"
    await office.desk.ask("POST", f"{butcher}/refuse")
    assert await office.state(butcher) == "revoked"
    assert (await office.client.get("/claims/unknown")).status_code == 404

    await office.desk.ask("DELETE", butcher, status=204)
    assert (await office.page(second, answer="yes", code=second.code)).status_code == 422, "it is nobody's claim now"


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MISSING = {"nl": "bestaat niet", "en": "does not exist", "de": "gibt es nicht"}


@pytest.mark.parametrize("language", MISSING)
async def test_a_link_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(
    office: Office, language: str
) -> None:
    headers = {**BROWSER, "Accept-Language": language}
    addresses = ["/claims/unknown", f"/claims/{'x' * 400}", "/claims/a%00b", "/claims/%ff", "/claims/", "/claims/a/b"]

    for address in addresses:
        page = await office.client.get(address, headers=headers)
        assert page.status_code == 404, (address, page.text)
        assert page.headers["content-type"].startswith("text/html"), address
        assert (page.headers["content-language"], MISSING[language] in page.text) == (language, True), address
        assert page.headers["content-security-policy"].startswith("default-src 'none'"), address
        problem = await office.client.get(address)
        assert problem.headers["content-type"] == "application/problem+json", address
    answered = await office.client.post("/claims/unknown", data={"answer": "no"}, headers=headers)
    assert (answered.status_code, MISSING[language] in answered.text) == (404, True)
    assert (await office.client.get("/v1/nothing", headers=headers)).headers["content-type"].endswith("problem+json")
    asked_otherwise = await office.client.get("/claims/unknown?lang=de", headers=headers)
    assert asked_otherwise.headers["content-language"] == "de"


async def test_a_question_that_is_over_is_not_asked_again(office: Office) -> None:
    salon = await office.claim("salon.example")
    await office.ask(salon)
    await office.ask(salon)
    older, newest = await office.mailed()
    office.client.headers.update(BROWSER)

    superseded = await office.page(older)
    assert (superseded.status_code, "<form" in superseded.text) == (200, False)
    assert "nieuwste" in superseded.text
    assert "said bad" in superseded.text
    odd = await office.page(newest, answer="perhaps")
    assert (odd.status_code, odd.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "<form" in (await office.page(newest)).text
    assert "<form" in (await office.page(newest, answer="yes", code="wrong")).text

    await office.later(timedelta(days=7))
    expired = await office.page(newest)
    assert (expired.status_code, "<form" in expired.text, "said bad" in expired.text) == (200, False, True)
    assert "U kon antwoorden tot" in expired.text
    late = await office.page(newest, answer="yes", code=newest.code)
    assert (late.status_code, "<form" in late.text) == (422, False)


async def test_what_was_answered_well_says_so(office: Office) -> None:
    salon = await office.claim("salon.example")
    await office.ask(salon)
    (claim,) = await office.mailed()
    assert "said good" in (await office.page(claim, answer="yes", code=claim.code)).text

    again = await office.page(claim)
    assert (again.status_code, "said good" in again.text, "<form" in again.text) == (200, True, False)


async def test_a_code_dies_by_five_wrong_ones_by_time_and_by_a_newer_one(office: Office) -> None:
    salon = await office.claim("salon.example")
    await office.ask(salon)
    codes = [await office.confirm(salon, "nonsense", status=409) for _ in range(6)]
    assert [code["type"].rpartition("/")[2] for code in codes] == 4 * ["wrong-code"] + 2 * ["too-many-tries"]
    [claim] = await office.mailed()
    assert (await office.confirm(salon, claim.code, status=409))["type"].endswith("/too-many-tries")

    await office.ask(salon)
    await office.later(timedelta(days=7))
    assert (await office.confirm(salon, (await office.mailed())[-1].code, status=409))["type"].endswith("/code-expired")

    for _ in range(2):
        await office.ask(salon)
    older, newest = (await office.mailed())[-2:]
    assert (await office.page(older, answer="yes", code=older.code)).status_code == 422
    assert (await office.confirm(salon, older.code, status=409))["type"].endswith("/wrong-code")
    assert (await office.confirm(salon, newest.code))["proof"]["state"] == "proven"
    states = [item["state"] for item in (await office.desk.ask("GET", f"{salon}/contact-proofs"))["items"]]
    assert states == ["confirmed", "superseded", "open", "exhausted"]


async def test_no_contact_is_mailed_more_than_three_times_a_day_whoever_claims_what(office: Office) -> None:
    claims = [await office.claim(f"{name}.salon.example", name=name) for name in ("a", "b", "c", "d")]
    for claim in claims[:3]:
        await office.ask(claim)
        await office.desk.ask("DELETE", claim, status=204)
    assert (await office.ask(claims[3], status=409))["type"].endswith("/asked-too-often")
    await office.later(timedelta(days=1))
    await office.ask(claims[3])
    assert len(await office.mailed()) == 4


async def test_only_a_contact_that_the_registry_names_is_asked(office: Office) -> None:
    for number, (value, contact, asked) in enumerate(
        (
            ("www.hidden.example", "", "postmaster@hidden.example"),
            ("mute.example", "", "no-registry-contact"),
            ("unknown.example", "", "no-registry-contact"),
            ("away.example", "", "registry-away"),
            ("salon.github.io", "", "no-registry-contact"),
            ("salon.example", "Admin@salon.example", "contact-is-claimants"),
        )
    ):
        path = await office.claim(value, name=f"Salon{number}", contact=contact)
        answer = await office.ask(path, status=202 if "@" in asked else 409)
        assert answer.get("contact", answer.get("type", "").rpartition("/")[2]) == asked
    assert len(await office.mailed()) == 1


async def test_a_range_is_asked_of_its_networks_desk_while_the_import_is_young(office: Office) -> None:
    own = {"name": "Florist", "kind": "ip-range"}
    assert (await office.ask(await office.claim("192.0.2.16/28", **own), status=409))["type"].endswith(
        "/registry-not-asked"
    )
    await office.desk.bring_in("ripe", RIPE, made_on=datetime.now(UTC).date().isoformat())
    within, wide = await office.claim("192.0.2.0/28", **own), await office.claim("192.0.2.0/23", **own)
    assert (await office.ask(within))["contact"] == "abuse@isp.example"
    assert (await office.ask(wide, status=409))["type"].endswith("/not-one-network")

    old = (datetime.now(UTC) - timedelta(days=60)).date().isoformat()
    await office.desk.bring_in("ripe", RIPE.replace(b"ISP-NET", b"ISP-OLD"), made_on=old, force="true")
    await office.service.checks["directory"]()
    async with asyncio.timeout(10):
        while (await office.client.post(f"{within}/ask-contact")).status_code == 202:
            await asyncio.sleep(0.1)


async def test_a_confirmed_claim_ends_after_a_year_unless_it_is_asked_anew(office: Office) -> None:
    salon = await office.claim("salon.example")
    await office.ask(salon)
    await office.confirm(salon, (await office.mailed())[-1].code)
    async with office.service.database.transaction() as tx:
        shifts = ", ".join(f"{column} = {column} - interval '366 days'" for column in ("proven_until", "check_at"))
        await tx.fetch(f"UPDATE organisation_asset SET {shifts}")
    await ProofRounds(office.service.database, None).work_off()
    assert await office.state(salon) == "lapsed"
