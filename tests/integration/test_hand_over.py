"""Handing over on a real database, and once by a real broker into a real mailbox: never taken for a warning."""

import asyncio
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from deploy.local.mail_sink import listen
from libs.common.bookkeeping import FIRST, LAST, counts_between
from libs.common.consumer import BatchConsumer
from libs.common.contracts import (
    Event,
    FeedbackReceived,
    HandOver,
    IndicatorSettled,
    NotificationSent,
    Recipient,
    TargetAttributed,
)
from libs.common.contracts.wire import decode, encode
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.outbox import OutboxRelay
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import FeedbackKind, NotificationKind, RecipientKind
from services.notifier.app import build
from services.notifier.domain.notification import State, Wanted
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.planning import heed_feedback
from services.notifier.settings import NotifierSettings
from services.notifier.store import books, lists
from services.notifier.store.orders import newest_suppressions
from tests.conftest import Kafka
from tests.databases import make_tables
from tests.integration.test_corrections import AFTERWARDS, WITHDRAWN, all_of, corrections, read, withdraw, withdrawal
from tests.integration.test_notifier import close_due, database, plan, said, send, states
from tests.unit.notifier.builders import NOW, incident, recipient, target, trying_partner

__all__ = ["database"]

ADDRESS = "in@cert.example"
CERT = recipient(kind=RecipientKind.NATIONAL_CERT, name="NCSC Voorbeeld", email=ADDRESS)
DESK = recipient(kind=RecipientKind.NETWORK_OWNER, name="NCSC Voorbeeld", email=ADDRESS)
HANDED_OVER = ("out-of-scope", "handed-over")
GONE = RememberingRelay({ADDRESS: Answered(550, "5.1.1 there is no such mailbox")})


def handed_over(to: Recipient = CERT) -> TargetAttributed:
    hospital = HandOver(reason="vital-organisation", organisation="Ziekenhuis Zuid")
    return msgspec.structs.replace(target(to=to), handed_over=hospital)


async def outcomes(database: Database) -> list[str]:
    """What was said of records, without the references of warnings."""
    return [outcome for outcome, _ in await said(database) if outcome != "notification-sent"]


async def counted(database: Database) -> dict[str, int]:
    """What the notifier tells the reconciler of all its records."""
    async with database.transaction() as tx:
        [found] = await counts_between(tx, books.TARGETS, after=FIRST, through=LAST, limit=9)
    return dict(found.ended)


async def suppressed(database: Database) -> list[str]:
    """Whom we don't write to."""
    async with database.transaction() as tx:
        return [each.suppression.value for each in await newest_suppressions(tx, before=None, limit=9)]


async def test_a_team_that_is_also_the_desk_of_its_own_network_gets_two_mails_with_two_outcomes(
    database: Database,
) -> None:
    relay = RememberingRelay()
    await plan(database, handed_over(), target(to=DESK), handed_over())

    await close_due(database)
    assert await send(database, relay) == 2

    assert {mail.recipient for mail in relay.mails} == {ADDRESS}
    assert sorted(await outcomes(database)) == ["notified", "out-of-scope", "out-of-scope"]
    assert (await said(database)).count(HANDED_OVER) == 2
    assert await counted(database) == {"notified": 1, "out-of-scope": 2}


async def test_a_test_ends_as_it_would_in_earnest(database: Database) -> None:
    await plan(database, handed_over(to=trying_partner(kind=RecipientKind.NATIONAL_CERT)))

    await close_due(database)
    await send(database, RememberingRelay())

    assert HANDED_OVER in await said(database)
    assert await counted(database) == {"out-of-scope": 1}


async def test_a_dead_address_fails_each_hand_over_and_silences_none(database: Database) -> None:
    for _ in range(2):
        await plan(database, handed_over())
        await close_due(database)
        assert await send(database, GONE) == 1

    assert await said(database) == 2 * [("failed", "dead-address")]
    assert await states(database) == [State.FAILED, State.FAILED]
    assert await counted(database) == {"failed": 2}
    assert await suppressed(database) == []


async def test_no_click_ends_what_waits_and_a_persons_order_does(database: Database) -> None:
    await plan(database, handed_over(), target(to=DESK))
    clicks = [
        FeedbackReceived(
            feedback_id=new_id(), kind=FeedbackKind.OPT_OUT, incident="open-smb", at=NOW, recipient_key=each.key
        )
        for each in (CERT, DESK)
    ]

    async with database.transaction() as tx:
        await heed_feedback(clicks, tx=tx, now=NOW)
    assert sorted(await states(database)) == [State.CANCELLED, State.PLANNED]
    assert await suppressed(database) == [DESK.key]

    async with database.transaction() as tx:
        order = Suppression(value="cert.example", reason=SuppressionReason.OPERATOR)
        await suppress(tx, order, note="", by="a person", now=NOW)
    assert await states(database) == [State.CANCELLED, State.CANCELLED]
    assert sorted(await said(database)) == [("suppressed", "operator"), ("suppressed", "opt-out")]


