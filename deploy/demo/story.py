"""The story: what happened, for a person at a terminal."""

from collections import Counter
from collections.abc import Sequence
from textwrap import shorten

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo.comparison import Check
from deploy.demo.follow import Ledger
from deploy.demo.measures import latency
from deploy.demo.progress import outcome_table
from deploy.demo.report import DemoReport
from deploy.demo.stage import demo_folder, report_path
from deploy.demo.thread import Thread
from deploy.local.endpoints import Endpoints
from deploy.local.layout import Layout
from libs.common.vocabulary import RecipientKind, Severity

LINES_OF_MAIL = 26
LINE_CHARACTERS = 150
REASON_STYLES = {"pass": "green", "fail": "red", "warn": "yellow", "skip": "dim"}


def tell(report: DemoReport, ledger: Ledger, thread: Thread | None, *, console: Console) -> None:
    console.rule("What became of the records")
    console.print(outcome_table(report.outcomes | {"rejected": report.rejected}))
    console.rule("Who was written to")
    console.print(_recipients(ledger))
    console.rule("How fast")
    console.print(_speed(report, ledger))
    if thread is not None:
        console.rule("One record, from the partner to the recipient")
        console.print(_thread_table(thread))
        console.print(_start_of_mail(thread))
    console.rule("Expected and got")
    _tell_checks(report.expectations, console)


def _recipients(ledger: Ledger) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("recipient", "as"):
        table.add_column(heading)
    for heading in ("mails", "assets"):
        table.add_column(heading, justify="right")
    mails: Counter[tuple[str, str]] = Counter()
    assets: Counter[tuple[str, str]] = Counter()
    for notification in ledger.notifications:
        who = (notification.recipient.kind, notification.recipient.name)
        mails[who] += 1
        assets[who] += notification.targets_total
    for kind, name in sorted(mails, key=lambda who: (who[0] != RecipientKind.ORGANISATION, who[1])):
        table.add_row(name, kind, str(mails[kind, name]), f"{assets[kind, name]:,}")
    return table


def _speed(report: DemoReport, ledger: Ledger) -> str:
    assets = sum(notification.targets_total for notification in ledger.notifications)
    p50, p99 = report.latency_seconds["p50"], report.latency_seconds["p99"]
    said = [
        f"{report.mails_delivered} mails about {assets:,} assets.",
        f"{report.events_per_second:,.0f} records a second from the first push to the last outcome, waiting included.",
        f"From push to mail: half within {p50:.1f} s, 99 of 100 within {p99:.1f} s.",
        "What is not critical waits some seconds for others of its kind.",
    ]
    critical = latency(ledger, severities=frozenset({Severity.CRITICAL}))
    if critical is not None:
        said.append(f"Critical ones don't: half within {critical.p50:.2f} s, 99 of 100 within {critical.p99:.2f} s.")
    return "\n".join(said)


def _thread_table(thread: Thread) -> Table:
    receipt, verdict = thread.pushed.receipt, thread.verdict
    graded = f"grade {verdict.grade}, {verdict.severity.value}, confidence {verdict.confidence:.2f}"
    table = _plain_table()
    table.add_row("pushed", f"record {thread.number} of {thread.pushed.feed.file_name} by {receipt.partner}")
    table.add_row("", Text(shorten(thread.line, LINE_CHARACTERS), style="dim"))
    table.add_row("receipt", f"{receipt.id}, received at {receipt.received_at:%H:%M:%S} UTC")
    table.add_row("verdict", f"{verdict.verdict}, {graded}")
    for reason in verdict.reasons:
        result = (f"{reason.result:<5}", REASON_STYLES.get(reason.result, ""))
        table.add_row("", Text.assemble(result, f"{reason.check}: {reason.detail}"))
    for number, step in enumerate(thread.target.evidence):
        found = f"{step.source}, asked {step.asked}: {step.answered} ({step.confidence:.2f})"
        table.add_row("" if number else "evidence", Text(found))
    table.add_row("outcome", f"{thread.record.outcome}: {thread.record.message}")
    table.add_row("mail", Text(f"{thread.mail.reference} to {thread.mail.recipient}: {thread.mail.subject}"))
    table.add_row("rating", Text(f"5 for useful, 4 for clear, by {thread.mail.link('f')}"))
    return table


def _start_of_mail(thread: Thread) -> Panel:
    start = "\n".join(thread.mail.text.splitlines()[:LINES_OF_MAIL])
    return Panel(Text(f"{start}\n…"), title=thread.mail.path.name, title_align="left", border_style="dim")


def _tell_checks(checks: Sequence[Check], console: Console) -> None:
    """The ones that don't hold in full, the others as a number."""
    wrong = [check for check in checks if not check.ok]
    console.print(f"{len(checks) - len(wrong)} of {len(checks)} expectations hold.")
    for check in wrong:
        console.print(Text.assemble(("✗ ", "bold red"), check.name))
        console.print(Text(f"    expected  {check.expected}\n    got       {check.got}"))


def say_what_stays(layout: Layout, *, console: Console) -> None:
    """What can be read when the stack is gone, too."""
    console.rule("To read")
    table = _plain_table()
    table.add_row("mails", f"{layout.mail}/new")
    table.add_row("feeds", f"{demo_folder(layout)}/feeds, with expectations.json and each record's fate")
    table.add_row("report", str(report_path(layout)))
    console.print(table)


def say_where_to_look(layout: Layout, endpoints: Endpoints, *, console: Console) -> None:
    """What can be opened and tried while the stack runs."""
    services = endpoints.services
    console.rule("To open and to try")
    table = _plain_table()
    table.add_row("counters", f"{services['feedback']}/")
    for name, url in services.items():
        table.add_row(name, f"{url}/docs")
    console.print(table)
    report = next((demo_folder(layout) / "feeds").glob("*-scan_rdp-*.csv"))
    pushed = f"--data-binary '@{report}' '{services['intake']}/v1/submissions?report_type=scan_rdp'"
    asked = f"'{services['attribution']}/v1/lookup?ip=192.0.2.17'"
    console.print("\nPush what shadow-sample has pushed as another partner: all its threats are known.")
    console.print(Text(_curl(pushed, layout, holding="partner_key")), soft_wrap=True)
    console.print("\nAsk whom a finding at an address would lead to, and why.")
    console.print(Text(_curl(asked, layout, holding="admin_token")), soft_wrap=True)


def _curl(rest: str, layout: Layout, *, holding: str) -> str:
    taken = f'python3 -c \'import json; print(json.load(open("{layout.endpoints}"))["{holding}"])\''
    return f'  curl -H "Authorization: Bearer $({taken})" {rest}'


def _plain_table() -> Table:
    """Two columns without lines: what it is, and what there is to say of it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table
