"""A door before a service's tables: what comes waits before it, until it is opened and the clock is started.

While it is shut, a consumer takes its first batch and waits at the first statement; so the start of the service, its
place in the group and the filling of the topic are over before anything is measured.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

TRIES = 5


class Door:
    """Exclusive locks on all tables of one database."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def open(self) -> None:
        await self._connection.execute("COMMIT")


@asynccontextmanager
async def shut_door(database_url: str) -> AsyncIterator[Door]:
    """Inside the block nobody else touches a table until the door is opened; who wants to, waits."""
    connection = await asyncpg.connect(database_url)
    try:
        await _lock(connection)
        yield Door(connection)
    finally:
        await connection.close()


async def _lock(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Tries again where a transaction of the service took its tables in another order."""
    names = await connection.fetch("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
    tables = ", ".join(row["name"] for row in names)
    for attempt in range(1, TRIES + 1):
        await connection.execute("BEGIN")
        try:
            await connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        except asyncpg.DeadlockDetectedError:
            await connection.execute("ROLLBACK")
            if attempt == TRIES:
                raise
        else:
            return
