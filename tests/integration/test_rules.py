"""Rules as data on a real database: put in force, tried out before, and what was believed before they were there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from libs.common.contracts import Asset, IndicatorSettled, RawIndicator
from libs.common.migrations import migrate
from libs.common.security import Role
from libs.common.shutdown import Shutdown
from services.verifier.app import build
from services.verifier.settings import VerifierSettings
from tests.integration.test_exploitation import Desk
from tests.unit.verifier.builders import raw

TODAY = datetime.now(UTC)
FRESH = TODAY - timedelta(hours=1)


def records(*assets: Asset, partner: str = "demo", identifier: str = "open-smb") -> list[RawIndicator]:
    """New ones, seen just now."""
    return [
        msgspec.structs.replace(
            raw(asset=asset, seen_at=FRESH, partner=partner, identifier=identifier), indicator_id=uuid4()
        )
        for asset in assets
    ]


HOSTS = [Asset(ip=f"145.10.20.{number}", port=445) for number in range(1, 11)]


@pytest.fixture
async def attribution_url() -> AsyncIterator[str]:
    """A stand-in for attribution that sends even addresses to one network, and knows nobody for odd ones."""
    api = FastAPI()

    @api.post("/v1/lookups")
    async def read_lookups(asked: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, object]]]:
        even = {"route": "network-owner", "kind": "network-owner", "recipient": "0199a1c2-0000-7000-8000-000000000001"}
        nobody = {"route": "none", "kind": None, "recipient": None}
        return {"items": [even if int(each["ip"].split(".")[-1]) % 2 == 0 else nobody for each in asked["assets"]]}

    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def desk(
    database_url: str, attribution_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[Desk]:
    await asyncio.to_thread(migrate, "verifier", database_url)
    settings = VerifierSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        attribution_url=attribution_url,
        rules_refresh_seconds=0.05,
    )
    service = build(settings)
    shutdown = Shutdown()
    keeping = asyncio.create_task(service.tasks[0](shutdown))
    desk = Desk(service, operator_key)
    await rules_other_than(desk, None)
    yield desk
    shutdown.request()
    await keeping
    await service.database.close()


async def rules_other_than(desk: Desk, version: str | None) -> str:
    """The version in force, once it is another."""
    async with asyncio.timeout(30), desk.client(Role.VIEWER) as viewer:
        while (answer := await viewer.get("/v1/rules")).status_code != 200 or answer.json()["version"] == version:
            await asyncio.sleep(0.02)
    return str(answer.json()["version"])


async def outcomes(desk: Desk, events: Sequence[RawIndicator]) -> Counter[str]:
    """What becomes of records that come now."""
    async with desk.service.database.transaction() as tx:
        said = await desk.service.subscriptions[RawIndicator](events, tx=tx, now=desk.service.database.now())
    return Counter(event.outcome.value if isinstance(event, IndicatorSettled) else "verified" for event in said)


STRICT = """
[thresholds]
hold_below_confidence = 0.95
"""


async def test_a_file_of_rules_is_put_in_force_and_one_with_errors_changes_nothing(desk: Desk) -> None:
    before = await rules_other_than(desk, None)
    approver = desk.client(Role.APPROVER)
    shipped = (await approver.get("/v1/rules")).json()
    assert (shipped["revision"], shipped["put_by"]) == (0, "shipped")
    assert await outcomes(desk, records(HOSTS[0])) == {"verified": 1}

    put = await approver.put("/v1/rules", content=STRICT, params={"note": "a bad week", "revision": 0})

    assert (put.status_code, put.json()["revision"], put.json()["put_by"]) == (200, 1, "anna")
    after = await rules_other_than(desk, before)
    assert await outcomes(desk, records(HOSTS[1])) == {"held": 1}

    broken = await approver.put("/v1/rules", content="[thresholds]\n\nhold_below_confidence = 7\nfoo = 1\n")
    assert (broken.status_code, broken.json()["type"]) == (422, "/problems/broken-rules")
    assert [each["where"] for each in broken.json()["errors"]] == ["line 3", "line 4"]
    assert "thresholds.hold_below_confidence" in broken.json()["errors"][0]["message"]
    late = await approver.put("/v1/rules", content=STRICT, params={"revision": 0})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/changed-meanwhile")
    for content in (b"\xff", b"# \0"):
        assert (await approver.put("/v1/rules", content=content)).status_code == 422

    assert (await approver.get("/v1/rules")).json()["version"] == after
    history = (await approver.get("/v1/rules/history")).json()["items"]
    assert [(each["revision"], each["note"], each["text"]) for each in history] == [(1, "a bad week", STRICT)]
    assert (await desk.client(Role.ANALYST).put("/v1/rules", content=STRICT)).status_code == 403


async def test_draft_rules_are_tried_out_on_what_has_come_and_nothing_changes(desk: Desk) -> None:
    events = records(*HOSTS)
    assert await outcomes(desk, events) == {"verified": 10}
    assert await outcomes(desk, records(*HOSTS[:3])) == {"duplicate": 3}
    assert await outcomes(desk, records(Asset(ip="145.99.0.2"), identifier="nobody-knows")) == {"held": 1}
    analyst = desk.client(Role.ANALYST)

    answer = await analyst.post("/v1/what-if", json={"days": 1, "rules": STRICT})

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["outcomes_now"] == {"verified": 10, "duplicate": 3, "held": 1}
    assert said["outcomes_draft"] == {"held": 14}
    assert (said["records"], said["changed"], said["records_left_out"]) == (14, 13, 0)
    first = said["changes"][0]
    assert (first["now"], first["draft"], first["records"], first["because"]) == (
        "verified",
        "held",
        10,
        {"confidence": 10},
    )
    assert set(first["samples"]) <= {str(event.indicator_id) for event in events}
    assert said["changed_by_incident"] == {"open-smb": 13}
    assert said["mails"] == {"more": {}, "fewer": {"network-owner": 1, "nobody": 5}}
    assert said["mails_unknown_because"] is None
    assert said["rules_now"] != said["rules_draft"]
    assert await outcomes(desk, records(Asset(ip="145.10.21.1"))) == {"verified": 1}, "the rules in force are the same"
    assert (await analyst.post("/v1/what-if", json={"rules": "[x]"})).json()["type"] == "/problems/broken-rules"


async def test_the_same_rules_make_no_difference_and_one_question_is_answered_at_a_time(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS))
    await outcomes(desk, records(*HOSTS[:3], partner="another"))
    analyst = desk.client(Role.ANALYST)

    answers = await asyncio.gather(*(analyst.post("/v1/what-if", json={"days": 1}) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 429]
    said = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (said["records"], said["changed"], said["changes"]) == (13, 0, [])
    assert said["outcomes_draft"] == {"verified": 10, "duplicate": 3}


async def test_a_false_positive_may_be_tried_out_and_tells_what_was_believed_before(desk: Desk) -> None:
    await outcomes(desk, records(*HOSTS))
    await outcomes(desk, records(HOSTS[0]))
    await outcomes(desk, records(HOSTS[1], partner="another"))
    entry = {
        "ip_range": "145.10.20.0/29",
        "identifier": "open-smb",
        "reason": "a lab",
        "expires_at": (TODAY + timedelta(days=9)).isoformat(),
    }
    analyst = desk.client(Role.ANALYST)

    tried = (await analyst.post("/v1/what-if", json={"days": 1, "false_positives": [entry]})).json()
    assert (tried["outcomes_draft"], tried["changed"]) == ({"refuted": 9, "verified": 3}, 9)

    before = await rules_other_than(desk, None)
    added = await analyst.post("/v1/false-positives", json=entry)
    assert added.status_code == 201, added.text
    reach = await analyst.get(f"/v1/false-positives/{added.json()['id']}/reach")
    assert reach.json() == {"records": 9, "threats": 7, "open": 7}
    await rules_other_than(desk, before)
    assert await outcomes(desk, records(HOSTS[0])) == {"refuted": 1}


@pytest.mark.parametrize(
    ("conditions", "threats"),
    [
        ({"asset": "145.10.20.1"}, 1),
        ({"identifier": "open-smb"}, 4),
        ({"partner": "demo"}, 3),
        ({"partner": "another"}, 0),
        ({"incident": "open-smb"}, 4),
        ({"domain": "bakery.nl"}, 2),
        ({"domain": "www.bakery.nl"}, 1),
        ({"ip_range": "2a02::/16"}, 0),
    ],
)
async def test_an_entry_reaches_what_fits_all_its_conditions(
    desk: Desk, conditions: dict[str, str], threats: int
) -> None:
    await outcomes(desk, records(*HOSTS[:2], Asset(url="https://x@www.bakery.nl:99/"), Asset(domain="bakery.nl")))
    await outcomes(desk, records(HOSTS[1], partner="another"))
    approver = desk.client(Role.APPROVER)

    added = await approver.post(
        "/v1/false-positives",
        json={**conditions, "reason": "it is wrong", "expires_at": (TODAY + timedelta(days=9)).isoformat()},
    )

    assert added.status_code == 201, added.text
    reach = (await approver.get(f"/v1/false-positives/{added.json()['id']}/reach")).json()
    assert reach["threats"] == threats


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({}, 422),
        ({"ip_range": "145.10.20.1/8"}, 422),
        ({"domain": "no domain"}, 422),
        ({"identifier": "open-smb"}, 403),
        ({"domain": "Bakery.NL"}, 201),
    ],
)
async def test_an_entry_says_something_and_not_too_much(desk: Desk, entry: dict[str, str], status: int) -> None:
    body = {**entry, "reason": "it is wrong", "expires_at": (TODAY + timedelta(days=9)).isoformat()}

    answer = await desk.client(Role.ANALYST).post("/v1/false-positives", json=body)

    assert answer.status_code == status, answer.text
