"""What a scenario found, and how it looks at a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Tabular = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, heads, rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`figures` goes into the file as it is; `tables` are for people."""

    scenario: str
    figures: Mapping[str, object]
    tables: Sequence[Tabular]


def print_report(console: Console, report: Report) -> None:
    for table in report.tables:
        print_table(console, table)


def print_table(console: Console, tabular: Tabular) -> None:
    title, heads, rows = tabular
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
