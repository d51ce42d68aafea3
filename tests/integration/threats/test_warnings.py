"""Who was warned of which threats, what became of those, and how that is told."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from libs.common.consumer import BatchConsumer
from libs.common.contracts import Asset
from libs.common.contracts.wire import encode
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import FeedbackKind
from services.verifier.domain import ThreatState, threat_id_of
from services.verifier.handlers import (
    ThreatUpkeep,
)
from tests.conftest import Kafka
from tests.integration.threats.lives import (
    BAKER,
    BUTCHER,
    DAY,
    FIXED,
    Desk,
    Life,
    seen,
    today,
    until,
    warned_of_all_kinds,
    warning,
)
from tests.unit.verifier.builders import NOW, raw


async def test_a_threat_knows_when_it_was_first_and_last_warned_of_however_often_and_in_whatever_order_it_hears_of_it(
    life: Life,
) -> None:
    await life.hear(seen(1, 0), seen(2, 0, BUTCHER))
    for day in (5, 3, 9, 3, 9):
        await life.warn(day, BAKER, BUTCHER) if day == 5 else await life.warn(day, BAKER)
    await life.warn(20, BAKER, BUTCHER, test_of="demo")
    await life.hand_over(22, BAKER, BUTCHER)
    await life.warn(21, Asset(ip="145.10.99.99"))

    warned = [(each.first_warned_at, each.last_warned_at) for each in [await life.of(BAKER), await life.of(BUTCHER)]]
    assert warned == [(NOW + 3 * DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 5 * DAY)]


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

    await ThreatUpkeep(life.database, life.rules, refresh_seconds=1).measure()

    assert shows("tocsin_threats_warned", 1, incident="open-smb", fate="remediated")
    assert shows("tocsin_threats_warned", 1, incident="open-smb", fate="unknown")
    assert shows("tocsin_threats_warned", 0, incident="open-smb", fate="wrong")
    assert shows("tocsin_median_remediation_days", 2)


def shows(metric: str, value: float, **labels: str) -> bool:
    return REGISTRY.get_sample_value(metric, labels) == value


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("0001-01-01T00:00:00+14:00", 422),
        ("9999-12-31T23:59:59-14:00", 422),
        ("0001-01-01T00:00:00Z", 200),
        ("9999-12-31T23:59:59Z", 200),
        ("2026-01-01T00:00:00", 422),
    ],
)
async def test_a_day_is_refused_that_no_column_holds(desk: Desk, since: str, status: int) -> None:
    answer = await desk.client.get("/v1/statistics/remediation", params={"since": since})
    assert answer.status_code == status, answer.text
