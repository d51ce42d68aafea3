"""What services have not finished, by counts: asked every second, where reading all books each time takes a core."""

from collections.abc import Mapping

import asyncpg

from tests.chaos.ledger import database_of
from tests.chaos.mailings import DEAD_ADDRESS, ENDS

AT_REST = f"state = ANY('{{{','.join(sorted(ENDS))}}}') OR (state, reason) = {DEAD_ADDRESS}"
"""`Mailing.is_at_rest`, in SQL."""

UNFINISHED: Mapping[str, Mapping[str, str]] = {
    "intake": {
        "pending records": "records WHERE outcome = 'pending'",
        "records held for doubt": "records WHERE outcome = 'held'",
        "submissions under way": "submissions WHERE status = 'processing'",
        "events that partners have not been told": "webhook_deliveries WHERE state <> 'delivered'",
    },
    "notifier": {
        "open notifications": f"notifications WHERE NOT ({AT_REST})",
        "events in outboxes": "outbox",
    },
}
"""By service and in the words of `ledger.unsettled`, which has the last word: these are some of what it asks."""


async def unfinished(postgres: str) -> list[str]:
    """Nothing left here is no proof that nothing is left."""
    return [line for service in UNFINISHED for line in await _unfinished_at(database_of(postgres, service), service)]


async def _unfinished_at(url: str, service: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        counts = {
            what: await connection.fetchval(f"SELECT count(*) FROM {rows}")
            for what, rows in UNFINISHED[service].items()
        }
    finally:
        await connection.close()
    return [f"{count} {what}" for what, count in counts.items() if count]
