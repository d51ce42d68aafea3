"""Runs the scenarios and keeps what they found: `python -m bench [SCENARIO …]`."""

import argparse
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import end_to_end
from bench.machine import machine
from bench.report import Report, print_report
from deploy.local.layout import Layout

SCENARIOS: Mapping[str, Callable[[Console], Report]] = {"end_to_end": end_to_end.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Tocsin on this machine.")
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all where none is named"
    )
    console = Console()
    for name in parser.parse_args().scenarios or SCENARIOS:
        report = SCENARIOS[name](console)
        print_report(console, report)
        path = _keep(report)
        console.print(f"Kept in {path}")


def _keep(report: Report) -> Path:
    """One file for each scenario, the newest; it says of what machine and commit it tells."""
    folder = Layout.from_environment().home / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.scenario}.json"
    document = {"scenario": report.scenario, "at": datetime.now(UTC).isoformat(), **machine(), **report.figures}
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


if __name__ == "__main__":
    main()
