"""Registries' files on a real database: each source by itself, nothing for nothing, nothing that looks cut off."""

import asyncio
import gzip
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config

from libs.common.contracts import Asset
from libs.common.db import Database
from libs.common.migrations import migrate
from libs.common.revisions import migrations_of
from services.attribution import store
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.directory import Directory, question_of
from services.attribution.domain.imports import ImportKind
from services.attribution.domain.networks import Network, System
from services.attribution.domain.sources import Version
from services.attribution.handlers import Dump, Importer, LiveDirectory, dumps
from tests.integration import test_attribution
from tests.integration.test_attribution import RIPE, Answer, Desk, in_short
from tests.unit.attribution.builders import a_threat as threat
from tests.unit.attribution.tables import interval

desk = test_attribution.desk

RIPENCC = b"2.3|ripencc|1|1|19830705|20261119|+0100\nripencc|NL|ipv4|193.0.0.0|65536|20100412|allocated|a\n"
ARIN = (
    b"2.3|arin|1|2|19830705|20261120|-0500\narin|US|ipv4|8.8.8.0|256|20100412|allocated|b\n"
    b"arin|CA|asn|64600|1||assigned|c\n"
)
NETWORKS = b"203.0.113.0,203.0.113.255,64501,NL,HOST-AS\n2001:db8:5::,2001:db8:5:ffff::,0,BE,\n"
SYSTEM = b"aut-num: AS64501\nas-name: HOST-AS\nabuse-c: AR1-RIPE\nsource: RIPE\n"


async def evidence(desk: Desk, query: str) -> list[str]:
    """The sources that a look-up went through, and what they answered."""
    answer = await desk.ask("GET", f"/v1/lookup?{query}")
    return [f"{step['source']}: {step['answered']}" for step in answer["evidence"]]


async def source(desk: Desk, name: str) -> Answer:
    listed = await desk.ask("GET", "/v1/sources")
    (found,) = [each for each in listed["items"] if each["source"] == name]
    return found  # type: ignore[no-any-return]  # JSON


async def test_each_registrys_delegated_file_stands_beside_those_of_the_others(desk: Desk) -> None:
    for content in (RIPENCC, ARIN):
        assert (await desk.bring_in("delegated", content))["state"] == "done"

    assert "delegated 2026-11-19: NL" in await evidence(desk, "ip=193.0.1.1")
    assert "delegated 2026-11-20: US" in await evidence(desk, "ip=8.8.8.8")
    assert "delegated 2026-11-20: CA" in await evidence(desk, "asn=64600")
    assert (await source(desk, "delegated-arin"))["made_on"] == "2026-11-20"
    assert (await source(desk, "delegated-apnic"))["made_on"] is None


async def test_a_file_that_is_in_already_changes_nothing_and_says_so(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE, made_on="2026-11-01")
    first = await source(desk, "ripe")

    again = await desk.bring_in("ripe", RIPE, made_on="2026-11-09")
    assert (again["state"], again["records"]) == ("done", 0)
    assert "is in already" in again["message"]
    assert await source(desk, "ripe") == first

    packed_anew = await desk.bring_in("ripe", gzip.compress(RIPE), made_on="2026-11-09")
    assert "says the same as before" in packed_anew["message"]
    assert await source(desk, "ripe") == first | {
        "made_on": "2026-11-09",
        "age_days": (await source(desk, "ripe"))["age_days"],
    }


async def test_one_kind_of_objects_comes_in_by_itself_and_the_rest_stays(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE)

    await desk.bring_in("ripe", SYSTEM)
    await desk.bring_in("ripe", b"role: Desk\nnic-hdl: AR1-RIPE\nabuse-mailbox: new@isp.example\nsource: RIPE\n")

    found = await desk.attribute(threat(Asset(ip="192.0.2.200")), threat(Asset(asn=64501)))
    assert in_short(found) == ["new@isp.example", "new@isp.example"]
    assert (await source(desk, "ripe"))["counts"] == {"inetnum": 2, "organisation": 1, "role": 1, "aut-num": 1}


async def test_what_shrinks_or_is_older_comes_in_only_by_force(desk: Desk) -> None:
    many = b"".join(
        b"inetnum: 192.0.2.%d - 192.0.2.%d\nnetname: N\nsource: RIPE\n\n" % (first, last)
        for first in range(50)
        for last in range(first, 50)
    )
    await desk.bring_in("ripe", RIPE + b"\n" + many, made_on="2026-11-09")

    small = await desk.bring_in("ripe", RIPE, made_on="2026-11-10")
    older = await desk.bring_in("ripe", RIPE + b"\n" + many.replace(b": N\n", b": M\n"), made_on="2026-11-08")

    assert (small["state"], older["state"]) == ("failed", "failed")
    assert "would shrink from 1,277 to 2 records" in small["message"]
    assert "of 2026-11-09 is in already" in older["message"]
    assert (await source(desk, "ripe"))["counts"]["inetnum"] == 1277
    forced = await desk.bring_in("ripe", RIPE, made_on="2026-11-10", force="true")
    assert forced["state"] == "done", forced["message"]
    assert (await source(desk, "ripe"))["counts"]["inetnum"] == 2


async def test_the_network_file_names_the_system_and_the_country_where_no_registry_does(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE + b"\n" + SYSTEM)
    before = await desk.attribute(threat(Asset(ip="203.0.113.9")))

    run = await desk.bring_in("networks", NETWORKS, made_on="2026-11-01")

    assert (run["state"], run["records"], run["share_done"]) == ("done", 2, 1.0)
    after = await desk.attribute(threat(Asset(ip="203.0.113.9")))
    assert (in_short(before), in_short(after)) == (["no-recipient"], ["abuse@isp.example"])
    assert "network-file 2026-11-01: BE" in await evidence(desk, "ip=2001:db8:5::1")
    assert (await source(desk, "network-file"))["counts"] == {"asn": 1, "country": 2}


