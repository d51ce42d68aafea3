"""Threats that stand aside for an outside source: the answer counts, silence ends, late answers still find somebody."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, Event, ThreatVerified
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution.app import build
from services.attribution.domain.answers import Answer, Enquiry, SecurityTxt, Source
from services.attribution.settings import AttributionSettings
from tests.databases import make_tables
from tests.integration.test_attribution import Desk, in_short, token, until_read
from tests.unit.attribution.builders import a_threat as threat

BAKERY = "bakery.example"
SHORT, LONG = 0.3, 600.0
RETRY = timedelta(milliseconds=50)
GOOD_FOR = timedelta(days=7)
Seen = TypeVar("Seen")


class Script:
    """Sources that say what the test wants: nothing at all until they are told to answer."""

    def __init__(self) -> None:
        self.enabled = frozenset({Source.SECURITY_TXT})
        self.asked: list[str] = []
        self._says: defaultdict[str, asyncio.Future[str | None]] = defaultdict(asyncio.Future)

    def room(self, source: Source) -> int:
        return 8

    async def subjects(self) -> list[str]:
        return self.asked

    def says(self, subject: str, email: str | None) -> None:
        """From now on it answers so; None: it knows nothing."""
        self._says[subject].set_result(email)

    def fails(self, subject: str) -> None:
        self._says[subject].set_exception(ConnectionError("it is away"))

    def recovers(self, subject: str) -> None:
        self._says[subject] = asyncio.Future()

    async def close(self) -> None:
        return None

    async def ask(self, enquiry: Enquiry, *, at: datetime) -> Answer:
        self.asked.append(enquiry.subject)
        try:
            email = await asyncio.shield(self._says[enquiry.subject])
        except ConnectionError as error:
            return Answer(enquiry, at, at + RETRY, failure=str(error))
        found = SecurityTxt(f"https://{enquiry.subject}/", (email,)) if email else None
        return Answer(enquiry, at, at + GOOD_FOR, found)


class Running:
    """The service, its outside, and what it has said beside the flow."""

    def __init__(self, service: Service, outside: Script, desk: Desk) -> None:
        self.service, self.outside, self.desk = service, outside, desk

    async def attribute(self, *threats: ThreatVerified) -> list[Event]:
        handler = self.service.subscriptions[ThreatVerified]
        async with self.service.database.transaction() as tx:
            return list(await handler(threats, tx=tx, now=self.service.database.now()))

    async def said(self, *, events: int = 1) -> list[str]:
        """Whom the events lead to that left by themselves, when there are so many."""
        return in_short(await until(self.desk.sent, lambda sent: len(sent) >= events))

    async def in_line(self, *, threats: int = 1) -> list[dict[str, object]]:
        return await until(lambda: self.desk.items("/v1/unattributed"), lambda items: len(items) == threats)


async def until(look: Callable[[], Awaitable[Seen]], is_so: Callable[[Seen], bool]) -> Seen:
    async with asyncio.timeout(20):
        while not is_so(seen := await look()):
            await asyncio.sleep(0.02)
    return seen


@pytest.fixture
def patience() -> float:
    return LONG


@pytest.fixture
async def settings(database_url: str, operator_public_key: str, patience: float) -> AttributionSettings:
    await asyncio.to_thread(make_tables, "attribution", database_url)
    return AttributionSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        patience_seconds=patience,
    )


@pytest.fixture
async def running(settings: AttributionSettings, operator_key: Ed25519PrivateKey) -> AsyncIterator[Running]:
    async with running_with(settings, Script(), operator_key) as running:
        yield running


@asynccontextmanager
async def running_with(
    settings: AttributionSettings, outside: Script, key: Ed25519PrivateKey
) -> AsyncIterator[Running]:
    async with at_work(settings, outside) as service:
        transport, headers = httpx.ASGITransport(service.api), {"Authorization": f"Bearer {token(key)}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            yield Running(service, outside, Desk(service, client))


@asynccontextmanager
async def at_work(settings: AttributionSettings, outside: Script) -> AsyncIterator[Service]:
    service = build(settings, outside=outside)
    shutdown = Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until_read(service)
    yield service
    shutdown.request()
    await tasks
    await service.database.close()


async def test_a_threat_waits_for_the_answer_and_nothing_is_said_before(running: Running) -> None:
    waiting = threat(Asset(domain=BAKERY))

    assert await running.attribute(waiting) == []
    assert await running.attribute(waiting) == []  # redelivered
    (enquiry,) = await running.desk.items("/v1/enquiries")
    assert (enquiry["subject"], enquiry["threats"]) == (BAKERY, 1)
    running.outside.says(BAKERY, "security@bakery.example")

    assert await running.said() == ["security@bakery.example"]
    (kept,) = await running.desk.sent()
    assert await running.attribute(waiting) == [kept]
    assert await running.desk.items("/v1/enquiries") == []


async def test_what_was_answered_serves_the_next_threat_at_once(running: Running) -> None:
    running.outside.says(BAKERY, "security@bakery.example")
    await running.attribute(threat(Asset(domain=BAKERY)))
    await running.said()

    assert in_short(await running.attribute(threat(Asset(url=f"https://{BAKERY}/")))) == ["security@bakery.example"]

    assert running.outside.asked == [BAKERY]


async def test_one_question_is_asked_once_for_all_threats_that_wait_for_it(running: Running) -> None:
    await running.attribute(*(threat(Asset(domain=BAKERY)) for _ in range(30)))
    running.outside.says(BAKERY, "security@bakery.example")

    assert await running.said(events=30) == ["security@bakery.example"] * 30

    assert running.outside.asked == [BAKERY]


async def test_a_source_that_never_answers_holds_up_no_other_question(running: Running) -> None:
    await running.attribute(threat(Asset(domain="silent.example")), threat(Asset(domain=BAKERY)))
    running.outside.says(BAKERY, "security@bakery.example")

    assert await running.said() == ["security@bakery.example"]


async def test_a_source_that_failed_is_asked_again(running: Running) -> None:
    running.outside.fails(BAKERY)
    await running.attribute(threat(Asset(domain=BAKERY)))
    (enquiry,) = await until(
        lambda: running.desk.items("/v1/enquiries"), lambda items: bool(items and items[0]["failure"])
    )
    assert (enquiry["failure"], enquiry["tries"]) == ("it is away", 1)
    running.outside.recovers(BAKERY)
    running.outside.says(BAKERY, "security@bakery.example")
    await be_asked_now(running)

    assert await running.said() == ["security@bakery.example"]


async def be_asked_now(running: Running) -> None:
    """As if the pause after a failure were over."""
    async with running.service.database.transaction() as tx:
        await tx.fetch("UPDATE enquiry SET next_try_at = now()")


@pytest.mark.parametrize("patience", [SHORT])
async def test_who_waits_in_vain_is_decided_without_the_answer(running: Running) -> None:
    await running.attribute(threat(Asset(domain=BAKERY)))

    assert await running.said() == ["no-recipient"]

    (line,) = await running.in_line()
    assert line["asset"] == BAKERY


@pytest.mark.parametrize("patience", [SHORT])
async def test_an_answer_that_comes_late_finds_who_was_not_found(running: Running) -> None:
    await running.attribute(threat(Asset(domain=BAKERY)))
    await running.in_line()

    running.outside.says(BAKERY, "security@bakery.example")

    assert await running.said(events=2) == ["no-recipient", "security@bakery.example"]
    assert await running.in_line(threats=0) == []


@pytest.mark.parametrize("patience", [SHORT])
async def test_a_person_who_was_faster_than_the_answer_is_not_overruled(running: Running) -> None:
    waiting = threat(Asset(domain=BAKERY))
    await running.attribute(waiting)
    (line,) = await running.in_line()
    owner = await running.desk.add_organisation("Bakery", email="owner@bakery.example")
    await running.desk.name_owner(str(line["target_id"]), owner)
    running.outside.says(BAKERY, "security@bakery.example")
    await until(lambda: running.desk.items("/v1/enquiries"), lambda items: not items)
    await running.attribute(threat(Asset(domain="other.example")))
    running.outside.says("other.example", "security@other.example")

    assert await running.said(events=3) == ["no-recipient", "owner@bakery.example", "security@other.example"]
    assert in_short(await running.attribute(waiting)) == ["owner@bakery.example"]


async def test_from_a_hacked_host_nothing_is_fetched(running: Running) -> None:
    known = threat(Asset(domain=BAKERY))
    indicator = msgspec.structs.replace(known.indicator, category="intrusions/system-compromise")

    found = await running.attribute(msgspec.structs.replace(known, indicator=indicator))

    assert in_short(found) == ["no-recipient"]
    assert running.outside.asked == []


async def test_a_threat_that_waits_is_in_the_books(running: Running) -> None:
    waiting = threat(Asset(domain=BAKERY))
    await running.attribute(waiting)

    (counts,) = await running.desk.items("/v1/counts")
    running.outside.says(BAKERY, "security@bakery.example")
    await running.said()
    (afterwards,) = await running.desk.items("/v1/counts")

    assert (counts["heard"], counts["waiting"][0]["state"]) == (1, "waiting-for-answer")
    assert (afterwards["heard"], afterwards["passed_on"], afterwards["waiting"]) == (1, 1, [])


async def test_two_replicas_share_what_waits_and_each_threat_is_told_of_once(
    running: Running, settings: AttributionSettings
) -> None:
    hosts = [f"host-{number}.example" for number in range(100)]
    async with at_work(settings, running.outside):
        await running.attribute(*(threat(Asset(domain=host)) for host in hosts))
        for host in hosts:
            running.outside.says(host, f"security@{host}")

        assert sorted(await running.said(events=100)) == sorted(f"security@{host}" for host in hosts)
        await until(lambda: running.desk.items("/v1/enquiries"), lambda items: not items)

    assert sorted(running.outside.asked) == sorted(hosts)


async def test_what_a_replica_was_asking_when_it_ended_is_asked_by_another(
    settings: AttributionSettings, operator_key: Ed25519PrivateKey
) -> None:
    mute, speaking = Script(), Script()
    async with running_with(settings, mute, operator_key) as running:
        await running.attribute(threat(Asset(domain=BAKERY)))
        await until(mute.subjects, bool)
    speaking.says(BAKERY, "security@bakery.example")

    async with running_with(settings, speaking, operator_key) as running:
        await be_asked_now(running)

        assert await running.said() == ["security@bakery.example"]
