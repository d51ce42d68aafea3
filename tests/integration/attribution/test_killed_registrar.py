"""Whoever takes up, proves and tells of registrations dies at each transaction; the next one goes on from there."""

import asyncio
from datetime import timedelta

from libs.common.contracts import ClaimToConfirm, RegistrationFollowed
from libs.common.db import Database
from libs.common.faults import Point
from libs.common.outbox import waiting_events
from services.attribution.domain.enquiries import Patience
from services.attribution.handlers import (
    Customs,
    Decider,
    LiveDirectory,
    Proving,
    Registries,
    SelfRegistrations,
    hear_registrations,
    ladder_of,
)
from tests.databases import make_tables
from tests.integration.attribution.registrant import BAKERY, CHALLENGE, CLAIMS_URL, registered, sources, states
from tests.integration.attribution.test_organisations import ChangingDns
from tests.integration.models.conftest import runner
from tests.integration.models.lives import Blow, Fate, Life, until, wait_for_backends

__all__ = ["runner"]

DOMAIN, RANGE = "bakery.example", "192.0.2.64/28"
MOST_TRANSACTIONS = 40
"""More than one way from the want to the news has."""

PATIENCE = Patience(critical=timedelta(hours=1), other=timedelta(hours=1))


async def one_way(database_url: str) -> None:
    """Each thing that is to be done, once; in a process of its own, with its own connections and its own memory."""
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    directory, outside = LiveDirectory(database, refresh_seconds=60), sources()
    await directory.refresh()
    ladder = ladder_of(None, constituency=frozenset({"NL"}))
    registries = Registries(
        database, Decider(directory, ladder=ladder, online=outside.enabled, patience=PATIENCE), outside
    )
    proving = Proving(
        database, dns=DNS, registries=registries, claims_url=CLAIMS_URL, looks_at_first=timedelta(minutes=5)
    )
    rounds = SelfRegistrations(database, proving, Customs(frozenset({"NL"}), sees_records=True))
    await rounds.take_up()
    await proving.look_some()
    while await proving.ask_one():
        pass
    await rounds.follow()
    await database.close()


DNS = ChangingDns()


async def bear(database: Database, database_url: str, nth: int) -> bool:
    """Dies at the nth transaction, and the next one does the rest; False where there were fewer."""
    async with database.transaction() as tx:
        await tx.fetch("TRUNCATE organisation, self_registration, contact_proof, outbox CASCADE")
        await hear_registrations([registered(DOMAIN, RANGE)], tx=tx, now=database.now())
    first, second = Life(f"first of {nth}"), Life(f"second of {nth}")
    first.doom(Fate(Point.TRANSACTION_OPEN, Blow.CRASH, nth=nth))
    dying = first.begin(one_way(database_url))

    async def is_over() -> bool:
        return first.is_dead or dying.done()

    await until(is_over)
    await first.buried()
    await wait_for_backends(database, first)
    async with database.transaction() as tx:
        await tx.fetch("UPDATE self_registered_asset SET due_at = now() WHERE step = 'ask'")

    await second.begin(one_way(database_url))
    second.die()
    await second.buried()
    await is_whole(database, nth)
    return first.is_dead


async def is_whole(database: Database, nth: int) -> None:
    async with database.transaction() as tx:
        events = await waiting_events(tx)
        owners = await tx.fetch("SELECT name FROM organisation")
        contacts = await tx.fetch("SELECT email FROM organisation_contact")
    told = [event for event in events if isinstance(event, RegistrationFollowed)]
    assert [row["name"] for row in owners] == ["Bakery"], nth
    assert [row["email"] for row in contacts] == [BAKERY], nth
    assert len([event for event in events if isinstance(event, ClaimToConfirm)]) == 1, f"{nth}: nobody is asked twice"
    assert states(told[-1]) == {DOMAIN: "record-wanted", RANGE: "contact-asked"}, nth
    assert sorted(value for event in told for value in event.news) == sorted((DOMAIN, RANGE)), f"{nth}: each once"
    assert told[-1].assets[0].record_name == CHALLENGE or told[-1].assets[1].record_name == CHALLENGE


def test_whoever_works_for_registrations_can_die_at_each_transaction_and_nothing_is_lost_or_done_twice(
    runner: asyncio.Runner, database_url: str
) -> None:
    async def bear_all() -> int:
        await asyncio.to_thread(make_tables, "attribution", database_url)
        database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
        nth = 1
        while await bear(database, database_url, nth):
            nth += 1
            assert nth < MOST_TRANSACTIONS
        await database.close()
        return nth

    assert runner.run(bear_all()) > 8
