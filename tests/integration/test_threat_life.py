"""The life of a threat on a real database: seen, warned of, quiet, closed and back, and what is counted of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY

from libs.common.consumer import BatchConsumer
from libs.common.contracts import Asset, Event, FeedbackReceived, NotificationSent, NotifiedTarget, RawIndicator
from libs.common.contracts.wire import encode
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.migrations import migrate
from libs.common.revisions import migrations_of
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import FeedbackKind, Reliability
from services.verifier import store
from services.verifier.app import build
from services.verifier.domain import NOT_SEEN_AGAIN, CheckResult, Threat, ThreatState, TrackRecord, threat_id_of
from services.verifier.handlers import (
    Decision,
    RulesInForce,
    Upkeep,
    age_threats,
    load_rules,
    note_warnings,
    threat_with_sightings,
    weigh_feedback,
)
from services.verifier.handlers.life import BEFORE_ALL
from services.verifier.settings import VerifierSettings
from tests.conftest import Kafka
from tests.integration.feedback.mails import mail
from tests.integration.test_verifier import in_short, review, rules_in_force, somebody_waits, verify
from tests.unit.verifier.builders import NOW, RULES, raw

DAY = timedelta(days=1)
BAKER, BUTCHER = Asset(ip="145.10.20.30", port=445), Asset(ip="145.10.20.31", port=445)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate, "verifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    yield database
    await database.close()


@pytest.fixture
async def rules(database: Database) -> RulesInForce:
    return await rules_in_force(database)


def seen(number: int, day: float, asset: Asset = BAKER, **changes: object) -> RawIndicator:
    """A record of what was seen on that day, which came on that day."""
    at = NOW + day * DAY
    indicator = raw(number, asset=asset, seen_at=at, **changes)
    return msgspec.structs.replace(indicator, received_at=at)


@dataclass(frozen=True, slots=True)
class Life:
    """What can happen to threats, on a day."""

    database: Database
    rules: RulesInForce

    async def hear(self, *indicators: RawIndicator) -> list[Event]:
        return await verify(self.database, self.rules, *indicators, now=max(each.received_at for each in indicators))

    async def walk(self, day: float) -> None:
        """All threats are looked at."""
        async with self.database.transaction() as tx:
            await store.compact_reports(tx)
            assert await age_threats(tx, self.rules.current, after=BEFORE_ALL, now=NOW + day * DAY) is None

    async def warn(self, day: float, *assets: Asset, name: str = "", test_of: str | None = None) -> None:
        threat_ids = [threat_id_of(raw(asset=asset)) for asset in assets]
        async with self.database.transaction() as tx:
            await note_warnings([warning(threat_ids, day, name=name, test_of=test_of)], tx=tx, now=NOW + day * DAY)

    async def answer(self, kind: FeedbackKind, day: float, *assets: Asset) -> None:
        at, threat_ids = NOW + day * DAY, tuple(threat_id_of(raw(asset=asset)) for asset in assets)
        answer = FeedbackReceived(feedback_id=new_id(), kind=kind, incident="open-smb", at=at, threat_ids=threat_ids)
        async with self.database.transaction() as tx:
            await weigh_feedback([answer], tx=tx, now=at)

    async def of(self, asset: Asset = BAKER) -> Threat:
        async with self.database.transaction() as tx:
            threat, _ = await threat_with_sightings(tx, threat_id_of(raw(asset=asset)))
        return threat

    async def reports(self) -> list[tuple[object, ...]]:
        async with self.database.transaction() as tx:
            return sorted(map(tuple, await tx.fetch("SELECT * FROM reports")), key=repr)


def warning(threat_ids: Sequence[UUID], day: float, *, name: str = "", test_of: str | None = None) -> NotificationSent:
    targets = tuple(NotifiedTarget(target_id=new_id(), threat_id=each, asset="x") for each in threat_ids)
    sent = mail(name or f"mail-{day}", sent_at=NOW + day * DAY, test_of=test_of)
    return msgspec.structs.replace(sent, targets=targets)


@dataclass(frozen=True, slots=True)
class Desk:
    """The service as a viewer sees it."""

    service: Service
    client: httpx.AsyncClient

    async def get(self, path: str, **asked: str) -> dict[str, Any]:  # Any: JSON of answers
        answer: dict[str, Any] = (await self.client.get(path, params=asked)).raise_for_status().json()
        return answer


@pytest.fixture
async def desk(
    kafka: Kafka, database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[Desk]:
    today = datetime.now(UTC)
    token = sign_operator_token(operator_key, operator=Operator("anna", Role.VIEWER), now=today, expires=today + DAY)
    headers = {"Authorization": f"Bearer {token}"}
    async with serving(kafka, database_url, operator_public_key) as service:
        transport = httpx.ASGITransport(service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            yield Desk(service, client)


@asynccontextmanager
async def serving(
    kafka: Kafka, database_url: str, operator_public_key: str, **settings: float
) -> AsyncIterator[Service]:
    """The service with its tasks, once the rules have been read."""
    given = {
        "http_port": 1,
        "database_url": database_url,
        "kafka_bootstrap": kafka.bootstrap,
        "operator_public_key": operator_public_key,
        **settings,
    }
    service, shutdown = build(VerifierSettings.model_validate(given)), Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until(lambda: is_ready(service))
    try:
        yield service
    finally:
        shutdown.request()
        await tasks
        await service.publisher.close()
        await service.database.close()


async def is_ready(service: Service) -> bool:
    try:
        await service.checks["rules"]()
    except Transient:
        return False
    return True


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await reached():
            await asyncio.sleep(0.02)


@pytest.fixture
def life(database: Database, rules: RulesInForce) -> Life:
    return Life(database, rules)


async def test_a_threat_that_its_feed_stays_silent_about_is_quiet_then_closed_and_news_again_when_it_is_seen(
    life: Life,
) -> None:
    await life.hear(seen(1, 0))
    for day, state in ((30, ThreatState.OPEN), (31, ThreatState.QUIET), (91, ThreatState.CLOSED)):
        await life.hear(seen(day, day, BUTCHER))
        await life.walk(day)
        assert (await life.of()).state is state, day
    closed = await life.of()
    assert (closed.closed_reason, closed.closed_at, closed.reopenings) == (NOT_SEEN_AGAIN, NOW + 91 * DAY, 0)

    again, sighting = await life.hear(msgspec.structs.replace(seen(92, 90.5), received_at=NOW + 92 * DAY), seen(93, 92))

    assert in_short(again, sighting) == [("verified", ""), ("duplicate", "sighting")]
    reopened = await life.of()
    assert (reopened.state, reopened.reopenings, reopened.closed_reason) == (ThreatState.OPEN, 1, None)
    await life.walk(92)
    assert (await life.of()).state is ThreatState.OPEN


async def test_a_quiet_threat_that_is_seen_again_is_open(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, BUTCHER))
    await life.walk(40)
    assert (await life.of()).state is ThreatState.QUIET

    await life.hear(seen(3, 41))

    threat = await life.of()
    assert (threat.state, threat.reopenings) == (ThreatState.OPEN, 0)


@pytest.mark.parametrize(
    "silent",
    [
        seen(2, 40, BUTCHER, partner="other"),
        seen(2, 40, BUTCHER, identifier="open-telnet"),
        seen(2, 40, BUTCHER, test_mails_to="desk@demo.example"),
        None,
    ],
    ids=["another partner", "another finding", "a test", "nobody"],
)
async def test_a_threat_whose_own_feed_has_stopped_stays_open(life: Life, silent: RawIndicator | None) -> None:
    await life.hear(seen(1, 0))
    if silent is not None:
        await life.hear(silent)

    await life.walk(200)

    assert (await life.of()).state is ThreatState.OPEN


async def test_a_record_that_is_refuted_shows_that_its_feed_reports(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, Asset(ip="10.0.0.1")))
    await life.walk(40)
    assert (await life.of()).state is ThreatState.QUIET


async def test_one_recipient_who_says_that_it_is_fixed_knows_better_than_silence(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 100, BUTCHER))
    await life.walk(100)

    await life.answer(FeedbackKind.FIXED, 101, BAKER)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 102, BAKER)

    threat = await life.of()
    assert (threat.closed_reason, threat.closed_at) == ("fixed", NOW + 101 * DAY)


async def test_what_a_person_has_closed_no_silence_changes(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.answer(FeedbackKind.FIXED, 1, BAKER)
    await life.hear(seen(2, 100, BUTCHER))

    await life.walk(100)

    threat = await life.of()
    assert (threat.closed_reason, threat.closed_at) == ("fixed", NOW + DAY)


async def test_what_was_seen_while_somebody_looked_stays_open_and_nobody_waits_for_anybody(life: Life) -> None:
    await life.hear(seen(1, 0), seen(2, 0, BUTCHER))
    stale = [await life.of(BAKER), await life.of(BUTCHER)]
    await life.hear(seen(3, 100, BAKER))

    async with life.database.transaction() as batch:
        await batch.fetch("SELECT * FROM threats WHERE asset = $1 FOR UPDATE", raw(asset=BUTCHER).key)
        async with life.database.transaction() as tx:
            assert await store.age_threats(tx, stale, state=ThreatState.CLOSED, now=NOW + 100 * DAY) == 0
        assert not await somebody_waits(life.database)

    assert [(await life.of(asset)).state for asset in (BAKER, BUTCHER)] == 2 * [ThreatState.OPEN]
    async with life.database.transaction() as tx:
        assert await store.age_threats(tx, stale, state=ThreatState.CLOSED, now=NOW + 100 * DAY) == 1


async def test_a_longer_patience_opens_again_what_is_quiet(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, BUTCHER))
    await life.walk(40)
    patient = msgspec.structs.replace(life.rules.current, quiet_after=60 * DAY)

    async with life.database.transaction() as tx:
        await age_threats(tx, patient, after=BEFORE_ALL, now=NOW + 40 * DAY)

    assert (await life.of()).state is ThreatState.OPEN


async def test_a_walk_goes_on_where_it_was(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.verifier.handlers.life.AT_ONCE", 2)
    await life.hear(*(seen(number, 0, Asset(ip=f"145.10.21.{number}")) for number in range(1, 6)))
    await life.hear(seen(9, 40, BUTCHER))
    upkeep, steps = Upkeep(life.database, life.rules, refresh_seconds=1), 1

    while not await upkeep.age():
        steps += 1

    assert steps == 4
    async with life.database.transaction() as tx:
        rows = await tx.fetch("SELECT asset FROM threats WHERE quiet_at IS NULL")
    assert len(rows) <= 6, "real time has passed: only what the feed has not been silent about is open"
    assert [row["asset"] for row in rows] == [raw(asset=BUTCHER).key]


async def test_reports_of_a_batch_that_comes_again_count_once_and_are_kept_as_one_row_for_each_feed(life: Life) -> None:
    batch = [seen(1, 0), seen(2, 1), seen(3, 0, partner="other"), seen(4, 0, identifier="nobody-knows")]
    await life.hear(*batch)
    await life.hear(*batch)
    await life.hear(seen(5, 3), seen(6, 2, BUTCHER))
    await life.answer(FeedbackKind.FALSE_POSITIVE, 4, BUTCHER)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 4, BUTCHER)
    before = len(await life.reports())

    await asyncio.gather(*(compact(life.database) for _ in range(3)))

    assert before == 5
    assert await life.reports() == [
        ("demo", "open-smb", NOW + 3 * DAY, 2, 1),
        ("other", "open-smb", NOW, 1, 0),
    ]


async def test_what_was_judged_before_reports_were_kept_counts_too(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_of("verifier")))
    config.attributes["url"] = database_url
    await asyncio.to_thread(command.upgrade, config, "0003")
    old = Database(database_url, pool_size=1, statement_timeout_seconds=10)
    async with old.transaction() as tx:
        for number, (partner, threat, verdict, day, is_test) in enumerate(JUDGED_BEFORE):
            await tx.fetch(OLD_VERDICT, UUID(int=number), UUID(int=threat), partner, verdict, NOW + day * DAY, is_test)
        await tx.fetch(OLD_THREAT, NOW)

    await asyncio.to_thread(migrate, "verifier", database_url)

    await compact(old)
    async with old.transaction() as tx:
        reports = sorted(map(tuple, await tx.fetch("SELECT * FROM reports")))
        threat = await store.threat(tx, UUID(int=1))
    await old.close()
    assert reports == [("demo", "x", NOW + 5 * DAY, 2, 1), ("other", "x", NOW + 3 * DAY, 1, 1)]
    assert threat is not None
    assert (threat.state, threat.reopenings, threat.first_warned_at) == (ThreatState.CLOSED, 0, None)


JUDGED_BEFORE = [
    ("demo", 1, "verified", 0, False),
    ("demo", 1, "verified", 1, False),
    ("demo", 2, "verified", 2, False),
    ("demo", 3, "rejected", 5, False),
    ("other", 1, "verified", 3, False),
    ("other", 2, "verified", 9, True),
    ("third", 2, "held", 9, False),
]
OLD_VERDICT = """
INSERT INTO verdicts (indicator_id, threat_id, identifier, partner, verdict, reason, message, grade, severity,
                      confidence, reasons, indicator, first_seen_at, rules_version, judged_at, is_test)
