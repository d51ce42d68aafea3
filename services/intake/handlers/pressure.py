"""Back-pressure: how full the pipeline is, and so how fast large payloads are read and whether new ones are taken."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.metrics import BACKLOG_RECORDS, UNREAD_BYTES
from libs.common.shutdown import Shutdown
from services.intake.gateway.backlog import Backlog
from services.intake.store import submissions

log = structlog.get_logger(__name__)

BUSY_SECONDS = 0.2
IDLE_SECONDS = 1.0
UNREAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureLimits:
    """`IntakeSettings` describes each."""

    backlog_target_records: int
    backlog_limit_records: int
    unread_limit_bytes: int


class Pressure:
    """Looks at the backlog all the time, and adds what this process has published since it looked.

    The backlog is kept short on purpose: what waits in a topic waits in line, also the one record that is urgent. What
    is not read yet waits on disk, where it is in nobody's way.
    """

    def __init__(self, database: Database, backlog: Backlog, *, limits: PressureLimits) -> None:
        self._database = database
        self._backlog = backlog
        self._limits = limits
        self._changed = asyncio.Event()
        self._measured_records = 0
        self._added_records = 0
        self._unread_bytes = 0
        self._unread_counted_at = 0.0

    @property
    def waiting_records(self) -> int:
        """In the topics, as far as we know."""
        return self._measured_records + self._added_records

    @property
    def trouble(self) -> str | None:
        """Why a new payload can't be taken now, in words for its partner."""
        if self.waiting_records > self._limits.backlog_limit_records:
            return f"{self.waiting_records} records wait to be checked, which is more than we let wait."
        if self._unread_bytes > self._limits.unread_limit_bytes:
            return f"{self._unread_bytes} bytes of earlier payloads wait to be read, which is more than we let wait."
        return None

    def added(self, records: int) -> None:
        """Somebody has published this many."""
        self._added_records += records

    @property
    def has_room(self) -> bool:
        """Whether the pipeline can do with more of a large payload."""
        return self.waiting_records < self._limits.backlog_target_records

    async def wait_for_room(self, shutdown: Shutdown, *, at_most_seconds: float) -> bool:
        """Wait until there is room, or it is time to go; whether there is."""
        end = time.monotonic() + at_most_seconds
        while not self.has_room and not shutdown.requested and time.monotonic() < end:
            await shutdown.wait_or(self._changed, min(IDLE_SECONDS, at_most_seconds))
        return self.has_room

    async def keep_measuring(self, shutdown: Shutdown) -> None:
        try:
            while not shutdown.requested:
                try:
                    await self._measure()
                except Transient as error:
                    log.warning("the backlog was not measured", reason=str(error))
                await shutdown.wait(BUSY_SECONDS if self.waiting_records else IDLE_SECONDS)
        finally:
            await self._backlog.close()

    async def _measure(self) -> None:
        """What is published while the broker counts may be counted twice until the next look: the safe side."""
        added = self._added_records
        self._measured_records = await self._backlog.waiting()
        self._added_records -= added
        self._changed.set()
        self._changed.clear()
        BACKLOG_RECORDS.set(self._measured_records)
        if time.monotonic() - self._unread_counted_at > UNREAD_SECONDS:
            await self._count_unread()

    async def _count_unread(self) -> None:
        async with self._database.transaction() as tx:
            self._unread_bytes = await submissions.unread_bytes(tx)
        self._unread_counted_at = time.monotonic()
        UNREAD_BYTES.set(self._unread_bytes)
