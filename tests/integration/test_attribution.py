"""Attribution on a real database: the first decision stands, broken imports change nothing, a person's word counts."""

import asyncio
import gzip
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import (
    Asset,
    Event,
    IndicatorSettled,
    Reopened,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.contracts.wire import encode
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.outbox import waiting_events
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Language, Outcome
from services.attribution.app import build
from services.attribution.domain.imports import UNDER_WAY
from services.attribution.settings import AttributionSettings
from tests.databases import make_tables
from tests.unit.attribution.builders import a_threat as threat

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RIPE = b"""\
inetnum:        192.0.2.0 - 192.0.2.255
netname:        ISP-NET
country:        NL
org:            ORG-I-RIPE
status:         ALLOCATED PA
source:         RIPE

inetnum:        198.51.100.0 - 198.51.100.255
netname:        BELGIAN
country:        BE
abuse-c:        AR1-RIPE
status:         ASSIGNED PA
source:         RIPE

organisation:   ORG-I-RIPE
org-name:       Voorbeeld Internet B.V.
country:        NL
abuse-c:        AR1-RIPE
source:         RIPE

role:           Abuse desk
nic-hdl:        AR1-RIPE
abuse-mailbox:  abuse@isp.example
source:         RIPE
"""
USERS_RANGE = b"""
inetnum:        192.0.2.128 - 192.0.2.135
netname:        FLORIST
country:        NL
abuse-c:        AR2-RIPE
status:         ASSIGNED PA
source:         RIPE

role:           Florist
nic-hdl:        AR2-RIPE
abuse-mailbox:  abuse@florist.example
source:         RIPE
"""
ORGANISATIONS = msgspec.json.encode(
    [
        {
            "name": "Bakery",
            "country": "NL",
            "kvk_number": "01234567",
            "assets": [{"kind": "domain", "value": "bakery.example"}, {"kind": "ip-range", "value": "192.0.2.0/28"}],
            "contacts": [{"email": "security@bakery.example"}],
        },
        {
            "name": "Waterworks",
            "country": "NL",
            "criticality": "vital",
            "assets": [{"kind": "ip-range", "value": "192.0.2.64/28"}],
        },
    ]
)
THIEF = msgspec.json.encode(
    [{"name": "Thief", "country": "NL", "assets": [{"kind": "domain", "value": "bakery.example"}]}]
)


Answer = dict[str, Any]  # Any: JSON, whose fields differ from path to path


class Desk:
    """The running service: events come in, and an administrator uses its API."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self._service = service
        self._client = client

    async def attribute(self, *threats: ThreatVerified, now: datetime = NOW) -> list[Event]:
        handler = self._service.subscriptions[ThreatVerified]
        async with self._service.database.transaction() as tx:
            return list(await handler(threats, tx=tx, now=now))

    async def sent(self) -> list[Event]:
        async with self._service.database.transaction() as tx:
            return await waiting_events(tx)

    async def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> Answer:
        response = await self._client.request(method, path, json=body)
        assert response.status_code == status, response.text
        answer: Answer = response.json() if response.content else {}
        return answer

    async def items(self, path: str) -> list[Answer]:
        """All pages of a list, two items each."""
        page = await self.ask("GET", f"{path}?limit=2")
        found: list[Answer] = page["items"]
        while page["next"]:
            page = await self.ask("GET", f"{path}?limit=2&cursor={page['next']}")
            found += page["items"]
        return found

    async def bring_in(self, kind: str, content: bytes, **query: str) -> Answer:
        """The import when it has ended."""
        response = await self._client.post(f"/v1/imports/{kind}", content=content, params=query)
        assert response.status_code == 202, response.text
        async with asyncio.timeout(20):
            while (run := await self.ask("GET", response.headers["Location"]))["state"] in UNDER_WAY:
                await asyncio.sleep(0.02)
        return run

    async def name_owner(self, target_id: str, organisation_id: str, *, status: int = 200) -> Answer:
        body = {"organisation_id": organisation_id}
        return await self.ask("POST", f"/v1/unattributed/{target_id}", body, status=status)

    async def add_organisation(self, name: str, *, email: str | None = None) -> str:
        added = await self.ask("POST", "/v1/organisations", {"name": name, "country": "NL"}, status=201)
        organisation_id: str = added["organisation_id"]
        if email is not None:
            await self.ask("POST", f"/v1/organisations/{organisation_id}/contacts", {"email": email}, status=201)
        return organisation_id


@pytest.fixture
async def desk(
    database_url: str,
    operator_key: Ed25519PrivateKey,
    operator_public_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    """Uploaded files lie in a folder of the test's own, which must be empty at the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await asyncio.to_thread(make_tables, "attribution", database_url)
    service = build(
        AttributionSettings(
            http_port=1,
            database_url=database_url,
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key=operator_public_key,
        )
    )
    shutdown = Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until_read(service)
    transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token(operator_key)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
        yield Desk(service, client)
    shutdown.request()
    await tasks
    await service.database.close()
    assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def until_read(service: Service) -> None:
    """Wait for the directory."""
    async with asyncio.timeout(10):
        while True:
            try:
                await service.checks["directory"]()
            except Transient:
                await asyncio.sleep(0.01)
            else:
                return


def token(key: Ed25519PrivateKey) -> str:
    today = datetime.now(UTC)
    return sign_operator_token(key, operator=Operator("ann", Role.ADMIN), now=today, expires=today + timedelta(hours=1))


def in_short(events: list[Event]) -> list[str]:
    """Whom each event leads to, or why to nobody."""
    return [
        event.recipient.email
        if isinstance(event, TargetAttributed)
        else event.reason
        if isinstance(event, IndicatorSettled)
        else ""
        for event in events
    ]


async def test_the_first_decision_stands_although_the_directory_has_changed(desk: Desk) -> None:
    await desk.bring_in("ripe", gzip.compress(RIPE))
    await desk.bring_in("organisations", ORGANISATIONS)
    assets = [
        Asset(ip="192.0.2.5"),
        Asset(domain="www.bakery.example"),
        Asset(ip="192.0.2.65"),
        Asset(ip="192.0.2.200"),
        Asset(ip="198.51.100.3"),
        Asset(domain="nobody.example"),
    ]
    threats = [threat(asset) for asset in assets]
    first = await desk.attribute(*threats)
    for organisation in await desk.items("/v1/organisations"):
        await desk.ask("DELETE", f"/v1/organisations/{organisation['organisation_id']}", status=204)

    assert await desk.attribute(*threats, *threats) == first

    assert in_short(first) == [
        "security@bakery.example",
        "security@bakery.example",
        "vital-organisation",
        "abuse@isp.example",
        "foreign-network",
        "no-recipient",
    ]
    assert in_short(await desk.attribute(threat(Asset(ip="192.0.2.5")))) == ["abuse@isp.example"]
    kept = await desk.ask("GET", f"/v1/attributions/{threats[0].indicator_id}")
    assert kept["recipient"]["email"] == "security@bakery.example"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("ripe", b"<html></html>"),
        ("ripe", gzip.compress(RIPE)[:-9]),
        ("ripe", b""),
        ("delegated", b"x"),
        ("organisations", b"[{}]"),
        ("organisations", b"\x1f\x8b"),
        ("organisations", THIEF),
    ],
    ids=["a page", "cut off", "empty", "no delegation", "no name", "no gzip", "of somebody else"],
)
async def test_a_broken_import_says_so_and_changes_nothing(desk: Desk, kind: str, content: bytes) -> None:
    await desk.bring_in("ripe", RIPE)
    await desk.bring_in("organisations", ORGANISATIONS)

    run = await desk.bring_in(kind, content)

    assert run["state"] == "failed"
    assert run["message"].startswith("Nothing was changed")
    found = await desk.attribute(threat(Asset(ip="192.0.2.200")), threat(Asset(domain="bakery.example")))
    assert in_short(found) == ["abuse@isp.example", "security@bakery.example"]
    assert [each["name"] for each in await desk.items("/v1/organisations")] == ["Bakery", "Waterworks"]


