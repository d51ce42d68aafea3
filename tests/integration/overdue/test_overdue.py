"""Every state has a greatest age, and whatever is in it for longer is told of, by metric and by API."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from prometheus_client import REGISTRY

from libs.common import overdue
from libs.common.ids import new_id
from libs.common.shutdown import Shutdown
from tests.architecture.test_edges import SERVICES
from tests.conftest import Kafka
from tests.contracts.test_alerts import explained_states
from tests.integration.overdue.conftest import Desk, DeskOf, Row

ON_TOPICS = {"unread", "dead-letter"}
THING = new_id()
"""What waits in every state of this page, where things have ids."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of a service: how long something may be in it, and the rows of something that has been since a moment."""

    service: str
    name: str
    greatest_age: timedelta
    rows: Callable[[datetime], Sequence[Row]]
    thing: str = str(THING)
    is_of_a_day: bool = False


def submission(status: str) -> Callable[[datetime], Sequence[Row]]:
    partner = new_id()
    return lambda since: (
        Row("partners", {"id": partner}),
        Row("submissions", {"id": THING, "partner_id": partner, "status": status, "received_at": since}),
        Row("submission_counts", {"submission_id": THING, "outcome": "pending", "records": 3}),
    )


def mail(state: str, moment: str, *, incident: str = "approved") -> Callable[[datetime], Sequence[Row]]:
    """`moment` is the column that says since when."""
    return lambda since: (
        Row("incidents", {"slug": "open-smb", "state": incident}),
        Row("notifications", {"id": THING, "state": state, "incident": "open-smb", moment: since}),
    )


def conflict(since: datetime) -> Sequence[Row]:
    owner, first, second = new_id(), new_id(), new_id()
    return (
        Row("organisation", {"organisation_id": owner}),
        Row("organisation_asset", {"asset_id": first, "organisation_id": owner, "value": "a.example"}),
        Row("organisation_asset", {"asset_id": second, "organisation_id": owner, "value": "b.example"}),
        Row("asset_conflict", {"conflict_id": THING, "first_id": first, "second_id": second, "found_at": since}),
    )


def refused_claim(since: datetime) -> Sequence[Row]:
    owner = new_id()
    asset = {"asset_id": THING, "organisation_id": owner, "proven_at": since - timedelta(days=1)}
    return (
        Row("organisation", {"organisation_id": owner}),
        Row("organisation_asset", asset),
        Row("contact_proof", {"asset_id": THING, "state": "refused", "answered_at": since}),
    )


def claim_without_contact(since: datetime) -> Sequence[Row]:
    owner, registration = new_id(), new_id()
    claim = {"asset_id": THING, "organisation_id": owner, "proof_state": "claimed"}
    wanted = {
        "registration_id": registration,
        "asset_id": THING,
        "refusal": "no-registry-contact",
        "begun_at": since,
    }
    return (
        Row("organisation", {"organisation_id": owner}),
        Row("organisation_asset", claim),
        Row("self_registration", {"registration_id": registration, "revision": 1, "taken_up": 1}),
        Row("self_registered_asset", wanted),
    )


def proposed_change(since: datetime) -> Sequence[Row]:
    content = '{"proposed": {"by": ["ann"], "severity": "critical"}}'
    return (Row("incidents", {"slug": "open-smb", "state": "approved", "content": content, "changed_at": since}),)


def source(state: str, days: int, name: str) -> State:
    """What registries say is as old as the day that it is of."""
    return State(
        "attribution",
        f"source-{state}",
        timedelta(days=days),
        lambda since: [Row("source_version", {"source": name, "made_on": since.date()})],
        thing=name,
        is_of_a_day=True,
    )


def webhook_event(since: datetime) -> Sequence[Row]:
    partner = new_id()
    return (
        Row("partners", {"id": partner, "enabled": True}),
        Row("webhooks", {"partner_id": partner}),
        Row("webhook_deliveries", {"id": THING, "partner_id": partner, "state": "waiting", "due_at": since}),
    )


def wanted_digest(since: datetime) -> Sequence[Row]:
    row = {"slug": str(THING), "enabled": True, "digest": "daily", "digest_due_at": since}
    return (Row("partners", row),)


def bounced(since: datetime) -> Sequence[Row]:
    """What nobody has answered yet who else can be told of."""
    return (
        *mail("bounced", "created_at")(since),
        Row("targets", {"target_id": THING, "notification_id": THING, "decided_at": since}),
    )


def digest(state: str, moment: str) -> Callable[[datetime], Sequence[Row]]:
    return lambda since: (Row("digests", {"id": THING, "state": state, moment: since}),)


def first_wave(since: datetime) -> Sequence[Row]:
    row = {"kind": "first-wave", "scope": "incident", "value": "open-smb", "state": "standing", "waits_since": since}
    return (Row("holds", row),)


