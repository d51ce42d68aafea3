"""The first mail to a recipient says who we are: to each once, on a real database."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from libs.common.contracts import TargetAttributed
from libs.common.db import Database
from libs.common.migrations import migrate
from services.notifier.domain.notification import Consignment, Wanted
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.planning import take_up_incidents
from services.notifier.handlers.sending import consignments_of
from services.notifier.store import lists
from tests.integration.test_notifier import close_due, plan, send
from tests.unit.notifier.builders import NOW, incident, recipient, target, trying_partner

BAKER, SMITH = recipient(), recipient(name="Smederij De Vries", email="info@devries.example")


async def mail(database: Database, relay: RememberingRelay, found: TargetAttributed, *, at: datetime) -> int:
    await plan(database, found, now=at)
    await close_due(database, at + timedelta(minutes=6))
    return await send(database, relay, at + timedelta(minutes=6))


async def all_consignments(database: Database) -> Sequence[Consignment]:
    """Oldest first, as a preview gathers them."""
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=100)
        return await consignments_of(tx, sorted(found, key=lambda item: item.created_at))


async def test_each_recipient_is_introduced_to_us_by_the_first_mail_that_reaches_it(database_url: str) -> None:
    await asyncio.to_thread(migrate, "notifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    rdp = msgspec.structs.replace(incident(), slug="open-rdp")
    async with database.transaction() as tx:
        await take_up_incidents([incident(), rdp], tx=tx, now=NOW)
    relay = RememberingRelay()

    sent = [
        await mail(database, relay, target(to=BAKER), at=NOW),
        await mail(database, relay, target(to=BAKER, incident="open-rdp"), at=NOW + timedelta(hours=1)),
        await mail(database, relay, target(to=SMITH), at=NOW + timedelta(hours=2)),
        await mail(database, relay, target(to=trying_partner()), at=NOW + timedelta(hours=3)),
    ]

    assert sent == [1, 1, 1, 1]
    introduced = [b"onze eerste e-mail" in each.content.replace(b"=\r\n", b"") for each in relay.mails]
    assert introduced == [True, False, True, False]
    assert [each.is_first_to_recipient for each in await all_consignments(database)] == introduced, (
        "sent again, as before"
    )
    await database.close()