async def test_a_newer_dump_replaces_the_one_before_and_the_same_organisations_stay_the_same(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE)
    await desk.bring_in("ripe", RIPE.replace(b"abuse@isp", b"new@isp"))
    for _ in range(2):
        assert (await desk.bring_in("organisations", ORGANISATIONS))["state"] == "done"

    assert in_short(await desk.attribute(threat(Asset(ip="192.0.2.200")))) == ["new@isp.example"]
    assert len(await desk.items("/v1/organisations")) == 2


async def test_a_dump_in_which_nobody_says_who_answers_for_abuse_comes_in_too(desk: Desk) -> None:
    silent = b"\n".join(line for line in RIPE.split(b"\n") if not line.startswith((b"abuse-c", b"org:")))

    run = await desk.bring_in("ripe", silent)

    assert (run["state"], run["records"]) == ("done", 4)
    assert in_short(await desk.attribute(threat(Asset(ip="192.0.2.200")))) == ["no-recipient"]


async def test_whom_a_person_names_is_warned_once_and_found_the_next_time(desk: Desk) -> None:
    waiting = threat(Asset(domain="www.a.example"))
    await desk.attribute(waiting)
    (line,) = await desk.items("/v1/unattributed")
    owner = await desk.add_organisation("A", email="security@a.example")

    for _ in range(2):
        await desk.name_owner(line["target_id"], owner)

    (event,) = await desk.sent()
    assert in_short([event]) == ["security@a.example"]
    assert await desk.attribute(waiting) == [event]
    assert await desk.items("/v1/unattributed") == []
    (found,) = await desk.attribute(threat(Asset(domain="www.a.example")))
    assert isinstance(found, TargetAttributed)
    assert (found.recipient.email, found.confidence) == ("security@a.example", 0.9)


