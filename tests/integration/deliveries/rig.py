"""One service's handlers, fed by hand as Kafka may feed them; what they keep and say in the end can be compared."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from libs.common.contracts import Event
from libs.common.db import Transaction
from libs.common.outbox import waiting_events
from libs.common.service import Service
from tests.integration.deliveries.schedules import Batch
from tests.integration.deliveries.services import built

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"

Row = Mapping[str, Any]  # Any: columns, each of its own type
Work = Callable[[Transaction], Coroutine[Any, Any, object]]  # Any: what a coroutine is sent, which is nothing
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ending:
    """What is left: all rows by table, and every event that was said, by its id. Two endings can be compared."""

    rows: Mapping[str, Sequence[Row]]
    said: Mapping[UUID, Event]

    def of(self, event_class: type[Event]) -> list[Event]:
        return [event for event in self.said.values() if isinstance(event, event_class)]


class Rig:
    """Lives as long as a module: hypothesis runs its examples one after the other, each on emptied tables."""

    def __init__(self, *, now: datetime, kept_tables: Iterable[str] = ()) -> None:
        """`kept_tables` hold what was known before; they are neither emptied nor compared."""
        self._now = now
        self._kept_tables = {"outbox", *kept_tables}
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.service: Service

    def start(self, name: str, *, database_url: str, operator_public_key: str, folder: Path) -> None:
        service = built(name, database_url=database_url, operator_public_key=operator_public_key, folder=folder)
        self.service = self.run(self._open.enter_async_context(service))

    def stop(self) -> None:
        self.run(self._open.aclose())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine is sent, which is nothing
        return self._runner.run(work)

    def ending(self, *steps: Iterable[Batch] | Work) -> Ending:
        """Begin with empty tables, let batches come and do work in between, and look at what is left."""
        return self.run(self._ending(steps))

    async def _ending(self, steps: Iterable[Iterable[Batch] | Work]) -> Ending:
        await self._empty()
        said: dict[UUID, Event] = {}
        for step in steps:
            if callable(step):
                async with self.service.database.transaction() as tx:
                    await step(tx)
            else:
                for batch in step:
                    answers = await self._deliver(batch)
                    if not batch.is_lost:
                        self._note(said, answers)
        async with self.service.database.transaction() as tx:
            self._note(said, await waiting_events(tx))
            rows = {table: await self._rows(tx, table) for table in await self._tables(tx)}
        return Ending(rows, said)

    async def _deliver(self, batch: Batch) -> Sequence[Event]:
        """Hand a batch to the handlers as the consumer does: a transaction for each kind of event."""
        answers: list[Event] = []
        for event_class, handler in self.service.subscriptions.items():
            chosen = [event for event in batch.events if isinstance(event, event_class)]
            if chosen:
                async with self.service.database.transaction() as tx:
                    answers += await handler(chosen, tx=tx, now=self._now + batch.later)
        return answers

    def _note(self, said: dict[UUID, Event], events: Iterable[Event]) -> None:
        """An event that is said again has to be the same one, under the same id."""
        for event in events:
            assert said.setdefault(event.event_id, event) == event, "one id, two things said"

    async def _empty(self) -> None:
        """Row by row: what the service reads by itself holds tables that `TRUNCATE` wants for itself."""
        async with self.service.database.transaction() as tx:
            for table in (*await self._tables(tx), "outbox"):
                await tx.fetch(f"DELETE FROM {table}")

    async def _tables(self, tx: Transaction) -> list[str]:
        return sorted({row["tablename"] for row in await tx.fetch(TABLES)} - self._kept_tables)

    async def _rows(self, tx: Transaction, table: str) -> Sequence[Row]:
        """In an order that does not depend on when each was written."""
        return sorted(map(dict, await tx.fetch(f"SELECT * FROM {table}")), key=repr)
