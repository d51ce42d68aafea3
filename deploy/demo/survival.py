"""The end of the story when there was trouble: what struck, and what was survived."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.demo.mails import so_many_mails
from deploy.demo.report import DemoReport
from deploy.demo.trouble import Trouble
from libs.common.faults import FAULTS


def tell_what_was_survived(report: DemoReport, trouble: Trouble, *, refused: int, console: Console) -> None:
    console.rule("What was survived")
    console.print(_struck_table(report))
    console.print()
    for sentence in _sentences(report, trouble, refused=refused):
        console.print(sentence)


def _struck_table(report: DemoReport) -> Table:
    """A line for each fault that struck, in the order of the registry."""
    table = Table(box=None, pad_edge=False)
    table.add_column("times", justify="right", style="bold")
    table.add_column("who", overflow="fold", max_width=24)
    table.add_column("what", overflow="fold")
    for name, fault in FAULTS.items():
        times = {place: faults[name] for place, faults in report.faults.items() if name in faults}
        if times:
            what = Text.assemble(fault.meaning, (f" ({name})", "dim"))
            table.add_row(str(sum(times.values())), ", ".join(times), what)
    return table


def _sentences(report: DemoReport, trouble: Trouble, *, refused: int) -> Iterator[str]:
    struck = {name for faults in report.faults.values() for name in faults}
    times = sum(sum(faults.values()) for faults in report.faults.values())
    yield f"Of {len(trouble.names)} kinds of faults that were switched on, {len(struck)} struck, {times} times in all."
    if report.deaths:
        died = ", ".join(f"{part} {_often(number)}" for part, number in sorted(report.deaths.items()))
        yield f"Died and came back: {died}."
    if report.in_doubt:
        yield (
            f"{_often(report.in_doubt).capitalize()} nobody knew whether a mail had left. "
            f"It went out once more; {so_many_mails(report.second_copies)} came twice so, "
            "and the second copy says what it is."
        )
    if refused:
        yield f"The relay refused {so_many_mails(refused)} for good; the operator had them sent once more."
    failed = report.outcomes.get("failed", 0)
    if failed:
        yield f"{failed} records count as failed, as their partners can see: their mails were refused, or lost twice."
    if report.reconciled and not report.duplicates_mailed:
        yield "All sums reconcile: every record has exactly one outcome, and no mail came twice without saying so."


def _often(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