async def test_what_a_person_said_counts_for_a_year_or_until_the_day_that_they_named(desk: Desk) -> None:
    owner = await desk.add_organisation("Owner", email="desk@elsewhere.example")
    ends = NOW + timedelta(days=9000)
    for name in ("www.a.example", "www.b.example"):
        await desk.attribute(threat(Asset(domain=name)))
    for line, until in zip(await desk.items("/v1/unattributed"), (None, ends.isoformat()), strict=True):
        body = {"organisation_id": owner, "until": until}
        await desk.ask("POST", f"/v1/unattributed/{line['target_id']}", body)

    by_default, named = await desk.items("/v1/learnt")

    year_later = datetime.fromisoformat(by_default["said_at"]) + timedelta(days=365)
    assert datetime.fromisoformat(by_default["until"]) == year_later
    assert datetime.fromisoformat(named["until"]) == ends
    moment = timedelta(seconds=1)
    for name, end in (("www.a.example", year_later), ("www.b.example", ends)):
        before = await desk.attribute(threat(Asset(domain=name)), now=end - moment)
        after = await desk.attribute(threat(Asset(domain=name)), now=end + moment)
        assert in_short(before + after) == ["desk@elsewhere.example", "no-recipient"]


async def test_of_what_found_nobody_the_line_says_what_each_rung_said_or_why_it_said_nothing(desk: Desk) -> None:
    await desk.attribute(threat(Asset(domain="www.a.example")))

    (line,) = await desk.items("/v1/unattributed")

    told = {each["rung"]: each for each in line["rungs"]}
    assert told["registered"] == {
        "rung": "registered",
        "said": ["www.a.example: not registered"],
        "silent_because": "",
    }
    assert told["security-txt"]["silent_because"] == "not asked: it is not switched on"
    assert "Switch on security-txt (SECURITY_TXT_ENABLED): it was not asked." in line["would_help"]


