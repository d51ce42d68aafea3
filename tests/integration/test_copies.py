"""An organisation and its team are both told: two mails, one outcome, and each hears when it was wrong."""

from dataclasses import replace

import asyncpg
import msgspec

from libs.common.contracts import (
    Continued,
    Copy,
    HandOver,
    Recipient,
    RecipientsExhausted,
    RecipientUnreachable,
    TargetAttributed,
)
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.outbox import waiting_events
from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.notification import State
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.continuing import give_up
from tests.chaos import ledger
from tests.chaos.ledger import Books
from tests.chaos.teams import reported_in
from tests.integration.test_corrections import AFTERWARDS, all_of, read, withdraw, withdrawal
from tests.integration.test_hand_over import counted, outcomes
from tests.integration.test_notifier import LATER, close_due, database, plan, said, send, states
from tests.unit.notifier.builders import NOW, recipient, target

__all__ = ["database"]

TEAM = recipient(kind=RecipientKind.NATIONAL_CERT, name="NCSC Voorbeeld", email="in@cert.example")
NO_MAILBOX = Answered(550, "5.1.1 there is no such mailbox")
HOSPITAL = "Ziekenhuis Zuid"


def to_both(*teams: Recipient) -> TargetAttributed:
    told = HandOver(reason="also-warned", organisation=HOSPITAL)
    copies = tuple(Copy(recipient=team, handed_over=told) for team in teams or (TEAM,))
    return msgspec.structs.replace(target(), copies=copies)


def recipients(relay: RememberingRelay) -> list[str]:
    return sorted(mail.recipient for mail in relay.mails)


async def test_both_get_a_mail_the_record_has_one_outcome_and_what_comes_again_changes_nothing(
    database: Database, database_url: str
) -> None:
    relay, given = RememberingRelay(), to_both()
    await plan(database, given, given)
    await plan(database, given)

    await close_due(database)
    assert await send(database, relay) == 2
    await plan(database, given)
    await close_due(database)
    assert await send(database, relay) == 0

    assert recipients(relay) == sorted([given.recipient.email, TEAM.email])
    assert await outcomes(database) == ["notified"]
    assert await counted(database) == {"notified": 1}
    books = Books()
    connection = await asyncpg.connect(database_url)
    try:
        await ledger._read_notifier(connection, books)
    finally:
        await connection.close()
    assert books.targets == {given.indicator_id: "notified"}
    [copy] = books.copies_made
    assert (copy.indicator_id, copy.email, copy.is_continued) == (given.indicator_id, TEAM.email, False)
    assert list(ledger._chain(books_of(books, given))) == []

    [to_team] = [mail for mail in relay.mails if mail.recipient == TEAM.email]
    assert reported_in(to_team.content) == {copy.target_id}
    message, text = read(to_team)
    assert message["Subject"].startswith("Overdracht aan NCSC Voorbeeld")
    assert HOSPITAL in text
    assert "ook geschreven" in text
    assert [part.get_content_type() for part in message.iter_attachments()] == ["text/csv", "application/json"]


def books_of(books: Books, given: TargetAttributed) -> Books:
    """As if everybody before the notifier had kept theirs."""
    indicator = given.indicator_id
    return replace(books, accepted={indicator: "notified"}, verdicts={indicator: None}, attributions={indicator: None})


async def test_a_team_that_is_named_twice_gets_one(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, to_both(TEAM, TEAM))
    await close_due(database)
    assert await send(database, relay) == 2


async def test_the_outcome_is_that_of_the_organisations_mail_whatever_becomes_of_the_teams(database: Database) -> None:
    await plan(database, to_both())
    await close_due(database)
    await send(database, RememberingRelay({TEAM.email: NO_MAILBOX}))

    assert sorted(await states(database)) == [State.FAILED, State.SENT]
    assert await outcomes(database) == ["notified"]
    assert await counted(database) == {"notified": 1}

    given = msgspec.structs.replace(to_both(), recipient=recipient(email="gone@bakery.example"))
    await plan(database, given)
    await close_due(database)
    await send(database, RememberingRelay({"gone@bakery.example": NO_MAILBOX}))
    assert await outcomes(database) == ["notified"], "somebody else may be left to tell"
    nobody_else = RecipientsExhausted(
        target_id=given.target_id, asset=given.key, at=NOW, evidence=(), traceparent=given.traceparent
    )
    async with database.transaction() as tx:
        await give_up([nobody_else], tx=tx, now=LATER)
    assert await outcomes(database) == ["notified", "failed"]
    assert await counted(database) == {"notified": 1, "failed": 1}


