"""What organisations register reaches the verifier, on the real broker: told once, in its order, and taken back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import msgspec
import pytest

from deploy.local.background import BackgroundStack
from libs.common.consumer import BatchConsumer
from libs.common.contracts import Asset, AssetRegistered, Event, ThreatVerified
from libs.common.db import Database
from libs.common.errors import Permanent, Transient
from libs.common.ids import new_id
from libs.common.outbox import OutboxRelay, waiting_events
from libs.common.publisher import Publisher
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisation_files import BadOrganisations, read_file
from services.attribution.domain.organisations import OrganisationProfile, OrganisationRecord
from services.attribution.handlers import (
    Refusal,
    UntoldRegistrations,
    add_organisation,
    register_asset,
    release_asset,
    remove_organisation,
)
from services.attribution.handlers.organisation_files import take_in
from services.attribution.store import registrations
from services.verifier.domain.registered import Registered
from services.verifier.handlers import RulesInForce, load_rules, take_up_registrations, verify_indicators
from services.verifier.settings import VerifierSettings
from tests.conftest import Kafka
from tests.databases import make_tables, new_database
from tests.unit.verifier.builders import NOW, RULES, raw

DUTCH = OrganisationProfile(name="Bakery", country="NL", language=Language.DUTCH)
ONE, OTHER = UUID(int=1), UUID(int=2)

Told = list[tuple[str, str, bool]]
T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], bool], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not is_so(await look()):
            await asyncio.sleep(0.02)


@pytest.fixture
async def attribution(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(make_tables, "attribution", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=30)
    yield database
    await database.close()


@pytest.fixture
async def verifier(infrastructure: BackgroundStack) -> AsyncIterator[Database]:
    async with new_database(infrastructure.endpoints.postgres) as url:
        await asyncio.to_thread(make_tables, "verifier", url)
        database = Database(url, pool_size=4, statement_timeout_seconds=30)
        yield database
        await database.close()


async def organisation(database: Database, name: str = "Bakery") -> UUID:
    async with database.transaction() as tx:
        added = await add_organisation(msgspec.structs.replace(DUTCH, name=name), by="ann", tx=tx, now=NOW)
    assert isinstance(added, OrganisationRecord)
    return added.organisation_id


async def register(database: Database, owner: UUID, kind: AssetKind, value: str) -> UUID:
    async with database.transaction() as tx:
        kept = await register_asset(owner, kind, value, by="ann", tx=tx, now=NOW)
    assert not isinstance(kept, Refusal), kept
    return kept.asset_id


async def bring_in(database: Database, *values: str, name: str = "Bakery") -> int:
    """How many of the assets in the file are somebody else's; then nothing is kept."""
    assets = [{"kind": "domain", "value": value} for value in values]
    entries = read_file(msgspec.json.encode([{"name": name, "country": "NL", "assets": assets}]))
    try:
        async with database.transaction() as tx:
            await take_in(entries, by="ann", tx=tx, now=NOW)
    except BadOrganisations as refused:
        return len(refused.mistakes)
    return 0


async def told(database: Database) -> list[AssetRegistered]:
    async with database.transaction() as tx:
        events = await waiting_events(tx)
    return [event for event in events if isinstance(event, AssetRegistered)]


def in_short(events: list[AssetRegistered]) -> Told:
    return [(event.kind.value, event.value, event.is_registered) for event in events]


async def test_each_change_is_told_once_with_a_revision_above_the_one_before(attribution: Database) -> None:
    baker = await organisation(attribution)
    asset_id = await register(attribution, baker, AssetKind.DOMAIN, "Bakery.example.")
    await register(attribution, baker, AssetKind.DOMAIN, "bakery.example")
    await register(attribution, baker, AssetKind.IP_RANGE, "192.0.2.0 - 192.0.2.255")
    async with attribution.transaction() as tx:
        assert await release_asset(baker, asset_id, by="ann", tx=tx, now=NOW) is None
        assert isinstance(await release_asset(baker, asset_id, by="ann", tx=tx, now=NOW), Refusal)
    await register(attribution, baker, AssetKind.DOMAIN, "bakery.example")

    events = await told(attribution)

    assert in_short(events) == [
        ("domain", "bakery.example", True),
        ("ip-range", "192.0.2.0/24", True),
        ("domain", "bakery.example", False),
        ("domain", "bakery.example", True),
    ]
    revisions = [event.revision for event in events]
    assert revisions == sorted(set(revisions))
    assert {event.organisation_id for event in events} == {baker}
    assert len({event.event_id for event in events}) == 4
    assert len({event.key for event in events}) == 2