async def test_that_a_threat_came_back_is_passed_on_also_by_a_person(desk: Desk) -> None:
    await desk.bring_in("ripe", gzip.compress(RIPE))
    reopened = Reopened(closed_at=NOW, reason="fixed")
    found, waiting = (
        msgspec.structs.replace(threat(asset), reopened=reopened)
        for asset in (Asset(ip="192.0.2.200"), Asset(domain="www.a.example"))
    )
    first, _ = await desk.attribute(found, waiting)
    (line,) = await desk.items("/v1/unattributed")
    await desk.name_owner(line["target_id"], await desk.add_organisation("A", email="security@a.example"))

    (named,) = await desk.sent()
    for event in (first, named):
        assert isinstance(event, TargetAttributed)
        assert event.reopened == reopened


async def test_whom_a_person_names_is_the_owner_of_the_name_and_not_of_the_address_that_it_shares(desk: Desk) -> None:
    await desk.attribute(threat(Asset(ip="203.0.113.9", domain="www.a.example")))
    (line,) = await desk.items("/v1/unattributed")
    assert line["asset"] == "www.a.example"
    await desk.name_owner(line["target_id"], await desk.add_organisation("A", email="security@a.example"))

    found = await desk.attribute(
        threat(Asset(ip="203.0.113.9", url="https://www.a.example/login")),
        threat(Asset(ip="203.0.113.9", domain="www.b.example")),
        threat(Asset(ip="203.0.113.9")),
    )

    assert in_short(found) == ["security@a.example", "no-recipient", "no-recipient"]
    looked_up = await desk.ask("GET", "/v1/lookup?ip=203.0.113.9&domain=www.b.example")
    assert looked_up["recipient"] is None


async def test_who_cannot_be_written_to_or_does_not_exist_is_not_named(desk: Desk) -> None:
    await desk.attribute(threat(Asset(domain="www.a.example")))
    (line,) = await desk.items("/v1/unattributed")
    silent, other = await desk.add_organisation("Silent"), await desk.add_organisation("B", email="b@b.example")

    assert (await desk.name_owner(line["target_id"], silent, status=409))["type"] == "/problems/no-contact"
    await desk.name_owner(line["target_id"], str(new_id()), status=404)
    await desk.name_owner(str(new_id()), other, status=404)
    await desk.name_owner(line["target_id"], other)
    await desk.name_owner(line["target_id"], silent, status=409)

    assert len(await desk.sent()) == 1


async def test_an_organisation_is_found_as_soon_as_it_is_registered_and_until_it_is_gone(desk: Desk) -> None:
    path = f"/v1/organisations/{await desk.add_organisation('Bakery', email='security@bakery.example')}"
    asset = await desk.ask("POST", f"{path}/assets", {"kind": "domain", "value": "Bakery.example."}, status=201)
    assert asset["value"] == "bakery.example"

    changed = await desk.ask("PATCH", path, {"sector": "food", "name": None, "language": "en"})
    (found,) = await desk.attribute(threat(Asset(domain="www.bakery.example")))
    await desk.ask("DELETE", path, status=204)

    assert (changed["name"], changed["sector"]) == ("Bakery", "food")
    assert isinstance(found, TargetAttributed)
    assert (found.recipient.email, found.recipient.language) == ("security@bakery.example", Language.ENGLISH)
    assert in_short(await desk.attribute(threat(Asset(domain="www.bakery.example")))) == ["no-recipient"]
    await desk.ask("GET", path, status=404)


async def test_an_asset_is_registered_once_and_a_kvk_number_has_one_owner(desk: Desk) -> None:
    one, other = await desk.add_organisation("One"), await desk.add_organisation("Other")
    block = {"kind": "ip-range", "value": "192.0.2.0 - 192.0.2.255"}
    same_block, part_of_it = {**block, "value": "192.0.2.0/24"}, {**block, "value": "192.0.2.0/25"}

    kept = await desk.ask("POST", f"/v1/organisations/{one}/assets", block, status=201)

    assert await desk.ask("POST", f"/v1/organisations/{one}/assets", same_block, status=201) == kept
    await desk.ask("POST", f"/v1/organisations/{other}/assets", part_of_it, status=201)
    await desk.ask("PATCH", f"/v1/organisations/{one}", {"kvk_number": "12345678"})
    await desk.ask("PATCH", f"/v1/organisations/{other}", {"kvk_number": "12345678"}, status=409)


