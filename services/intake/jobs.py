"""Long work that a person starts: `python -m services.intake.jobs reconcile`."""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.table import Table

from libs.common.db import Database
from libs.common.errors import TocsinError
from libs.common.settings import read_settings
from services.intake.domain.reconciliation import Reconciliation
from services.intake.handlers.reconciliation import reconcile
from services.intake.settings import IntakeSettings

RECOUNT_SECONDS = 3600.0
"""A recount reads every record, so it may take as long as a person is willing to wait."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.intake.jobs")
    jobs = parser.add_subparsers(required=True)
    jobs.add_parser("reconcile", help="recount all records; exit code 1 if the books are wrong").set_defaults(
        job=run_reconcile
    )
    try:
        exit_code: int = asyncio.run(parser.parse_args().job(read_settings(IntakeSettings)))
    except TocsinError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return exit_code


async def run_reconcile(settings: IntakeSettings) -> int:
    with Console(stderr=True).status("Recounting all records …"):
        found = await _recount(settings)
    console = Console()
    console.print(_table(found))
    for mismatch in found.mismatches:
        console.print(f"{mismatch.submission_id}: {mismatch.counted} {mismatch.outcome} counted, {mismatch.kept} kept")
    return 0 if found.is_sound else 1


def _table(found: Reconciliation) -> Table:
    table = Table("what", "records", title="The books are right" if found.is_sound else "The books are WRONG")
    sums = {"accepted": found.accepted, **found.outcomes, "rejected": found.rejected}
    faults = {"outcome conflicts": found.outcome_conflicts, "mismatched counts": len(found.mismatches)}
    for what, number in {**sums, **faults}.items():
        table.add_row(what, f"{number:,}")
    table.add_row("oldest pending", f"{found.oldest_pending_seconds:,.0f} s")
    return table


async def _recount(settings: IntakeSettings) -> Reconciliation:
    database = Database(
        settings.database_url.get_secret_value(), pool_size=2, statement_timeout_seconds=RECOUNT_SECONDS
    )
    try:
        async with database.transaction() as tx:
            return await reconcile(tx, now=database.now())
    finally:
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
