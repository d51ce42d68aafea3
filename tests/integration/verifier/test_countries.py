"""Registries' files of who is registered where: brought in over the API, and asked of the records that come after."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, IndicatorSettled, RawIndicator, ThreatVerified
from libs.common.security import Role
from services.verifier.app import build
from services.verifier.domain import Rules
from services.verifier.domain.countries import Registry
from services.verifier.domain.values import Reason
from services.verifier.handlers import load_rules, verdict_of, verify_indicators
from services.verifier.handlers.countries import holders_now
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables
from tests.integration.test_verifier import rules_in_force
from tests.integration.verifier.desk import Desk
from tests.unit.verifier.builders import NOW, RULES, raw
from tests.unit.verifier.test_countries import DUTCH, GERMAN, RIPENCC, said_of

PATH = "/v1/countries/ripencc"
APNIC = "2|apnic|20260227|1|19830613|20260227|+1000\napnic|AU|ipv4|1.0.0.0|256|20110811|assigned|A91872ED\n"


async def rules_of(desk: Desk, known: Rules = RULES) -> Rules:
    async with desk.service.database.transaction() as tx:
        return await load_rules(tx, RULES, known=known, now=desk.service.database.now())


@pytest.fixture
async def desk(database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> AsyncIterator[Desk]:
    await asyncio.to_thread(make_tables, "verifier", database_url)
    settings = VerifierSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
    )
    service = build(settings)
    yield Desk(service, operator_key)
    await service.database.close()


async def test_files_are_brought_in_shown_and_read_once(desk: Desk) -> None:
    admin = desk.client(Role.ADMIN)
    assert (await admin.get("/v1/countries")).json() == {"items": []}

    put = [
        await admin.put(PATH, content=RIPENCC),
        await admin.put("/v1/countries/apnic", content=gzip.compress(APNIC.encode())),
    ]

    assert [each.status_code for each in put] == [200, 200], [each.text for each in put]
    assert [(each.json()["registry"], each.json()["entries"], each.json()["is_stale"]) for each in put] == [
        ("ripencc", 6, True),
        ("apnic", 1, True),
    ]
    shown = (await desk.client(Role.VIEWER).get("/v1/countries")).json()["items"]
    assert sorted(shown, key=lambda each: str(each["registry"]), reverse=True) == [each.json() for each in put]
    rules = await rules_of(desk)
    assert [rules.holders.country_of(address, None) for address in (DUTCH, GERMAN, "1.0.0.7")] == ["NL", "DE", "AU"]
    assert (await rules_of(desk, rules)).holders is rules.holders, "nothing is read again while nothing has changed"


async def test_of_the_other_registries_nothing_is_read_when_one_changes(desk: Desk) -> None:
    admin = desk.client(Role.ADMIN)
    await admin.put(PATH, content=RIPENCC)
    before = (await rules_of(desk)).holders
    await admin.put("/v1/countries/apnic", content=APNIC)

    async with desk.service.database.transaction() as tx:
        after = await holders_now(tx, known=before)

    assert set(after.tables) == {Registry.RIPENCC, Registry.APNIC}
    assert after.tables[Registry.RIPENCC] is before.tables[Registry.RIPENCC]


async def test_a_newer_file_replaces_all_of_the_old_one_and_an_older_one_nothing(desk: Desk) -> None:
    admin = desk.client(Role.ADMIN)
    await admin.put(PATH, content=RIPENCC)
    newer = RIPENCC.replace("|20260228|", "|20260301|").replace("ripencc|NL|ipv4", "ripencc|BE|ipv4")

    assert (await admin.put(PATH, content=newer)).status_code == 200
    older = await admin.put(PATH, content=RIPENCC)

    assert (older.status_code, older.json()["type"]) == (409, "/problems/older-list")
    assert (await rules_of(desk)).holders.country_of(DUTCH, None) == "BE"
    assert (await admin.put(PATH, content=newer)).status_code == 200, "the same once more does no harm"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (PATH, b"<html>", "line 1: it should first say whose it is"),
        (PATH, RIPENCC.replace("|65536|", "|many|").encode(), "line 6: this is no record"),
        (PATH, gzip.compress(RIPENCC.encode())[:-20], "it is cut off"),
        (PATH, RIPENCC.replace("20260228", "29990101").encode(), "it is from the future"),
        ("/v1/countries/arin", RIPENCC.encode(), "it is of 'ripencc', not of arin"),
    ],
)
async def test_a_file_that_can_not_be_is_refused_and_the_old_one_stays(
    desk: Desk, path: str, body: bytes, said: str
) -> None:
    admin = desk.client(Role.ADMIN)
    await admin.put(PATH, content=RIPENCC)

    answer = await admin.put(path, content=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/broken-list")
    assert said in answer.json()["detail"]
    assert (await rules_of(desk)).holders.country_of(DUTCH, None) == "NL"


async def test_it_takes_an_administrator_and_one_of_the_five(desk: Desk) -> None:
    assert (await desk.client(Role.APPROVER).put(PATH, content=RIPENCC)).status_code == 403
    assert (await desk.client(Role.ADMIN).put("/v1/countries/iana", content=RIPENCC)).status_code == 422


async def test_the_records_that_come_after_are_judged_by_it(desk: Desk) -> None:
    await desk.client(Role.ADMIN).put(PATH, content=RIPENCC)
    rules = await rules_in_force(desk.service.database)
    records = [
        raw(1, asset=Asset(ip=DUTCH)),
        raw(2, asset=Asset(ip=GERMAN)),
        raw(3, asset=Asset(ip=GERMAN), geo_country=None),
        raw(4, asset=Asset(domain="bakery.nl"), geo_country="DE"),
    ]

    async with desk.service.database.transaction() as tx:
        events = await verify_indicators(records, tx=tx, now=NOW, rules=rules)

    assert [type(event) for event in events] == [ThreatVerified, ThreatVerified, IndicatorSettled, ThreatVerified]
    assert msgspec.structs.asdict(events[2])["message"] == "Not for us: its holder is registered in DE; not ours."
    assert [await _said(desk, record) for record in records] == [
        "the record says NL, its holder is registered in NL; ours",
        "the record says NL, its holder is registered in DE",
        "its holder is registered in DE; not ours",
        "the record says DE, its name is of NL",
    ]


async def _said(desk: Desk, record: RawIndicator) -> str:
    async with desk.service.database.transaction() as tx:
        reason: Reason = said_of("country", await verdict_of(tx, record.indicator_id))
    return reason.detail
