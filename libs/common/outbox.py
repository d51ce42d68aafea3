"""Events that are born outside a batch: written with their cause in one transaction, published by a relay."""

from collections.abc import Sequence

import asyncpg
import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Table, func
from sqlalchemy.dialects.postgresql import UUID

from libs.common import faults
from libs.common.contracts import Event
from libs.common.contracts.wire import decode, encode
from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, Transient
from libs.common.metrics import OUTBOX_PUBLISHED
from libs.common.publisher import Publisher
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown

BATCH = 1000
IDLE_SECONDS = 0.1
OUTBOX_LOCK = 4_867_367
"""Advisory lock of the relay; each service has a database of its own."""

log = structlog.get_logger(__name__)


def outbox_table(metadata: MetaData) -> Table:
    """The table `outbox`: every service has one."""
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", UUID, nullable=False),
        Column("event", LargeBinary, nullable=False),
        Column("enqueued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


async def enqueue(tx: Transaction, events: Sequence[Event]) -> None:
    """Put events beside the state that caused them; they leave when, and only when, the transaction commits."""
    if events:
        await tx.fetch(
            "INSERT INTO outbox (event_id, event) SELECT * FROM unnest($1::uuid[], $2::bytea[])",
            [event.event_id for event in events],
            [encode(event) for event in events],
        )


class OutboxRelay:
    """Publishes what stands in the outbox, in order, then deletes it. A crash between the two publishes it again."""

    def __init__(self, *, database: Database, publisher: Publisher, service: str, retry_max_seconds: float) -> None:
        self._database = database
        self._publisher = publisher
        self._published = OUTBOX_PUBLISHED.labels(service)
        self._backoff = Backoff(longest_seconds=retry_max_seconds)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown, and then until the outbox is empty or something is away."""
        while True:
            moved = await self._try_round()
            if moved == BATCH:
                continue
            if shutdown.requested:
                return
            await shutdown.wait(IDLE_SECONDS if moved is not None else self._backoff.next_seconds())

    async def _try_round(self) -> int | None:
        """How many left; None if something is away, or if one can't leave, so that the next look is not at once."""
        try:
            taken, moved = await self._round()
        except Transient as error:
            log.warning("the outbox waits", reason=str(error))
            return None
        self._published.inc(moved)
        if moved < taken:
            return None
        self._backoff.reset()
        return moved

    async def _round(self) -> tuple[int, int]:
        async with self._database.transaction() as tx:
            # One replica at a time, or a later word could overtake an earlier one.
            (turn,) = await tx.fetch("SELECT pg_try_advisory_xact_lock($1) AS is_ours", OUTBOX_LOCK)
            if not turn["is_ours"]:
                return 0, 0
            rows = await tx.fetch("SELECT position, event FROM outbox ORDER BY position LIMIT $1", BATCH)
            if not rows:
                return 0, 0
            await faults.reach(faults.Point.OUTBOX_TAKEN)
            left = await self._publish(rows)
            await faults.reach(faults.Point.OUTBOX_PUBLISHED)
            await tx.fetch("DELETE FROM outbox WHERE position = ANY($1::bigint[])", left)
            await faults.reach(faults.Point.OUTBOX_DELETED)
        await faults.reach(faults.Point.OUTBOX_COMMITTED)
        return len(rows), len(left)

    async def _publish(self, rows: Sequence[asyncpg.Record]) -> list[int]:
        """The positions of those that left. One that never can stays, is told of, and holds up no other."""
        try:
            await self._publisher.publish([decode(row["event"]) for row in rows])
        except Permanent:
            if len(rows) == 1:
                log.exception("an event can't leave the outbox", position=rows[0]["position"])
                return []
            return [position for row in rows for position in await self._publish([row])]
        return [row["position"] for row in rows]