def bulk_order(since: datetime) -> Sequence[Row]:
    row = {"action": "cancelled", "scope": "partner", "value": "acme", "at": since, "is_open": True}
    return (Row("brake_decisions", row),)


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STATES = (
    State("intake", "processing", HOUR, submission("processing")),
    State("intake", "pending", 120 * HOUR, submission("done")),
    State("intake", "webhook-due", 15 * MINUTE, webhook_event),
    State("intake", "digest-due", HOUR, wanted_digest),
    State(
        "verifier",
        "held",
        24 * HOUR,
        lambda since: [Row("verdicts", {"indicator_id": THING, "outcome": "held", "judged_at": since})],
    ),
    State("verifier", "proposed", 24 * HOUR, proposed_change, thing="open-smb"),
    State(
        "attribution",
        "unattributed",
        168 * HOUR,
        lambda since: [Row("unattributed", {"target_id": THING, "waiting_since": since})],
    ),
    State("attribution", "conflict", 168 * HOUR, conflict),
    State("attribution", "claim-refused", 168 * HOUR, refused_claim),
    State("attribution", "claim-without-contact", 168 * HOUR, claim_without_contact),
    State(
        "attribution",
        "registration-waiting",
        30 * MINUTE,
        lambda since: [
            Row("self_registration", {"registration_id": THING, "revision": 1, "taken_up": 0, "waiting_since": since})
        ],
    ),
    State(
        "attribution",
        "waiting-for-answer",
        5 * MINUTE,
        lambda since: [Row("pending_threat", {"indicator_id": THING, "due_at": since})],
    ),
    source("ripe", 45, "ripe"),
    source("delegated", 90, "delegated-arin"),
    source("network-file", 200, "network-file-asn"),
    State("notifier", "planned", 5 * MINUTE, mail("planned", "due_at")),
    State("notifier", "queued", 30 * MINUTE, mail("queued", "queued_at")),
    State("notifier", "deferred", 30 * MINUTE, mail("deferred", "next_attempt_at")),
    State("notifier", "in-doubt", 30 * MINUTE, mail("in-doubt", "next_attempt_at")),
    State("notifier", "sending", MINUTE, mail("sending", "lease_until")),
    State("notifier", "bounced", 30 * MINUTE, bounced),
    State(
        "notifier",
        "returned",
        30 * MINUTE,
        lambda since: [Row("returns", {"return_id": THING, "at": since})],
    ),
    State("notifier", "awaiting-approval", 8 * HOUR, mail("awaiting-approval", "created_at")),
    State("notifier", "over-cap", 48 * HOUR, mail("queued", "held_since")),
    State("notifier", "incident-not-approved", 24 * HOUR, mail("queued", "next_attempt_at", incident="paused")),
    State("notifier", "hold", 8 * HOUR, first_wave, thing="first-wave incident open-smb"),
    State("notifier", "bulk-order", 10 * MINUTE, bulk_order, thing="cancelled partner acme"),
    State("notifier", "digest-to-send", 30 * MINUTE, digest("deferred", "next_attempt_at")),
    State("notifier", "digest-sending", MINUTE, digest("sending", "lease_until")),
    State(
        "notifier",
        "brake",
        24 * HOUR,
        lambda since: [Row("brakes", {"scope": "incident", "value": "open-smb", "engaged": True, "changed_at": since})],
        thing="incident open-smb",
    ),
    *(
        State(service, "outbox", MINUTE, lambda since: [Row("outbox", {"enqueued_at": since})], thing="1")
        for service in SERVICES
    ),
    *(
        State(service, "outbox-refused", timedelta(0), lambda since: [Row("outbox", {"refused_at": since})], thing="1")
        for service in SERVICES
    ),
)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_state_is_left_without_a_greatest_age(service: str, desk_of: DeskOf, kafka: Kafka) -> None:
    await kafka.start_group_here(f"tocsin-{service}")
    async with desk_of(service, kafka=kafka.bootstrap) as desk:
        found = await desk.look()
    ages = {item["state"]: item["greatest_age_seconds"] for item in found["items"]}
    wanted = {state.name: state.greatest_age.total_seconds() for state in STATES if state.service == service}
    assert ages.keys() == wanted.keys() | ON_TOPICS
    assert {(service, state) for state in ages} == {row for row in explained_states() if row[0] == service}
    assert wanted.items() <= ages.items()


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_in_a_state_for_too_long_is_overdue_and_not_before(service: str, desk_of: DeskOf) -> None:
    async with desk_of(service) as desk:
        for state in (each for each in STATES if each.service == service):
            for since, overdue in since_when(state):
                await desk.put(*state.rows(since))
                found = await desk.state(state.name)
                seen = (found["waiting"], found["overdue"], found["oldest_ids"])
                assert seen == (1, overdue, [state.thing]), f"{state.name} since {since}"
                assert datetime.fromisoformat(found["oldest_at"]) == since
                await desk.clear()


