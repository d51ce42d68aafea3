"""Organisations on a real database: nobody hears of an asset that is not proven, or that another one claims too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, AssetRegistered, Encryption, TargetAttributed
from libs.common.dns import DnsFailed, MailHost
from libs.common.ids import new_id
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution.app import build
from services.attribution.domain.imports import UNDER_WAY
from services.attribution.handlers import ProofRounds
from services.attribution.settings import AttributionSettings
from tests.databases import make_tables
from tests.integration.test_attribution import Answer, Desk, in_short, token, until_read
from tests.unit.attribution.builders import a_threat as threat
from tests.unit.attribution.test_keys import NEVER_ENDS

SHOP = Asset(domain="www.bakery.example")


class ChangingDns:
    """Knows the TXT records that a test gives it; in `failing` are names whose servers are away."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, ...]] = {}
        self.failing: set[str] = set()

    async def texts(self, name: str) -> tuple[str, ...]:
        if name in self.failing:
            raise DnsFailed(f"no name server answers for {name}")
        return self.records.get(name, ())

    async def addresses(self, name: str) -> tuple[str, ...]:
        return ()

    async def mail_hosts(self, name: str) -> tuple[MailHost, ...]:
        return ()

    async def names_of(self, address: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Office:
    """The running service with its API, its database and the DNS that it asks."""

    service: Service
    client: httpx.AsyncClient
    desk: Desk
    dns: ChangingDns

    async def add(self, name: str, **fields: object) -> str:
        """The path of a new organisation that can be written to."""
        body = {"name": name, "country": "NL", **fields}
        added = await self.desk.ask("POST", "/v1/organisations", body, status=201)
        path = f"/v1/organisations/{added['organisation_id']}"
        await self.desk.ask("POST", f"{path}/contacts", {"email": f"security@{name.lower()}.example"}, status=201)
        return path

    async def register(self, path: str, value: str, *, kind: str = "domain", vouched: bool = True) -> Answer:
        body = {"kind": kind, "value": value, "vouched": vouched}
        return await self.desk.ask("POST", f"{path}/assets", body, status=201)

    async def warned(self, asset: Asset = SHOP) -> str:
        """Who is warned of a threat to this asset, or why nobody is."""
        (short,) = in_short(await self.desk.attribute(threat(asset)))
        return short

    async def encryptions(self) -> list[Encryption | None]:
        """With what the mails to those that are warned are to be encrypted."""
        events = await self.desk.attribute(threat(SHOP))
        return [event.recipient.encryption for event in events if isinstance(event, TargetAttributed)]

    async def told(self) -> list[tuple[str, bool]]:
        """What the verifier has been told, in its order."""
        events = await self.desk.sent()
        return [(event.value, event.is_registered) for event in events if isinstance(event, AssetRegistered)]

    async def decide(self, keep: str, *, status: int = 200) -> Answer:
        """The one conflict that waits."""
        (conflict,) = await self.desk.items("/v1/conflicts")
        path = f"/v1/conflicts/{conflict['conflict_id']}"
        return await self.desk.ask("POST", path, {"keep": keep, "note": "seen"}, status=status)

    async def later(self, days: int) -> None:
        """All that is kept of proofs has happened so much earlier; then their round is made."""
        columns = ("challenged_at", "proven_at", "proven_until", "check_at", "missing_since")
        shifts = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
        async with self.service.database.transaction() as tx:
            await tx.fetch(f"UPDATE organisation_asset SET {shifts}", timedelta(days=days))
        await ProofRounds(self.service.database, self.dns).work_off()


@pytest.fixture
async def office(database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> AsyncIterator[Office]:
    await asyncio.to_thread(make_tables, "attribution", database_url)
    settings = AttributionSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
    )
    dns = ChangingDns()
    service = build(settings, dns=dns)
    shutdown = Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until_read(service)
    transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token(operator_key)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
        yield Office(service, client, Desk(service, client), dns)
    shutdown.request()
    await tasks
    await service.database.close()


async def test_what_two_claim_is_nobodys_until_a_person_decides(office: Office) -> None:
    bakery, butcher = await office.add("Bakery"), await office.add("Butcher")
    first = await office.register(bakery, "bakery.example")
    assert await office.warned() == "security@bakery.example"

    second = await office.register(butcher, "bakery.example")

    assert (first["contested"], second["contested"]) == (False, True)
    assert await office.warned() == "no-recipient"
    assert await office.told() == [("bakery.example", True), ("bakery.example", False)]

    decided = await office.decide("second")
    assert (decided["first"]["asset"]["proof"]["state"], decided["second"]["asset"]["contested"]) == ("revoked", False)
    assert await office.warned() == "security@butcher.example"
    assert await office.desk.items("/v1/conflicts") == []
    await office.desk.ask("POST", f"/v1/conflicts/{decided['conflict_id']}", {"keep": "first"}, status=409)

    await office.desk.ask("POST", f"{bakery}/assets/{first['asset_id']}/vouch", {"note": "bought it back"})
    assert await office.warned() == "no-recipient", "what was decided is open again"
    await office.decide("both")
    assert await office.warned() == "security@bakery.example", "who has proven it last"
    await office.desk.ask("DELETE", bakery, status=204)
    assert await office.warned() == "security@butcher.example"


async def test_two_who_claim_the_same_at_the_same_moment_see_each_other(office: Office) -> None:
    paths = [await office.add(f"Bakery{number}") for number in range(4)]
    await asyncio.gather(*(office.register(path, "bakery.example") for path in paths))
    assert await office.warned() == "no-recipient"
    assert len(await office.desk.items("/v1/conflicts")) == 6


async def test_an_unproven_claim_takes_nothing_from_anybody_and_counts_once_it_is_proven(office: Office) -> None:
    provider, customer = await office.add("Provider"), await office.add("Customer")
    await office.register(provider, "192.0.2.0/24", kind="ip-range")
    await office.register(provider, "provider.example")
    inner = await office.register(customer, "192.0.2.7", kind="ip-range", vouched=False)
    name = await office.register(customer, "shop.provider.example", vouched=False)
    address, shop = Asset(ip="192.0.2.7"), Asset(domain="www.shop.provider.example")
    assert await office.desk.items("/v1/conflicts") == []
    assert [await office.warned(asset) for asset in (address, shop)] == ["security@provider.example"] * 2
    assert [value for value, _ in await office.told()] == ["192.0.2.0/24", "provider.example"]

    await office.desk.ask("POST", f"{customer}/assets/{inner['asset_id']}/challenge", status=409)
    challenged = await office.desk.ask("POST", f"{customer}/assets/{name['asset_id']}/challenge")
    record, prove = challenged["proof"]["record"], f"{customer}/assets/{name['asset_id']}/prove"
    office.dns.failing.add(record["name"])
    assert (await office.desk.ask("POST", prove, status=409))["type"] == "/problems/no-answer"
    office.dns.failing.clear()
    assert (await office.desk.ask("POST", prove, status=409))["type"] == "/problems/not-proven"
    office.dns.records[record["name"]] = (record["value"],)
    assert (await office.desk.ask("POST", prove))["proof"]["state"] == "proven"

    assert [await office.warned(asset) for asset in (address, shop)] == [
        "security@provider.example",
        "security@customer.example",
    ]
    assert (await office.told())[-1] == ("shop.provider.example", True)


async def test_a_proof_is_renewed_while_its_record_stays_and_lost_at_once_when_it_is_gone(office: Office) -> None:
    bakery = await office.add("Bakery")
    asset = await office.register(bakery, "bakery.example", vouched=False)
    path = f"{bakery}/assets/{asset['asset_id']}"
    record = (await office.desk.ask("POST", f"{path}/challenge"))["proof"]["record"]
    office.dns.records[record["name"]] = (record["value"],)
    first = await office.desk.ask("POST", f"{path}/prove")

    await office.later(days=340)
    renewed = await office.desk.ask("GET", path)
    assert renewed["proof"]["proven_until"] >= first["proof"]["proven_until"]

    office.dns.failing.add(record["name"])
    await office.later(days=340)
    assert await office.warned() == "security@bakery.example", "servers that are away prove nothing"
    office.dns.failing.clear()
    office.dns.records.clear()
    for _ in range(3):
        await office.later(days=1)
        assert await office.warned() == "security@bakery.example"
    await office.later(days=1)

    assert await office.warned() == "no-recipient"
    (lapsed,) = (await office.desk.ask("GET", "/v1/proofs?state=lapsed"))["items"]
    assert (lapsed["asset_id"], lapsed["proof"]["method"]) == (asset["asset_id"], "dns")
    assert (await office.told())[-1] == ("bakery.example", False)
    newest = (await office.desk.items(f"{bakery}/changes"))[0]
    assert (newest["by"], newest["after"]["state"]) == ("attribution", "lapsed")


async def test_the_desks_word_ends_after_a_year_and_an_import_renews_it(office: Office) -> None:
    content = b"name,country,domains,contacts\nBakery,NL,bakery.example,security@bakery.example\n"
    await office.desk.bring_in("organisations", content)
    await office.later(days=300)
    await office.desk.bring_in("organisations", content)
    await office.later(days=300)
    assert await office.warned() == "security@bakery.example"
    await office.later(days=66)
    assert await office.warned() == "no-recipient"


async def test_what_an_older_release_registers_is_proven_by_the_desk_and_gets_an_end(office: Office) -> None:
    path = await office.add("Bakery")
    async with office.service.database.transaction() as tx:
        await tx.fetch(
            """INSERT INTO organisation_asset (asset_id, organisation_id, kind, value, created_at, is_told)
               VALUES ($1, $2, 'domain', 'bakery.example', now(), true)""",
            new_id(),
            path.rpartition("/")[2],
        )
        await tx.fetch("UPDATE directory_version SET version = version + 1")
    assert await office.warned() == "security@bakery.example"

    await office.later(days=0)

    (asset,) = await office.desk.items(f"{path}/assets")
    assert (asset["proof"]["state"], asset["proof"]["method"]) == ("proven", "desk")
    assert datetime.fromisoformat(asset["proof"]["proven_until"]) > datetime.now(UTC) + timedelta(days=360)


async def test_a_contact_outside_its_time_is_not_written_to(office: Office) -> None:
    path = await office.add("Bakery")
    await office.register(path, "bakery.example")
    (security,) = await office.desk.items(f"{path}/contacts")
    later = {"email": "it@bakery.example", "role": "technical", "pgp_key": NEVER_ENDS}
    kept = await office.desk.ask("POST", f"{path}/contacts", later, status=201)
    assert kept["pgp_key"]["fingerprint"] == "63124c6d5df604cbe5f86f36b0e780879984674d"

    change = {"valid_until": "2026-01-01T00:00:00Z"}
    changed = await office.desk.ask("PATCH", f"{path}/contacts/{security['contact_id']}", change)
    assert (changed["in_force"], changed["email"]) == (False, "security@bakery.example")
    assert await office.warned() == "it@bakery.example"
    assert Encryption(pgp_key=NEVER_ENDS) in await office.encryptions()
    emptied = {"valid_until": None, "email": "it@bakery.example"}
    await office.desk.ask("PATCH", f"{path}/contacts/{security['contact_id']}", emptied, status=409)
    await office.desk.ask("PATCH", f"{path}/contacts/{security['contact_id']}", {"valid_until": None})
    assert await office.warned() == "security@bakery.example"
    await office.desk.ask("POST", f"{path}/contacts", {"email": "a@a.example", "pgp_key": "x"}, status=422)

    changes = await office.desk.items(f"{path}/changes")
    assert [change["what"] for change in changes] == [
        "contact-changed",
        "contact-changed",
        "contact-added",
        "asset-registered",
        "contact-added",
        "organisation-added",
    ]
    assert changes[1]["before"] == {"valid_until": None}
    assert "BEGIN" not in str(changes)


async def test_two_that_are_one_become_one(office: Office) -> None:
    one = await office.add("Bakery", kvk_number="01234567")
    other = await office.add("BakeryShop", other_names=["Bakery bv"])
    await office.register(one, "bakery.example")
    await office.register(one, "both.example")
    await office.register(other, "both.example", vouched=False)
    (pair,) = await office.desk.items("/v1/organisations/duplicates")
    assert {each["what"] for each in pair["why"]} == {"same-name", "same-asset"}
    into = {"into": other.rpartition("/")[2]}

    await office.desk.ask("PATCH", one, {"criticality": "essential"})
    refused = await office.desk.ask("POST", f"{one}/merge", into, status=409)
    assert [each["code"] for each in refused["errors"]] == ["other-criticality"]
    await office.desk.ask("PATCH", one, {"criticality": "none"})
    preview = await office.desk.ask("POST", f"{one}/merge?dry_run=true", into)
    assert (preview["assets"], preview["objections"]) == (["bakery.example", "both.example"], [])
    assert await office.warned() == "security@bakery.example"
    assert await office.desk.ask("POST", f"{one}/merge", into) == {**preview, "dry_run": False}

    merged = await office.desk.ask("GET", other)
    assert (merged["name"], merged["kvk_number"]) == ("BakeryShop", "01234567")
    assert set(merged["other_names"]) == {"Bakery bv", "Bakery"}
    assets = await office.desk.items(f"{other}/assets")
    assert {(each["value"], each["proof"]["state"], each["contested"]) for each in assets} == {
        ("bakery.example", "proven", False),
        ("both.example", "proven", False),
    }
    assert len(await office.desk.items(f"{other}/contacts")) == 2
    assert await office.desk.items("/v1/conflicts") == []
    found = await office.desk.ask("GET", "/v1/lookup?domain=www.bakery.example")
    assert found["recipient"]["organisation_id"] == into["into"]
    gone = await office.client.get(one)
    assert (gone.status_code, gone.headers["Location"]) == (410, other)
    await office.desk.ask("POST", f"{one}/assets", {"kind": "domain", "value": "c.example"}, status=410)
    await office.desk.ask("PATCH", one, {"name": "x"}, status=410)


async def test_an_export_is_read_back_unchanged_and_a_preview_changes_nothing(office: Office) -> None:
    bakery, butcher = await office.add("Bakery", sector="sbi-2008:1071"), await office.add("Bakery")
    await office.register(bakery, "bakery.example")
    await office.register(butcher, "bakery.example")
    await office.register(butcher, "192.0.2.0/24", kind="ip-range", vouched=False)
    exported = (await office.client.get("/v1/organisations/export")).content
    await office.decide("first")

    run = await preview(office, exported)

    assert (run["state"], run["is_preview"], run["errors"]) == ("done", True, [])
    assert (run["changes"]["unchanged"], run["changes"]["lines"]) == (2, [])

    columns = exported.decode().partition("\r\n")[0].split(",")
    third = ",".join({"name": "Third", "country": "NL", "domains": "c.example"}.get(column, "") for column in columns)
    before = await office.desk.items("/v1/organisations")
    run = await preview(office, exported.replace(b"sbi-2008:1071", b"sbi-2008:1072") + third.encode())
    assert [(line["where"], line["kind"], line["changes"]) for line in run["changes"]["lines"]] == [
        ("line 2", "changed", ["sector"]),
        ("line 4", "added", []),
    ]
    assert await office.desk.items("/v1/organisations") == before
    for kind in ("ripe", "delegated"):
        response = await office.client.post(f"/v1/imports/{kind}?dry_run=true", content=b"x")
        assert response.status_code == 422


async def preview(office: Office, content: bytes) -> Answer:
    response = await office.client.post("/v1/imports/organisations?dry_run=true", content=content)
    assert response.status_code == 202, response.text
    async with asyncio.timeout(20):
        while (run := await office.desk.ask("GET", response.headers["Location"]))["state"] in UNDER_WAY:
            await asyncio.sleep(0.02)
    return run


async def test_only_an_auditor_reads_who_changed_what(office: Office, operator_key: Ed25519PrivateKey) -> None:
    path, now = await office.add("Bakery"), datetime.now(UTC)
    statuses = []
    for role in (Role.VIEWER, Role.ANALYST, Role.APPROVER, Role.AUDITOR):
        signed = sign_operator_token(
            operator_key, operator=Operator("eve", role), now=now, expires=now + timedelta(hours=1)
        )
        headers = {"Authorization": f"Bearer {signed}"}
        statuses.append((await office.client.get(f"{path}/changes", headers=headers)).status_code)
    assert statuses == [403, 403, 403, 200]
