"""The notifier on a real database: what is stored stands, and nothing is told twice, whatever crashes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.common.contracts import (
    Asset,
    FeedbackReceived,
    IndicatorSettled,
    NotificationSent,
    RecipientUnreachable,
    TargetAttributed,
)
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.ids import derived_id, new_id
from libs.common.links import Links
from libs.common.outbox import waiting_events
from libs.common.vocabulary import FeedbackKind, IncidentState, Severity
from services.notifier.domain.grouping import GroupingPolicy, references_for
from services.notifier.domain.notification import Brake, BrakeScope, Command, Consignment, State, Wanted
from services.notifier.domain.planning import PlanningPolicy, Suppression, SuppressionReason
from services.notifier.domain.replies import Answered, Deferred, InDoubt, Released, Result, RetryPolicy
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers import planner
from services.notifier.handlers.commands import command_notification, set_brake, suppress
from services.notifier.handlers.planning import heed_feedback, plan_targets, take_up_incidents
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sending import Delivered, carried_by, claim, deliver, doubt_lost, record
from services.notifier.store import lists
from tests.databases import make_tables
from tests.unit.notifier.builders import HOUSE, NOW, incident, recipient, target, trying_partner

PLANNING = PlanningPolicy(
    windows=dict.fromkeys(Severity, timedelta(minutes=5)) | {Severity.CRITICAL: timedelta(0)},
    repeat_interval=timedelta(days=14),
)
GROUPING = GroupingPolicy(approval_confidence=0.3, targets_per_mail=2000, reference_key=b"key of the tests")
RETRY = RetryPolicy(shortest=timedelta(minutes=15), longest=timedelta(hours=4), greatest_age=timedelta(hours=48))
SCRIBE = Scribe(house=HOUSE, press=Press(), links=Links(b"key of the tests"))
LEASE = timedelta(minutes=4)
LATER = NOW + timedelta(minutes=6)
MUCH_LATER = LATER + timedelta(hours=1)
CLOSED = msgspec.structs.replace(incident(), revision=3, state=IncidentState.CLOSED)
LEAVING = FeedbackReceived(
    feedback_id=new_id(), kind=FeedbackKind.OPT_OUT, incident="open-smb", at=NOW, recipient_key="info@jansen.example"
)
OPEN_AGAIN = pytest.mark.parametrize(
    "result",
    [Deferred(451, "4.7.1 Greylisted", LATER), InDoubt("cut off", LATER), Released("the relay is away")],
    ids=lambda result: type(result).__name__,
)
"""The results after which a mail that was under way waits to be taken up anew."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(make_tables, "notifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    async with database.transaction() as tx:
        await take_up_incidents([incident()], tx=tx, now=NOW)
    yield database
    await database.close()


async def plan_within(
    tx: Transaction, *targets: TargetAttributed, now: datetime = NOW, grouping: GroupingPolicy = GROUPING
) -> list[IndicatorSettled]:
    queued = asyncio.Event()
    return list(await plan_targets(targets, tx=tx, now=now, policy=PLANNING, grouping=grouping, queued=queued))


async def plan(database: Database, *targets: TargetAttributed, now: datetime = NOW) -> list[IndicatorSettled]:
    async with database.transaction() as tx:
        return await plan_within(tx, *targets, now=now)


async def close_due(database: Database, now: datetime = LATER) -> int:
    async with database.transaction() as tx:
        return len(await planner.close_due(tx, now=now, approval_confidence=0.3, limit=100))


async def send(database: Database, relay: RememberingRelay, now: datetime = LATER) -> int:
    async with database.transaction() as tx:
        consignments = await claim(tx, now=now, lease=LEASE, limit=50)
    delivered = [await deliver(item, scribe=SCRIBE, relay=relay, policy=RETRY, now=now) for item in consignments]
    async with database.transaction() as tx:
        await record(tx, delivered, now=now)
    return len(delivered)


async def take_up(database: Database) -> Sequence[Consignment]:
    async with database.transaction() as tx:
        return await claim(tx, now=LATER, lease=LEASE, limit=50)


