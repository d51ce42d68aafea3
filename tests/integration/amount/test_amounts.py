"""On a real database: what waits for an hour or a day, what goes together, and what is told again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from libs.common.contracts import (
    FeedbackReceived,
    IndicatorSettled,
    MailReturned,
    Recipient,
    RecipientUnreachable,
    TargetAttributed,
)
from libs.common.db import Database
from libs.common.ids import derived_id, new_id
from libs.common.outbox import waiting_events
from libs.common.vocabulary import FeedbackKind, Permanence, ReturnKind, Severity, Trust
from services.notifier.domain.amount.calendar import QuietHours
from services.notifier.domain.amount.policy import FREE, AmountPolicy, Caps
from services.notifier.domain.notification import Command, Consignment, Notification, State, Wanted
from services.notifier.domain.planning import Suppression, SuppressionReason, of_organisation
from services.notifier.domain.replies import Deferred, InDoubt, Released
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.amount import forget_old_days, put_off_full
from services.notifier.handlers.commands import command_notification, suppress
from services.notifier.handlers.looking import dossier_of, end_suppression, newest_suppressions
from services.notifier.handlers.planning import heed_feedback, plan_targets, take_up_incidents
from services.notifier.handlers.returning import heed_returns
from services.notifier.handlers.sending import Delivered, claim, deliver, doubt_lost, record
from services.notifier.store import lists
from tests.integration.test_notifier import GROUPING, LEASE, PLANNING, RETRY, SCRIBE, close_due, database, said
from tests.unit.notifier.builders import incident, recipient, target, trying_partner

__all__ = ["database"]

SLUGS = ("open-smb", "open-rdp", "open-dns")
HOURS = AmountPolicy(
    quiet=QuietHours(time(20), time(7)),
    business_days_for=(Severity.MEDIUM, Severity.LOW, Severity.INFO),
    round_up_at=time(10),
)
MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
TUESDAY_MORNING = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
TUESDAY_AT_TEN = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def incidents(database: Database) -> None:
    async with database.transaction() as tx:
        await take_up_incidents([incident(slug=slug) for slug in SLUGS], tx=tx, now=MONDAY)


async def plan(
    database: Database, *targets: TargetAttributed, now: datetime, amounts: AmountPolicy = HOURS
) -> list[IndicatorSettled]:
    planning = msgspec.structs.replace(PLANNING, amounts=amounts)
    async with database.transaction() as tx:
        settled = await plan_targets(
            targets, tx=tx, now=now, policy=planning, grouping=GROUPING, queued=asyncio.Event()
        )
    return list(settled)


async def take_up(database: Database, now: datetime, amounts: AmountPolicy = HOURS) -> Sequence[Consignment]:
    await close_due(database, now=now)
    async with database.transaction() as tx:
        return await claim(tx, now=now, lease=LEASE, limit=50, amounts=amounts)


async def send(
    database: Database, relay: RememberingRelay, *, now: datetime, amounts: AmountPolicy = HOURS
) -> list[EmailMessage]:
    """Close and send what may go now; the mails that went."""
    before = len(relay.mails)
    taken = await take_up(database, now, amounts)
    delivered = [await deliver(item, scribe=SCRIBE, relay=relay, policy=RETRY, now=now) for item in taken]
    async with database.transaction() as tx:
        await record(tx, delivered, now=now)
    return [read(mail.content) for mail in relay.mails[before:]]


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def known(database: Database) -> list[Notification]:
    """All notifications, by incident."""
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=100)
    return sorted(found, key=lambda item: (item.incident, item.created_at))


def low(slug: str, to: Recipient | None = None) -> TargetAttributed:
    return target(incident=slug, severity=Severity.LOW, to=to)


async def test_what_comes_at_night_waits_for_the_morning_but_for_what_is_critical(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, target(), target(incident="open-rdp", severity=Severity.CRITICAL), now=MONDAY_NIGHT)

    [urgent] = await send(database, relay, now=MONDAY_NIGHT + timedelta(hours=1))
    assert "Dringende" in urgent["Subject"]
    _, waiting = await known(database)
    assert (waiting.state, waiting.wait, waiting.due_at) == (State.PLANNED, "quiet-hours", TUESDAY_MORNING)

    assert await send(database, relay, now=TUESDAY_MORNING - SECOND) == []
    assert len(await send(database, relay, now=TUESDAY_MORNING)) == 1
    assert [(item.state, item.wait) for item in await known(database)] == [(State.SENT, "")] * 2


async def test_what_is_released_by_a_person_at_night_waits_too_and_says_why(database: Database) -> None:
    await plan(database, target(confidence=0.1), now=MONDAY)
    await close_due(database, now=MONDAY + timedelta(hours=1))
    [uncertain] = await known(database)
    async with database.transaction() as tx:
        await command_notification(tx, uncertain.id, Command.APPROVE, note="", by="a person", now=MONDAY_NIGHT)

    assert await take_up(database, MONDAY_NIGHT) == []
    [waiting] = await known(database)
    assert (waiting.state, waiting.wait, waiting.next_attempt_at) == (State.QUEUED, "quiet-hours", TUESDAY_MORNING)


async def test_what_is_over_a_cap_goes_on_the_next_days_in_order_of_severity(database: Database) -> None:
    relay, capped = RememberingRelay(), AmountPolicy(caps=Caps(recipient=1))
    severities = (Severity.LOW, Severity.HIGH, Severity.MEDIUM)
    found = [target(incident=slug, severity=severity) for slug, severity in zip(SLUGS, severities, strict=True)]
    await plan(database, *found, now=MONDAY, amounts=capped)

    order: list[tuple[int, str]] = []
    for day in range(5):
        for hour in range(1, 3):
            mails = await send(database, relay, now=MONDAY + day * DAY + timedelta(hours=hour), amounts=capped)
            order.extend((day, mail["X-Tocsin-Reference"]) for mail in mails)
        if day == 0:
            held = [item for item in await known(database) if item.state is State.QUEUED]
            assert {item.wait for item in held} == {"recipient-cap"}
    by_incident = {item.incident: item.reference for item in await known(database)}
    assert order == [(0, by_incident["open-rdp"]), (1, by_incident["open-dns"]), (2, by_incident["open-smb"])]
    assert [outcome for outcome, _ in await said(database) if outcome != "notification-sent"] == ["notified"] * 3


async def test_what_comes_for_a_recipient_who_has_had_enough_joins_the_mail_of_tomorrow(database: Database) -> None:
    relay, capped = RememberingRelay(), AmountPolicy(caps=Caps(recipient=1))
    await plan(database, target(incident="open-rdp"), now=MONDAY, amounts=capped)
    await send(database, relay, now=MONDAY + timedelta(hours=1), amounts=capped)

    for hour in range(2, 6):
        now = MONDAY + timedelta(hours=hour)
        await plan(database, target(), now=now, amounts=capped)
        async with database.transaction() as tx:
            await put_off_full(tx, policy=capped, now=now + timedelta(minutes=30), limit=100)
        await close_due(database, now=now + timedelta(minutes=30))

    [waiting] = [item for item in await known(database) if item.state is State.PLANNED]
    assert (waiting.targets_total, waiting.wait) == (4, "recipient-cap")
    assert waiting.due_at == capped.calendars.day_after(MONDAY)
    assert len(await send(database, relay, now=MONDAY + DAY, amounts=capped)) == 1


async def test_what_never_gets_its_turn_is_given_up_and_its_partner_hears_so(database: Database) -> None:
    full = AmountPolicy(caps=Caps(total=0), longest_wait=timedelta(days=2))
    await plan(database, target(), now=MONDAY, amounts=full)
    for day in range(4):
        assert await take_up(database, MONDAY + day * DAY + timedelta(hours=1), full) == []

    assert [item.state for item in await known(database)] == [State.CANCELLED]
    assert await said(database) == [("suppressed", "cap")]


async def test_two_senders_together_keep_a_cap(database: Database) -> None:
    capped = AmountPolicy(caps=Caps(total=3))
    to = [recipient(email=f"info@shop{number}.example") for number in range(8)]
    await plan(database, *(target(to=each) for each in to), now=MONDAY, amounts=capped)
    await close_due(database, now=MONDAY + timedelta(hours=1))

    async def claims() -> int:
        async with database.transaction() as tx:
            return len(await claim(tx, now=MONDAY + timedelta(hours=1), lease=LEASE, limit=4, amounts=capped))

    assert sum(await asyncio.gather(claims(), claims())) == 3


async def test_old_days_are_forgotten(database: Database) -> None:
    capped = AmountPolicy(caps=Caps(total=3))
    await plan(database, target(), now=MONDAY, amounts=capped)
    await take_up(database, MONDAY + timedelta(hours=1), capped)

    counted = []
    for later in (timedelta(days=7), timedelta(days=8)):
        async with database.transaction() as tx:
            await forget_old_days(tx, policy=capped, now=MONDAY + later)
            counted.append(len(await tx.fetch("SELECT FROM daily_mails")))
    assert counted == [1, 0]


async def test_what_is_of_low_severity_goes_in_one_mail_a_day(database: Database) -> None:
    relay = RememberingRelay()
    other = recipient(name="Smit", email="info@smit.example")
    await plan(database, *(low(slug) for slug in SLUGS), low("open-smb", other), now=MONDAY)
    assert {(item.wait, item.due_at) for item in await known(database)} == {("round-up", TUESDAY_AT_TEN)}

    mails = await send(database, relay, now=TUESDAY_AT_TEN)
    assert sorted(mail["To"].addresses[0].addr_spec for mail in mails) == ["info@jansen.example", "info@smit.example"]
    ours = [item for item in await known(database) if item.recipient.email == "info@jansen.example"]
    assert {item.state for item in ours} == {State.SENT}
    assert len({item.mail_id for item in ours}) == 1
    assert len({item.reference for item in ours}) == 3
    [together] = [mail for mail in mails if "3 punten" in mail["Subject"]]
    body = together.get_body(("plain",))
    assert body is not None
    assert all(item.reference in body.get_content() for item in ours)
    assert sorted(outcome for outcome, _ in await said(database)) == [*["notification-sent"] * 4, *["notified"] * 4]

    await plan(database, low("open-smb"), now=MONDAY + timedelta(hours=23))
    assert await send(database, relay, now=TUESDAY_AT_TEN + timedelta(hours=1)) == [], "it has had its mail today"


async def test_a_round_up_waits_for_what_the_planner_has_not_closed_yet(database: Database) -> None:
    await plan(database, low("open-smb"), now=MONDAY)
    await close_due(database, now=TUESDAY_AT_TEN)
    await plan(database, low("open-rdp"), now=MONDAY + timedelta(minutes=1))
    async with database.transaction() as tx:
        assert await claim(tx, now=TUESDAY_AT_TEN, lease=LEASE, limit=50, amounts=HOURS) == []

    [both] = await take_up(database, TUESDAY_AT_TEN + timedelta(seconds=2))
    assert len(both.parts) == 2


async def test_a_late_one_waits_for_the_mail_of_the_next_day(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, low("open-smb"), msgspec.structs.replace(low("open-rdp"), confidence=0.1), now=MONDAY)
    assert len(await send(database, relay, now=TUESDAY_AT_TEN)) == 1
    [uncertain] = [item for item in await known(database) if item.state is State.AWAITING_APPROVAL]
    async with database.transaction() as tx:
        await command_notification(tx, uncertain.id, Command.APPROVE, note="", by="a person", now=TUESDAY_AT_TEN)

    assert await send(database, relay, now=TUESDAY_AT_TEN + timedelta(hours=1)) == []
    [waiting] = [item for item in await known(database) if item.id == uncertain.id]
    assert (waiting.wait, waiting.next_attempt_at) == ("one-round-up-a-day", TUESDAY_AT_TEN + DAY)
    assert len(await send(database, relay, now=TUESDAY_AT_TEN + DAY)) == 1


async def test_tests_and_what_has_become_worse_wait_for_no_round_up(database: Database) -> None:
    relay = RememberingRelay()
    first = low("open-smb")
    await plan(database, first, low("open-smb", trying_partner()), now=MONDAY)
    worse = msgspec.structs.replace(target(incident="open-smb", severity=Severity.HIGH), threat_id=first.threat_id)
    await plan(database, worse, now=MONDAY)

    mails = await send(database, relay, now=MONDAY + timedelta(hours=2))
    assert sorted(mail["To"].addresses[0].addr_spec for mail in mails) == ["desk@demo.example", "info@jansen.example"]


async def test_a_round_up_whose_sender_died_goes_out_once_more_as_it_was(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    [under_way] = await take_up(database, TUESDAY_AT_TEN)
    await deliver(under_way, scribe=SCRIBE, relay=relay, policy=RETRY, now=TUESDAY_AT_TEN)
    later = TUESDAY_AT_TEN + LEASE + SECOND

    async with database.transaction() as tx:
        assert len(await doubt_lost(tx, now=later, limit=10)) == 3
    await plan(database, low("open-dns"), now=MONDAY + timedelta(hours=21))
    [again] = await send(database, relay, now=later + timedelta(hours=1))

    first = read(relay.mails[0].content)
    assert (again["Message-ID"], again["X-Tocsin-Resend"]) == (first["Message-ID"], "in-doubt")
    assert again["Subject"] == first["Subject"]
    assert sorted(item.state for item in await known(database)) == [State.PLANNED, *[State.SENT] * 3]
    outcomes = [outcome for outcome, _ in await said(database) if outcome != "notification-sent"]
    assert outcomes == ["notified"] * 3, "each once"


@pytest.mark.parametrize(
    "result",
    [Deferred(451, "later", TUESDAY_AT_TEN + timedelta(hours=1)), InDoubt("cut", TUESDAY_AT_TEN), Released("away")],
    ids=["deferred", "in-doubt", "released"],
)
async def test_a_round_up_that_is_tried_again_is_the_same_mail_without_what_was_taken_back(
    database: Database, result: Deferred | InDoubt | Released
) -> None:
    relay = RememberingRelay()
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    [under_way] = await take_up(database, TUESDAY_AT_TEN)
    async with database.transaction() as tx:
        await record(tx, [Delivered(under_way, result)], now=TUESDAY_AT_TEN)
        about = Suppression(value="info@jansen.example", incident="open-rdp", reason=SuppressionReason.OPERATOR)
        await suppress(tx, about, note="", by="a person", now=TUESDAY_AT_TEN)

    [mail] = await send(database, relay, now=TUESDAY_AT_TEN + timedelta(hours=2))

    assert mail["Message-ID"] == f"<{under_way.notification.id}@tocsin.example>"
    assert "2 punten" in mail["Subject"]
    states = {item.incident: item.state for item in await known(database)}
    assert states == {"open-dns": State.SENT, "open-rdp": State.CANCELLED, "open-smb": State.SENT}


async def test_a_round_up_that_comes_back_does_so_for_each_that_was_in_it(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    await send(database, relay, now=TUESDAY_AT_TEN)
    named_after = next(item for item in await known(database) if item.id == item.mail_id)
    bounce = MailReturned(
        return_id=new_id(),
        notification_id=named_after.id,
        kind=ReturnKind.BOUNCE,
        trust=Trust.TOKEN,
        at=TUESDAY_AT_TEN + SECOND,
        permanence=Permanence.PERMANENT,
        code="5.1.1",
        detail="no such user",
        address="info@jansen.example",
    )

    async with database.transaction() as tx:
        await heed_returns([bounce], tx=tx, now=TUESDAY_AT_TEN + SECOND)

    assert [item.state for item in await known(database)] == [State.BOUNCED] * 3
    async with database.transaction() as tx:
        asked = [event for event in await waiting_events(tx) if isinstance(event, RecipientUnreachable)]
    assert len(asked) == 3, "somebody else is to be told of each"
    for item in await known(database):
        async with database.transaction() as tx:
            dossier = await dossier_of(tx, item)
        assert "no such user" in dossier.timeline[-1].detail


async def test_half_of_a_round_up_in_doubt_is_not_sent_while_another_sender_has_the_rest(database: Database) -> None:
    await plan(database, *(low(slug) for slug in SLUGS), now=MONDAY)
    [under_way] = await take_up(database, TUESDAY_AT_TEN)
    async with database.transaction() as tx:
        await record(tx, [Delivered(under_way, InDoubt("cut", TUESDAY_AT_TEN))], now=TUESDAY_AT_TEN)

    async with database.transaction() as other:
        await other.fetch("SELECT FROM notifications WHERE incident = 'open-rdp' FOR UPDATE")
        assert await take_up(database, TUESDAY_AT_TEN) == []
    [whole] = await take_up(database, TUESDAY_AT_TEN)
    assert len(whole.parts) == 3


async def test_a_reminder_threads_under_the_first_mail_and_there_is_an_end_to_them(database: Database) -> None:
    relay = RememberingRelay()
    found = target()

    async def seen(now: datetime) -> list[EmailMessage]:
        again = msgspec.structs.replace(
            found, target_id=new_id(), indicator_id=new_id(), received_at=now, submission_id=new_id()
        )
        await plan(database, again, now=now, amounts=FREE)
        return await send(database, relay, now=now + timedelta(hours=1), amounts=FREE)

    [first] = await seen(MONDAY)
    days, reminders = [], []
    for fortnight in range(1, 30):
        for mail in await seen(MONDAY + 15 * fortnight * DAY):
            days.append(15 * fortnight)
            reminders.append(mail)

    assert days == [15, 45, 105], "each after at least twice as long as the one before"
    assert {mail["In-Reply-To"] for mail in reminders} == {first["Message-ID"]}
    assert all(str(mail["Subject"]).startswith("Herinnering: ") for mail in reminders)
    reasons = [reason for outcome, reason in await said(database) if outcome == "suppressed"]
    assert set(reasons) <= {"interval", "reminded"}
    newest = max(await known(database), key=lambda item: item.created_at)
    assert newest.reminder is not None
    assert newest.reminder.mails == 3


async def test_what_was_fixed_and_comes_back_is_told_under_the_first_mail(database: Database) -> None:
    relay = RememberingRelay()
    found = target()
    await plan(database, found, now=MONDAY, amounts=FREE)
    [first] = await send(database, relay, now=MONDAY + timedelta(hours=1), amounts=FREE)
    fixed = FeedbackReceived(
        feedback_id=new_id(), kind=FeedbackKind.FIXED, incident="open-smb", at=MONDAY, threat_ids=(found.threat_id,)
    )
    async with database.transaction() as tx:
        await heed_feedback([fixed], tx=tx, now=MONDAY)
    back = msgspec.structs.replace(target(), threat_id=found.threat_id)

    assert await plan(database, back, now=MONDAY + DAY, amounts=FREE) == []
    [mail] = await send(database, relay, now=MONDAY + DAY + timedelta(hours=1), amounts=FREE)
    assert mail["In-Reply-To"] == first["Message-ID"]


async def test_something_new_beside_what_was_told_is_no_reminder(database: Database) -> None:
    relay = RememberingRelay()
    found = target()
    await plan(database, found, now=MONDAY, amounts=FREE)
    await send(database, relay, now=MONDAY + timedelta(hours=1), amounts=FREE)
    again = msgspec.structs.replace(target(), threat_id=found.threat_id)
    later = MONDAY + 20 * DAY
    await plan(database, again, now=later, amounts=FREE)
    await plan(database, target(), now=later, amounts=FREE)

    [mail] = await send(database, relay, now=later + timedelta(hours=1), amounts=FREE)
    assert "Herinnering" not in mail["Subject"]


ORGANISATION = derived_id("organisation")
OURS = msgspec.structs.replace(recipient(), organisation_id=ORGANISATION)


@pytest.mark.parametrize(
    ("value", "about", "stopped"),
    [
        ("info@jansen.example", "", [True, True, False]),
        ("jansen.example", "open-rdp", [False, True, False]),
        (of_organisation(ORGANISATION), "", [True, True, False]),
        ("", "open-rdp", [False, True, True]),
    ],
    ids=["address", "domain-and-incident", "organisation", "incident"],
)
async def test_a_suppression_stops_whom_it_is_about_until_it_ends_by_itself(
    database: Database, value: str, about: str, stopped: list[bool]
) -> None:
    other = recipient(email="info@smit.example")
    whom = [("open-smb", OURS), ("open-rdp", OURS), ("open-rdp", other)]

    async def answers(now: datetime) -> list[bool]:
        found = [target(incident=slug, to=to) for slug, to in whom]
        settled = await plan(database, *found, now=now, amounts=FREE)
        return [any(each.indicator_id == target.indicator_id for each in settled) for target in found]

    assert await answers(MONDAY) == [False, False, False]
    order = Suppression(value=value, incident=about, reason=SuppressionReason.OPERATOR, until=MONDAY + 2 * DAY)
    async with database.transaction() as tx:
        stored = await suppress(tx, order, note="they move house", by="a person", now=MONDAY)
    cancelled = {(item.incident, item.recipient.email) for item in await known(database) if item.state == "cancelled"}
    assert cancelled == {(slug, to.email) for (slug, to), gone in zip(whom, stopped, strict=True) if gone}
    assert (stored.note, stored.created_by) == ("they move house", "a person")

    assert await answers(MONDAY + DAY) == stopped
    assert await answers(MONDAY + 2 * DAY) == [False, False, False]


async def test_a_suppression_is_ended_early_and_the_longer_of_two_stands(database: Database) -> None:
    short = Suppression(value="info@jansen.example", reason=SuppressionReason.OPERATOR, until=MONDAY + DAY)
    opt_out = Suppression(value="info@jansen.example", reason=SuppressionReason.OPT_OUT)
    async with database.transaction() as tx:
        await suppress(tx, short, note="a day", by="one", now=MONDAY)
        longer = await suppress(tx, opt_out, note="asked", by="feedback", now=MONDAY)
        kept = await suppress(tx, short, note="a day", by="one", now=MONDAY)
        assert longer == kept
        assert kept.suppression == opt_out

        assert await end_suppression(tx, kept.id, by="two", now=MONDAY)
        assert not await end_suppression(tx, kept.id, by="three", now=MONDAY)
        assert await newest_suppressions(tx, before=None, limit=9, now=MONDAY) == []
        [ended] = await newest_suppressions(tx, before=None, limit=9, ended=True, now=MONDAY)
        assert (ended.ended_at, ended.ended_by) == (MONDAY, "two")

        again = await suppress(tx, short, note="once more", by="one", now=MONDAY)
        assert (again.suppression, again.ended_at) == (short, None)
        [expired] = await newest_suppressions(tx, before=None, limit=9, ended=True, now=MONDAY + DAY)
        assert expired.id == again.id
