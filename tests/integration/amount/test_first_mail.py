"""The first mail to a recipient is known as such, as soon as it is planned and until it is sent."""

from collections.abc import Mapping
from datetime import timedelta

from libs.common.db import Database
from libs.common.vocabulary import Severity
from services.notifier.domain.notification import Command, Wanted
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import command_notification
from services.notifier.handlers.planning import take_up_incidents
from services.notifier.store import lists
from tests.integration.test_notifier import LATER, MUCH_LATER, close_due, database, plan, send
from tests.unit.notifier.builders import NOW, incident, recipient, target

__all__ = ["database"]


async def firsts(database: Database) -> Mapping[tuple[str, str], bool]:
    """By name of the recipient and incident, whether it is the first mail there."""
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=100)
    return {(item.recipient.name, item.incident): item.is_first_to_recipient for item in found}


async def know(database: Database, *slugs: str) -> None:
    async with database.transaction() as tx:
        known = [incident(slug=slug) for slug in slugs]
        await take_up_incidents(known, tx=tx, now=NOW)


async def test_of_what_is_planned_together_the_most_urgent_is_the_first(database: Database) -> None:
    await plan(
        database,
        target(incident="open-smb", severity=Severity.HIGH),
        target(incident="open-rdp", severity=Severity.CRITICAL),
        target(to=recipient(name="Smit", email="info@smit.example")),
    )

    assert await firsts(database) == {
        ("Bakkerij Jansen", "open-smb"): False,
        ("Bakkerij Jansen", "open-rdp"): True,
        ("Smit", "open-smb"): True,
    }


async def test_a_later_one_is_not_the_first_unless_the_earlier_one_never_went(database: Database) -> None:
    await know(database, "open-rdp")
    await plan(database, target(incident="open-smb"))
    await plan(database, target(incident="open-rdp"), now=NOW + timedelta(minutes=1))
    assert await firsts(database) == {("Bakkerij Jansen", "open-smb"): True, ("Bakkerij Jansen", "open-rdp"): False}

    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(incident="open-smb"), before=None, limit=1)
        await command_notification(tx, found[0].id, Command.CANCEL, note="", by="a person", now=LATER)
    await close_due(database, now=MUCH_LATER)
    await send(database, RememberingRelay(), now=MUCH_LATER)

    assert (await firsts(database))["Bakkerij Jansen", "open-rdp"]


async def test_what_was_the_first_stays_so_and_says_who_we_are_and_nothing_after_it_does(database: Database) -> None:
    await know(database, "open-rdp")
    await plan(database, target(incident="open-smb"))
    await close_due(database)
    relay = RememberingRelay()
    await send(database, relay)
    await plan(database, target(incident="open-rdp"), now=LATER)
    await close_due(database, now=MUCH_LATER)
    await send(database, relay, now=MUCH_LATER)

    assert await firsts(database) == {("Bakkerij Jansen", "open-smb"): True, ("Bakkerij Jansen", "open-rdp"): False}
    introduced = [b"onze eerste e-mail" in each.content.replace(b"=\r\n", b"") for each in relay.mails]
    assert introduced == [True, False]
