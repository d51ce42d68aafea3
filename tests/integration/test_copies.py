"""An organisation and its team are both told: two mails, one outcome, and each hears when it was wrong."""

from collections import Counter
from dataclasses import replace

import asyncpg
import msgspec

from libs.common.contracts import Copy, HandOver, Recipient, RecipientsExhausted, TargetAttributed
from libs.common.db import Database
from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.notification import State
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.continuing import give_up
from tests.chaos import ledger
from tests.chaos.ledger import Books
from tests.integration.test_corrections import AFTERWARDS, all_of, read, withdraw, withdrawal
from tests.integration.test_hand_over import counted, outcomes
from tests.integration.test_notifier import LATER, close_due, database, plan, said, send, states
from tests.unit.notifier.builders import NOW, recipient, target

__all__ = ["database"]

TEAM = recipient(kind=RecipientKind.NATIONAL_CERT, name="NCSC Voorbeeld", email="in@cert.example")
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
    assert books.copies_made == {(given.indicator_id, TEAM.email): 1}
    assert list(ledger._chain(books_of(books, given))) == []
    assert len(list(ledger._chain(books_of(books, given, copies=0)))) == 1, "nobody wanted one"
    assert len(list(ledger._chain(books_of(books, given, made=0)))) == 1, "it is missing"
    assert len(list(ledger._chain(books_of(books, given, made=2)))) == 1, "it came twice"

    [to_team] = [mail for mail in relay.mails if mail.recipient == TEAM.email]
    message, text = read(to_team)
    assert message["Subject"].startswith("Overdracht aan NCSC Voorbeeld")
    assert HOSPITAL in text
    assert "ook geschreven" in text
    assert [part.get_content_type() for part in message.iter_attachments()] == ["text/csv", "application/json"]


def books_of(books: Books, given: TargetAttributed, *, copies: int = 1, made: int = 1) -> Books:
    """As if everybody before the notifier had kept theirs, and the notifier had so many copies."""
    indicator = given.indicator_id
    return replace(
        books,
        accepted={indicator: "notified"},
        verdicts={indicator: None},
        attributions={indicator: None},
        copies_wanted={(indicator, TEAM.email)} if copies else set(),
        copies_made=Counter({(indicator, TEAM.email): made} if made else {}),
    )


async def test_a_team_that_is_named_twice_gets_one(database: Database) -> None:
    relay = RememberingRelay()
    await plan(database, to_both(TEAM, TEAM))
    await close_due(database)
    assert await send(database, relay) == 2


async def test_the_outcome_is_that_of_the_organisations_mail_whatever_becomes_of_the_teams(database: Database) -> None:
    no = Answered(550, "5.1.1 there is no such mailbox")
    await plan(database, to_both())
    await close_due(database)
    await send(database, RememberingRelay({TEAM.email: no}))

    assert sorted(await states(database)) == [State.FAILED, State.SENT]
    assert await outcomes(database) == ["notified"]
    assert await counted(database) == {"notified": 1}

    given = msgspec.structs.replace(to_both(), recipient=recipient(email="gone@bakery.example"))
    await plan(database, given)
    await close_due(database)
    await send(database, RememberingRelay({"gone@bakery.example": no}))
    assert await outcomes(database) == ["notified"], "somebody else may be left to tell"
    nobody_else = RecipientsExhausted(
        target_id=given.target_id, asset=given.key, at=NOW, evidence=(), traceparent=given.traceparent
    )
    async with database.transaction() as tx:
        await give_up([nobody_else], tx=tx, now=LATER)
    assert await outcomes(database) == ["notified", "failed"]
    assert await counted(database) == {"notified": 1, "failed": 1}


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
