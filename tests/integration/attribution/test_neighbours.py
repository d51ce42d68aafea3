"""Shared hosting is seen by the names that records place at one address, on a real database."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import msgspec

from libs.common.contracts import Asset, TargetAttributed, ThreatVerified
from libs.common.db import Database
from libs.common.migrations import migrate
from libs.common.vocabulary import RecipientKind
from services.attribution import store
from services.attribution.domain.neighbours import MOST_NAMES
from tests.integration import test_attribution
from tests.integration.test_attribution import RIPE, USERS_RANGE, Desk
from tests.unit.attribution.builders import a_threat as threat

desk = test_attribution.desk

FIRST, HALF_A_YEAR = date(2026, 11, 24), timedelta(days=180)
HOST = "192.0.2.129"
"""In a range that its user has by itself."""


def named(number: int) -> ThreatVerified:
    return threat(Asset(ip=HOST, domain=f"www.shop-{number}.example"))


async def kinds(desk: Desk, *threats: ThreatVerified) -> list[str]:
    events = await desk.attribute(*threats, now=datetime.now(UTC))
    return [event.recipient.kind if isinstance(event, TargetAttributed) else "" for event in events]


async def test_an_address_is_shared_once_ten_other_names_were_seen_there(desk: Desk) -> None:
    await desk.bring_in("ripe", RIPE + USERS_RANGE)
    ours = threat(Asset(ip=HOST))

    before = await kinds(desk, ours, *(named(number) for number in range(9)))
    trials = [msgspec.structs.replace(named(n), test_mails_to="silent@simulator.invalid") for n in range(20, 30)]
    await kinds(desk, *trials)
    of_nobody = await desk.ask("GET", f"/v1/lookup?ip={HOST}&domain=looked-up.example")
    tenth = await kinds(desk, named(9), threat(Asset(ip=HOST)))
    later = await desk.ask("GET", f"/v1/lookup?ip={HOST}")

    assert set(before) == {RecipientKind.ORGANISATION}
    assert of_nobody["recipient"]["kind"] == "organisation", "a test and a look-up leave nothing"
    assert tenth == [RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER], "nine others of the tenth's own"
    assert later["recipient"]["kind"] == "network-owner"
    assert any("10 other names were seen here: shared hosting" in said for said in later["explanation"])
    assert await kinds(desk, ours) == [RecipientKind.ORGANISATION], "the first decision stands"


async def test_names_are_kept_within_bounds_renewed_once_a_month_and_forgotten(database_url: str) -> None:
    await asyncio.to_thread(migrate, "attribution", database_url)
    database = Database(database_url, pool_size=2, statement_timeout_seconds=10)
    many = [("192.0.2.1", f"{number:02}.example") for number in range(MOST_NAMES)]

    async def seen(new: list[tuple[str, str]], *, day: int) -> dict[str, set[str]]:
        on, addresses = FIRST + timedelta(days=day), {"192.0.2.1", "192.0.2.2"}
        async with database.transaction() as tx:
            return await store.neighbours.seen_at(tx, addresses, new=new, on=on, since=on - HALF_A_YEAR)

    async def days() -> set[int]:
        async with database.transaction() as tx:
            return {(row["seen_on"] - FIRST).days for row in await tx.fetch("SELECT seen_on FROM name_at_address")}

    async def removed(*, limit: int) -> int:
        async with database.transaction() as tx:
            return await store.neighbours.remove_old(tx, before=FIRST + timedelta(days=1), limit=limit)

    full = await seen([*many, ("192.0.2.2", "a.example")], day=0)
    assert {address: len(names) for address, names in full.items()} == {"192.0.2.1": MOST_NAMES, "192.0.2.2": 1}
    assert await seen([("192.0.2.1", "zz.example"), ("192.0.2.2", "a.example")], day=29) == full
    assert await days() == {0}
    assert await seen([many[0]], day=30) == full
    assert await days() == {0, 30}
    assert await seen([], day=181) == {"192.0.2.1": {"00.example"}}
    assert [await removed(limit=10), await removed(limit=500)] == [10, MOST_NAMES - 10]
    assert await days() == {30}
    await database.close()