async def answer(database: Database, under_way: Sequence[Consignment], result: Result) -> None:
    async with database.transaction() as tx:
        await record(tx, [Delivered(item, result) for item in under_way], now=LATER)


async def close(database: Database) -> None:
    async with database.transaction() as tx:
        await take_up_incidents([CLOSED], tx=tx, now=NOW)


async def opt_out(database: Database) -> None:
    async with database.transaction() as tx:
        await heed_feedback([LEAVING], tx=tx, now=NOW)


async def said(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as tx:
        events = await waiting_events(tx)
    return [(e.outcome, e.reason) if isinstance(e, IndicatorSettled) else ("notification-sent", "") for e in events]


async def sizes(database: Database) -> list[tuple[State, int]]:
    """Each notification's state, and how many targets it has; which is what it says that it has."""
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=100)
        carried = await carried_by(tx, found)
    assert [item.targets_total for item in found] == [len(carried.get(item.id, ())) for item in found]
    return [(item.state, item.targets_total) for item in found]


async def somebody_waits_for_a_lock(database: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            async with database.transaction() as tx:
                rows = await tx.fetch(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            if rows:
                return
            await asyncio.sleep(0.01)


async def states(database: Database) -> list[State]:
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=100)
    return [item.state for item in found]


async def test_all_that_waits_for_a_recipient_and_incident_goes_in_one_mail(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target(severity=Severity.HIGH), target(asset=Asset(ip="192.0.2.2")))
    await plan(database, target(asset=Asset(ip="192.0.2.3")))
    assert await states(database) == [State.PLANNED]

    assert await close_due(database) == 1
    assert await send(database, relay) == 1

    assert len(relay.mails) == 1
    assert len(await said(database)) == 4
    assert await states(database) == [State.SENT]


async def test_a_critical_target_takes_the_mail_that_waits_with_it_and_wakes_the_sender(database: Database) -> None:
    await plan(database, target())
    queued = asyncio.Event()

    async with database.transaction() as tx:
        await plan_targets(
            [target(severity=Severity.CRITICAL)], tx=tx, now=NOW, policy=PLANNING, grouping=GROUPING, queued=queued
        )
        assert not queued.is_set()

    assert queued.is_set()
    assert await send(database, RememberingRelay(), now=NOW) == 1
    assert len(await said(database)) == 3


async def test_a_full_mail_closes_and_the_next_target_opens_another(database: Database) -> None:
    two = msgspec.structs.replace(GROUPING, targets_per_mail=2)
    await plan(database, target())

    async with database.transaction() as tx:
        await plan_within(tx, *(target() for _ in range(4)), grouping=two)

    assert sorted(await sizes(database)) == [(State.PLANNED, 1), (State.QUEUED, 2), (State.QUEUED, 2)]


async def test_a_batch_that_comes_again_counts_nothing_twice(database: Database) -> None:
    first, second, third = target(), target(), target()
    await plan(database, first, second)

    await plan(database, first, second, third, third)

    assert await sizes(database) == [(State.PLANNED, 3)]


async def plan_at_once(database: Database, one: TargetAttributed, other: TargetAttributed) -> None:
    """By two replicas: the one that comes late is told so, and tries again."""
    async with database.transaction() as tx:
        await plan_within(tx, one)
        late = asyncio.create_task(plan(database, other))
        await somebody_waits_for_a_lock(database)
    with pytest.raises(Transient, match="another replica"):
        await late
    await plan(database, other)


@pytest.mark.parametrize("is_open", [False, True], ids=["new", "open"])
async def test_two_replicas_with_the_same_batch_make_one_mail(database: Database, is_open: bool) -> None:
    if is_open:
        await plan(database, target())
    same = target()

    await plan_at_once(database, same, same)

    assert await sizes(database) == [(State.PLANNED, 1 + is_open)]


async def test_two_replicas_that_open_a_mail_for_one_recipient_and_incident_share_it(database: Database) -> None:
    await plan_at_once(database, target(), target())

    assert await sizes(database) == [(State.PLANNED, 2)]


async def test_a_reference_that_is_taken_goes_to_nobody_else(database: Database) -> None:
    newcomer = target(to=recipient(email="info@other.example"))
    its_id = derived_id("notification", "info@other.example", newcomer.incident, newcomer.target_id)
    first, second, _ = references_for(its_id, key=GROUPING.reference_key)
    await plan(database, target())
    async with database.transaction() as tx:
        await tx.fetch("UPDATE notifications SET reference = $1", first)

    await plan(database, newcomer)

    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
    assert {item.id: item.reference for item in found}[its_id] == second


async def test_the_same_batch_again_says_the_same_and_mails_nothing(database: Database) -> None:
    relay = RememberingRelay()
    first = target()
    await plan(database, first)
    await close_due(database)
    await send(database, relay)
    repeated = msgspec.structs.replace(target(), threat_id=first.threat_id)

    once = await plan(database, repeated, now=LATER)
    again = await plan(database, repeated, now=LATER + timedelta(days=1))
    await plan(database, first, now=LATER)

    assert once == again
    assert [event.reason for event in once] == ["interval"]
    assert await close_due(database, now=LATER + timedelta(days=2)) == 0
    assert len(relay.mails) == 1


async def test_a_paused_incident_waits_and_a_closed_one_is_withdrawn(database: Database) -> None:
    await plan(database, target())
    paused = msgspec.structs.replace(incident(), revision=2, state=IncidentState.PAUSED)

    async with database.transaction() as tx:
        await take_up_incidents([paused], tx=tx, now=NOW)
    assert await close_due(database) == 0
    for _ in range(2):
        async with database.transaction() as tx:
            await take_up_incidents([CLOSED, paused], tx=tx, now=NOW)

    assert await said(database) == [("suppressed", "incident-closed")]


async def test_a_draft_without_a_text_is_taken_up_and_never_mailed(database: Database) -> None:
    draft = msgspec.structs.replace(incident(), revision=2, state=IncidentState.DRAFT, advisory={})
    await plan(database, target())
    async with database.transaction() as tx:
        await take_up_incidents([draft], tx=tx, now=NOW)

    await plan(database, target())

    assert await close_due(database, MUCH_LATER) == 0
    relay = RememberingRelay()
    assert await send(database, relay, MUCH_LATER) == 0
    assert await said(database) == []


async def test_what_was_on_its_way_for_a_merged_campaign_is_still_mailed(database: Database) -> None:
    """The verifier then says `approved` of it, and into which one it was merged."""
    await plan(database, target())
    merged = msgspec.structs.replace(incident(), revision=2, merged_into="exposed-windows-services")
    async with database.transaction() as tx:
        await take_up_incidents([merged], tx=tx, now=NOW)

    await plan(database, target())

    assert await close_due(database) == 1
    assert await send(database, RememberingRelay()) == 1


async def test_a_target_that_comes_after_its_incident_was_closed_is_suppressed_at_once(database: Database) -> None:
    await close(database)

    [settled] = await plan(database, target())

    assert (settled.outcome, settled.reason) == ("suppressed", "incident-closed")


async def test_a_target_that_was_being_planned_while_its_incident_closed_is_withdrawn(database: Database) -> None:
    async with database.transaction() as planning:
        await plan_within(planning, target())
        await close(database)

    assert [await close_due(database), await close_due(database)] == [0, 0]
    assert await said(database) == [("suppressed", "incident-closed")]


@OPEN_AGAIN
async def test_a_mail_under_way_while_its_incident_closed_is_not_tried_again(
    database: Database, result: Result
) -> None:
    await plan(database, target())
    await close_due(database)
    under_way = await take_up(database)
    await close(database)
    await answer(database, under_way, result)

    await close_due(database)

    assert await states(database) == [State.CANCELLED]
    assert await said(database) == [("suppressed", "incident-closed")]


async def test_a_mail_whose_sender_died_goes_out_once_more_marked_and_then_no_more(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target())
    await close_due(database)
    for hours in (1, 2):
        now = LATER + timedelta(hours=hours)
        async with database.transaction() as tx:
            await claim(tx, now=now, lease=LEASE, limit=50)
        async with database.transaction() as tx:
            await doubt_lost(tx, now=now + LEASE / 2, limit=50)
        assert await states(database) == [State.SENDING]
        async with database.transaction() as tx:
            await doubt_lost(tx, now=now + 2 * LEASE, limit=50)

    assert await states(database) == [State.FAILED]
    assert await said(database) == [("failed", "in-doubt")]
    assert await send(database, relay, now=LATER + timedelta(days=1)) == 0


async def test_the_mail_after_a_crash_says_that_it_may_be_a_second_copy(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target())
    await close_due(database)
    async with database.transaction() as tx:
        await claim(tx, now=LATER, lease=LEASE, limit=50)
    async with database.transaction() as tx:
        await doubt_lost(tx, now=LATER + 2 * LEASE, limit=50)

    await send(database, relay, now=LATER + 2 * LEASE)

    assert b"X-Tocsin-Resend: in-doubt" in relay.mails[0].content
    assert await states(database) == [State.SENT]


async def test_two_senders_never_take_the_same_mail(database: Database) -> None:
    await plan(database, *(target(to=recipient(email=f"a{n}@jansen.example")) for n in range(10)))
    await close_due(database)

    async with database.transaction() as one, database.transaction() as other:
        first = await claim(one, now=LATER, lease=LEASE, limit=6)
        second = await claim(other, now=LATER, lease=LEASE, limit=6)

    taken = [item.notification.id for item in (*first, *second)]
    assert len(taken) == len(set(taken)) == 10


async def test_a_claim_ends_with_the_mail_that_makes_it_large(database: Database) -> None:
    await plan(database, *(target(severity=Severity.CRITICAL) for _ in range(2000)))
    await plan(database, *(target(to=recipient(email=f"a{n}@jansen.example")) for n in range(3)))
    await close_due(database)

    assert [len(item.targets) for item in await take_up(database)] == [2000]
    assert [len(item.targets) for item in await take_up(database)] == [1, 1, 1]


async def test_two_planners_make_one_mail(database: Database) -> None:
    await plan(database, target(), target(asset=Asset(ip="192.0.2.2")))

    async with database.transaction() as one, database.transaction() as other:
        first = await planner.close_due(one, now=LATER, approval_confidence=0.3, limit=9)
        second = await planner.close_due(other, now=LATER, approval_confidence=0.3, limit=9)

    assert [*first, *second] == [State.QUEUED]


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (BrakeScope.ALL, ""),
        (BrakeScope.INCIDENT, "open-smb"),
        (BrakeScope.PARTNER, "demo"),
        (BrakeScope.DOMAIN, "jansen.example"),
        (BrakeScope.DOMAIN, "example"),
    ],
)
async def test_an_engaged_brake_holds_mail_and_loses_none(database: Database, scope: BrakeScope, value: str) -> None:
    relay = RememberingRelay()
    await plan(database, target())
    await close_due(database)
    brake = Brake(scope=scope, value=value, engaged=True, reason="x", changed_at=NOW, changed_by="a")

    async with database.transaction() as tx:
        await set_brake(tx, brake)
    assert await send(database, relay) == 0
    async with database.transaction() as tx:
        await set_brake(tx, msgspec.structs.replace(brake, engaged=False))

    assert await send(database, relay) == 1


