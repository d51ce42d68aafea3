"""What a scenario found, and how it looks at a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`figures` goes into the file as it is; `tables` are (title, heads, rows) for people."""

    scenario: str
    figures: Mapping[str, object]
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]]


def print_report(console: Console, report: Report) -> None:
    for title, heads, rows in report.tables:
        table = Table(title=title, title_justify="left")
        for place, head in enumerate(heads):
            table.add_column(head, justify="left" if place == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
