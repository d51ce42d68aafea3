"""Each stage alone: one service on a filled topic, beside broker and database.

A round begins with an empty database. The topic is filled while a door before the tables is shut (`bench.door`). When
it opens, the clock starts; it stops when the last offset is committed, and so all that follows from the events is
stored and published.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from bench.door import shut_door
from bench.events import attributed_targets, outcomes, raw_indicators, sent_notifications, verified_threats
from bench.feed import feed, ripe_dump
from bench.patience import until
from bench.watch import Use, Watch
from bench.workbench import Workbench
from deploy.local.complaints import Complaint
from deploy.local.layout import service_of
from libs.common.contracts import (
    TOPICS,
    Event,
    IncidentChanged,
    IndicatorSettled,
    NotificationSent,
    RawIndicator,
    TargetAttributed,
    ThreatVerified,
)

LONGEST_SECONDS = 900
DOOR_SECONDS = "600"
"""A statement may wait so long before a shut door: longer than it takes to fill a topic."""
HEARS_OF_INCIDENTS = ("notifier", "feedback")

NOBODY_BEHIND = {"BACKLOG_TARGET_RECORDS": "1000000000", "BACKLOG_LIMIT_RECORDS": "1000000000"}
"""Intake alone is not to wait until those behind it have read what it has published."""

Source = Callable[[int, datetime], Iterable[Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One service on one topic. For each event one message comes on one of the topics it `tells`, if there are any."""

    service: str
    hears: str
    source: Source
    tells: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


STAGES: Mapping[str, Stage] = {
    "verifier": Stage(
        service="verifier",
        hears=RawIndicator.topic,
        source=raw_indicators,
        tells=(ThreatVerified.topic, IndicatorSettled.topic),
    ),
    "attribution": Stage(
        service="attribution",
        hears=ThreatVerified.topic,
        source=verified_threats,
        tells=(TargetAttributed.topic, IndicatorSettled.topic),
    ),
    "notifier": Stage(service="notifier", hears=TargetAttributed.topic, source=attributed_targets),
    "mailing": Stage(
        service="notifier",
        hears=TargetAttributed.topic,
        source=attributed_targets,
        tells=(IndicatorSettled.topic,),
        settings={"WINDOW_HIGH_SECONDS": "1"},
    ),
    "feedback": Stage(service="feedback", hears=NotificationSent.topic, source=sent_notifications),
}
NAMES = ("intake", *STAGES, "outcomes")
"""`intake` and `outcomes` are the two sides of intake: from a payload to the topic, and from the outcomes' topic."""


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one stage."""

    events: int
    seconds: float
    uses: Mapping[str, Use]

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def cpu_microseconds(self, part: str) -> float:
        """An event's."""
        return self._cpu_seconds(part) / self.events * 1e6

    def busy_cores_of(self, part: str) -> float:
        return self._cpu_seconds(part) / self.seconds

    @property
    def busy_cores(self) -> float:
        """Of all that was measured, without what this program itself used."""
        return sum(use.cpu_seconds for use in self.uses.values()) / self.seconds

    def _cpu_seconds(self, part: str) -> float:
        """Replicas of a service together."""
        return sum(use.cpu_seconds for name, use in self.uses.items() if service_of(name) == part)


def service_behind(name: str) -> str:
    """The service that a stage is part of."""
    return STAGES[name].service if name in STAGES else "intake"


async def prepare(bench: Workbench, service: str) -> None:
    """Make the database that each round of a service begins with: what there is before the first event comes."""
    await bench.databases.make(service)
    if service == "attribution":
        await bench.topics.skip_to_end(service)
        await bench.start(service)
        await bench.know_the_networks(ripe_dump())
        await bench.stop(service)
    await bench.databases.keep(service)


async def measure(bench: Workbench, name: str, *, events: int, replicas: int = 1) -> Round:
    """One round of a stage whose service was prepared."""
    service = service_behind(name)
    await bench.databases.restore(service)
    await bench.topics.skip_to_end(service)
    settings = STAGES[name].settings if name in STAGES else NOBODY_BEHIND
    await bench.start(service, replicas=replicas, settings={"STATEMENT_TIMEOUT_SECONDS": DOOR_SECONDS, **settings})
    try:
        match name:
            case "intake":
                measured = await _read_payload(bench, events)
            case "outcomes":
                measured = await _settle_records(bench, events)
            case _:
                measured = await _read_topic(bench, STAGES[name], events)
    finally:
        await bench.stop(service)
    await _expect_no_dead_letters(bench)
    return measured


async def _read_topic(bench: Workbench, stage: Stage, events: int) -> Round:
    if stage.service in HEARS_OF_INCIDENTS:
        await bench.topics.wait_until_read(stage.service, IncidentChanged.topic, seconds=60)
    source = stage.source(events, datetime.now(UTC))
    return await _through_the_door(bench, stage.service, source, hears=stage.hears, tells=stage.tells)


async def _through_the_door(
    bench: Workbench, service: str, events: Iterable[Event], *, hears: str, tells: Sequence[str] = ()
) -> Round:
    """Fill the topic before a shut door, open it, and wait until the service is through."""
    told_before = await bench.topics.count(*tells)
    taken_before = await bench.batches_taken(service)

    async def all_wait() -> bool:
        taken = await bench.batches_taken(service)
        return all(now > before for now, before in zip(taken, taken_before, strict=True))

    async with shut_door(bench.databases.url(service)) as door:
        filled = await bench.topics.fill(events)
        await until(all_wait, what=f"a first batch in the hands of each {service}", seconds=60)
        with Watch(bench.pids()) as watch:
            await door.open()
            started = time.monotonic()
            await bench.topics.wait_until_read(service, hears, seconds=LONGEST_SECONDS)
            if tells:
                await bench.topics.wait_for_count(told_before + filled, *tells, seconds=LONGEST_SECONDS)
            seconds = time.monotonic() - started
    return Round(filled, seconds, watch.uses)


async def _read_payload(bench: Workbench, events: int) -> Round:
    """From the first byte of the POST until the last record is on the topic."""
    payload = b"".join(feed(events, now=datetime.now(UTC)))
    before = await bench.topics.count(RawIndicator.topic)
    with Watch(bench.pids()) as watch:
        started = time.monotonic()
        await bench.partner.push(payload)
        await bench.topics.wait_for_count(before + events, RawIndicator.topic, seconds=LONGEST_SECONDS)
        seconds = time.monotonic() - started
    return Round(events, seconds, watch.uses)


async def _settle_records(bench: Workbench, events: int) -> Round:
    """The outcomes of a submission whose records were all read before."""
    receipt = await bench.partner.push(b"".join(feed(events, now=datetime.now(UTC))))
    await bench.partner.wait_until_read(receipt, seconds=LONGEST_SECONDS)
    news = outcomes(events, UUID(receipt["id"]), datetime.now(UTC))
    measured = await _through_the_door(bench, "intake", news, hears=IndicatorSettled.topic)
    await bench.partner.wait_until_settled(receipt, seconds=1)
    return measured


async def _expect_no_dead_letters(bench: Workbench) -> None:
    if buried := await bench.topics.count(*(f"{topic}.dead-letter" for topic in TOPICS)):
        raise Complaint(f"{buried} events ended as dead letters; what was measured says nothing.")
