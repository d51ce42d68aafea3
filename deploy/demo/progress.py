"""Shows the outcomes while they come in: a table that moves at a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

SECONDS_BETWEEN_LINES = 3.0
BAR_WIDTH = 20

OUTCOMES = {
    "notified": "a mail tells somebody",
    "duplicate": "known already, a sighting more",
    "out-of-scope": "abroad, or handed over to a team",
    "unattributable": "nobody to write to",
    "expired": "too old to be still so",
    "held": "a person has to look",
    "refuted": "cannot be true",
    "suppressed": "the recipient wants no mail",
    "failed": "no mail could be delivered",
    "rejected": "unreadable",
    "pending": "on its way",
}


class OutcomeBoard:
    """Made by `outcome_board`."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._said = time.monotonic()

    def show(self, outcomes: Mapping[str, int]) -> None:
        if self._console.is_terminal:
            self._live.update(outcome_table(outcomes), refresh=True)
        elif time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            total = sum(outcomes.values())
            self._console.print(f"  {total - outcomes.get('pending', 0):,} of {total:,} records have their outcome")


@contextmanager
def outcome_board(console: Console) -> Iterator[OutcomeBoard]:
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield OutcomeBoard(console, live)


def outcome_table(outcomes: Mapping[str, int]) -> Table:
    """Each outcome with its number and a bar; those that have none are left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="cyan")
    table.add_column(style="dim")
    most = max(outcomes.values(), default=1)
    for outcome, meaning in OUTCOMES.items():
        if number := outcomes.get(outcome, 0):
            table.add_row(outcome, f"{number:,}", "━" * max(1, number * BAR_WIDTH // most), meaning)
    return table
