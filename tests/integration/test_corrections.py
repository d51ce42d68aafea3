"""A threat turns out to be none, whenever in the life of its mail: nobody is told of it, or hears that it was wrong."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from libs.common.contracts import Event, IndicatorSettled, NotificationSent, TargetAttributed, ThreatWithdrawn
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.outbox import waiting_events
from libs.common.vocabulary import NotificationKind, Outcome, Severity
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import (
    Brake,
    BrakeScope,
    Command,
    Consignment,
    Notification,
    State,
    Wanted,
)
from services.notifier.domain.replies import Deferred, Failed, InDoubt, Result, Sent
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import command_notification, set_brake
from services.notifier.handlers.corrections import heed_withdrawals
from services.notifier.handlers.planning import plan_targets
from services.notifier.store import lists
from tests.integration.test_notifier import (
    GROUPING,
    LATER,
    PLANNING,
    answer,
    close,
    close_due,
    database,
    opt_out,
    plan,
    plan_within,
    send,
    sizes,
    somebody_waits_for_a_lock,
    states,
    take_up,
)
from tests.unit.notifier.builders import NOW, notification, target, trying_partner

__all__ = ["database"]

WITHDRAWN = ("suppressed", "withdrawn")
TOLD = [("notification-sent", ""), ("notified", "")]
AFTERWARDS = LATER + timedelta(hours=1)
AFTER_ALL = AFTERWARDS + timedelta(days=2)


def withdrawal(of: TargetAttributed, *, corrects: bool = True, at: datetime = NOW) -> ThreatWithdrawn:
    return ThreatWithdrawn(
        withdrawal_id=new_id(),
        threat_id=of.threat_id,
        asset=of.indicator.asset.key,
        incident=of.incident,
        reason="false-positive",
        corrects=corrects,
        by="anna",
        at=at,
    )


async def withdraw(database: Database, *events: ThreatWithdrawn, now: datetime = LATER) -> None:
    async with database.transaction() as tx:
        answered = await heed_withdrawals(
            events, tx=tx, now=now, window=PLANNING.correction_window, reference_key=GROUPING.reference_key
        )
        assert answered == ()


async def all_of(database: Database, kind: NotificationKind) -> list[Notification]:
    """Newest first."""
    async with database.transaction() as tx:
        return await lists.newest_notifications(tx, Wanted(kind=kind), before=None, limit=100)


async def warning(database: Database) -> Notification:
    [found] = await all_of(database, NotificationKind.WARNING)
    return found


async def corrections(database: Database) -> list[tuple[State, int]]:
    return [(each.state, each.targets_total) for each in await all_of(database, NotificationKind.CORRECTION)]


async def order(database: Database, which: Notification, command: Command, now: datetime = LATER) -> None:
    async with database.transaction() as tx:
        assert await command_notification(tx, which.id, command, note="", by="a person", now=now)


def read(mail: Mail) -> tuple[EmailMessage, str]:
    """The mail, and what its text says, each line end a space."""
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    return message, " ".join(body.get_content().split())


async def told(database: Database, *targets: TargetAttributed) -> RememberingRelay:
    """A mail about these was sent."""
    relay = RememberingRelay()
    await plan(database, *targets)
    await close_due(database)
    assert await send(database, relay) == 1
    return relay


async def bring_to(database: Database, state: State, *targets: TargetAttributed) -> Sequence[Consignment]:
    """A mail about these in this state; what is under way of it."""
    await plan(database, *targets)
    if state is State.PLANNED:
        return ()
    await close_due(database)
    if state in {State.QUEUED, State.AWAITING_APPROVAL}:
        return ()
    under_way = await take_up(database)
    if state is State.DEFERRED:
        await answer(database, under_way, Deferred(451, "later", LATER))
    if state is State.IN_DOUBT:
        await answer(database, under_way, InDoubt("cut off", LATER))
    return under_way


UNSENT = pytest.mark.parametrize(
    "state", [State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED, State.DEFERRED], ids=lambda state: state.value
)


@UNSENT
@pytest.mark.parametrize("corrects", [True, False])
async def test_what_has_not_gone_out_is_taken_back_and_said_so_once(
    database: Database, state: State, corrects: bool
) -> None:
    wrong = target(confidence=0.1 if state is State.AWAITING_APPROVAL else 0.9)
    await bring_to(database, state, wrong)
    assert await states(database) == [state]
    event = withdrawal(wrong, corrects=corrects)

    await withdraw(database, event)
    await withdraw(database, event, now=AFTERWARDS)
    await withdraw(database, withdrawal(wrong), now=AFTERWARDS)

    assert await sizes(database) == [(State.CANCELLED, 0)]
    cancelled = await warning(database)
    assert (cancelled.reason, cancelled.decided_by) == ("withdrawn", "anna")
    assert await said(database) == [WITHDRAWN]
    assert await send(database, RememberingRelay(), now=AFTERWARDS) == 0
    assert await plan(database, wrong) == await settled(database), "what comes again is told the same"


async def said(database: Database) -> list[tuple[str, str]]:
    """Each outcome with its reason, but for the references of mails; and that a mail was sent."""
    async with database.transaction() as tx:
        events = await waiting_events(tx)
    return [_word(event) for event in events]


def _word(event: Event) -> tuple[str, str]:
    if isinstance(event, IndicatorSettled):
        return event.outcome, "" if event.outcome is Outcome.NOTIFIED else event.reason
    return "notification-sent", ""


async def settled(database: Database) -> list[IndicatorSettled]:
    async with database.transaction() as tx:
        return [event for event in await waiting_events(tx) if isinstance(event, IndicatorSettled)]


@UNSENT
async def test_the_others_of_a_mail_go_out_without_what_was_withdrawn(database: Database, state: State) -> None:
    unsure = 0.1 if state is State.AWAITING_APPROVAL else 0.9
    wrong = target(severity=Severity.HIGH, confidence=0.8)
    right = target(severity=Severity.MEDIUM, confidence=unsure)
    await bring_to(database, state, wrong, right)

    await withdraw(database, withdrawal(wrong))

    assert await sizes(database) == [(state, 1)]
    left = await warning(database)
    assert (left.severity, left.confidence) == (Severity.MEDIUM, unsure)
    if state is State.AWAITING_APPROVAL:
        await order(database, left, Command.APPROVE)
    await close_due(database)
    assert await send(database, RememberingRelay(), now=AFTERWARDS) == 1
    assert await said(database) == [WITHDRAWN, *TOLD]
    assert [event.indicator_id for event in await settled(database)] == [wrong.indicator_id, right.indicator_id]
    assert await all_of(database, NotificationKind.CORRECTION) == []


async def test_who_was_told_hears_that_it_was_wrong(database: Database) -> None:
    wrong = target()
    relay = await told(database, wrong)
    original = await warning(database)

    await withdraw(database, withdrawal(wrong))
    assert await corrections(database) == [(State.PLANNED, 1)]
    assert await close_due(database, LATER) == 0, "it waits for others"
    assert await close_due(database, AFTERWARDS) == 1
    assert await send(database, relay, now=AFTERWARDS) == 1

    warned, corrected = relay.mails
    message, text = read(corrected)
    [correction] = await all_of(database, NotificationKind.CORRECTION)
    assert corrected.recipient == warned.recipient
    assert str(message["Subject"]).startswith("Correctie: onze melding van 1 mrt 2026 aan Bakkerij Jansen klopte niet")
    assert original.reference in text
    assert original.reference != correction.reference == message["X-Tocsin-Reference"]
    assert message["In-Reply-To"] == message["References"] == read(warned)[0]["Message-ID"]
    assert await said(database) == [*TOLD, ("notification-sent", "")], "no outcome is said of what was told"
    async with database.transaction() as tx:
        *_, event = await waiting_events(tx)
    assert isinstance(event, NotificationSent)
    assert (event.kind, event.reference) == (NotificationKind.CORRECTION, correction.reference)
    assert [each.threat_id for each in event.targets] == [wrong.threat_id]


async def test_what_nobody_needs_to_hear_is_not_corrected(database: Database) -> None:
    wrong = target()
    await told(database, wrong)
    await withdraw(database, withdrawal(wrong, corrects=False))
    assert await corrections(database) == []


async def test_several_threats_of_a_mail_are_corrected_by_one_and_each_but_once(database: Database) -> None:
    first, second, third = wrong = [target() for _ in range(3)]
    relay = await told(database, *wrong, target())
    events = [withdrawal(each) for each in wrong]

    await withdraw(database, events[0], events[0])
    await withdraw(database, events[1], withdrawal(first))
    assert await corrections(database) == [(State.PLANNED, 2)]
    await close_due(database, AFTERWARDS)
    await withdraw(database, *events, withdrawal(second), now=AFTERWARDS)
    assert await corrections(database) == [(State.PLANNED, 1), (State.QUEUED, 2)]

    assert await send(database, relay, now=AFTERWARDS) == 1
    assert "geldt nog wel" in read(relay.mails[-1])[1], "one of four is still right"
    assert await close_due(database, AFTER_ALL) == 1
    assert await send(database, relay, now=AFTER_ALL) == 1
    await withdraw(database, *events, withdrawal(third), now=AFTER_ALL)
    assert await corrections(database) == [(State.SENT, 1), (State.SENT, 2)]


RESULTS = [
    (Sent(250, "ok"), True),
    (Failed("policy", "5.7.1 no", 550), False),
    (Deferred(451, "later", LATER), False),
    (InDoubt("cut off", LATER), True),
]


@pytest.mark.parametrize(("result", "arrives"), RESULTS, ids=lambda value: type(value).__name__)
async def test_a_mail_under_way_is_left_alone_and_corrected_if_it_may_have_arrived(
    database: Database, result: Result, arrives: bool
) -> None:
    wrong = target()
    under_way = await bring_to(database, State.SENDING, wrong)

    await withdraw(database, withdrawal(wrong))
    assert (await warning(database)).state is State.SENDING
    assert await close_due(database, AFTERWARDS) == 0, "it must not overtake what it corrects"
    await answer(database, under_way, result)
    relay = RememberingRelay()
    await send(database, relay, now=AFTERWARDS)
    await close_due(database, AFTERWARDS)
    await send(database, relay, now=AFTERWARDS)

    [(state, _)] = await corrections(database)
    assert state is (State.SENT if arrives else State.CANCELLED)
    outcome = {Sent: TOLD, InDoubt: TOLD, Deferred: [WITHDRAWN]}.get(type(result), [("failed", "policy")])
    assert await said(database) == [*outcome, *([("notification-sent", "")] if arrives else [])]


async def test_what_is_put_off_goes_out_without_what_was_withdrawn_meanwhile(database: Database) -> None:
    wrong, right = target(), target()
    under_way = await bring_to(database, State.SENDING, wrong, right)
    await withdraw(database, withdrawal(wrong))
    await answer(database, under_way, Deferred(451, "later", LATER))

    assert await send(database, RememberingRelay()) == 1
    await close_due(database, AFTERWARDS)

    assert await said(database) == [WITHDRAWN, *TOLD]
    assert await corrections(database) == [(State.CANCELLED, 0)]


async def test_a_mail_in_doubt_is_left_alone_and_corrected_even_if_nobody_ever_knows(database: Database) -> None:
    wrong = target()
    await bring_to(database, State.IN_DOUBT, wrong)

    await withdraw(database, withdrawal(wrong))
    assert (await warning(database)).state is State.IN_DOUBT
    assert await corrections(database) == [(State.PLANNED, 1)]
    await answer(database, await take_up(database), Failed("in-doubt", "lost twice"))
    assert await close_due(database, AFTERWARDS) == 1
    relay = RememberingRelay()
    assert await send(database, relay, now=AFTERWARDS) == 1

    assert "stuurden wij u waarschijnlijk een waarschuwing" in read(relay.mails[0])[1]
    assert await said(database) == [("failed", "in-doubt"), ("notification-sent", "")]


@pytest.mark.parametrize("others", [0, 1])
async def test_a_copy_that_a_person_ordered_goes_out_without_it_and_nothing_is_said_twice(
    database: Database, others: int
) -> None:
    wrong = target()
    relay = await told(database, wrong, *(target() for _ in range(others)))
    await order(database, await warning(database), Command.RESEND)

    await withdraw(database, withdrawal(wrong))

    assert await sizes(database) == [(State.PLANNED, 1), (State.QUEUED if others else State.CANCELLED, others)]
    assert await send(database, relay, now=AFTERWARDS) == others
    await close_due(database, AFTERWARDS)
    assert await send(database, relay, now=AFTERWARDS) == 1
    assert await said(database) == [*TOLD, *others * [TOLD[1]], ("notification-sent", "")]


async def test_a_target_that_comes_after_its_withdrawal_is_not_mailed(database: Database) -> None:
    late = target()
    news = msgspec.structs.replace(target(), threat_id=late.threat_id, received_at=NOW + timedelta(minutes=1))
    await withdraw(database, withdrawal(late))

    answers = await plan(database, late, news)

    assert [(each.indicator_id, each.reason) for each in answers] == [(late.indicator_id, "withdrawn")]
    assert await sizes(database) == [(State.PLANNED, 1)]


@pytest.mark.parametrize(("corrects", "reasons"), [(True, []), (False, ["interval"])])
async def test_what_was_corrected_is_news_when_it_comes_back(
    database: Database, corrects: bool, reasons: list[str]
) -> None:
    wrong = target()
    await told(database, wrong)
    await withdraw(database, withdrawal(wrong, corrects=corrects))

    back = msgspec.structs.replace(target(), threat_id=wrong.threat_id, received_at=NOW + timedelta(days=1))
    answers = await plan(database, back, now=NOW + timedelta(days=1))

    assert [each.reason for each in answers] == reasons


async def test_no_closed_incident_keeps_back_that_we_were_wrong(database: Database) -> None:
    wrong = target()
    await told(database, wrong)
    await withdraw(database, withdrawal(wrong))
    await close(database)

    assert await close_due(database, AFTERWARDS) == 1
    assert await send(database, RememberingRelay(), now=AFTERWARDS) == 1


async def test_who_asked_for_no_mail_gets_no_correction(database: Database) -> None:
    first, second = target(), target(incident="open-smb")
    await told(database, first, second)
    await withdraw(database, withdrawal(first))
    await opt_out(database)
    assert await corrections(database) == [(State.CANCELLED, 1)]

    await withdraw(database, withdrawal(second))
    await close_due(database, AFTERWARDS)
    assert await send(database, RememberingRelay(), now=AFTERWARDS) == 0
    assert [each.reason for each in await all_of(database, NotificationKind.CORRECTION)] == ["opt-out", "opt-out"]


@pytest.mark.parametrize("scope", [BrakeScope.ALL, BrakeScope.INCIDENT, BrakeScope.PARTNER, BrakeScope.DOMAIN])
async def test_a_brake_holds_a_correction_like_what_it_corrects(database: Database, scope: BrakeScope) -> None:
    wrong = target()
    relay = await told(database, wrong)
    await withdraw(database, withdrawal(wrong))
    await close_due(database, AFTERWARDS)
    value = {BrakeScope.INCIDENT: "open-smb", BrakeScope.PARTNER: "demo", BrakeScope.DOMAIN: "jansen.example"}
    brake = Brake(
        scope=scope, value=value.get(scope, ""), engaged=True, reason="", changed_at=NOW, changed_by="a person"
    )

    for engaged, mails in ((True, 0), (False, 1)):
        async with database.transaction() as tx:
            await set_brake(tx, msgspec.structs.replace(brake, engaged=engaged))
        assert await send(database, relay, now=AFTERWARDS) == mails


async def test_no_warning_joins_a_correction(database: Database) -> None:
    wrong = target()
    await told(database, wrong)
    days_later = NOW + timedelta(days=2)
    await withdraw(database, withdrawal(wrong), now=days_later)

    async with database.transaction() as tx:
        answers = await plan_targets(
            [target(incident="open-rdp")],
            tx=tx,
            now=days_later,
            policy=PLANNING,
            grouping=GROUPING,
            queued=asyncio.Event(),
        )
    assert answers == []

    await plan(database, target(), now=days_later)
    assert await corrections(database) == [(State.PLANNED, 1)]
    assert sorted(await sizes(database)) == [*3 * [(State.PLANNED, 1)], (State.SENT, 1)]


async def test_who_tries_out_is_corrected_too_and_nobody_else(database: Database) -> None:
    wrong = target(to=trying_partner())
    relay = await told(database, wrong)
    await withdraw(database, withdrawal(wrong))
    await close_due(database, AFTERWARDS)
    assert await send(database, relay, now=AFTERWARDS) == 1

    assert [mail.recipient for mail in relay.mails] == ["desk@demo.example"] * 2
    message, text = read(relay.mails[-1])
    assert str(message["Subject"]).startswith("TEST: Correctie")
    assert message["X-Tocsin-Test"] == "yes"
    assert text.startswith("DIT IS EEN TEST van demo.")


async def test_a_correction_can_be_called_off_and_is_not_planned_again(database: Database) -> None:
    wrong = target()
    await told(database, wrong)
    event = withdrawal(wrong)
    await withdraw(database, event)
    [correction] = await all_of(database, NotificationKind.CORRECTION)
    await order(database, correction, Command.CANCEL)

    await withdraw(database, event)

    assert await corrections(database) == [(State.CANCELLED, 1)]
    assert await said(database) == TOLD


async def test_a_withdrawal_waits_for_what_is_being_planned_and_finds_it(database: Database) -> None:
    wrong = target(severity=Severity.CRITICAL)
    async with database.transaction() as tx:
        await plan_within(tx, wrong)
        withdrawing = asyncio.create_task(withdraw(database, withdrawal(wrong)))
        await somebody_waits_for_a_lock(database)
    await withdrawing

    assert await sizes(database) == [(State.CANCELLED, 0)]
    assert await said(database) == [WITHDRAWN]


async def test_what_is_being_planned_waits_for_a_withdrawal_and_finds_it(database: Database) -> None:
    wrong = target(severity=Severity.CRITICAL)
    async with database.transaction() as tx:
        await heed_withdrawals(
            [withdrawal(wrong)], tx=tx, now=NOW, window=PLANNING.correction_window, reference_key=b"key"
        )
        planning = asyncio.create_task(plan(database, wrong))
        await somebody_waits_for_a_lock(database)
    assert [each.reason for each in await planning] == ["withdrawn"]


def test_a_notification_is_a_warning_unless_it_says_otherwise() -> None:
    assert notification().kind is NotificationKind.WARNING
