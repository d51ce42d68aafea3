"""A feed, from the partner's POST to the last record's final outcome, on a stack of its own.

Everything runs on this machine: broker, database, five services, mail sink and the partner. `BENCH_RECORDS` (100,000)
are pushed as one submission, streamed. Grouping windows are short, so that mails leave while the feed is running.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from bench.feed import feed, ripe_dump
from bench.report import Report
from bench.watch import Use, Watch
from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base

SETTLED_WITHIN_SECONDS = 1800
PARTS = ("intake", "verifier", "attribution", "notifier", "feedback", "kafka", "postgres", "mail")
SETTINGS = {f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "10" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")}
BATCH_SECONDS = re.compile(r'^tocsin_batch_seconds_(sum|count)\{event="(\w+)",service="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One feed, from POST to the last outcome. Stages: (service, event) → seconds spent in its batches."""

    records: int
    answered_seconds: float
    settled_seconds: float
    outcomes: dict[str, int]
    uses: dict[str, Use]
    stages: dict[tuple[str, str], float]


def run(console: Console) -> Report:
    records = int(os.environ.get("BENCH_RECORDS", "100000"))
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as home, _settings():
        layout = Layout(home=Path(home), cache=Layout.from_environment().cache, port_base=free_port_base())
        console.print(f"Starting a stack of its own, then pushing {records:,} records ...")
        with throwaway_stack(layout, console=console) as stack:
            _know_the_networks(stack)
            return _report(_push_and_watch(stack, records))


@contextmanager
def _settings() -> Iterator[None]:
    os.environ.update(SETTINGS)
    try:
        yield
    finally:
        for name in SETTINGS:
            del os.environ[name]


def _know_the_networks(stack: BackgroundStack) -> None:
    """Import the networks' owners, and wait until attribution looks them up."""
    api = _api(stack, "attribution", stack.endpoints.admin_token)
    api.post("/v1/imports/ripe", content=ripe_dump()).raise_for_status()
    while api.get("/v1/lookup", params={"ip": "2001:db8::1"}).raise_for_status().json()["recipient"] is None:
        time.sleep(0.2)


def _push_and_watch(stack: BackgroundStack, records: int) -> Run:
    partner = _api(stack, "intake", stack.endpoints.partner_key)
    pids = {part: pid for part in PARTS if (pid := stack.pid(part)) is not None}
    with Watch(pids) as watch:
        started = time.monotonic()
        answer = partner.post(
            "/v1/submissions", params={"report_type": "scan_smb"}, content=feed(records, now=datetime.now(UTC))
        )
        answered = time.monotonic() - started
        receipt = _settled(partner, answer.raise_for_status().json()["links"]["self"])
        settled = time.monotonic() - started
    return Run(
        records=records,
        answered_seconds=answered,
        settled_seconds=settled,
        outcomes=receipt["outcomes"],
        uses=watch.uses,
        stages=_stages(stack),
    )


def _settled(partner: httpx.Client, path: str) -> dict[str, Any]:  # Any: JSON of a receipt
    """The receipt, once no record is pending."""
    until = time.monotonic() + SETTLED_WITHIN_SECONDS
    while time.monotonic() < until:
        receipt: dict[str, Any] = partner.get(path).raise_for_status().json()
        if receipt["status"] == "failed":
            raise SystemExit(f"The submission failed: {receipt['errors']}")
        if receipt["status"] == "done" and not receipt["outcomes"].get("pending"):
            return receipt
        time.sleep(0.1)
    raise SystemExit(f"Not settled within {SETTLED_WITHIN_SECONDS} s.")


def _stages(stack: BackgroundStack) -> dict[tuple[str, str], float]:
    """What each service says of the time in its batches."""
    found = {}
    for url in stack.endpoints.services.values():
        for kind, event, service, value in BATCH_SECONDS.findall(httpx.get(f"{url}/metrics").text):
            if kind == "sum" and float(value) > 0:
                found[service, event] = float(value)
    return found


def _api(stack: BackgroundStack, service: str, token: str) -> httpx.Client:
    url = stack.endpoints.services[service]
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=600)


def _report(measured: Run) -> Report:
    rate = measured.records / measured.settled_seconds
    cpu = sum(use.cpu_seconds for use in measured.uses.values())
    figures = {
        "records": measured.records,
        "answered_seconds": round(measured.answered_seconds, 2),
        "settled_seconds": round(measured.settled_seconds, 2),
        "events_per_second": round(rate),
        "cpu_microseconds_per_record": round(cpu / measured.records * 1e6),
        "outcomes": measured.outcomes,
        "parts": {
            part: {"cpu_seconds": use.cpu_seconds, "memory_mib": use.memory_mib} for part, use in measured.uses.items()
        },
        "stages": {f"{service} {event}": round(seconds, 2) for (service, event), seconds in measured.stages.items()},
    }
    return Report(
        scenario="end_to_end", figures=figures, tables=(_summary(measured, rate), _parts(measured), _by_stage(measured))
    )


def _summary(measured: Run, rate: float) -> tuple[str, list[str], list[list[str]]]:
    rows = [
        ["records", f"{measured.records:,}"],
        ["POST answered after", f"{measured.answered_seconds:.2f} s"],
        ["last outcome after", f"{measured.settled_seconds:.2f} s"],
        ["records a second, POST to final outcome", f"{rate:,.0f}"],
        *([outcome, f"{count:,}"] for outcome, count in sorted(measured.outcomes.items())),
    ]
    return "End to end", ["what", "figure"], rows


def _parts(measured: Run) -> tuple[str, list[str], list[list[str]]]:
    rows = [
        [part, f"{use.cpu_seconds:.1f}", f"{use.cpu_seconds / measured.records * 1e6:.0f}", f"{use.memory_mib:.0f}"]
        for part, use in measured.uses.items()
    ]
    return "By part", ["part", "CPU s", "µs a record", "most memory MiB"], rows


def _by_stage(measured: Run) -> tuple[str, list[str], list[list[str]]]:
    rows = [
        [service, event, f"{seconds:.2f}", f"{seconds / measured.records * 1e6:.0f}"]
        for (service, event), seconds in sorted(measured.stages.items())
    ]
    return "By stage (time in batches)", ["service", "event", "s", "µs a record"], rows