async def test_an_opt_out_takes_back_what_waits_and_what_is_queued_and_is_said_once(database: Database) -> None:
    await plan(database, target())
    await close_due(database)
    await plan(database, target(asset=Asset(ip="192.0.2.2")))

    for _ in range(2):
        await opt_out(database)

    assert await said(database) == 2 * [("suppressed", "opt-out")]
    assert await states(database) == 2 * [State.CANCELLED]


@OPEN_AGAIN
@pytest.mark.parametrize("silent", ["info@jansen.example", "jansen.example", "example"])
async def test_a_mail_under_way_when_its_recipient_is_suppressed_is_not_tried_again(
    database: Database, silent: str, result: Result
) -> None:
    await plan(database, target(), target(to=recipient(email="info@sen.invalid")))
    await close_due(database)
    under_way = await take_up(database)
    suppression = Suppression(value=silent, reason=SuppressionReason.OPERATOR)
    async with database.transaction() as tx:
        await suppress(tx, suppression, note="", by="a", now=LATER)
    await answer(database, under_way, result)
    relay = RememberingRelay()

    assert await send(database, relay, now=MUCH_LATER) == 1

    assert [mail.recipient for mail in relay.mails] == ["info@sen.invalid"]
    assert sorted(await states(database)) == [State.CANCELLED, State.SENT]
    assert ("suppressed", "operator") in await said(database)


