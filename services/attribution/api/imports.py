"""`/v1/imports`: bring in organisations and what registries publish."""

import asyncio
import tempfile
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import IO, Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.http_api import bounded_body
from libs.common.openapi import BINARY_BODY, refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import Problem
from libs.common.security import Operator, Role, operator
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState, LineKind
from services.attribution.handlers import ImportQueue, import_run, imports_page

Admin = Annotated[Operator, Depends(operator(at_least=Role.ADMIN))]
STREAMING_PATHS = frozenset(f"/v1/imports/{kind}" for kind in ImportKind)
DryRun = Annotated[bool, Query(description="Of organisations: only say what would change")]
MadeOn = Annotated[date | None, Query(description="The day that the dump describes; today if left out")]
Force = Annotated[
    bool, Query(description="Also a file that is older than what is in, or has less than half of its records")
]


class MistakeView(BaseModel):
    where: str
    code: str
    message: str


class LineView(BaseModel):
    """One organisation of the file; `where` is its line, or its number in a file of JSON."""

    where: str
    kind: LineKind
    organisation_id: UUID
    name: str
    changes: list[str]


class ChangesView(BaseModel):
    """What the file changes, or would change. `lines` has the first thousand that change anything, conflicts first."""

    added: int
    changed: int
    unchanged: int
    conflicts: int
    lines: list[LineView]


class ImportView(BaseModel):
    """`skipped` counts, by reason, objects that were left out without harm. `changes` is of organisations only."""

    import_id: UUID
    kind: ImportKind
    state: ImportState
    started_by: str
    bytes_total: int
    bytes_read: int
    records: int
    skipped: dict[str, int]
    errors: list[MistakeView]
    message: str
    started_at: datetime
    updated_at: datetime
    share_done: float = Field(description="Of all the work, from 0 to 1")
    records_per_second: float | None
    seconds_left: float | None = Field(
        description="As far as what is done tells; null where nothing does, and at the end"
    )
    is_preview: bool
    changes: ChangesView | None


def routes(database: Database, queue: ImportQueue, *, max_import_bytes: int) -> APIRouter:
    router = APIRouter(prefix="/v1/imports", tags=["imports"])

    @router.post("/{kind}", status_code=202, responses=refusals(429), openapi_extra=BINARY_BODY)
    async def post_import(
        kind: ImportKind,
        request: Request,
        response: Response,
        admin: Admin,
        made_on: MadeOn = None,
        force: Force = False,
        dry_run: DryRun = False,
    ) -> ImportView:
        """Send one file as the body, plain or gzip.

        `ripe`: one split dump, or several one after another; kinds of objects that are not in it stay as they are.
        `delegated`: one registry's delegated-extended file, which replaces the one before of that registry.
        `networks`: the offline network file. `organisations`: JSON or CSV, all or nothing;
        with `dry_run` it only says what would change.
        A file that says what is in already changes nothing, and its `message` says so.
        Takes an administrator: what a registry says decides where everybody's mail goes.
        """
        if dry_run and kind is not ImportKind.ORGANISATIONS:
            detail = "What a registry's file changes is not told beforehand."
            raise Problem(422, "no-preview", "There is no preview of this", detail)
        if queue.is_full:
            raise _busy()
        path = await _spooled(request, max_bytes=max_import_bytes)
        day = made_on or database.now().date()
        try:
            run = await queue.put(kind, path, made_on=day, started_by=admin.name, is_forced=force, is_preview=dry_run)
        except asyncio.QueueFull:
            await asyncio.to_thread(path.unlink)
            raise _busy() from None
        response.headers["Location"] = f"/v1/imports/{run.import_id}"
        return _view(run)

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_imports(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[ImportView]:
        """The newest first."""
        before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await imports_page(tx, before=before, limit=limit, now=database.now())
        following = encode_cursor(found[limit - 1].import_id) if len(found) > limit else None
        return Page(items=[_view(run) for run in found[:limit]], next=following)

    @router.get("/{import_id}", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def read_import(import_id: UUID) -> ImportView:
        """How far it is, and what was wrong in the file."""
        async with database.transaction() as tx:
            run = await import_run(tx, import_id, now=database.now())
        return _view(run)

    return router


async def _spooled(request: Request, *, max_bytes: int) -> Path:
    """The body in a file of ours, written as it comes. A body that is too large or breaks off leaves no file."""
    with tempfile.NamedTemporaryFile(prefix="tocsin-import-", delete=False) as spool, ExitStack() as undo:
        path = Path(spool.name)
        undo.callback(path.unlink)
        await _write(request, spool, max_bytes=max_bytes)
        undo.pop_all()
    return path


async def _write(request: Request, spool: IO[bytes], *, max_bytes: int) -> None:
    async for chunk in bounded_body(request, max_bytes=max_bytes):
        await asyncio.to_thread(spool.write, chunk)


def _busy() -> Problem:
    detail = "Several imports wait already; send this one when they are through."
    return Problem(429, "imports-busy", "Too many imports at once", detail, headers={"Retry-After": "60"})


def _view(run: ImportRun) -> ImportView:
    return ImportView(
        import_id=run.import_id,
        kind=run.kind,
        state=run.state,
        started_by=run.started_by,
        bytes_total=run.bytes_total,
        bytes_read=run.progress.bytes_read,
        records=run.progress.records,
        skipped=dict(run.progress.skipped),
        errors=[MistakeView(where=item.where, code=item.code, message=item.message) for item in run.errors],
        message=run.message,
        started_at=run.started_at,
        updated_at=run.updated_at,
        share_done=run.progress.share_done,
        records_per_second=run.records_per_second,
        seconds_left=run.seconds_left,
        is_preview=run.is_preview,
        changes=_changes_view(run.changes) if run.changes is not None else None,
    )


def _changes_view(changes: FileChanges) -> ChangesView:
    return ChangesView(
        added=changes.added,
        changed=changes.changed,
        unchanged=changes.unchanged,
        conflicts=changes.conflicts,
        lines=[LineView(**msgspec.structs.asdict(line)) for line in changes.lines],
    )
