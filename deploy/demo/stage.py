"""The stage: an empty stack of the demo's own, with the settings that it needs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from deploy.demo.registry import ladder, vital_list
from deploy.local import commands
from deploy.local.complaints import Complaint
from deploy.local.layout import SERVICES, Layout
from deploy.local.locks import holder

VITAL_FILE = "vital-assets.csv"
LADDER_FILE = "ladder.toml"
APPROVAL_CONFIDENCE = 0.45
"""Between an AS's abuse desk (0.4) and that of the very network (0.5): the former waits for a person."""

WINDOW_SECONDS = {"HIGH": 3.0, "MEDIUM": 4.0}
"""Findings that are not critical wait for others of their kind: minutes in earnest, seconds here."""


SHORT_WAITS = {
    **{f"TOCSIN_{service.upper()}_RETRY_MAX_SECONDS": "2" for service in SERVICES},
    **{f"TOCSIN_{service.upper()}_STATEMENT_TIMEOUT_SECONDS": "5" for service in SERVICES},
    "TOCSIN_INTAKE_LEASE_SECONDS": "5",
    "TOCSIN_NOTIFIER_SMTP_TIMEOUT_SECONDS": "2",
    "TOCSIN_NOTIFIER_RETRY_SHORTEST_MINUTES": "0.05",
    "TOCSIN_NOTIFIER_RETRY_LONGEST_MINUTES": "0.2",
}
"""For a demo in trouble: how long it takes to notice that something is away, and to try again."""


def demo_folder(layout: Layout) -> Path:
    """Feeds, expectations, and what the verifier is given to read."""
    return layout.home / "demo"


def report_path(layout: Layout) -> Path:
    return layout.home / "demo-report.json"


def clear_stage(layout: Layout, *, console: Console) -> None:
    """Remove what the last demo left. A stack that runs, holds what is no demo's or lacks a part is a `Complaint`."""
    if set(layout.services) != set(SERVICES) or layout.external_smtp:
        raise Complaint("The demo needs all five services and the mail sink: unset TOCSIN_LOCAL_SERVICES and _SMTP.")
    if pid := holder(layout.lock):
        raise Complaint(f"A stack is running here already (process {pid}). Stop it with `make down`, then try again.")
    if not _mark(layout).exists() and layout.postgres.exists():
        raise Complaint(
            f"{layout.home} holds a stack that is no demo's, and the demo needs an empty one. "
            "Remove it with `make clean`, or set TOCSIN_HOME to another folder."
        )
    if _mark(layout).exists():
        console.print("Clearing away what the last demo left.")
        commands.clean(layout, console=Console(quiet=True))
    shutil.rmtree(demo_folder(layout), ignore_errors=True)
    report_path(layout).unlink(missing_ok=True)


def set_stage(layout: Layout, *, in_trouble: bool = False) -> None:
    """Mark the stack as a demo's, write the list of vital operators and who warns them, and put the services' settings
    into our own environment, from which they have theirs.
    """
    _mark(layout).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _mark(layout).touch()
    demo_folder(layout).mkdir(parents=True, exist_ok=True)
    (demo_folder(layout) / VITAL_FILE).write_text(vital_list())
    (demo_folder(layout) / LADDER_FILE).write_text(ladder())
    os.environ.update(settings(layout))
    if in_trouble:
        os.environ.update(SHORT_WAITS)


def _mark(layout: Layout) -> Path:
    """Among the stack's secrets, so that whatever deletes the stack deletes its mark."""
    return layout.secrets / "of-a-demo"


def settings(layout: Layout) -> Mapping[str, str]:
    """What the demo's services are told besides what every local stack tells them."""
    return {
        "TOCSIN_ATTRIBUTION_LADDER_FILE": str(demo_folder(layout) / LADDER_FILE),
        "TOCSIN_VERIFIER_VITAL_ASSETS_FILE": str(demo_folder(layout) / VITAL_FILE),
        "TOCSIN_NOTIFIER_APPROVAL_CONFIDENCE": str(APPROVAL_CONFIDENCE),
        **{f"TOCSIN_NOTIFIER_WINDOW_{name}_SECONDS": str(seconds) for name, seconds in WINDOW_SECONDS.items()},
    }