async def test_a_target_that_was_being_planned_while_its_recipient_opted_out_is_withdrawn(database: Database) -> None:
    async with database.transaction() as planning:
        await plan_within(planning, target())
        await opt_out(database)
    await close_due(database)

    assert await send(database, RememberingRelay()) == 0

    assert await said(database) == [("suppressed", "opt-out")]


async def test_two_senders_that_meet_a_silenced_recipient_do_not_wait_for_each_other(database: Database) -> None:
    for _ in range(2):
        await plan(database, target())
        await close_due(database)
    under_way = await take_up(database)
    await opt_out(database)
    await answer(database, under_way, Released("the relay is away"))

    async with database.transaction() as one, database.transaction() as other:
        first = await claim(one, now=MUCH_LATER, lease=LEASE, limit=1)
        second = await claim(other, now=MUCH_LATER, lease=LEASE, limit=1)

    assert [*first, *second] == []
    assert await said(database) == 2 * [("suppressed", "opt-out")]


async def test_what_was_called_fixed_is_news_when_it_is_seen_again(database: Database) -> None:
    first = target()
    await plan(database, first)
    await close_due(database)
    await send(database, RememberingRelay())
    fixed = FeedbackReceived(
        feedback_id=new_id(), kind=FeedbackKind.FIXED, incident="open-smb", at=LATER, threat_ids=(first.threat_id,)
    )
    async with database.transaction() as tx:
        await heed_feedback([fixed], tx=tx, now=LATER)

    again = msgspec.structs.replace(target(), threat_id=first.threat_id)

    assert await plan(database, again, now=LATER) == []


