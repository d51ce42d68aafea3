"""Events that are born outside a batch: written with their cause in one transaction, published by a relay."""

from collections.abc import Sequence

import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Table, func
from sqlalchemy.dialects.postgresql import UUID

from libs.common import faults
from libs.common.contracts import Event
from libs.common.contracts.wire import decode, encode
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import OUTBOX_PUBLISHED
from libs.common.publisher import Publisher
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown

BATCH = 1000
IDLE_SECONDS = 0.05

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
        try:
            moved = await self._round()
        except Transient as error:
            log.warning("the outbox waits", reason=str(error))
            return None
        self._backoff.reset()
        return moved

    async def _round(self) -> int:
        async with self._database.transaction() as tx:
            # SKIP LOCKED: a second replica takes other rows instead of waiting for ours.
            rows = await tx.fetch(
                "SELECT position, event FROM outbox ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED", BATCH
            )
            if rows:
                await faults.reach(faults.Point.OUTBOX_TAKEN)
                await self._publisher.publish([decode(row["event"]) for row in rows])
                await faults.reach(faults.Point.OUTBOX_PUBLISHED)
                await tx.fetch(
                    "DELETE FROM outbox WHERE position = ANY($1::bigint[])", [row["position"] for row in rows]
                )
                await faults.reach(faults.Point.OUTBOX_DELETED)
        if rows:
            await faults.reach(faults.Point.OUTBOX_COMMITTED)
        self._published.inc(len(rows))
        return len(rows)