async def test_imports_are_listed_the_newest_first(desk: Desk) -> None:
    kinds = ["ripe", "delegated", "networks"]
    runs = [await desk.bring_in(kind, content) for kind, content in zip(kinds, (RIPE, ARIN, NETWORKS), strict=True)]

    assert await desk.items("/v1/imports") == runs[::-1]


async def test_a_large_file_comes_in_by_a_process_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "LARGE_BYTES", 0)
    broken = await desk.bring_in("ripe", gzip.compress(RIPE)[:-9])
    run = await desk.bring_in("ripe", RIPE)

    assert (broken["state"], run["state"], run["records"]) == ("failed", "done", 4)
    assert "breaks off" in broken["message"]
    assert in_short(await desk.attribute(threat(Asset(ip="192.0.2.200")))) == ["abuse@isp.example"]


OF_BEFORE = """
INSERT INTO snapshot (kind, made_on, imported_at) VALUES
    ('ripe', '2026-11-01', now()), ('delegated', '2026-11-02', now());
INSERT INTO abuse_desk VALUES (1, 0, 'abuse@isp.example', 'ISP'), (1, 1, 'abuse@host.example', 'Host');
INSERT INTO network_range VALUES
    (1, 'ipv4', 0, '\\xc0000200', '\\xc00002ff', 'ISP-NET', 'ISP', 'NL', 'ALLOCATED PA', 0, NULL),
    (1, 'ipv4', 1, '\\xc0000280', '\\xc00002bf', 'PART', 'ISP', NULL, 'ASSIGNED PA', 0, 0);
INSERT INTO network_route VALUES (1, 'ipv6', 0, '\\x20010db8000000000000000000000000',
    '\\x20010db8ffffffffffffffffffffffff', '{64501,64502}');
INSERT INTO network_system VALUES (1, 64501, 'HOST-AS', 'Host', 1), (1, 4200000001, 'MUTE', 'Mute', NULL);
INSERT INTO delegation VALUES
    (2, 'ipv4', 0, '\\xcb007100', '\\xcb0071ff', 'BE'),
    (2, 'asn', 0, '\\x0000fbf5', '\\x0000fbf5', 'DE');
"""


async def test_what_the_release_before_had_brought_in_serves_on(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_of("attribution")))
    config.attributes["url"] = database_url
    await asyncio.to_thread(command.upgrade, config, "0002")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(OF_BEFORE)
    finally:
        await connection.close()

    await asyncio.to_thread(migrate, "attribution", database_url)

    known = await directory_of(database_url)
    assets = [Asset(ip=ip) for ip in ("192.0.2.129", "192.0.2.1", "2001:db8::1", "203.0.113.9")] + [
        Asset(asn=4200000001)
    ]
    part, whole, routed, abroad, mute = known.find([question_of(threat(asset).indicator) for asset in assets])
    assert part.network == Network(
        interval("192.0.2.128/26"), "PART", None, AbuseDesk("abuse@isp.example", "ISP"), interval("192.0.2.0/24"),
        status="ASSIGNED PA",
    )  # fmt: skip
    assert whole.network is not None
    assert (whole.network.country, whole.network.status) == ("NL", "ALLOCATED PA")
    assert routed.asns == (64501, 64502)
    assert routed.system == System(64501, "HOST-AS", AbuseDesk("abuse@host.example", "Host"))
    assert mute.system == System(4200000001, "MUTE", None)
    assert abroad.delegated is not None
    assert (abroad.delegated.country, abroad.delegated.source) == ("BE", "delegated-ripencc")
    assert known.networks.made_on == date(2026, 11, 1)


async def directory_of(database_url: str) -> Directory:
    database = Database(database_url, pool_size=2, statement_timeout_seconds=10)
    try:
        live = LiveDirectory(database, refresh_seconds=300)
        await live.refresh()
        async with database.transaction() as tx:
            return await live.latest(tx)
    finally:
        await database.close()


async def test_a_column_of_several_slices_is_read_as_it_was_written(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(migrate, "attribution", database_url)
    monkeypatch.setattr(store.sources, "SLICE_BYTES", 16)
    columns = {"none": b"", "one": bytes(range(16)), "two": bytes(range(32)), "some": bytes(range(40))}
    database = Database(database_url, pool_size=1, statement_timeout_seconds=10)
    try:
        async with database.transaction() as tx:
            version = Version(source="ripe", made_on=date(2026, 11, 1), imported_at=database.now())
            number = await store.sources.open_version(tx, version)
            await store.sources.write_columns(tx, number, columns)
            assert await store.sources.read_columns(tx, number) == columns
    finally:
        await database.close()


async def test_dumps_of_a_job_that_are_in_already_are_no_mistake_beside_one_that_says_nothing(
    database_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(migrate, "attribution", database_url)
    files = [tmp_path / "ripe.db.inetnum", tmp_path / "ripe.db.person"]
    for file, content in zip(files, (RIPE, b"person: Placeholder\nnic-hdl: DUMY-RIPE\nsource: RIPE\n"), strict=True):
        file.write_bytes(content)
    database = Database(database_url, pool_size=2, statement_timeout_seconds=10)
    try:
        importer = Importer(database, max_organisations_bytes=1)
        runs = []
        for _ in range(2):
            run = await importer.begin(ImportKind.RIPE, Dump(files), started_by="job")
            runs.append(await importer.run(run, Dump(files), made_on=date(2026, 11, 1)))
    finally:
        await database.close()

    assert [(run.state, run.progress.records) for run in runs] == [("done", 4), ("done", 0)]
    assert runs[1].message == "ripe.db.inetnum is in already."
