"""Imports that a person starts at a terminal: `python -m services.attribution.jobs import-ripe FILE…`."""

import argparse
import asyncio
import sys
from datetime import UTC, date, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from libs.common.db import Database
from libs.common.errors import Fatal, Transient
from libs.common.settings import read_settings
from libs.common.telemetry import configure_logs
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState
from services.attribution.handlers import Dump, Importer, Upload, WorkApart, end_with_parent
from services.attribution.settings import AttributionSettings

POOL_SIZE = 2


def main() -> int:
    """Exit code 0 when the import is in, 1 when nothing was changed."""
    arguments = _arguments()
    console = Console(stderr=True)
    missing = [str(path) for path in arguments.files if not path.is_file()]
    if missing:
        console.print(f"There is no file {', '.join(missing)}.")
        return 1
    try:
        settings = read_settings(AttributionSettings)
        configure_logs(level="warning", form=settings.log_format)
        run = asyncio.run(_import(settings, arguments, console))
    except (Fatal, Transient) as error:
        console.print(f"Nothing was changed: {error}")
        return 1
    _tell(run, console)
    return 0 if run.state is ImportState.DONE else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.attribution.jobs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="JOB")
    for kind, text in (
        (
            ImportKind.RIPE,
            "split dumps of the RIPE database, one or more; kinds of objects that are in none of them stay",
        ),
        (ImportKind.DELEGATED, "a registry's delegated-extended file; it replaces the one before of that registry"),
        (ImportKind.NETWORKS, "the offline network file: ranges with their AS number, AS name and country"),
        (ImportKind.ORGANISATIONS, "organisations as JSON or CSV; known ones are changed, none is removed"),
    ):
        command = commands.add_parser(f"import-{kind}", help=text, description=text)
        command.add_argument("files", nargs="+" if kind is ImportKind.RIPE else 1, type=Path, metavar="FILE")
        command.add_argument("--made-on", type=date.fromisoformat, help="the day that it is of; else that of the file")
        command.add_argument("--force", action="store_true", help="also what is older or far smaller than what is in")
        if kind is ImportKind.ORGANISATIONS:
            command.add_argument("--preview", action="store_true", help="only say what it would change")
        command.set_defaults(kind=kind)
    return parser.parse_args()


async def _import(settings: AttributionSettings, arguments: argparse.Namespace, console: Console) -> ImportRun:
    database = import_database(settings)
    kind, dump = arguments.kind, Dump(arguments.files)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"Importing {kind}", total=1.0, left="")

            def watch(run: ImportRun) -> None:
                progress.update(task, completed=run.progress.share_done, description=_rate(run), left=_left(run))

            importer = Importer(database, max_organisations_bytes=settings.max_organisations_bytes, watch=watch)
            is_preview = getattr(arguments, "preview", False)
            run = await importer.begin(kind, dump, started_by="job", is_preview=is_preview)
            day = arguments.made_on or _made_on(arguments.files)
            return await importer.run(run, dump, made_on=day, is_forced=arguments.force)
    finally:
        await database.close()


def import_database(settings: AttributionSettings) -> Database:
    """One connection for the import, whose statements may take long, and one to tell how far it is."""
    return Database(
        settings.database_url.get_secret_value(),
        pool_size=POOL_SIZE,
        statement_timeout_seconds=settings.import_statement_timeout_seconds,
    )


def _rate(run: ImportRun) -> str:
    rate = f", {run.records_per_second:,.0f} a second" if run.records_per_second else ""
    return f"{run.progress.records:,} records{rate}"


def _left(run: ImportRun) -> str:
    return f"{run.seconds_left:.0f} s left" if run.seconds_left is not None else ""


def _made_on(files: list[Path]) -> date:
    """A dump doesn't say of which day it is; its file does."""
    return datetime.fromtimestamp(min(path.stat().st_mtime for path in files), UTC).date()


def _tell(run: ImportRun, console: Console) -> None:
    console.print(f"{run.kind}: {run.state}, {run.progress.records:,} records. {run.message}")
    if run.records_per_second:
        console.print(f"  {run.seconds:.1f} s, {run.records_per_second:,.0f} records a second")
    for reason, count in sorted(run.progress.skipped.items()):
        console.print(f"  left out, {reason}: {count:,}")
    if run.changes is not None:
        _tell_changes(run.changes, console)
    for mistake in run.errors:
        console.print(f"  {mistake.where}: {mistake.message}", markup=False)


def apart(settings: AttributionSettings) -> WorkApart:
    """What the service does with a large file: its memory and its time are those of a process of its own."""

    async def work(upload: Upload) -> ImportRun:
        theirs, ours = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_work_apart, args=(settings, upload, theirs), name="import")
        process.start()
        theirs.close()
        try:
            return await asyncio.to_thread(_answer, ours)
        except EOFError:
            message = "Nothing was changed: the process of the import ended before its time."
            return msgspec.structs.replace(upload.run, state=ImportState.FAILED, message=message)
        finally:
            process.terminate()
            await asyncio.to_thread(process.join)
            ours.close()

    return work


def _answer(pipe: Connection) -> ImportRun:
    return msgspec.msgpack.decode(pipe.recv_bytes(), type=ImportRun)


def _work_apart(settings: AttributionSettings, upload: Upload, pipe: Connection) -> None:
    """The body of that process."""
    end_with_parent()
    configure_logs(level="warning", form=settings.log_format)
    pipe.send_bytes(msgspec.msgpack.encode(asyncio.run(_work(settings, upload))))


async def _work(settings: AttributionSettings, upload: Upload) -> ImportRun:
    database = import_database(settings)
    try:
        importer = Importer(database, max_organisations_bytes=settings.max_organisations_bytes)
        return await importer.work(upload.run, Dump([upload.path]), made_on=upload.made_on, is_forced=upload.is_forced)
    finally:
        await database.close()


def _tell_changes(changes: FileChanges, console: Console) -> None:
    counts = f"added {changes.added:,}, changed {changes.changed:,}, unchanged {changes.unchanged:,}"
    console.print(f"  {counts}, in conflict {changes.conflicts:,}")
    for line in changes.lines:
        console.print(f"  {line.where}: {line.kind} {line.name}: {', '.join(line.changes)}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