VALUES ($1, $2, 'x', $3, $4, '', '', 'B2', 'high', 1, '[]', '{}', $5, '', $5, $6)
"""
OLD_THREAT = """
INSERT INTO threats (threat_id, asset, identifier, incident, first_seen_at, last_seen_at, sightings, partners,
                     announced_at, closed_at, closed_reason)
VALUES ('00000000-0000-0000-0000-000000000001', 'a', 'x', 'open-smb', $1, $1, 3, '{demo,other}', $1, $1,
        'false-positive')
"""


async def compact(database: Database) -> None:
    async with database.transaction() as tx:
        await store.compact_reports(tx)


async def test_what_is_added_while_reports_are_made_fewer_is_neither_lost_nor_counted_twice(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 1, BUTCHER))
    async with life.database.transaction() as batch:
        await batch.fetch("INSERT INTO reports VALUES ('demo', 'open-smb', $1, 1, 0)", NOW + 2 * DAY)
        await compact(life.database)
    assert len(await life.reports()) == 2

    await compact(life.database)

    assert await life.reports() == [("demo", "open-smb", NOW + 2 * DAY, 3, 0)]


async def test_a_partner_whose_threats_recipients_call_wrong_is_believed_less_from_then_on(life: Life) -> None:
    assets = [Asset(ip=f"145.10.21.{number}", port=445) for number in range(1, 51)]
    await life.hear(*(seen(number, 0, asset) for number, asset in enumerate(assets, start=1)))
    await life.answer(FeedbackKind.FALSE_POSITIVE, 1, *assets[:5])
    await life.answer(FeedbackKind.FALSE_POSITIVE, 2, *assets[:5])

    async with life.database.transaction() as tx:
        rules = await load_rules(tx, RULES, known=life.rules.current.exploitation)
        stored = await store.track_records(tx)
    assert stored == rules.track_records == {"demo": TrackRecord(50, 5)}

    await Life(life.database, await rules_in_force(life.database)).hear(seen(60, 3))
    async with life.database.transaction() as tx:
        verdict = await store.verdict_of(tx, UUID(int=60))
    assert verdict is not None
    (reason,) = [each for each in verdict.reasons if each.check == "track-record"]
    assert (reason.result, reason.weight, verdict.confidence) == (CheckResult.WARN, 0.1, 0.81)


async def test_a_record_that_a_person_verifies_counts_for_its_partner(life: Life) -> None:
    held = seen(1, 0, confidence=0, reliability=Reliability.E)
    await life.hear(held)
    await compact(life.database)
    assert await life.reports() == []

    await review(life.database, life.rules, held, Decision.VERIFY)

    assert await life.reports() == [("demo", "open-smb", NOW, 1, 0)]


async def test_a_threat_knows_when_it_was_first_and_last_warned_of_however_often_and_in_whatever_order_it_hears_of_it(
    life: Life,
) -> None:
    await life.hear(seen(1, 0), seen(2, 0, BUTCHER))
    for day in (5, 3, 9, 3, 9):
        await life.warn(day, BAKER, BUTCHER) if day == 5 else await life.warn(day, BAKER)
    await life.warn(20, BAKER, BUTCHER, test_of="demo")
    await life.warn(21, Asset(ip="145.10.99.99"))

    warned = [(each.first_warned_at, each.last_warned_at) for each in [await life.of(BAKER), await life.of(BUTCHER)]]
    assert warned == [(NOW + 3 * DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 5 * DAY)]


FIXED, QUIET, GONE, STILL, WRONG, EARLY, STOPPED, LATE, UNWARNED = (
    Asset(ip=f"145.10.22.{number}", port=445) for number in range(1, 10)
)


async def warned_of_all_kinds(life: Life) -> None:
    """One threat of each fate. The feed `demo` reports until day 130; `other`, of one threat, only on day 0."""
    assets = (FIXED, QUIET, GONE, STILL, WRONG, LATE, UNWARNED)
    await life.hear(*(seen(number, 0, asset) for number, asset in enumerate(assets, start=1)))
    await life.hear(seen(10, 0, STOPPED, partner="other"))
    await life.warn(1, FIXED, QUIET, GONE, STILL, WRONG, STOPPED)
    await life.answer(FeedbackKind.FIXED, 4, FIXED)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 5, WRONG)
    await life.hear(seen(11, 60, QUIET))
    await life.hear(seen(12, 7, GONE))
    await life.hear(seen(13, 110, STILL))
    await life.hear(seen(14, 129, EARLY))
    await life.walk(130)
    await life.warn(130, EARLY, LATE)


ALL_FATES = {
    "warned": 8, "remediated": 3, "still_seen": 1, "wrong": 1, "unknown": 3, "median_days": 6.0
}  # fmt: skip


async def test_every_threat_that_was_warned_of_has_one_fate(life: Life, desk: "Desk") -> None:
    await warned_of_all_kinds(life)

    answer = await desk.get("/v1/statistics/remediation", since=(NOW - DAY).isoformat())

    assert answer["since"] == (NOW - DAY).isoformat().replace("+00:00", "Z")
    assert answer["total"] == {"incident": None, **ALL_FATES}
    assert answer["items"] == [{"incident": "open-smb", **ALL_FATES}]


@pytest.mark.parametrize(
    ("asked", "incidents", "warned"),
    [
        ({"since": NOW + 2 * DAY}, ["open-smb"], 2),
        ({"since": NOW + 131 * DAY}, [], 0),
        ({"since": NOW, "incident": "open-smb"}, ["open-smb"], 8),
        ({"since": NOW, "incident": "open-rdp"}, [], 0),
    ],
)
async def test_remediation_is_told_since_a_day_and_of_an_incident(
    life: Life, desk: "Desk", asked: Mapping[str, datetime | str], incidents: list[str], warned: int
) -> None:
    await warned_of_all_kinds(life)
    answer = await desk.get("/v1/statistics/remediation", **{name: str(value) for name, value in asked.items()})
    assert ([each["incident"] for each in answer["items"]], answer["total"]["warned"]) == (incidents, warned)


def today() -> float:
    """In days, as these tests count."""
    return (datetime.now(UTC) - NOW) / DAY


async def test_a_view_says_whether_silence_means_anything(life: Life, desk: Desk) -> None:
    begin = today() - 50
    tried = seen(3, begin, test_mails_to="desk@demo.example")
    reports = [seen(1, begin), seen(2, begin, BUTCHER, partner="other"), tried, seen(4, begin + 49, FIXED)]
    for report in reports:
        await life.hear(report)
    await life.walk(today())
    await life.warn(begin + 1, BAKER)

    baker, butcher = [await desk.get(f"/v1/threats/{threat_id_of(each)}") for each in reports[:2]]
    (test,) = (await desk.get("/v1/threats", test="true"))["items"]

    assert (baker["state"], baker["feed"], at(baker["feed_reported_at"])) == (
        "quiet", "reporting", reports[3].received_at
    )  # fmt: skip
    assert (butcher["state"], butcher["feed"], at(butcher["feed_reported_at"])) == (
        "open", "stopped", reports[1].received_at
    )  # fmt: skip
    assert (test["feed"], test["feed_reported_at"]) == (None, None)
    assert [(at(each["first_warned_at"]), each["reopenings"]) for each in (baker,)] == [(NOW + (begin + 1) * DAY, 0)]
    listed = {each["id"]: each for each in (await desk.get("/v1/threats"))["items"]}
    for each in (baker, butcher):
        assert listed[each["id"]] == {name: value for name, value in each.items() if name != "indicators"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_each_threat_is_in_the_list_of_its_state_page_by_page(life: Life, desk: Desk) -> None:
    await warned_of_all_kinds(life)
    every = await pages(desk)
    assert len(every) == 9

    for state in ThreatState:
        expected = [each for each in every if each["state"] == state]
        assert expected, state
        assert await pages(desk, state=state.value) == expected
        assert await pages(desk, state=state.value, incident="open-smb") == expected
        assert await pages(desk, state=state.value, incident="open-rdp") == []


async def pages(desk: Desk, **asked: str) -> list[dict[str, Any]]:  # Any: JSON of threats
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await desk.get("/v1/threats", limit="2", **asked, **cursor)
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = {"cursor": page["next"]}


async def test_mails_that_left_are_heard_of_from_the_topic(
    life: Life, desk: Desk, kafka: Kafka, service_name: str
) -> None:
    await life.hear(seen(1, 0))
    event = warning([threat_id_of(raw(asset=BAKER))], 1)
    await kafka.start_group_here(f"tocsin-{service_name}")
    await kafka.put(event.topic, [(event.key.encode(), encode(event))])
    consumer = BatchConsumer(
        service=service_name,
        settings=desk.service.settings,
        subscriptions=desk.service.subscriptions,
        database=desk.service.database,
        publisher=desk.service.publisher,
    )
    shutdown = Shutdown()
    consuming = asyncio.create_task(consumer.run(shutdown))

    async def is_warned() -> bool:
        return (await life.of()).first_warned_at is not None

    await until(is_warned)
    shutdown.request()
    await consuming
    assert (await life.of()).first_warned_at == NOW + DAY


async def test_what_became_of_warnings_is_a_metric(life: Life) -> None:
    begin = today() - 100
    await life.hear(seen(1, begin), seen(2, begin, BUTCHER), seen(3, begin, FIXED))
    await life.warn(begin + 1, BAKER, BUTCHER)
    await life.answer(FeedbackKind.FIXED, begin + 3, BAKER)

    await Upkeep(life.database, life.rules, refresh_seconds=1).measure()

    assert shows("tocsin_threats_warned", 1, incident="open-smb", fate="remediated")
    assert shows("tocsin_threats_warned", 1, incident="open-smb", fate="unknown")
    assert shows("tocsin_threats_warned", 0, incident="open-smb", fate="wrong")
    assert shows("tocsin_median_remediation_days", 2)


def shows(metric: str, value: float, **labels: str) -> bool:
    return REGISTRY.get_sample_value(metric, labels) == value


async def test_all_of_it_is_done_by_the_service_itself(
    life: Life, kafka: Kafka, database_url: str, operator_public_key: str
) -> None:
    """Its tasks run: what is due becomes so without anybody asking."""
    begin = today() - 50
    await life.hear(seen(1, begin))
    await life.hear(seen(2, begin + 49, BUTCHER))

    async def is_done() -> bool:
        return (await life.of()).state is ThreatState.QUIET and len(await life.reports()) == 1

    async with serving(kafka, database_url, operator_public_key, overdue_refresh_seconds=0.05):
        await until(is_done)
