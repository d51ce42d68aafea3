"""The sender: rounds of claim, deliver, record, over a bounded number of connections."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from libs.common import faults
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.metrics import MAIL_SECONDS, NOTIFICATIONS, NOTIFICATIONS_IN_DOUBT, RECORD_TO_MAIL_SECONDS
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown
from services.notifier.domain.notification import Consignment
from services.notifier.domain.outcome import change_of
from services.notifier.domain.replies import InDoubt, Released, RetryPolicy, Sent
from services.notifier.gateway.relay import Relay, RelayAway
from services.notifier.handlers.sending import Delivered, Scribe, claim, deliver, doubt_lost, record

log = structlog.get_logger(__name__)

RELAY_PAUSE_LONGEST_SECONDS = 60.0


class SenderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, and how long. The lease outlives every time limit of one dialogue with the relay.

    A mail that is claimed but not begun within `start` goes back: an engaged brake takes effect within that time.
    """

    connections: int
    claim_size: int
    start: timedelta
    lease: timedelta
    pause_seconds: float


class Sender:
    """Sends what may be sent. `run` can run twice at the same time: one claims and records while the other sends."""

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        scribe: Scribe,
        policy: RetryPolicy,
        limits: SenderLimits,
        queued: asyncio.Event,
    ) -> None:
        self._database = database
        self._relay = relay
        self._scribe = scribe
        self._policy = policy
        self._limits = limits
        self._queued = queued
        self._slots = asyncio.Semaphore(limits.connections)
        self._held: set[UUID] = set()
        self._backoff = Backoff(shortest_seconds=0.5, longest_seconds=RELAY_PAUSE_LONGEST_SECONDS)
        self._trouble: str | None = None

    async def check(self) -> None:
        """Raise `Transient` while the relay is away; readiness shows it."""
        if self._trouble is not None:
            raise Transient(self._trouble)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown: what was claimed is sent and recorded."""
        try:
            await self._send_until(shutdown)
        finally:
            await self._relay.close()

    async def _send_until(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            self._queued.clear()
            try:
                sent = await self._round()
            except Transient as error:
                log.warning("sending waits", reason=str(error))
                await shutdown.wait(self._backoff.next_seconds())
                continue
            if self._trouble is not None:
                log.warning("the relay is away", reason=self._trouble)
                await shutdown.wait(self._backoff.next_seconds())
            elif sent < self._limits.claim_size:
                await shutdown.wait_or(self._queued, self._limits.pause_seconds)

    async def _round(self) -> int:
        consignments = await self._claim()
        claimed = {consignment.notification.id for consignment in consignments}
        self._held |= claimed
        try:
            start_by = time.monotonic() + self._limits.start.total_seconds()
            delivered = await asyncio.gather(*(self._deliver(consignment, start_by) for consignment in consignments))
            if delivered:
                await self._record(delivered)
        finally:
            self._held -= claimed
        return len(delivered)

    async def _claim(self) -> list[Consignment]:
        """While the relay is away one mail at a time tries whether it is back."""
        limit = self._limits.claim_size if self._trouble is None else 1
        now = self._database.now()
        async with self._database.transaction() as tx:
            lost = await doubt_lost(tx, now=now, limit=self._limits.claim_size, held=self._held)
            consignments = await claim(tx, now=now, lease=self._limits.lease, limit=limit)
            if consignments:
                await faults.reach(faults.Point.CLAIM_MADE)
        if consignments:
            await faults.reach(faults.Point.CLAIM_COMMITTED)
        _count(lost, now=now)
        return consignments

    async def _deliver(self, consignment: Consignment, start_by: float) -> Delivered:
        async with self._slots:
            if time.monotonic() > start_by:
                return Delivered(consignment, Released("not begun in time"))
            try:
                with MAIL_SECONDS.time():
                    delivered = await deliver(
                        consignment,
                        scribe=self._scribe,
                        relay=self._relay,
                        policy=self._policy,
                        now=self._database.now(),
                    )
            except RelayAway as error:
                self._trouble = str(error)
                return Delivered(consignment, Released(str(error)))
        if not isinstance(delivered.result, Released):
            self._trouble = None
            self._backoff.reset()
        return delivered

    async def _record(self, delivered: Sequence[Delivered]) -> None:
        """Mails have left: try until the database takes the answers. Only the end of the process gives them up."""
        waiting = Backoff(longest_seconds=2.0)
        while True:
            now = self._database.now()
            try:
                async with self._database.transaction() as tx:
                    await record(tx, delivered, now=now)
                    await faults.reach(faults.Point.ANSWERS_WRITTEN)
                break
            except Transient as error:
                log.warning("answers wait", reason=str(error), mails=len(delivered))
                await asyncio.sleep(waiting.next_seconds())
        await faults.reach(faults.Point.ANSWERS_COMMITTED)
        _count(delivered, now=now)
        log.info("sent", mails=sum(isinstance(item.result, Sent) for item in delivered), tried=len(delivered))


def _count(delivered: Sequence[Delivered], *, now: datetime) -> None:
    for item in delivered:
        NOTIFICATIONS.labels(change_of(item.consignment, item.result, subject=None, now=now).state).inc()
        if isinstance(item.result, InDoubt):
            NOTIFICATIONS_IN_DOUBT.inc()
        if isinstance(item.result, Sent):
            for target in item.consignment.targets:
                RECORD_TO_MAIL_SECONDS.labels(target.severity).observe((now - target.received_at).total_seconds())
