"""One replica of a stage against two, on two busy partitions.

Broker and database share the machine with the replicas: where their cores run out, they decide and not the service. So
the table has the cores that each part kept busy, and the ratio that these would allow if the service were all there is.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence

from rich.console import Console

from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread, plain
from bench.stages import STAGES, Round, measure, prepare
from bench.workbench import workbench
from deploy.local.complaints import Complaint

PARTITIONS = 2
CORES = os.cpu_count() or 1


def run(console: Console) -> Report:
    """`BENCH_STAGE` names the stage (verifier)."""
    name = os.environ.get("BENCH_STAGE") or "verifier"
    if name not in STAGES:
        raise Complaint(f"BENCH_STAGE has to be one of {', '.join(STAGES)}, not {name!r}.")
    events = size("EVENTS", standard=60_000, small=4000)
    found = asyncio.run(_measure(console, name, events=events))
    rates = {replicas: Spread.of(each.rate for each in measured) for replicas, measured in found.items()}
    figures: dict[str, object] = {
        "stage": name,
        "events": events,
        **rates[1].figures("one_events_per_second"),
        **rates[2].figures("two_events_per_second"),
        "ratio": round(rates[2].median / rates[1].median, 3),
        "possible_ratio": round(_possible(found[1]), 3),
        "busy_cores": {f"{n} {part}": cores for n, each in found.items() for part, cores in _cores(name, each).items()},
    }
    return Report(scenario="replicas", figures=figures, tables=(_table(name, found, rates),))


async def _measure(console: Console, name: str, *, events: int) -> Mapping[int, Sequence[Round]]:
    """In turns, so that what else happens on the machine meets both."""
    found: dict[int, list[Round]] = {1: [], 2: []}
    async with workbench(console, partitions=PARTITIONS) as bench:
        await bench.ship_incidents()
        await prepare(bench, STAGES[name].service)
        for number in range(1, rounds() + 1):
            for replicas, measured in found.items():
                measured.append(await measure(bench, name, events=events, replicas=replicas))
                console.print(f"round {number}, replicas {replicas}: {measured[-1].rate:,.0f} events a second")
    return found


def _cores(name: str, measured: Sequence[Round]) -> dict[str, float]:
    """Kept busy by each part, in the middle of the rounds."""
    parts = (STAGES[name].service, "postgres", "kafka")
    return {part: round(Spread.of(each.busy_cores_of(part) for each in measured).median, 2) for part in parts}


def _possible(alone: Sequence[Round]) -> float:
    """As much faster as this machine could be than one replica, were all of its cores put to work."""
    return CORES / Spread.of(each.busy_cores for each in alone).median


def _table(name: str, found: Mapping[int, Sequence[Round]], rates: Mapping[int, Spread]) -> Tabular:
    heads = [f"{name}: replicas", "events a second", "busy cores: service", "postgres", "kafka"]
    rows = [
        [str(replicas), str(rates[replicas]), *(f"{cores:.2f}" for cores in _cores(name, measured).values())]
        for replicas, measured in found.items()
    ]
    ratio = plain(rates[2].median / rates[1].median)
    possible = f"{plain(_possible(found[1]))} with all {CORES} cores busy"
    return "Replicas: median (least-most)", heads, [*rows, ["ratio", ratio, f"at most {possible}", "", ""]]