async def test_an_answer_that_comes_again_is_not_about_what_was_sent_after_it(database: Database) -> None:
    first = target()
    await plan(database, first)
    await close_due(database)
    [told] = await take_up(database)
    fixed = FeedbackReceived(
        feedback_id=new_id(),
        kind=FeedbackKind.FIXED,
        incident="open-smb",
        at=LATER,
        notification_id=told.notification.id,
        threat_ids=(first.threat_id,),
    )
    for days in (1, 2):
        async with database.transaction() as tx:
            await heed_feedback([fixed], tx=tx, now=LATER)
        again = msgspec.structs.replace(target(), threat_id=first.threat_id)
        settled = await plan(database, again, now=LATER + timedelta(days=days))
        assert [event.reason for event in settled] == (["interval"] if days == 2 else [])


async def test_a_dead_address_is_not_written_to_again(database: Database) -> None:
    relay = RememberingRelay({"info@jansen.example": Answered(550, "5.1.1 No such user")})
    await plan(database, target())
    await close_due(database)
    await send(database, relay)

    assert await plan(database, target(), now=LATER) == []
    await close_due(database, now=LATER + timedelta(hours=1))
    assert await send(database, relay, now=LATER + timedelta(hours=1)) == 0

    async with database.transaction() as tx:
        asked = await waiting_events(tx)
    assert [type(each) for each in asked] == [RecipientUnreachable] * 2, "its outcome is that of the next contact"
    assert [getattr(each, "reason", "") for each in asked] == ["5.1.1", "undeliverable"]
    assert {getattr(each, "failed", ()) for each in asked} == {("info@jansen.example",)}


async def test_a_temporary_refusal_is_tried_again_later(database: Database) -> None:
    await plan(database, target())
    await close_due(database)
    await send(database, RememberingRelay({"info@jansen.example": Answered(451, "4.7.1 Greylisted")}))

    assert await states(database) == [State.DEFERRED]
    assert await send(database, RememberingRelay(), now=LATER + timedelta(minutes=1)) == 0
    assert await send(database, RememberingRelay(), now=LATER + timedelta(hours=1)) == 1
    assert await states(database) == [State.SENT]


