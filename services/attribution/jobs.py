"""Imports that a person starts at a terminal: `python -m services.attribution.jobs import-ripe FILE…`."""

import argparse
import asyncio
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from libs.common.db import Database
from libs.common.errors import Fatal, Transient
from libs.common.settings import read_settings
from libs.common.telemetry import configure_logs
from services.attribution.domain.imports import FileChanges, ImportKind, ImportRun, ImportState
from services.attribution.handlers import Dump, Importer
from services.attribution.settings import AttributionSettings

POOL_SIZE = 2
"""One connection for the import, one to tell how far it is."""


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
        is_preview = getattr(arguments, "preview", False)
        run = asyncio.run(_import(settings, arguments.kind, arguments.files, console, is_preview=is_preview))
    except (Fatal, Transient) as error:
        console.print(f"Nothing was changed: {error}")
        return 1
    _tell(run, console)
    return 0 if run.state is ImportState.DONE else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.attribution.jobs", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="JOB")
    for kind, text in (
        (ImportKind.RIPE, "split dumps of the RIPE database, all of them at once; they replace the ones before"),
        (ImportKind.DELEGATED, "a registry's delegated-extended file; it replaces the one before"),
        (ImportKind.ORGANISATIONS, "organisations as JSON or CSV; known ones are changed, none is removed"),
    ):
        command = commands.add_parser(f"import-{kind}", help=text, description=text)
        command.add_argument("files", nargs="+" if kind is ImportKind.RIPE else 1, type=Path, metavar="FILE")
        if kind is ImportKind.ORGANISATIONS:
            command.add_argument("--preview", action="store_true", help="only say what it would change")
        command.set_defaults(kind=kind)
    return parser.parse_args()


async def _import(
    settings: AttributionSettings, kind: ImportKind, files: list[Path], console: Console, *, is_preview: bool
) -> ImportRun:
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=POOL_SIZE,
        statement_timeout_seconds=settings.import_statement_timeout_seconds,
    )
    dump = Dump(files)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"Importing {kind}", total=dump.bytes_total)

            def watch(run: ImportRun) -> None:
                progress.update(
                    task, completed=run.progress.bytes_read, description=f"{run.progress.records:,} records"
                )

            importer = Importer(database, max_organisations_bytes=settings.max_organisations_bytes, watch=watch)
            run = await importer.begin(kind, dump, started_by="job", is_preview=is_preview)
            return await importer.run(run, dump, made_on=_made_on(files))
    finally:
        await database.close()


def _made_on(files: list[Path]) -> date:
    """A dump doesn't say of which day it is; its file does."""
    return datetime.fromtimestamp(min(path.stat().st_mtime for path in files), UTC).date()


def _tell(run: ImportRun, console: Console) -> None:
    console.print(f"{run.kind}: {run.state}, {run.progress.records:,} records. {run.message}")
    for reason, count in sorted(run.progress.skipped.items()):
        console.print(f"  left out, {reason}: {count:,}")
    if run.changes is not None:
        _tell_changes(run.changes, console)
    for mistake in run.errors:
        console.print(f"  {mistake.where}: {mistake.message}", markup=False)


def _tell_changes(changes: FileChanges, console: Console) -> None:
    counts = f"added {changes.added:,}, changed {changes.changed:,}, unchanged {changes.unchanged:,}"
    console.print(f"  {counts}, in conflict {changes.conflicts:,}")
    for line in changes.lines:
        console.print(f"  {line.where}: {line.kind} {line.name}: {', '.join(line.changes)}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
