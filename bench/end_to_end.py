"""A feed, from the partner's POST to the last record's final outcome, on a stack of its own.

Everything runs on this machine: broker, database, five services, the relay and the partner. `BENCH_RECORDS` (500,000)
are pushed as one submission, streamed. Grouping windows are short, so that mails leave while the feed is running.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from bench.feed import feed
from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread
from bench.watch import Use, Watch
from bench.whole_system import whole_system
from bench.workbench import Workbench
from deploy.local.layout import SERVICES

SETTLED_WITHIN_SECONDS = 1800
PARTS = (*SERVICES, "kafka", "postgres", "mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One feed. Stages: service and event → seconds spent in its batches."""

    records: int
    answered_seconds: float
    settled_seconds: float
    outcomes: Mapping[str, int]
    uses: Mapping[str, Use]
    stages: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.records / self.settled_seconds

    def microseconds(self, seconds: float) -> float:
        return seconds / self.records * 1e6

    @property
    def cpu_microseconds(self) -> float:
        """A record's, of all parts together."""
        return self.microseconds(sum(use.cpu_seconds for use in self.uses.values()))


def run(console: Console) -> Report:
    records = size("RECORDS", standard=500_000, small=3000)
    runs = []
    for number in range(1, rounds() + 1):
        runs.append(asyncio.run(_push_and_watch(console, records)))
        console.print(f"round {number}: {runs[-1].rate:,.0f} records a second")
    return Report(
        scenario="end_to_end", figures=_figures(runs), tables=(_summary(runs), _by_part(runs), _by_stage(runs))
    )


async def _push_and_watch(console: Console, records: int) -> Run:
    async with whole_system(console) as bench:
        with Watch(bench.pids()) as watch:
            started = time.monotonic()
            receipt = await bench.partner.push(feed(records, now=datetime.now(UTC)))
            answered = time.monotonic() - started
            settled = await bench.partner.wait_until_settled(receipt, seconds=SETTLED_WITHIN_SECONDS)
            seconds = time.monotonic() - started
        return Run(
            records=records,
            answered_seconds=answered,
            settled_seconds=seconds,
            outcomes=settled["outcomes"],
            uses=watch.uses,
            stages=await _stages(bench),
        )


async def _stages(bench: Workbench) -> dict[str, float]:
    """What each service says of the time in its batches."""
    found = {}
    for service in SERVICES:
        for metric in await bench.metrics(service):
            if metric.name == "tocsin_batch_seconds_sum" and metric.value:
                found[f"{service} {metric.labels['event']}"] = metric.value
    return found


def _figures(runs: Sequence[Run]) -> dict[str, object]:
    return {
        "records": runs[0].records,
        **Spread.of(each.rate for each in runs).figures("events_per_second"),
        **Spread.of(each.answered_seconds for each in runs).figures("answered_seconds"),
        **Spread.of(each.settled_seconds for each in runs).figures("settled_seconds"),
        **Spread.of(each.cpu_microseconds for each in runs).figures("cpu_microseconds_per_record"),
        "outcomes": runs[-1].outcomes,
        "parts": {
            part: {
                **_cost(runs, part).figures("cpu_microseconds_per_record"),
                "memory_mb": max(each.uses[part].memory_mb for each in runs),
                "resident_mb": max(each.uses[part].resident_mb for each in runs),
            }
            for part in PARTS
        },
        "stages": {stage: _batch_time(runs, stage).median for stage in runs[0].stages},
    }


def _cost(runs: Sequence[Run], part: str) -> Spread:
    return Spread.of(each.microseconds(each.uses[part].cpu_seconds) for each in runs)


def _batch_time(runs: Sequence[Run], stage: str) -> Spread:
    return Spread.of(each.microseconds(each.stages.get(stage, 0.0)) for each in runs)


def _summary(runs: Sequence[Run]) -> Tabular:
    rows = [
        ["records", f"{runs[0].records:,}"],
        ["POST answered after, s", str(Spread.of(each.answered_seconds for each in runs))],
        ["last outcome after, s", str(Spread.of(each.settled_seconds for each in runs))],
        ["records a second, POST to final outcome", str(Spread.of(each.rate for each in runs))],
        ["CPU µs a record, all parts together", str(Spread.of(each.cpu_microseconds for each in runs))],
        *([outcome, f"{count:,}"] for outcome, count in sorted(runs[-1].outcomes.items())),
    ]
    return "End to end: median (least-most)", ["what", "figure"], rows


def _by_part(runs: Sequence[Run]) -> Tabular:
    rows = [
        [
            part,
            str(_cost(runs, part)),
            f"{max(each.uses[part].memory_mb for each in runs):.0f}",
            f"{max(each.uses[part].resident_mb for each in runs):.0f}",
        ]
        for part in PARTS
    ]
    return "By part", ["part", "CPU µs a record", "most memory of its own, MB", "resident, MB"], rows


def _by_stage(runs: Sequence[Run]) -> Tabular:
    rows = [[stage, str(_batch_time(runs, stage))] for stage in sorted(runs[0].stages)]
    return "Time in batches", ["service and event", "µs a record"], rows
