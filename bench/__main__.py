"""Runs the scenarios and keeps what they found: `python -m bench [SCENARIO …]`."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import (
    big_feed,
    end_to_end,
    growth,
    imports,
    latency,
    mail,
    parse,
    peer_intelmq,
    ranges,
    replicas,
    stage,
    what_if,
)
from bench.goals import goal_table
from bench.machine import machine
from bench.report import Report, print_report, print_table
from deploy.local.complaints import Complaint
from deploy.local.layout import Layout
from libs.common.telemetry import configure_logs

SCENARIOS: Mapping[str, Callable[[Console], Report]] = {
    "end_to_end": end_to_end.run,
    "stage": stage.run,
    "latency": latency.run,
    "mail": mail.run,
    "parse": parse.run,
    "big_feed": big_feed.run,
    "growth": growth.run,
    "ranges": ranges.run,
    "imports": imports.run,
    "replicas": replicas.run,
    "what_if": what_if.run,
    "peer_intelmq": peer_intelmq.run,
}


INTERRUPTED = 130
WIDTH = 120
"""Of what is printed into a file."""


def main() -> int:
    """Exit code 1 when something could not be measured; a goal that is not met is no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Tocsin on this machine.")
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all where none is named"
    )
    configure_logs(level="warning", form="auto")
    chosen = parser.parse_args().scenarios or list(SCENARIOS)
    if unknown := set(chosen) - set(SCENARIOS):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells switch off for what runs in the background
    signal.signal(signal.SIGTERM, _stop)
    console = Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
    try:
        return _run_all(chosen, console)
    except KeyboardInterrupt:
        console.print("Stopped.")
        return INTERRUPTED


def _stop(*_: object) -> None:
    """As Ctrl-C does, which clears away. A second SIGTERM is not to interrupt that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def _run_all(names: list[str], console: Console) -> int:
    results: dict[str, Mapping[str, object]] = {}
    for name in names:
        before = machine()
        try:
            report = SCENARIOS[name](console)
        except Complaint as complaint:
            console.print(f"{name} could not be measured. {complaint}")
            continue
        print_report(console, report)
        console.print(f"Kept in {_keep(report, before)}\n")
        results[name] = report.figures
    print_table(console, goal_table(results))
    return 0 if len(results) == len(names) else 1


def _keep(report: Report, before: Mapping[str, object]) -> Path:
    """One file for each scenario, the newest; it says of what machine and commit it tells, and with what settings."""
    folder = Layout.from_environment().home / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.scenario}.json"
    settings = {name: value for name, value in sorted(os.environ.items()) if name.startswith("BENCH_")}
    document = {
        "scenario": report.scenario,
        "at": datetime.now(UTC).isoformat(),
        **before,
        "settings": settings,
        **report.figures,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
