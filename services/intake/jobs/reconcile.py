"""`reconcile`: compare the books of all services, and tell a person what they say."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from libs.common.contracts import IndicatorSettled
from libs.common.db import Database
from libs.common.errors import TocsinError
from libs.common.overdue import backlog_of
from libs.common.settings import read_settings
from libs.common.telemetry import configure_logs
from libs.common.topics import TopicReader
from services.intake.domain.reconciliation.report import Reconciliation
from services.intake.domain.reconciliation.words import sentence
from services.intake.gateway.siblings import siblings_of
from services.intake.handlers.books import Scope
from services.intake.handlers.reconciling import Reconciler
from services.intake.settings import IntakeSettings

STATEMENT_SECONDS = 600.0
"""A recount of a submission reads all its records; a person waits for that."""

SOUND, UNSOUND, NO_VERDICT = 0, 1, 2
"""Exit codes."""

SUMMARY = "compare the books of all services; exit code 0: sound, 1: they differ, 2: there is no verdict"


def run(arguments: argparse.Namespace) -> int:
    try:
        settings = read_settings(IntakeSettings)
        configure_logs(level="warning", form=settings.log_format)
        found = asyncio.run(_reconcile(settings, arguments))
    except TocsinError as error:
        sys.stderr.write(f"No verdict. {error}\n")
        return NO_VERDICT
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    else:
        _tell(found, Console(highlight=False, markup=False, soft_wrap=True))
    return {True: SOUND, False: UNSOUND, None: NO_VERDICT}[found.sound]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--submission", type=UUID, metavar="ID", help="only this one")
    which.add_argument(
        "--since",
        type=_moment,
        default=datetime(1970, 1, 1, tzinfo=UTC),
        metavar="TIME",
        help="only what was received since, as in 2026-03-01 or 2026-03-01T04:05Z; else: everything",
    )
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="for what is under way, instead of the setting")
    parser.add_argument("--json", action="store_true", help="for programs")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _reconcile(settings: IntakeSettings, arguments: argparse.Namespace) -> Reconciliation:
    url = settings.database_url.get_secret_value()
    database = Database(url, pool_size=2, statement_timeout_seconds=STATEMENT_SECONDS)
    topics = TopicReader(settings, service="intake", topics={IndicatorSettled.topic})
    backlog = partial(backlog_of, database, topics)
    wait_seconds = settings.reconcile_wait_seconds if arguments.wait is None else arguments.wait
    scope = Scope.of(arguments.submission) if arguments.submission else Scope.received_since(arguments.since)
    try:
        async with siblings_of(settings) as siblings:
            reconciler = Reconciler(database, siblings, backlog=backlog, wait_seconds=wait_seconds)
            with _progress() as progress:
                task = progress.add_task("Comparing the books of all services", total=None)
                return await reconciler.run(
                    scope, tell=lambda done, total: progress.update(task, completed=done, total=total)
                )
    finally:
        await database.close()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _tell(run: Reconciliation, console: Console) -> None:
    """The verdict first; then what it rests on."""
    console.print(_verdict(run))
    for difference in run.differences:
        console.print(f"  {sentence(difference)}")
    if more := run.differences_total - len(run.differences):
        console.print(f"  … and {more:,} more.")
    console.print(f"{run.records:,} records of {run.submissions:,} submissions: {_listed(run.outcomes)}.")
    if run.waiting:
        console.print(f"Waiting at the notifier: {_listed(run.waiting)}.")
    if run.under_way:
        console.print(f"Under way, and neither lost nor proved: {_listed(run.under_way)}.")


def _verdict(run: Reconciliation) -> str:
    if run.differences_total:
        return f"The books DIFFER in {run.differences_total:,} places. docs/for-operators.md says what to do."
    if run.no_verdict:
        return f"No verdict: {run.no_verdict}. Nothing is wrong with what could be compared."
    return "The books of all services agree."


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(numbers.items())) or "none"
