"""An attribution to whom organisations register by themselves; its rounds are made when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import (
    Asset,
    ClaimedAsset,
    ClaimToConfirm,
    FollowedAsset,
    RegistrationConfirmed,
    RegistrationFollowed,
)
from libs.common.ids import derived_id
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import AssetKind, Language
from services.attribution.app import build
from services.attribution.domain.answers import Found, NetworkRegistration, PublishedContact, Source
from services.attribution.domain.enquiries import Patience
from services.attribution.gateway.guard import Limits, Sources
from services.attribution.gateway.sources import StaticSource
from services.attribution.handlers import (
    Customs,
    Decider,
    LiveDirectory,
    ProofRounds,
    Proving,
    Registries,
    SelfRegistrations,
    ladder_of,
)
from services.attribution.settings import AttributionSettings
from tests.databases import make_tables
from tests.integration.attribution.test_organisations import ChangingDns
from tests.integration.test_attribution import NOW, Answer, Desk, in_short, token, until_read
from tests.unit.attribution.builders import a_threat

MINUTE = timedelta(minutes=1)
CLAIMS_URL = "https://claims.tocsin.example"
BAKERY, BUTCHER = "info@bakery.example", "info@butcher.example"
SHOP = Asset(domain="www.bakery.example")
CHALLENGE = "_tocsin-challenge.bakery.example"
NETWORK: Found = NetworkRegistration(
    "192.0.2.0/24",
    name="ISP",
    contacts=(PublishedContact("abuse@isp.example", "abuse"),),
    country="NL",
)


def asset_kind(value: str) -> AssetKind:
    if "/" in value:
        return AssetKind.IP_RANGE
    return AssetKind.ASN if value.startswith("AS") else AssetKind.DOMAIN


def registered(
    *values: str,
    revision: int = 1,
    email: str = BAKERY,
    name: str = "Bakery",
    withdrawn: bool = False,
    number: str = "",
) -> RegistrationConfirmed:
    """What somebody with this address has registered."""
    return RegistrationConfirmed(
        registration_id=derived_id("registration", email),
        revision=revision,
        organisation=name,
        email=email,
        language=Language.DUTCH,
        assets=tuple(ClaimedAsset(kind=asset_kind(value), value=value) for value in values),
        at=NOW,
        kvk_number=number or None,
        is_withdrawn=withdrawn,
    )


@dataclass(frozen=True)
class Town:
    """The service, its desk, the DNS, and the rounds."""

    service: Service
    client: httpx.AsyncClient
    desk: Desk
    dns: ChangingDns
    rounds: SelfRegistrations
    proving: Proving
    directory: LiveDirectory

    async def hear(self, *events: RegistrationConfirmed) -> None:
        handler = self.service.subscriptions[RegistrationConfirmed]
        async with self.service.database.transaction() as tx:
            assert await handler(events, tx=tx, now=self.service.database.now()) == []

    async def go_round(self) -> None:
        """Once all that is to be done now."""
        await self.directory.refresh()
        await self.rounds.take_up()
        await self.proving.look_some()
        while await self.proving.ask_one():
            pass
        await self.rounds.follow()

    async def register(self, *values: str, **said: object) -> list[RegistrationFollowed]:
        await self.hear(registered(*values, **said))  # type: ignore[arg-type]  # as `registered` takes them
        await self.go_round()
        return await self.told()

    async def told(self) -> list[RegistrationFollowed]:
        """All that was told, in its order."""
        return [event for event in await self.desk.sent() if isinstance(event, RegistrationFollowed)]

    async def last(self, email: str = BAKERY) -> RegistrationFollowed:
        registration_id = derived_id("registration", email)
        return [event for event in await self.told() if event.registration_id == registration_id][-1]

    async def asked(self) -> list[ClaimToConfirm]:
        return [event for event in await self.desk.sent() if isinstance(event, ClaimToConfirm)]

    async def answer(self, claim: ClaimToConfirm, **form: str) -> None:
        response = await self.client.post(claim.url.removeprefix(CLAIMS_URL), data=form)
        assert response.status_code == 200, response.text

    async def publish(self, followed: FollowedAsset) -> None:
        """The owner puts the record there; later it is looked for."""
        self.dns.records[followed.record_name] = (followed.record_value,)
        await self.later(timedelta(minutes=5))

    async def later(self, by: timedelta) -> None:
        """All of it has happened so much earlier; then the rounds are made."""
        moments: Mapping[str, tuple[str, ...]] = {
            "self_registered_asset": ("due_at", "begun_at"),
            "self_registration": ("taken_up_at", "follow_at"),
            "contact_proof": ("asked_at", "expires_at"),
            "organisation_asset": ("challenged_at", "proven_at", "proven_until", "check_at", "missing_since"),
        }
        async with self.service.database.transaction() as tx:
            for table, columns in moments.items():
                shifts = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
                await tx.fetch(f"UPDATE {table} SET {shifts}", by)
        await ProofRounds(self.service.database, self.dns).work_off()
        await self.go_round()

    async def warned(self, asset: Asset = SHOP) -> str:
        (short,) = in_short(await self.desk.attribute(a_threat(asset)))
        return short

    async def organisations(self, query: str = "") -> list[Answer]:
        found: list[Answer] = (await self.desk.ask("GET", f"/v1/organisations{query}"))["items"]
        return found

    async def assets(self, organisation_id: str | UUID) -> list[Answer]:
        return await self.desk.items(f"/v1/organisations/{organisation_id}/assets")

    async def waiting(self, state: str) -> int:
        found = await self.desk.ask("GET", "/v1/overdue")
        waiting: int = next(item["waiting"] for item in found["items"] if item["state"] == state)
        return waiting


def states(event: RegistrationFollowed) -> dict[str, str]:
    return {asset.value: str(asset.state) for asset in event.assets}


@asynccontextmanager
async def town(database_url: str, key: Ed25519PrivateKey, public_key: str) -> AsyncIterator[Town]:
    """All tasks of the service run, but for the rounds of registrations."""
    await asyncio.to_thread(make_tables, "attribution", database_url)
    settings = AttributionSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=public_key,
        claims_url=CLAIMS_URL,
    )
    dns, outside = ChangingDns(), sources()
    service, shutdown = build(settings, outside=outside, dns=dns), Shutdown()
    tasks = [task for task in service.tasks if not isinstance(getattr(task, "__self__", None), SelfRegistrations)]
    assert len(tasks) == len(service.tasks) - 1
    running = asyncio.gather(*(task(shutdown) for task in tasks))
    await until_read(service)
    directory = LiveDirectory(service.database, refresh_seconds=60)
    rounds, proving = rounds_of(service, dns, outside, directory)
    transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token(key)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
        yield Town(service, client, Desk(service, client), dns, rounds, proving, directory)
    shutdown.request()
    await running
    await service.publisher.close()
    await service.database.close()


def rounds_of(
    service: Service, dns: ChangingDns | None, outside: Sources, directory: LiveDirectory
) -> tuple[SelfRegistrations, Proving]:
    """The rounds of another replica of it."""
    ladder = ladder_of(None, constituency=frozenset({"NL"}))
    decider = Decider(
        directory, ladder=ladder, online=outside.enabled, patience=Patience(critical=MINUTE, other=MINUTE)
    )
    proving = Proving(
        service.database,
        dns=dns,
        registries=Registries(service.database, decider, outside),
        claims_url=CLAIMS_URL,
        looks_at_first=timedelta(minutes=5),
    )
    customs = Customs(frozenset({"NL"}), sees_records=dns is not None)
    return SelfRegistrations(service.database, proving, customs), proving


AWAY = "198.51.100.0"
"""The registry does not answer when it is asked about this address, until a test takes it out of FAILING."""


def sources() -> Sources:
    known: Mapping[str, Found] = {
        "192.0.2.64": NETWORK,
        "192.0.2.80": NETWORK,
        "203.0.113.0": NetworkRegistration("203.0.113.0/24", name="SILENT", contacts=(), country="NL"),
    }
    source = StaticSource(Source.RDAP_NETWORK, known, FAILING)
    return Sources.of([(source, Limits(per_second=1000.0))])


FAILING = {AWAY: "no answer within 10 seconds"}