def since_when(state: State) -> Iterator[tuple[datetime, int]]:
    """Moments, and how many are overdue of one thing that is in the state since then."""
    now = datetime.now(UTC)
    if state.is_of_a_day:
        now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yield now - state.greatest_age - (timedelta(days=1) if state.is_of_a_day else MINUTE), 1
    if state.greatest_age:
        yield now - (timedelta(days=state.greatest_age.days // 2) if state.is_of_a_day else state.greatest_age / 2), 0


async def test_what_is_not_due_yet_does_not_wait(desk_of: DeskOf) -> None:
    async with desk_of("notifier") as desk:
        await desk.put(*mail("deferred", "next_attempt_at")(datetime.now(UTC) + HOUR))
        assert (await desk.state("deferred"))["waiting"] == 0


async def test_a_mail_that_a_brake_holds_back_is_not_late_but_the_brake_may_be(desk_of: DeskOf) -> None:
    async with desk_of("notifier") as desk:
        long_ago = datetime.now(UTC) - 48 * HOUR
        await desk.put(
            *mail("queued", "queued_at")(long_ago),
            Row("brakes", {"scope": "all", "value": "", "engaged": True, "changed_at": long_ago}),
        )
        assert (await desk.state("queued"))["waiting"] == 0
        brake = await desk.state("brake")
    assert (brake["overdue"], brake["oldest_ids"]) == (1, ["all"])


async def test_metrics_say_the_same_and_fall_back_when_it_is_over(desk_of: DeskOf) -> None:
    async with desk_of("verifier") as desk:
        waiting, shutdown = new_id(), Shutdown()
        since = datetime.now(UTC) - 30 * HOUR
        await desk.put(Row("verdicts", {"indicator_id": waiting, "outcome": "held", "judged_at": since}))
        watching = asyncio.ensure_future(desk.service.tasks[-1](shutdown))

        await until(lambda: shown("tocsin_overdue", "held") == 1)
        assert 29 * 3600 < (shown("tocsin_oldest_seconds", "held") or 0) < 31 * 3600

        async with desk.service.database.transaction() as tx:
            await tx.fetch("UPDATE verdicts SET outcome = 'refuted'")
        await until(lambda: (shown("tocsin_overdue", "held"), shown("tocsin_oldest_seconds", "held")) == (0, 0))
        shutdown.request()
        await watching


def shown(metric: str, state: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"service": "verifier", "state": state})


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not reached():
            await asyncio.sleep(0.02)


async def test_without_a_broker_the_tables_are_still_looked_at(desk_of: DeskOf) -> None:
    async with desk_of("feedback") as desk:
        found = await desk.look()
    assert {item["state"] for item in found["items"]} == {"outbox", "outbox-refused"}
    assert found["not_looked_at"].keys() == ON_TOPICS
    assert all("Kafka is away" in reason for reason in found["not_looked_at"].values())


@dataclass(frozen=True, slots=True)
class Topics:
    """The broker, as somebody who puts messages on topics and takes dead letters away."""

    bootstrap: str

    async def put(self, topic: str, *, buried_by: str = "") -> None:
        headers = [("dead_letter_service", buried_by.encode())] if buried_by else []
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            await producer.send_and_wait(topic, b"{}", partition=0, headers=headers)

    async def take_away(self, topic: str) -> None:
        """All dead letters, as a person does who has dealt with them."""
        place = TopicPartition(topic, 0)
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as reader:
            (end,) = (await reader.end_offsets([place])).values()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({place: RecordsToDelete(before_offset=end)})
        finally:
            await admin.close()


async def test_a_dead_letter_waits_until_somebody_takes_it_away(
    desk_of: DeskOf, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics, topic = Topics(kafka.bootstrap), "feedback-received.dead-letter"
    await kafka.start_group_here("tocsin-verifier")
    await topics.take_away(topic)
    for service in ("verifier", "notifier", "verifier"):
        await topics.put(topic, buried_by=service)
    async with desk_of("verifier", kafka=kafka.bootstrap) as desk:
        found = await desk.state("dead-letter")
        assert (found["waiting"], found["overdue"]) == (2, 0), "the one of the notifier is the notifier's"
        assert found["oldest_ids"][0].startswith(f"{topic}/0/")

        monkeypatch.setattr(overdue, "DEAD_LETTER_AGE", timedelta(0))
        assert (await desk.state("dead-letter"))["overdue"] == 2

        await topics.take_away(topic)
        assert (await desk.state("dead-letter"))["waiting"] == 0


async def test_messages_that_nobody_reads_wait(desk_of: DeskOf, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    topics, topic = Topics(kafka.bootstrap), "notification-sent"
    for each in (topic, "incident-changed"):
        await kafka.skip_to_end("tocsin-feedback", each)
    async with desk_of("feedback", kafka=kafka.bootstrap) as desk:
        assert (await unread(desk)) == (0, 0)
        for _ in range(2):
            await topics.put(topic)
        assert (await unread(desk)) == (2, 0)

        monkeypatch.setattr(overdue, "UNREAD_AGE", timedelta(0))
        assert (await unread(desk)) == (2, 2), "all that lie behind the one that is overdue"

        await kafka.skip_to_end("tocsin-feedback", topic)
        assert (await unread(desk)) == (0, 0)


async def unread(desk: Desk) -> tuple[int, int]:
    found = await desk.state("unread")
    return found["waiting"], found["overdue"]
