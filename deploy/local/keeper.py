"""Keeps one part running: a part that dies is started again, unless it keeps dying."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from deploy.local import complaints
from deploy.local.complaints import Complaint
from deploy.local.parts import Part
from deploy.local.process import PartDied, Process

MOST_RESTARTS = 3
WITHIN_SECONDS = 60.0


class Keeper:
    """One part of the stack over its lives.

    `say` takes sentences for a person, `changed` is called when the process is another one. When the part keeps dying,
    `keep` raises `Complaint`: a few times `within_seconds` is too often.
    """

    def __init__(
        self,
        part: Part,
        *,
        logs: Path,
        say: Callable[[str], None],
        changed: Callable[[], None],
        first_pause_seconds: float = 0.5,
        within_seconds: float | None = None,
    ) -> None:
        self.part = part
        self.restarts = 0
        self._logs = logs
        self._say = say
        self._changed = changed
        self._first_pause_seconds = first_pause_seconds
        self._within_seconds = within_seconds
        self._process: Process | None = None
        self._deaths: deque[float] = deque(maxlen=MOST_RESTARTS + 1)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start and become ready. A first start that fails is not tried again: its cause will not go away."""
        try:
            await self._launch()
        except PartDied as death:
            raise Complaint(str(death)) from death

    async def keep(self) -> None:
        """Restart the part whenever it dies; returns only by `Complaint`, or when cancelled."""
        while self._process:
            await self._process.ended()
            await self._revive(self._process.obituary())

    async def stop(self) -> None:
        if self._process:
            await self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Let it die without warning, as a crash would."""
        if self._process:
            self._process.kill()

    async def _revive(self, obituary: str) -> None:
        while obituary:
            self._say(obituary)
            pause = self._pause_after_death(now=time.monotonic())
            await asyncio.sleep(pause)
            self.restarts += 1
            obituary = await self._try_again()
        self._say(f"{self.part.name} is back.")

    async def _try_again(self) -> str:
        """Returns how it died, or nothing when it lives."""
        try:
            await self._launch()
        except PartDied as death:
            return str(death)
        return ""

    def _pause_after_death(self, *, now: float) -> float:
        """Longer after each death; `Complaint` when there were too many of late."""
        self._deaths.append(now)
        recent = sum(now - death < (self._within_seconds or WITHIN_SECONDS) for death in self._deaths)
        if recent > MOST_RESTARTS:
            log = self._logs / f"{self.part.name}.log"
            raise complaints.keeps_dying(self.part.name, times=recent, log=log)
        pause: float = self._first_pause_seconds * 2 ** (recent - 1)
        return pause

    async def _launch(self) -> None:
        self._process = await Process.start(self.part, logs=self._logs)
        self._changed()
        await self._process.become_ready()
