"""An import from its first byte to its end, with its progress where everybody can see it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timedelta
from typing import assert_never

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, Transient
from libs.common.ids import new_id
from services.attribution import store
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState, Mistake, Progress
from services.attribution.domain.organisation_files import BadOrganisations, read_file
from services.attribution.handlers.dumps import BrokenDump, Dump
from services.attribution.handlers.organisation_files import take_in
from services.attribution.handlers.sources import Tally, import_delegated, import_networks, import_ripe
from services.attribution.handlers.sources.versions import Arrival

log = structlog.get_logger(__name__)

BETWEEN_REPORTS = timedelta(seconds=1)

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

    async def begin(
        self,
        kind: ImportKind,
        dump: Dump,
        *,
        started_by: str,
        is_preview: bool = False,
        state: ImportState = ImportState.RUNNING,
    ) -> ImportRun:
        """`is_preview` is for organisations only: say what the file would change, and change nothing."""
        now = self._database.now()
        run = ImportRun(
            import_id=new_id(),
            kind=kind,
            state=state,
            started_by=started_by,
            bytes_total=dump.bytes_total,
            started_at=now,
            updated_at=now,
            is_preview=is_preview,
        )
        await self.save(run)
        return run

    async def set_out(self, run: ImportRun) -> ImportRun:
        """It has waited for long enough: its time counts from here."""
        now = self._database.now()
        run = msgspec.structs.replace(run, state=ImportState.RUNNING, started_at=now, updated_at=now)
        await self.save(run)
        return run

    async def still_wait(self, waiting: Iterable[ImportRun]) -> None:
        """Say of these that their turn is yet to come."""
        async with self._database.transaction() as tx:
            await store.imports.still_wait(tx, [run.import_id for run in waiting], now=self._database.now())

    async def run(self, run: ImportRun, dump: Dump, *, made_on: date, is_forced: bool = False) -> ImportRun:
        """Bring the dump in, and say how it ended. A broken one is `failed` and changes nothing; so is `Transient`."""
        return await self.end(await self.work(run, dump, made_on=made_on, is_forced=is_forced))

    async def work(self, run: ImportRun, dump: Dump, *, made_on: date, is_forced: bool = False) -> ImportRun:
        """How it ended, which nobody but the caller knows yet."""
        report = _Report(run, dump, save=self.save, now=self._database.now)
        try:
            async with self._database.transaction() as tx:
                arrival = Arrival(made_on=made_on, now=self._database.now(), is_forced=is_forced)
                changes = await self._take_in(tx, run, dump, arrival=arrival, tally=report.tally)
        except Previewed as preview:
            return report.ended(ImportState.DONE, "A preview: nothing was changed.", changes=preview.changes)
        except BadOrganisations as error:
            return report.ended(
                ImportState.FAILED, f"Nothing was changed; first mistake: {error}", errors=error.mistakes
            )
        except (Permanent, Transient) as error:
            return report.ended(ImportState.FAILED, f"Nothing was changed: {error}")
        return report.ended(ImportState.DONE, " ".join(report.tally.said), changes=changes)

    async def end(self, ended: ImportRun) -> ImportRun:
        """Tell everybody how it ended, once what came in is in use."""
        if ended.state is ImportState.DONE and self._after is not None:
            await self._after()
        await self.save(ended)
        log.info(
            "import ended",
            kind=ended.kind,
            state=ended.state,
            records=ended.progress.records,
            seconds=round(ended.seconds, 1),
            message=ended.message,
        )
        return ended

    async def _take_in(
        self, tx: Transaction, run: ImportRun, dump: Dump, *, arrival: Arrival, tally: Tally
    ) -> FileChanges | None:
        if not await store.imports.become_only_import(tx, run.kind):
            raise BrokenDump(f"another import of {run.kind} is under way")
        if run.kind is not ImportKind.ORGANISATIONS:
            await asyncio.to_thread(dump.refuse_pages)
        match run.kind:
            case ImportKind.RIPE:
                await import_ripe(tx, dump, arrival=arrival, tally=tally)
            case ImportKind.DELEGATED:
                await import_delegated(tx, dump, arrival=arrival, tally=tally)
            case ImportKind.NETWORKS:
                await import_networks(tx, dump, arrival=arrival, tally=tally)
            case ImportKind.ORGANISATIONS:
                return await self._take_in_organisations(tx, run, dump, now=arrival.now, tally=tally)
            case _:
                assert_never(run.kind)
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

    async def save(self, run: ImportRun) -> None:
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

    def ended(
        self,
        state: ImportState,
        message: str,
        *,
        errors: tuple[Mistake, ...] = (),
        changes: FileChanges | None = None,
    ) -> ImportRun:
        if state is ImportState.DONE:
            self.tally.share_done = 1.0
        return msgspec.structs.replace(self._now(state=state, message=message, errors=errors), changes=changes)

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
            progress=Progress(
                self._dump.bytes_read, self.tally.records, dict(self.tally.skipped), self.tally.share_done
            ),
            updated_at=self._clock(),
        )