async def test_an_uncertain_recipient_waits_until_a_person_approves(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target(confidence=0.1))
    await close_due(database)
    assert await send(database, relay) == 0
    async with database.transaction() as tx:
        [waiting] = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
        await command_notification(tx, waiting.id, Command.APPROVE, note="", by="a", now=LATER)

    assert await send(database, relay) == 1


@pytest.mark.parametrize("is_due", [False, True], ids=["planned", "queued"])
async def test_a_cancelled_notification_settles_its_targets_once(database: Database, is_due: bool) -> None:
    await plan(database, target())
    if is_due:
        await close_due(database)
    async with database.transaction() as tx:
        [waiting] = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
        cancelled = await command_notification(tx, waiting.id, Command.CANCEL, note="no", by="a", now=LATER)
        again = await command_notification(tx, waiting.id, Command.CANCEL, note="no", by="a", now=LATER)

    assert cancelled is not None
    assert cancelled.state is State.CANCELLED
    assert again is None
    assert await said(database) == [("suppressed", "cancelled")]


async def test_a_mail_that_is_sent_again_has_the_same_message_id_and_says_nothing_new(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target())
    await close_due(database)
    await send(database, relay)
    before = await said(database)
    async with database.transaction() as tx:
        [sent] = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
        await command_notification(tx, sent.id, Command.RESEND, note="", by="a", now=LATER)

    await send(database, relay, now=LATER + timedelta(minutes=1))

    assert len(relay.mails) == 2
    assert await said(database) == before
    assert datetime.now(UTC) > NOW


async def test_a_test_goes_to_its_partner_without_an_approver_and_changes_nothing_for_others(
    database: Database,
) -> None:
    address = "gone@demo.example"
    tests = [target(to=trying_partner(email=each), confidence=0.1) for each in (address, "desk@demo.example")]
    await plan(database, *tests, target(to=recipient(email=address)), target(to=recipient(email="desk@demo.example")))
    assert await close_due(database) == 4

    relay_of_tests, relay = RememberingRelay({address: Answered(550, "5.1.1 No such user")}), RememberingRelay()
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(is_test=True), before=None, limit=10)
        assert [item.state for item in found] == [State.QUEUED] * 2
        await tx.fetch("UPDATE notifications SET next_attempt_at = $1 WHERE NOT is_test", MUCH_LATER)
    assert await send(database, relay_of_tests) == 2
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT * FROM suppressions") == [], "a test buries no address"
        events = await waiting_events(tx)
        await tx.fetch("UPDATE notifications SET next_attempt_at = $1 WHERE NOT is_test", LATER)

    assert await send(database, relay) == 2, "what goes there in earnest is sent all the same"
    assert [mail.recipient for mail in relay_of_tests.mails] == ["desk@demo.example"]
    assert sorted(mail.recipient for mail in relay.mails) == ["desk@demo.example", address]
    subjects = [mail.subject for mail in (*relay_of_tests.mails, *relay.mails)]
    assert [subject.startswith("TEST: ") for subject in subjects] == [True, False, False]
    settled = [event for event in events if isinstance(event, IndicatorSettled)]
    assert sorted(each.outcome for each in settled) == ["failed", "notified"]
    assert "Sent to you as a test; in earnest an organisation would have got it." in {each.message for each in settled}
    assert [event.is_test for event in events if isinstance(event, NotificationSent)] == [True]


async def test_no_more_mail_to_a_partner_means_no_more_tests_either(database: Database) -> None:
    await plan(database, target(to=trying_partner(email="desk@demo.example")))
    await close_due(database)
    async with database.transaction() as tx:
        silenced = Suppression(value="desk@demo.example", reason=SuppressionReason.OPERATOR)
        await suppress(tx, silenced, note="", by="ann", now=LATER)

    assert await send(database, RememberingRelay()) == 0
    assert await said(database) == [("suppressed", "operator")]