async def test_a_team_that_has_a_copy_is_told_when_nobody_of_the_organisation_can_be_and_it_is_to_act(
    database: Database,
) -> None:
    relay, given = RememberingRelay({"info@jansen.example": NO_MAILBOX}), to_both()
    await plan(database, given)
    await close_due(database)
    await send(database, relay)
    async with database.transaction() as tx:
        [asked] = [each for each in await waiting_events(tx) if isinstance(each, RecipientUnreachable)]
    instead = msgspec.structs.replace(
        given,
        target_id=new_id(),
        recipient=TEAM,
        handed_over=HandOver(reason="other-teams-sector", organisation=HOSPITAL),
        copies=(),
        continued=Continued(
            target_id=given.target_id,
            notification_id=asked.notification_id,
            reference=asked.reference,
            failed=asked.failed,
            is_settled=asked.is_settled,
        ),
    )

    assert await plan(database, instead, now=LATER) == [], "its copy said that somebody else is warned"
    await close_due(database, AFTERWARDS)
    assert await send(database, relay, now=AFTERWARDS) == 1

    assert recipients(relay) == [TEAM.email, TEAM.email]
    assert await outcomes(database) == ["out-of-scope"]
    assert await counted(database) == {"out-of-scope": 1}


async def test_a_silent_organisation_does_not_silence_its_team_nor_the_other_way_round(database: Database) -> None:
    relay, first = RememberingRelay(), to_both()
    second = msgspec.structs.replace(to_both(), recipient=recipient(email="b@other.example"))
    await silence(database, first.recipient.email, SuppressionReason.OPT_OUT)
    assert [each.outcome for each in await plan(database, first)] == ["suppressed"]
    await close_due(database)
    assert await send(database, relay) == 1
    assert recipients(relay) == [TEAM.email]

    await silence(database, TEAM.email, SuppressionReason.OPERATOR)
    assert await plan(database, second) == [], "nothing is said of the copy"
    await close_due(database)
    assert await send(database, relay) == 1
    assert recipients(relay) == ["b@other.example", TEAM.email]
    assert await outcomes(database) == ["notified"]
    assert await counted(database) == {"notified": 1, "suppressed": 1}


async def silence(database: Database, value: str, reason: SuppressionReason) -> None:
    async with database.transaction() as tx:
        await suppress(tx, Suppression(value=value, reason=reason), note="", by="a", now=NOW)


async def test_what_is_withdrawn_in_time_reaches_neither_and_is_said_once(database: Database) -> None:
    given = to_both()
    await plan(database, given)
    await withdraw(database, withdrawal(given))

    assert await states(database) == [State.CANCELLED, State.CANCELLED]
    assert [outcome for outcome, _ in await said(database)] == ["suppressed"]
    assert await counted(database) == {"suppressed": 1}


async def test_both_hear_that_it_was_wrong_and_nothing_new_is_said(database: Database) -> None:
    relay, given = RememberingRelay(), to_both()
    await plan(database, given)
    await close_due(database)
    await send(database, relay)

    await withdraw(database, withdrawal(given))
    await withdraw(database, withdrawal(given))
    await close_due(database, AFTERWARDS)
    assert await send(database, relay, now=AFTERWARDS) == 2

    assert recipients(relay) == sorted(2 * [given.recipient.email, TEAM.email])
    assert len(await all_of(database, NotificationKind.CORRECTION)) == 2
    assert await outcomes(database) == ["notified"]
    [_, to_team] = [mail for mail in relay.mails if mail.recipient == TEAM.email]
    assert "overdracht" in read(to_team)[1].lower()
