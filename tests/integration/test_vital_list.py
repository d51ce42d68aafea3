"""The list of those whom other teams warn: the verifier has it, attribution hands over, and each asks the other.

Nothing of this is on the way of a record; there the verifier marks it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from deploy.local.background import BackgroundStack
from libs.common.contracts import Asset, RawIndicator, TargetAttributed
from libs.common.security import Role
from libs.common.shutdown import Shutdown
from services.attribution.settings import AttributionSettings
from services.verifier.app import build as build_verifier
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables, new_database
from tests.integration.attribution.test_enquiries import Running, Script, running_with
from tests.integration.attribution.test_listed import TEAMS
from tests.integration.test_attribution import RIPE, Answer
from tests.integration.verifier.desk import Desk, hear, outcomes, records, rules_other_than

LIST = """\
kind,value,name,sector,warned_by
ip-range,192.0.2.16/28,Water Works,drinking water,
asn,AS64511,Grid,,
"""
ROUTES = """
[[handover]]
criticality = "vital"
action = "hand-over"

[[handover]]
criticality = "important"
action = "both"
"""
WATER, LISTED_TOO, STREET = (Asset(ip=f"192.0.2.{last}", port=445) for last in (17, 18, 40))
HELD = "[thresholds]\nhold_below_confidence = 1.0\n"
IGNORED = '[checks]\nvital = "ignored"\n'
ENDED = '[checks]\nvital = "out-of-scope"\n'
NETWORK, TEAM = "abuse@isp.example", "reports@csirt.example"


def in_system(asset: Asset, asn: int) -> list[RawIndicator]:
    (event,) = records(asset)
    return [msgspec.structs.replace(event, indicator=msgspec.structs.replace(event.indicator, asn=asn))]


class House:
    """Both services, each with its API."""

    def __init__(self, verifier: Desk, attribution: Running) -> None:
        self.verifier, self.attribution = verifier, attribution

    async def tried(self, rules: str) -> Answer:
        """What would be otherwise by these rules."""
        answer = await self.verifier.client(Role.ANALYST).post("/v1/what-if", json={"days": 1, "rules": rules})
        assert answer.status_code == 200, answer.text
        said: Answer = answer.json()
        assert said["mails_unknown_because"] is None
        return said

    async def looked_up(self, query: str) -> Answer:
        return await self.attribution.desk.ask("GET", f"/v1/lookup?{query}")

    async def put(self, rules: str) -> None:
        before = await rules_other_than(self.verifier, None)
        assert (await self.verifier.client(Role.APPROVER).put("/v1/rules", content=rules)).status_code == 200
        await rules_other_than(self.verifier, before)


class Doorkeeper:
    """One address for an API that is not there yet."""

    def __init__(self) -> None:
        self.api: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.api is not None
        await self.api(scope, receive, send)


@asynccontextmanager
async def door() -> AsyncIterator[tuple[Doorkeeper, str]]:
    keeper = Doorkeeper()
    server = uvicorn.Server(uvicorn.Config(keeper, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield keeper, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def house(
    infrastructure: BackgroundStack,
    database_url: str,
    operator_key: Ed25519PrivateKey,
    operator_public_key: str,
    tmp_path: Path,
) -> AsyncIterator[House]:
    (tmp_path / "vital.csv").write_text(LIST)
    (tmp_path / "ladder.toml").write_text(TEAMS + ROUTES)
    async with new_database(infrastructure.endpoints.postgres) as verifiers, door() as (of_verifier, verifier_url):
        await asyncio.to_thread(make_tables, "attribution", database_url)
        await asyncio.to_thread(make_tables, "verifier", verifiers)
        settings = AttributionSettings(
            http_port=1,
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key=operator_public_key,
            database_url=database_url,
            ladder_file=tmp_path / "ladder.toml",
            verifier_url=verifier_url,
        )
        async with running_with(settings, Script(), operator_key) as attribution, door() as (of_other, attribution_url):
            of_other.api = attribution.service.api
            settings_of_verifier = VerifierSettings(
                http_port=1,
                kafka_bootstrap="127.0.0.1:1",
                operator_public_key=operator_public_key,
                database_url=verifiers,
                vital_assets_file=tmp_path / "vital.csv",
                attribution_url=attribution_url,
                allow_documentation_ranges=True,
                rules_refresh_seconds=0.05,
            )
            service = build_verifier(settings_of_verifier)
            of_verifier.api = service.api
            shutdown = Shutdown()
            keeping = asyncio.ensure_future(service.tasks[0](shutdown))
            verifier = Desk(service, operator_key)
            await rules_other_than(verifier, None)
            await attribution.desk.bring_in("ripe", RIPE)
            yield House(verifier, attribution)
            shutdown.request()
            await keeping
            await service.database.close()


@pytest.mark.parametrize(
    ("known", "rules", "mails"),
    [
        pytest.param(
            (WATER, LISTED_TOO, STREET),
            HELD,
            {"more": {}, "fewer": {"national-cert": 1, "network-owner": 1}},
            id="what-is-listed-is-a-mail-to-its-team",
        ),
        pytest.param(
            (WATER, LISTED_TOO),
            IGNORED,
            {"more": {"network-owner": 1}, "fewer": {"national-cert": 1}},
            id="what-is-listed-no-more-is-one-to-its-network",
        ),
        pytest.param(
            (WATER, LISTED_TOO, STREET),
            IGNORED,
            {"more": {}, "fewer": {"national-cert": 1}},
            id="which-takes-it-into-the-mail-that-it-gets-anyway",
        ),
        pytest.param(
            (WATER, LISTED_TOO), ENDED, {"more": {}, "fewer": {"national-cert": 1}}, id="what-is-ended-is-none"
        ),
    ],
)
async def test_mails_are_counted_by_whom_they_would_reach(
    house: House, known: Sequence[Asset], rules: str, mails: Answer
) -> None:
    assert await outcomes(house.verifier, records(*known)) == {"verified": len(known)}

    assert (await house.tried(rules))["mails"] == mails


async def test_what_would_not_be_handed_over_any_more_is_told(house: House) -> None:
    await outcomes(house.verifier, records(WATER, LISTED_TOO, STREET))

    ignored = await house.tried(IGNORED)

    assert ignored["outcomes_now"] == {"listed": 2, "verified": 1}
    assert [(each["now"], each["draft"], each["records"]) for each in ignored["changes"]] == [("listed", "verified", 2)]


async def test_the_mails_counted_are_those_that_are_sent(house: House) -> None:
    """Also those that depend on more than the asset: an AS, a country, a copy."""
    organisation = await house.attribution.desk.add_organisation("Clinic", email="it@clinic.example")
    path = f"/v1/organisations/{organisation}"
    await house.attribution.desk.ask("PATCH", path, {"criticality": "important", "criticality_source": "registered"})
    await house.attribution.desk.ask(
        "POST", f"{path}/assets", {"kind": "domain", "value": "clinic.example"}, status=201
    )
    events = [
        *records(Asset(ip="203.0.113.9"), WATER, STREET, Asset(domain="www.clinic.example")),
        *in_system(Asset(ip="203.0.113.201"), 64511),
    ]

    heard = list(await hear(house.verifier, events))
    targets = [each for each in await house.attribution.attribute(*heard) if isinstance(each, TargetAttributed)]  # type: ignore[arg-type]  # all of them are threats

    sent = {
        (mail.email, mail.kind) for each in targets for mail in (each.recipient, *(c.recipient for c in each.copies))
    }
    counted = (await house.tried(HELD))["mails"]["fewer"]
    assert {kind: number for kind, number in counted.items() if kind != "nobody"} == {
        kind: sum(1 for _, each in sent if each == kind) for _, kind in sent
    }


async def test_a_look_up_knows_the_list(house: House) -> None:
    found = await house.looked_up("ip=192.0.2.17")

    assert (found["recipient"]["email"], found["recipient"]["kind"], found["route"]) == (TEAM, "national-cert", "vital")
    assert found["listing"]["operator"] == {"name": "Water Works", "sector": "drinking water", "warned_by": ""}
    assert (found["listing"]["becomes"], found["listing_unknown_because"]) == ("handed-over", None)
    assert TEAM in found["explanation"][0]
    assert "vital" in found["explanation"][1]

    other = await house.looked_up("ip=192.0.2.40")
    assert other["recipient"]["email"] == NETWORK
    assert "list of those whom other teams warn does not name it" in other["explanation"][-1]


async def test_a_look_up_follows_the_verifiers_rules(house: House) -> None:
    await house.put(IGNORED)
    ignored = await house.looked_up("ip=192.0.2.17")
    assert (ignored["recipient"]["email"], ignored["listing"]["becomes"]) == (NETWORK, "warned")
    assert "Water Works" in ignored["explanation"][1]

    await house.put(ENDED)
    ended = await house.looked_up("ip=192.0.2.17")
    assert (ended["recipient"], ended["route"], ended["reason"]) == (None, "vital", "ended-by-verifier")
    assert ended["explanation"][0].startswith("Nobody would be written to about 192.0.2.17")
    assert "out-of-scope" in ended["explanation"][1]
    assert await outcomes(house.verifier, records(WATER)) == {"out-of-scope": 1}, "which is so"


async def test_a_look_up_that_can_not_ask_says_so_before_anything_else(house: House) -> None:
    await house.verifier.service.database.close()
    url = "http://127.0.0.1:1"
    settings = house.attribution.service.settings.model_copy(update={"verifier_url": url})
    async with running_with(settings, Script(), house.verifier.key) as blind:  # type: ignore[arg-type]  # attribution's
        found = await blind.desk.ask("GET", "/v1/lookup?ip=192.0.2.17")

    assert found["recipient"]["email"] == NETWORK
    assert (found["listing"], found["listing_unknown_because"]) == (None, "the verifier does not answer: ConnectError")
    assert "is not known here: the verifier does not answer" in found["explanation"][0]
    assert "GET /v1/listed" in found["explanation"][1]
