"""Relays that misbehave towards the notifier's senders."""

import asyncio

from libs.common.db import Database
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Reply
from services.notifier.gateway.relay import RememberingRelay

LOCKED_SECONDS = 1.0


class LockingRelay(RememberingRelay):
    """Takes a mail, and from then on nobody can write to a table for a while."""

    def __init__(self, database: Database, table: str) -> None:
        super().__init__()
        self._database = database
        self._table = table
        self._locked = asyncio.Event()
        self._locking: asyncio.Task[None] | None = None

    async def deliver(self, mail: Mail) -> Reply:
        self._locking = asyncio.create_task(self._lock())
        await self._locked.wait()
        return await super().deliver(mail)

    async def _lock(self) -> None:
        async with self._database.transaction() as tx:
            await tx.fetch(f"LOCK TABLE {self._table} IN EXCLUSIVE MODE")
            self._locked.set()
            await asyncio.sleep(LOCKED_SECONDS)