async def test_what_is_refused_or_rolled_back_is_not_told(attribution: Database) -> None:
    baker, other = await organisation(attribution), await organisation(attribution, "Other")
    await register(attribution, baker, AssetKind.DOMAIN, "bakery.example")

    async with attribution.transaction() as tx:
        assert isinstance(await register_asset(other, AssetKind.DOMAIN, "nl", by="ann", tx=tx, now=NOW), Refusal)
    assert await bring_in(attribution, "new.example", "bakery.example", name="Other") == 1

    assert in_short(await told(attribution)) == [("domain", "bakery.example", True)]


async def test_an_organisation_that_goes_takes_back_all_that_it_had(attribution: Database) -> None:
    baker = await organisation(attribution)
    await register(attribution, baker, AssetKind.DOMAIN, "bakery.example")
    await register(attribution, baker, AssetKind.ASN, "AS1101")

    async with attribution.transaction() as tx:
        assert await remove_organisation(baker, by="ann", tx=tx, now=NOW) is None
        assert isinstance(await remove_organisation(baker, by="ann", tx=tx, now=NOW), Refusal)

    taken_back = sorted(in_short(await told(attribution))[2:])
    assert taken_back == [("asn", "AS1101", False), ("domain", "bakery.example", False)]


async def test_an_import_is_told_in_small_events_and_only_what_is_new_in_it(attribution: Database) -> None:
    values = [f"bakery-{number}.example" for number in range(12_000)]
    await bring_in(attribution, *values[:10])

    await bring_in(attribution, *values)

    events = await told(attribution)
    assert sorted(event.value for event in events) == sorted(values)
    async with attribution.transaction() as tx:
        (row,) = await tx.fetch("SELECT count(*) AS rows, max(length(events)) AS bytes FROM outbox")
    assert row["rows"] < 12_000 / 100
    assert row["bytes"] < 100_000, "far below what a broker takes"


async def test_what_was_there_before_anybody_was_told_is_told_at_the_start_once(attribution: Database) -> None:
    baker = await organisation(attribution)
    values = [f"bakery-{number}.example" for number in range(6_000)]
    await bring_in(attribution, *values)
    async with attribution.transaction() as tx:
        await tx.fetch("DELETE FROM outbox")
        await tx.fetch("UPDATE organisation_asset SET is_told = false")
    shutdown = Shutdown()
    replicas = [asyncio.create_task(UntoldRegistrations(attribution).tell(shutdown)) for _ in range(2)]

    await until(lambda: told(attribution), lambda events: len(events) >= len(values))
    shutdown.request()
    await asyncio.gather(*replicas)

    events = await told(attribution)
    assert sorted(event.value for event in events) == sorted(values), "each once, whoever of the two has told it"
    await register(attribution, baker, AssetKind.DOMAIN, "later.example")
    assert (await told(attribution))[-1].revision > max(event.revision for event in events)


async def test_who_tells_what_is_untold_waits_for_nobody_who_takes_an_asset_back(attribution: Database) -> None:
    """Whoever takes it back holds the asset and waits for the directory's version, which the teller holds."""
    await bring_in(attribution, "bakery.example", "butcher.example")
    async with attribution.transaction() as tx:
        await tx.fetch("UPDATE organisation_asset SET is_told = false")

    async with attribution.transaction() as one, attribution.transaction() as other, asyncio.timeout(10):
        await one.fetch("DELETE FROM organisation_asset WHERE value = 'bakery.example'")
        found = await registrations.take_untold(other)

    assert [value for _, _, value in found] == ["butcher.example"]


def word(organisation_id: UUID, value: str, *, revision: int, is_registered: bool = True) -> AssetRegistered:
    kind = AssetKind.IP_RANGE if "/" in value else AssetKind.ASN if value.startswith("AS") else AssetKind.DOMAIN
    return AssetRegistered(
        organisation_id=organisation_id,
        kind=kind,
        value=value,
        is_registered=is_registered,
        revision=revision,
        at=datetime(2026, 3, 1, tzinfo=UTC),
    )


async def take_up(database: Database, *words: AssetRegistered, known: Registered = RULES.registered) -> Registered:
    async with database.transaction() as tx:
        assert await take_up_registrations(words, tx=tx, now=NOW) == []
    async with database.transaction() as tx:
        rules = await load_rules(tx, RULES, known=msgspec.structs.replace(RULES, registered=known), now=NOW)
    return rules.registered