async def test_what_cannot_be_registered_is_refused(desk: Desk) -> None:
    path = f"/v1/organisations/{await desk.add_organisation('One')}"
    await desk.ask("POST", f"{path}/assets", {"kind": "domain", "value": "co.uk"}, status=422)
    await desk.ask("POST", f"{path}/contacts", {"email": "noreply@a.example"}, status=422)
    await desk.ask("POST", "/v1/organisations", {"name": "\u200b", "country": "NL"}, status=422)
    absent = f"/v1/organisations/{new_id()}"
    await desk.ask("POST", f"{absent}/assets", {"kind": "domain", "value": "a.example"}, status=404)


async def test_every_asset_of_an_organisation_is_on_one_page_of_its_list(desk: Desk) -> None:
    path = f"/v1/organisations/{await desk.add_organisation('One')}/assets"
    added = [await desk.ask("POST", path, {"kind": "asn", "value": f"AS{64500 + n}"}, status=201) for n in range(5)]
    assert await desk.items(path) == added
    await desk.ask("DELETE", f"{path}/{added[0]['asset_id']}", status=204)
    await desk.ask("DELETE", f"{path}/{added[0]['asset_id']}", status=404)
    assert await desk.items(path) == added[1:]


async def test_of_a_test_nobody_is_told_who_was_found_and_nobody_is_asked_who_it_is(desk: Desk) -> None:
    await desk.bring_in("ripe", gzip.compress(RIPE))
    await desk.bring_in("organisations", ORGANISATIONS)
    assets = [Asset(domain="www.bakery.example"), Asset(ip="192.0.2.200"), Asset(ip="192.0.2.65"), Asset(domain="x.nl")]
    tests = [msgspec.structs.replace(threat(asset), test_mails_to="silent@simulator.invalid") for asset in assets]

    events = await desk.attribute(*tests)

    assert await desk.attribute(*tests) == events, "also when it comes again"
    assert in_short(events) == [
        "silent@simulator.invalid",
        "silent@simulator.invalid",
        "vital-organisation",
        "no-recipient",
    ]
    told = b"".join(map(encode, events)).decode().lower()
    for secret in ("security@bakery", "abuse@", "voorbeeld", "isp-net", "registered", "ripe", "organisation_id"):
        assert secret not in told
    assert await desk.items("/v1/unattributed") == []
    shown = await desk.ask("GET", f"/v1/attributions/{tests[0].indicator_id}")
    assert shown["recipient"]["name"] == "Bakery", "an operator sees who it would have been"


async def test_a_range_that_its_user_has_by_itself_leads_to_them_and_the_look_up_says_why(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE + USERS_RANGE)

    of_user = await desk.ask("GET", "/v1/lookup?ip=192.0.2.129")
    of_provider = await desk.ask("GET", "/v1/lookup?ip=192.0.2.200")

    assert (of_user["route"], of_user["recipient"]["email"]) == ("organisation", "abuse@florist.example")
    assert (of_provider["route"], of_provider["recipient"]["email"]) == ("network-owner", "abuse@isp.example")
    unlisted, whom_to_ask, answer, *steps = of_user["explanation"]
    assert "is not known here" in unlisted, "nobody named a verifier that has the list of vital operators"
    assert "GET /v1/listed" in whom_to_ask
    assert answer == (
        "A warning about 192.0.2.129 would go to the organisation Florist, at abuse@florist.example; "
        "that is 60 percent certain."
    )
    assert len(steps) == len(of_user["evidence"])


async def test_whom_reverse_dns_alone_names_is_held_for_a_person(desk: Desk) -> None:
    await desk.bring_in("organisations", ORGANISATIONS)
    named = threat(Asset(ip="203.0.113.9", hostname="www.bakery.example"))

    (event,) = await desk.attribute(named)

    assert isinstance(event, IndicatorSettled)
    assert (event.outcome, event.reason) == (Outcome.HELD, "too-uncertain")
    assert await desk.attribute(named) == [event], "also when it comes again"
    assert [each["indicator_id"] for each in await desk.items("/v1/unattributed")] == [str(named.indicator_id)]
