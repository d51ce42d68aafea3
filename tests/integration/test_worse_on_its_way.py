"""A threat gets worse while the mail about it is on its way to the next contact, who is told once, of the worst.

Attribution and the notifier on real databases, hand in hand: every event between the two comes twice.
"""

import asyncio

import msgspec
import pytest

from libs.common.contracts import NotificationSent, RecipientUnreachable, TargetAttributed, ThreatVerified
from libs.common.ids import new_id, record_id
from libs.common.service import Service
from libs.common.vocabulary import Outcome, Severity
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.notification import Notification, State
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.planner import close_due
from tests.integration.test_next_contacts import (
    FIRST,
    NOBODY_THERE,
    SECOND,
    THIRD,
    Both,
    both,
    bounce,
    services,
    threat,
)
from tests.integration.test_notifier import send, somebody_waits_for_a_lock

__all__ = ["both", "services"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


def worse(than: ThreatVerified, severity: Severity = Severity.CRITICAL) -> ThreatVerified:
    """Another record of the same threat."""
    submission_id = new_id()
    return msgspec.structs.replace(
        than,
        submission_id=submission_id,
        indicator_id=record_id(submission_id, 1),
        severity=severity,
        indicator=msgspec.structs.replace(than.indicator, identifier="open-smb-and-ransomware"),
    )


async def send_now(both: Both) -> int:
    async with both.database.transaction() as tx:
        await close_due(tx, now=both.now, approval_confidence=0.3, limit=100)
    return await send(both.database, both.relay, now=both.now)


async def mails_to(both: Both, email: str) -> list[Notification]:
    return [each for each in await both.notifications() if each.recipient.email == email]


async def on_their_way(both: Both, first: ThreatVerified) -> list[TargetAttributed]:
    """Both records have gone on from a dead address, and attribution has named the next contact for each of them."""
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await both.attribute(first)
    await both.send()
    await both.attribute(worse(first))
    await send_now(both)
    assert [each.state for each in await both.notifications()] == [State.BOUNCED] * 2
    answers = await both.answers()
    assert [type(each) for each in answers] == [TargetAttributed] * 2
    return [each for each in answers if isinstance(each, TargetAttributed)]


async def is_told_once(both: Both) -> Notification:
    """Of the worst, under the first reference; and each record ends as notified, once."""
    await both.send()
    await both.send()
    [told] = await mails_to(both, SECOND)
    assert (told.state, told.severity, told.settled) == (State.SENT, Severity.CRITICAL, True)
    assert told.reference == (await both.notifications())[0].reference
    [mail] = both.relay.mails
    assert b"open smb and ransomware" in mail.content
    assert await both.outcomes() == 2 * [(Outcome.NOTIFIED, told.reference)]
    assert await both.counted() == {"notified": 2}
    [sent] = [each for each in await both.outbox() if isinstance(each, NotificationSent)]
    assert len(sent.targets) == 2
    return told


async def test_the_next_contact_gets_one_mail_with_both(both: Both) -> None:
    for answer in await on_their_way(both, threat()):
        await both.hear(answer)

    told = await is_told_once(both)

    first, second = await mails_to(both, FIRST)
    for each in (first, second):
        assert (await both.happenings(each))[-1] == "continued"
    assert told.continues == first.id


async def test_also_where_both_come_in_one_batch(both: Both, services: tuple[Service, Service]) -> None:
    answers = await on_their_way(both, threat())

    handler = services[1].subscriptions[TargetAttributed]
    for _ in range(2):
        async with both.database.transaction() as tx:
            assert list(await handler(answers, tx=tx, now=both.now)) == []

    await is_told_once(both)


async def test_also_where_two_replicas_plan_them_at_the_same_moment(
    both: Both, services: tuple[Service, Service]
) -> None:
    one, other = await on_their_way(both, threat())
    handler = services[1].subscriptions[TargetAttributed]

    async with both.database.transaction() as tx:
        await handler([one], tx=tx, now=both.now)
        meanwhile = asyncio.create_task(both.hear(other))
        await somebody_waits_for_a_lock(both.database)
    await meanwhile

    await is_told_once(both)


async def test_who_is_named_directly_meanwhile_joins_it_too(both: Both) -> None:
    """Attribution has learnt that the first address is not theirs any more."""
    first = threat()
    answer, _ = await on_their_way(both, first)
    await both.hear(answer)
    direct = msgspec.structs.replace(
        answer,
        target_id=new_id(),
        indicator_id=new_id(),
        submission_id=new_id(),
        severity=Severity.CRITICAL,
        continued=None,
    )

    await both.hear(direct)
    await both.send()

    [told] = await mails_to(both, SECOND)
    assert (told.state, told.severity, told.targets_total) == (State.SENT, Severity.CRITICAL, 2)


async def test_where_the_worse_one_is_there_first_the_other_has_nothing_to_add(both: Both) -> None:
    answer, worst = await on_their_way(both, threat())

    await both.hear(worst)
    await both.hear(answer)
    await both.send()

    [told] = await mails_to(both, SECOND)
    assert (told.state, told.severity) == (State.SENT, Severity.CRITICAL)
    assert await both.counted() == {"notified": 1, "suppressed": 1}


async def test_an_outcome_that_was_said_is_not_said_again_and_the_other_is_said(both: Both) -> None:
    """The first mail left, and came back later: its record was notified."""
    first = threat()
    await both.attribute(first)
    await both.send()
    (sent,) = await both.notifications()
    await both.hear(bounce(sent, at=both.now))
    await both.attribute(worse(first))
    await send_now(both)
    answers = await both.answers()
    assert len(answers) == 2

    for answer in answers:
        await both.hear(answer)
    await both.send()

    [told] = await mails_to(both, SECOND)
    assert (told.state, told.severity, told.targets_total) == (State.SENT, Severity.CRITICAL, 2)
    assert await both.outcomes() == 2 * [(Outcome.NOTIFIED, sent.reference)]
    assert await both.counted() == {"notified": 2}


@pytest.mark.parametrize("worst_comes_first", [False, True])
async def test_nor_when_the_second_contact_is_dead_as_well(both: Both, *, worst_comes_first: bool) -> None:
    """Whichever is asked on first; what is less than what the mail tells already adds nothing to it."""
    first = threat()
    await both.attribute(first)
    await both.send()
    (sent,) = await both.notifications()
    await both.hear(bounce(sent, at=both.now))
    await both.attribute(worse(first))
    await send_now(both)
    both.relay = RememberingRelay({SECOND: NOBODY_THERE})
    await both.ask_on()
    await both.send()

    asked = [each for each in await both.outbox() if isinstance(each, RecipientUnreachable)]
    assert sorted(each.is_settled for each in asked[2:]) == [False, True], "each record's own"
    answers = [each for each in await both.answers() if isinstance(each, TargetAttributed)]
    await both.hear(*sorted(answers, key=lambda each: each.severity is Severity.CRITICAL, reverse=worst_comes_first))
    await both.send()

    [told] = await mails_to(both, THIRD)
    assert (told.state, told.contact, told.severity) == (State.SENT, 3, Severity.CRITICAL)
    assert told.targets_total == (1 if worst_comes_first else 2)
    assert await both.outcomes() == 2 * [(Outcome.NOTIFIED, sent.reference)]
    assert await both.counted() == {"notified": 2}


async def test_what_has_left_already_is_reminded_of(both: Both) -> None:
    answer, worst = await on_their_way(both, threat())

    await both.hear(answer)
    await both.send()
    await both.hear(worst)
    await both.send()

    told, reminder = await mails_to(both, SECOND)
    assert (told.state, reminder.state) == (State.SENT, State.SENT)
    assert reminder.reminder is not None
    assert (reminder.reminder.first, reminder.reminder.again) == (told.id, Again.WORSENED)
    assert f"In-Reply-To: <{told.id}@".encode() in both.relay.mails[1].content
