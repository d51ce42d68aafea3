"""Uploaded files, one after another, in the background of the service."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from libs.common.errors import Transient
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.attribution.domain.imports import ImportKind, ImportRun, ImportState
from services.attribution.handlers.dumps import Dump
from services.attribution.handlers.imports import Importer

log = structlog.get_logger(__name__)

MOST_WAITING = 4
BETWEEN_SIGNS_SECONDS = 60.0
"""Often enough that nobody takes what waits for dead."""


class Upload(msgspec.Struct, frozen=True):
    """A file that waits. `is_forced`: a person wants it in although it looks cut off."""

    run: ImportRun
    path: Path
    made_on: date
    is_forced: bool


WorkApart = Callable[[Upload], Awaitable[ImportRun]]
"""Does the work of a large file in a process of its own, and answers how it ended."""


class ImportQueue:
    """Each file is deleted when it is through. The memory and the time of large ones are another process's."""

    def __init__(self, importer: Importer, *, work_apart: WorkApart) -> None:
        self._importer = importer
        self._work_apart = work_apart
        self._waiting: asyncio.Queue[Upload] = asyncio.Queue(MOST_WAITING)
        self._in_line: dict[UUID, ImportRun] = {}

    @property
    def is_full(self) -> bool:
        return self._waiting.full()

    async def put(
        self,
        kind: ImportKind,
        path: Path,
        *,
        made_on: date,
        started_by: str,
        is_forced: bool = False,
        is_preview: bool = False,
    ) -> ImportRun:
        """Take a file; raises `asyncio.QueueFull` rather than wait."""
        run = await self._importer.begin(
            kind, Dump([path]), started_by=started_by, is_preview=is_preview, state=ImportState.WAITING
        )
        self._waiting.put_nowait(Upload(run, path, made_on, is_forced))
        self._in_line[run.import_id] = run
        return run

    async def work(self, shutdown: Shutdown) -> None:
        """A task of the service. What still waits at shutdown is seen as interrupted later, and changed nothing."""
        async with asyncio.TaskGroup() as tasks:
            signs = tasks.create_task(self._give_signs(shutdown))
            await self._work_through(shutdown)
            signs.cancel()

    async def _give_signs(self, shutdown: Shutdown) -> None:
        """However long the one before takes, what waits is known to wait."""

        async def give_sign() -> None:
            if self._in_line:
                await self._importer.still_wait(self._in_line.values())

        in_trouble = "that imports wait could not be told"
        await go_round(give_sign, shutdown, in_trouble=in_trouble, pause_seconds=BETWEEN_SIGNS_SECONDS)

    async def _work_through(self, shutdown: Shutdown) -> None:
        while not shutdown.requested:
            try:
                async with asyncio.timeout(0.5):
                    upload = await self._waiting.get()
            except TimeoutError:
                continue
            self._in_line.pop(upload.run.import_id, None)
            await self._work_off(upload)

    async def _work_off(self, upload: Upload) -> None:
        dump = Dump([upload.path])
        try:
            upload = msgspec.structs.replace(upload, run=await self._importer.set_out(upload.run))
            if dump.is_large:
                await self._importer.end(await self._work_apart(upload))
            else:
                await self._importer.run(upload.run, dump, made_on=upload.made_on, is_forced=upload.is_forced)
        except Transient as error:
            log.warning("an import could not be told as ended", import_id=str(upload.run.import_id), reason=str(error))
        finally:
            await asyncio.to_thread(upload.path.unlink, missing_ok=True)
