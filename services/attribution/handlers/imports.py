"""An import from its first byte to its end, with its progress where everybody can see it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, Transient
from libs.common.ids import new_id
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState, Mistake, Progress
from services.attribution.domain.organisation_files import BadOrganisations, read_file
from services.attribution.handlers.dumps import BrokenDump, Dump
from services.attribution.handlers.organisation_files import take_in
from services.attribution.handlers.snapshots import Tally, import_delegated, import_ripe

log = structlog.get_logger(__name__)

BETWEEN_REPORTS = timedelta(seconds=1)
MOST_WAITING = 4

Watch = Callable[[ImportRun], None]


class Previewed(Exception):
    """All has been done as it would be, and is to be rolled back."""

    def __init__(self, changes: FileChanges) -> None:
        super().__init__("a preview")
        self.changes = changes


class Importer:
    """Runs imports. The work is one transaction; the progress is told in others, so that it can be seen before."""

    def __init__(
        self,
        database: Database,
        *,
        max_organisations_bytes: int,
        watch: Watch | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`watch` sees each report; `after` is awaited when all is in, before anybody hears that it is done."""
        self._database = database
        self._max_organisations_bytes = max_organisations_bytes
        self._watch = watch
        self._after = after

    async def begin(self, kind: ImportKind, dump: Dump, *, started_by: str, is_preview: bool = False) -> ImportRun:
        """`is_preview` is for organisations only: say what the file would change, and change nothing."""
        now = self._database.now()
        run = ImportRun(
            import_id=new_id(),
            kind=kind,
            state=ImportState.RUNNING,
            started_by=started_by,
            bytes_total=dump.bytes_total,
            started_at=now,
            updated_at=now,
            is_preview=is_preview,
        )
        await self._save(run)
        return run

    async def run(self, run: ImportRun, dump: Dump, *, made_on: date) -> ImportRun:
        """Bring the dump in. A broken one ends as `failed` and changes nothing; `Transient` ends so too."""
        report = _Report(run, dump, save=self._save, now=self._database.now)
        try:
            async with self._database.transaction() as tx:
                changes = await self._take_in(tx, run, dump, made_on=made_on, tally=report.tally)
        except Previewed as preview:
            return await report.end(ImportState.DONE, "A preview: nothing was changed.", changes=preview.changes)
        except BadOrganisations as error:
            return await report.end(
                ImportState.FAILED, f"Nothing was changed; first mistake: {error}", errors=error.mistakes
            )
        except (Permanent, Transient) as error:
            return await report.end(ImportState.FAILED, f"Nothing was changed: {error}")
        if self._after is not None:
            await self._after()
        return await report.end(ImportState.DONE, "", changes=changes)

    async def _take_in(
        self, tx: Transaction, run: ImportRun, dump: Dump, *, made_on: date, tally: Tally
    ) -> FileChanges | None:
        now = self._database.now()
        if not await store.imports.become_only_import(tx, run.kind):
            raise BrokenDump(f"another import of {run.kind} is under way")
        match run.kind:
            case ImportKind.RIPE:
                await import_ripe(tx, dump.lines(), made_on=made_on, now=now, tally=tally)
            case ImportKind.DELEGATED:
                await import_delegated(tx, dump.lines(), made_on=made_on, now=now, tally=tally)
            case ImportKind.ORGANISATIONS:
                return await self._take_in_organisations(tx, run, dump, now=now, tally=tally)
        return None

    async def _take_in_organisations(
        self, tx: Transaction, run: ImportRun, dump: Dump, *, now: datetime, tally: Tally
    ) -> FileChanges:
        """Raises `Previewed` once all is done, if it is to be undone."""
        content = await asyncio.to_thread(dump.content, most_bytes=self._max_organisations_bytes)
        entries = await asyncio.to_thread(read_file, content)
        changes = await take_in(entries, by=run.started_by, tx=tx, now=now)
        tally.records = len(entries)
        if run.is_preview:
            raise Previewed(changes)
        return changes

    async def _save(self, run: ImportRun) -> None:
        async with self._database.transaction() as tx:
            await store.imports.save_run(tx, run)
        if self._watch is not None:
            self._watch(run)


class _Report:
    """Tells how far a run is, once a second at most."""

    def __init__(
        self,
        run: ImportRun,
        dump: Dump,
        *,
        save: Callable[[ImportRun], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._run, self._dump, self._save, self._clock = run, dump, save, now
        self.tally = Tally(self._tick)

    async def end(
        self,
        state: ImportState,
        message: str,
        *,
        errors: tuple[Mistake, ...] = (),
        changes: FileChanges | None = None,
    ) -> ImportRun:
        ended = msgspec.structs.replace(self._now(state=state, message=message, errors=errors), changes=changes)
        await self._save(ended)
        log.info("import ended", kind=ended.kind, state=ended.state, records=self.tally.records, message=message)
        return ended

    async def _tick(self) -> None:
        if self._clock() - self._run.updated_at >= BETWEEN_REPORTS:
            self._run = self._now(state=ImportState.RUNNING, message="", errors=())
            await self._save(self._run)

    def _now(self, *, state: ImportState, message: str, errors: tuple[Mistake, ...]) -> ImportRun:
        return msgspec.structs.replace(
            self._run,
            state=state,
            message=message,
            errors=errors,
            progress=Progress(self._dump.bytes_read, self.tally.records, dict(self.tally.skipped)),
            updated_at=self._clock(),
        )


class ImportQueue:
    """Uploaded files, one after another, in the background of the service. Each file is deleted when it is through."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._waiting: asyncio.Queue[tuple[ImportRun, Path, date]] = asyncio.Queue(MOST_WAITING)

    @property
    def is_full(self) -> bool:
        return self._waiting.full()

    async def put(
        self, kind: ImportKind, path: Path, *, made_on: date, started_by: str, is_preview: bool = False
    ) -> ImportRun:
        """Take a file; raises `asyncio.QueueFull` rather than wait."""
        run = await self._importer.begin(kind, Dump([path]), started_by=started_by, is_preview=is_preview)
        self._waiting.put_nowait((run, path, made_on))
        return run

    async def work(self, shutdown: Shutdown) -> None:
        """A task of the service. What still waits at shutdown is seen as interrupted later, and changed nothing."""
        while not shutdown.requested:
            try:
                async with asyncio.timeout(0.5):
                    run, path, made_on = await self._waiting.get()
            except TimeoutError:
                continue
            await self._work_off(run, path, made_on)

    async def _work_off(self, run: ImportRun, path: Path, made_on: date) -> None:
        try:
            await self._importer.run(run, Dump([path]), made_on=made_on)
        except Transient as error:
            log.warning("an import could not be told as ended", import_id=str(run.import_id), reason=str(error))
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
