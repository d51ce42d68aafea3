"""Imports: how far each is, and how it ended."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.db import Transaction
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState, Mistake, Progress

_MISTAKES = msgspec.json.Decoder(tuple[Mistake, ...])
_CHANGES = msgspec.json.Decoder(FileChanges)
_COUNTS = msgspec.json.Decoder(dict[str, int])
_RUNS = """SELECT import_id, kind, state, started_by, bytes_total, bytes_read, records, skipped::text, errors::text,
              message, started_at, updated_at, share_done, is_preview, changes, is_waiting
           FROM import_run"""


async def save_run(tx: Transaction, run: ImportRun) -> None:
    """Write the run as it is now. To a release of before, one that waits is running."""
    is_waiting = run.state is ImportState.WAITING
    await tx.fetch(
        """INSERT INTO import_run (import_id, kind, state, started_by, bytes_total, bytes_read, records, skipped,
                                   errors, message, started_at, updated_at, share_done, is_preview, changes,
                                   is_waiting)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9::text::jsonb, $10, $11, $12, $13, $14, $15, $16)
           ON CONFLICT (import_id) DO UPDATE SET state = EXCLUDED.state, bytes_read = EXCLUDED.bytes_read,
               records = EXCLUDED.records, skipped = EXCLUDED.skipped, errors = EXCLUDED.errors,
               message = EXCLUDED.message, updated_at = EXCLUDED.updated_at,
               share_done = EXCLUDED.share_done, changes = EXCLUDED.changes,
               started_at = EXCLUDED.started_at, is_waiting = EXCLUDED.is_waiting""",
        run.import_id,
        run.kind,
        ImportState.RUNNING if is_waiting else run.state,
        run.started_by,
        run.bytes_total,
        run.progress.bytes_read,
        run.progress.records,
        msgspec.json.encode(run.progress.skipped).decode(),
        msgspec.json.encode(run.errors).decode(),
        run.message,
        run.started_at,
        run.updated_at,
        run.progress.share_done,
        run.is_preview,
        msgspec.json.encode(run.changes).decode() if run.changes is not None else None,
        is_waiting,
    )


async def still_wait(tx: Transaction, import_ids: Iterable[UUID], *, now: datetime) -> None:
    """Those that wait are not dead."""
    await tx.fetch(
        "UPDATE import_run SET updated_at = $2 WHERE import_id = ANY($1::uuid[]) AND is_waiting", list(import_ids), now
    )


async def run(tx: Transaction, import_id: UUID) -> ImportRun | None:
    rows = await tx.fetch(f"{_RUNS} WHERE import_id = $1", import_id)
    return _run(rows[0]) if rows else None


async def page(tx: Transaction, *, before: UUID | None, limit: int) -> list[ImportRun]:
    """The newest first; ids rise with time."""
    rows = await tx.fetch(
        f"{_RUNS} WHERE $1::uuid IS NULL OR import_id < $1 ORDER BY import_id DESC LIMIT $2",
        before,
        limit,
    )
    return [_run(row) for row in rows]


async def last_done(tx: Transaction, kind: ImportKind) -> ImportRun | None:
    """The newest import of this kind that came in."""
    rows = await tx.fetch(
        f"{_RUNS} WHERE kind = $1 AND state = 'done' AND NOT is_preview ORDER BY import_id DESC LIMIT 1", kind
    )
    return _run(rows[0]) if rows else None


async def become_only_import(tx: Transaction, kind: ImportKind) -> bool:
    """False if another import of this kind is under way. Holds until the transaction ends."""
    (row,) = await tx.fetch("SELECT pg_try_advisory_xact_lock(hashtext($1)) AS ours", f"import-{kind}")
    return bool(row["ours"])


def _run(row: asyncpg.Record) -> ImportRun:
    return ImportRun(
        import_id=row["import_id"],
        kind=ImportKind(row["kind"]),
        state=ImportState.WAITING if row["is_waiting"] else ImportState(row["state"]),
        started_by=row["started_by"],
        bytes_total=row["bytes_total"],
        progress=Progress(row["bytes_read"], row["records"], _COUNTS.decode(row["skipped"]), row["share_done"]),
        errors=_MISTAKES.decode(row["errors"]),
        message=row["message"],
        started_at=row["started_at"],
        updated_at=row["updated_at"],
        is_preview=row["is_preview"],
        changes=_CHANGES.decode(row["changes"]) if row["changes"] is not None else None,
    )
