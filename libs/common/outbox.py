"""Events that are born outside a batch: written with their cause in one transaction, published by a relay.

A row holds many events, one a line, so that a mail with a thousand targets is a few rows and not a thousand.
"""

from collections.abc import Sequence

import asyncpg
import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Table, func

from libs.common import faults
from libs.common.contracts import Event
from libs.common.contracts.wire import decode, encode
from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, Transient
from libs.common.metrics import OUTBOX_PUBLISHED
from libs.common.publisher import Publisher
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown

EVENTS_IN_A_ROW = 200
ROWS_AT_ONCE = 10
IDLE_SECONDS = 1.0
"""The relay is woken by what its own process commits; it looks by itself for what another one left behind."""

OUTBOX_LOCK = 4_867_367
"""Advisory lock of the relay; each service has a database of its own."""

log = structlog.get_logger(__name__)


def outbox_table(metadata: MetaData) -> Table:
    """The table `outbox`: every service has one."""
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("events", LargeBinary, nullable=False, comment="JSON values, one a line"),
        Column("refused_at", DateTime(timezone=True), comment="set aside: what is in it can't leave"),
        Column("enqueued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


async def enqueue(tx: Transaction, events: Sequence[Event]) -> None:
    """Put events beside the state that caused them; they leave when, and only when, the transaction commits."""
    if not events:
        return
    lines = [encode(event) for event in events]
    rows = [b"\n".join(lines[first : first + EVENTS_IN_A_ROW]) for first in range(0, len(lines), EVENTS_IN_A_ROW)]
    await tx.fetch("INSERT INTO outbox (events) SELECT * FROM unnest($1::bytea[])", rows)
    tx.after_commit(tx.database.outbox_filled.set)


async def waiting_events(tx: Transaction) -> list[Event]:
    """What has not left yet, in order."""
    rows = await tx.fetch("SELECT events FROM outbox ORDER BY position")
    return [decode(line) for row in rows for line in row["events"].split(b"\n")]


class OutboxRelay:
    """Publishes what stands in the outbox, in order, then deletes it. A crash between the two publishes it again."""

    def __init__(self, *, database: Database, publisher: Publisher, service: str, retry_max_seconds: float) -> None:
        self._database = database
        self._publisher = publisher
        self._published = OUTBOX_PUBLISHED.labels(service)
        self._backoff = Backoff(longest_seconds=retry_max_seconds)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown, and then until the outbox is empty or something is away."""
        filled = self._database.outbox_filled
        while True:
            filled.clear()
            taken = await self._try_round()
            if taken == ROWS_AT_ONCE:
                continue
            if shutdown.requested:
                return
            if taken is None:
                await shutdown.wait(self._backoff.next_seconds())
            else:
                await shutdown.wait_or(filled, IDLE_SECONDS)

    async def _try_round(self) -> int | None:
        """How many rows were dealt with; None if something is away."""
        try:
            taken = await self._round()
        except Transient as error:
            log.warning("the outbox waits", reason=str(error))
            return None
        self._backoff.reset()
        return taken

    async def _round(self) -> int:
        async with self._database.transaction() as tx:
            # One replica at a time, or a later word could overtake an earlier one.
            rows = await tx.fetch(
                """SELECT position, events FROM outbox
                   WHERE refused_at IS NULL AND (SELECT pg_try_advisory_xact_lock($1)) ORDER BY position LIMIT $2""",
                OUTBOX_LOCK,
                ROWS_AT_ONCE,
            )
            if not rows:
                return 0
            await faults.reach(faults.Point.OUTBOX_TAKEN)
            stuck = await self._publish(
                [(row["position"], line) for row in rows for line in row["events"].split(b"\n")]
            )
            await faults.reach(faults.Point.OUTBOX_PUBLISHED)
            await _take_out(tx, rows, stuck)
            await faults.reach(faults.Point.OUTBOX_DELETED)
        await faults.reach(faults.Point.OUTBOX_COMMITTED)
        return len(rows)

    async def _publish(self, lines: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Those that can never leave, as one too large for the broker: they stay, are told of, and hold up no other."""
        try:
            await self._publisher.publish([decode(line) for _, line in lines])
        except Permanent:
            if len(lines) == 1:
                log.exception("an event can't leave the outbox", position=lines[0][0])
                return list(lines)
            return [stuck for line in lines for stuck in await self._publish([line])]
        self._published.inc(len(lines))
        return []


async def _take_out(tx: Transaction, rows: Sequence[asyncpg.Record], stuck: Sequence[tuple[int, bytes]]) -> None:
    """Delete what has left, and set aside what can't leave; `docs/for-operators.md` says what to do about it."""
    kept: dict[int, list[bytes]] = {}
    for position, line in stuck:
        kept.setdefault(position, []).append(line)
    gone = [row["position"] for row in rows if row["position"] not in kept]
    await tx.fetch("DELETE FROM outbox WHERE position = ANY($1::bigint[])", gone)
    for position, lines in kept.items():
        await tx.fetch(
            "UPDATE outbox SET events = $2, refused_at = now() WHERE position = $1", position, b"\n".join(lines)
        )
