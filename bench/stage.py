"""Each stage alone: events a second, and what an event costs in the service, the database and the broker."""

import asyncio
import os
from collections.abc import Mapping, Sequence

from rich.console import Console

from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread
from bench.stages import NAMES, Round, measure, prepare, service_behind
from bench.workbench import workbench
from deploy.local.complaints import Complaint

Rounds = Mapping[str, Sequence[Round]]


def run(console: Console) -> Report:
    """`BENCH_STAGES` names some of them, with commas between; by default all are measured."""
    names = [name.strip() for name in (os.environ.get("BENCH_STAGES") or ",".join(NAMES)).split(",")]
    if unknown := set(names) - set(NAMES):
        raise Complaint(f"There is no stage {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.")
    events = size("EVENTS", standard=60_000, small=4000)
    found = asyncio.run(_measure_all(console, names, events=events))
    figures = {"events": events, "stages": {name: _figures(name, measured) for name, measured in found.items()}}
    return Report(scenario="stage", figures=figures, tables=(_table(found),))


async def _measure_all(console: Console, names: Sequence[str], *, events: int) -> Rounds:
    found: dict[str, list[Round]] = {}
    async with workbench(console) as bench:
        await bench.ship_incidents()
        for service in {service_behind(name) for name in names}:
            await prepare(bench, service)
        for name in names:
            for number in range(1, rounds() + 1):
                measured = await measure(bench, name, events=events)
                console.print(f"{name}, round {number}: {measured.rate:,.0f} events a second")
                found.setdefault(name, []).append(measured)
    return found


def _figures(name: str, measured: Sequence[Round]) -> dict[str, object]:
    return {
        **Spread.of(each.rate for each in measured).figures("events_per_second"),
        **Spread.of(each.busy_cores for each in measured).figures("busy_cores"),
        "cpu_microseconds_per_event": {part: spread.median for part, spread in _costs(name, measured).items()},
    }


def _costs(name: str, measured: Sequence[Round]) -> dict[str, Spread]:
    parts = (service_behind(name), "postgres", "kafka")
    return {part: Spread.of(each.cpu_microseconds(part) for each in measured) for part in parts}


def _table(found: Rounds) -> Tabular:
    heads = ["stage", "events a second", "service, CPU µs an event", "postgres", "kafka", "busy cores"]
    rows = [
        [
            name,
            str(Spread.of(each.rate for each in measured)),
            *(str(spread) for spread in _costs(name, measured).values()),
            str(Spread.of(each.busy_cores for each in measured)),
        ]
        for name, measured in found.items()
    ]
    return "Each stage alone: median (least-most)", heads, rows