async def test_the_last_word_counts_in_whatever_order_words_come(verifier: Database) -> None:
    bakery, block = Asset(domain="bakery.example"), Asset(ip="146.0.5.9")
    first = await take_up(
        verifier,
        word(ONE, "bakery.example", revision=2, is_registered=False),
        word(ONE, "bakery.example", revision=1),
        word(ONE, "butcher.example", revision=3),
        word(ONE, "146.0.0.0/16", revision=3),
        word(OTHER, "146.0.5.0/24", revision=4),
    )
    assert (first.covers(bakery, None), first.covers(block, None)) == (False, True)

    again = await take_up(verifier, word(ONE, "bakery.example", revision=1), known=first)
    assert again is first, "an older word changes nothing, and nothing is read again"
    third = await take_up(verifier, word(ONE, "146.0.0.0/16", revision=5, is_registered=False), known=first)
    assert third.covers(block, None), "the other one has registered it too"
    assert third.index.domains is first.index.domains, "of what has not changed nothing is read"
    gone = word(OTHER, "146.0.5.0/24", revision=6, is_registered=False)
    fourth = await take_up(verifier, gone, word(ONE, "AS3320", revision=7), known=third)
    assert not fourth.covers(block, None)
    assert fourth.covers(block, 3320)
    assert await take_up(verifier, known=fourth) is fourth


async def test_a_range_that_is_none_is_put_aside(verifier: Database) -> None:
    with pytest.raises(Permanent, match="not a range"):
        await take_up(verifier, word(ONE, "not/arange", revision=1))


@dataclass(frozen=True, slots=True)
class Both:
    """Attribution that says, and a verifier that hears."""

    attribution: Database
    verifier: Database
    rules: RulesInForce

    async def hears(self, asset: Asset, *, is_registered: bool) -> None:
        async def now() -> bool:
            try:
                return self.rules.current.registered.covers(asset, None)
            except Transient:
                return not is_registered

        await until(now, lambda covered: covered is is_registered)

    async def judged(self, asset: Asset) -> list[Event]:
        record = raw(1, asset=asset, geo_country="DE", identifier="weak-tls")
        record = msgspec.structs.replace(record, indicator_id=new_id())
        async with self.verifier.transaction() as tx:
            return list(await verify_indicators([record], tx=tx, now=NOW, rules=self.rules))


@asynccontextmanager
async def running(both: Both, *, kafka: Kafka, group: str, key: str) -> AsyncIterator[None]:
    settings = VerifierSettings(
        http_port=1, database_url="postgresql://nobody@127.0.0.1:1/none", kafka_bootstrap=kafka.bootstrap,
        operator_public_key=key,
    )  # fmt: skip
    publisher, shutdown = Publisher(settings=settings, service=group), Shutdown()
    relay = OutboxRelay(database=both.attribution, publisher=publisher, service=group, retry_max_seconds=0.2)
    consumer = BatchConsumer(
        service=group,
        settings=settings,
        subscriptions={AssetRegistered: take_up_registrations},
        database=both.verifier,
        publisher=publisher,
    )
    await kafka.start_group_here(f"tocsin-{group}")
    tasks = [asyncio.create_task(task(shutdown)) for task in (relay.run, consumer.run, both.rules.keep_fresh)]
    yield
    shutdown.request()
    await asyncio.gather(*tasks)
    await publisher.close()


async def test_what_is_registered_at_attribution_the_verifier_takes_up(
    attribution: Database,
    verifier: Database,
    kafka: Kafka,
    service_name: str,
    operator_public_key: str,
) -> None:
    both = Both(attribution, verifier, RulesInForce(RULES, database=verifier, refresh_seconds=0.05))
    shop = Asset(domain="shop.bakery.example.de", ip="146.0.5.9")
    async with running(both, kafka=kafka, group=service_name, key=operator_public_key):
        baker = await organisation(attribution)
        asset_id = await register(attribution, baker, AssetKind.DOMAIN, "bakery.example.de")
        await both.hears(shop, is_registered=True)
        (registered,) = await both.judged(shop)
        async with attribution.transaction() as tx:
            await release_asset(baker, asset_id, by="ann", tx=tx, now=NOW)
        await both.hears(shop, is_registered=False)
        (released,) = await both.judged(shop)

    assert isinstance(registered, ThreatVerified), "abroad, and of an incident that only those hear of who asked"
    assert msgspec.structs.asdict(released)["reason"] == "country"