@pytest.mark.parametrize("value", [ADDRESS, "cert.example"])
@pytest.mark.parametrize("reason", list(SuppressionReason))
async def test_only_a_persons_suppression_takes_back_what_waits_for_a_team(
    database: Database, value: str, reason: SuppressionReason
) -> None:
    await plan(database, handed_over())

    async with database.transaction() as tx:
        await suppress(tx, Suppression(value=value, reason=reason), note="", by="a person", now=NOW)

    is_order = reason is SuppressionReason.OPERATOR
    assert await states(database) == [State.CANCELLED if is_order else State.PLANNED]


async def test_hand_overs_are_found_by_the_teams_address(database: Database) -> None:
    await plan(database, handed_over(), target(to=DESK), target())

    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(recipient=ADDRESS), before=None, limit=9)

    assert {item.recipient.kind for item in found} == {RecipientKind.NATIONAL_CERT, RecipientKind.NETWORK_OWNER}


async def test_what_is_withdrawn_before_it_goes_out_is_not_handed_over(database: Database) -> None:
    wrong = handed_over()
    await plan(database, wrong)

    await withdraw(database, withdrawal(wrong))

    assert await states(database) == [State.CANCELLED]
    assert await said(database) == [WITHDRAWN]


async def test_a_team_hears_which_reports_are_withdrawn_and_the_partner_hears_nothing_new(database: Database) -> None:
    relay, wrong = RememberingRelay(), handed_over()
    await plan(database, wrong, handed_over())
    await close_due(database)
    await send(database, relay)

    await withdraw(database, withdrawal(wrong))
    await close_due(database, AFTERWARDS)
    assert await send(database, relay, now=AFTERWARDS) == 1

    message, text = read(relay.mails[-1])
    [table] = [part.get_content() for part in message.iter_attachments() if isinstance(part, EmailMessage)]
    assert table.count(str(wrong.target_id)) == 1
    assert len(table.splitlines()) == 2
    assert "Onze overdracht klopte voor een deel niet" in text
    assert "waarschuwing" not in text
    assert await corrections(database) == [(State.SENT, 1)]
    assert await outcomes(database) == ["out-of-scope", "out-of-scope"]
    assert len(await all_of(database, NotificationKind.CORRECTION)) == 1


def settings_of(kafka: Kafka, database_url: str, operator_public_key: str, *, smtp_port: int) -> NotifierSettings:
    return NotifierSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
        smtp_port=smtp_port,
        smtp_security="none",
        public_url="https://tocsin.example",
        link_key="sixteen or more characters",
        window_high_seconds=0,
    )


async def test_from_the_topic_to_the_teams_mailbox_and_back_to_the_partner(
    kafka: Kafka, database_url: str, operator_public_key: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_tables, "notifier", database_url)
    sink = await listen(host="127.0.0.1", port=0, maildir=tmp_path)
    settings = settings_of(kafka, database_url, operator_public_key, smtp_port=sink.sockets[0].getsockname()[1])
    given = handed_over()
    await kafka.start_group_here("tocsin-notifier")
    await kafka.put("incident-changed", [(b"open-smb", encode(incident()))])

    service, shutdown = build(settings), Shutdown()
    consumer = BatchConsumer(
        service="notifier",
        settings=settings,
        subscriptions=service.subscriptions,
        database=service.database,
        publisher=service.publisher,
    )
    relay = OutboxRelay(database=service.database, publisher=service.publisher, service="notifier", retry_max_seconds=1)
    running = asyncio.gather(*(task(shutdown) for task in (consumer.run, relay.run, *service.tasks)))
    try:
        await kafka.put("attributed-target", [(given.key.encode(), encode(given))])
        [sent] = await events_on(kafka, "notification-sent")
        [settled] = await events_on(kafka, "indicator-outcome")
    finally:
        shutdown.request()
        await running
        await service.publisher.close()
        await service.database.close()
        sink.close()

    assert isinstance(sent, NotificationSent)
    assert (sent.recipient_kind, sent.recipient_key) == (RecipientKind.NATIONAL_CERT, given.recipient.key)
    assert isinstance(settled, IndicatorSettled)
    assert (settled.outcome, settled.reason) == HANDED_OVER
    [mail] = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (tmp_path / "new").iterdir()]
    assert isinstance(mail, EmailMessage)
    table, report = [part for part in mail.iter_attachments() if isinstance(part, EmailMessage)]
    assert mail["X-Tocsin-Reference"] == sent.reference
    assert str(given.target_id) in table.get_content()
    assert json.loads(report.get_content())["report_id"] == str(given.target_id)


async def events_on(kafka: Kafka, topic: str) -> list[Event]:
    """The one event that came."""
    return [decode(record.value) for record in await kafka.read(topic, wanted=1)]
