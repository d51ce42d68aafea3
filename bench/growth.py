"""A feed through a system that has seen little, and through one that has seen a hundred times as much.

Both have the same broker and the same database server, and take turns. What they have seen is a small feed, which went
through the whole system, and copies of all that it left in the tables (`bench.copies`), spread over 90 days.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.copies import TABLES, multiply
from bench.feed import feed, ripe_dump
from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread, plain
from bench.watch import Use, Watch
from bench.whole_system import short_windows
from bench.workbench import Workbench, workbench
from deploy.local.complaints import Complaint
from deploy.local.layout import SERVICES

LONGEST_SECONDS = 900
BYTES_PER_STORED = 1500
"""An indicator's share of all tables and indexes."""

SPARE_BYTES = 5_000_000_000
"""For PostgreSQL's log of changes, and the broker."""
FEW, MANY = "few", "many"
PARTS = (*SERVICES, "postgres", "kafka")


@dataclass(frozen=True, slots=True)
class Push:
    """One feed, from POST to the last outcome."""

    records: int
    seconds: float
    uses: Mapping[str, Use]

    @property
    def microseconds(self) -> float:
        """A record's share of the time."""
        return self.seconds / self.records * 1e6

    def cpu_microseconds(self, *parts: str) -> float:
        """A record's, of these parts or of all."""
        return sum(self.uses[part].cpu_seconds for part in parts or self.uses) / self.records * 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """`sample` is what really goes through the system before; `few` and `many` are multiples of it."""

    sample: int
    few: int
    many: int
    records: int

    def copies(self, name: str) -> int:
        return (self.few if name == FEW else self.many) // self.sample - 1


def run(console: Console) -> Report:
    sizes = Sizes(
        sample=size("SAMPLE", standard=10_000, small=500),
        few=size("STORED_FEW", standard=100_000, small=1000),
        many=size("STORED_MANY", standard=10_000_000, small=10_000),
        records=size("RECORDS", standard=50_000, small=1000),
    )
    found = asyncio.run(_measure(console, sizes))
    times = {name: Spread.of(each.microseconds for each in pushes) for name, pushes in found.items()}
    costs = {name: Spread.of(each.cpu_microseconds() for each in pushes) for name, pushes in found.items()}
    figures: dict[str, object] = {
        "stored_few": sizes.few,
        "stored_many": sizes.many,
        "records": sizes.records,
        "time_ratio": round(times[MANY].median / times[FEW].median, 3),
        "cpu_ratio": round(costs[MANY].median / costs[FEW].median, 3),
    }
    for name, pushes in found.items():
        figures[f"{name}_cpu_microseconds_by_part"] = _by_part(pushes)
        figures |= times[name].figures(f"{name}_microseconds") | costs[name].figures(f"{name}_cpu_microseconds")
    return Report(scenario="growth", figures=figures, tables=(_table(sizes, times, costs), _parts(found)))


async def _measure(console: Console, sizes: Sizes) -> Mapping[str, Sequence[Push]]:
    found: dict[str, list[Push]] = {FEW: [], MANY: []}
    async with workbench(console) as bench:
        _expect_room(bench.databases.layout.postgres.resolve(), stored=sizes.few + sizes.many)
        await _push_sample(bench, sizes.sample)
        for name in (FEW, MANY):
            seconds = await _fill(bench, name, copies=sizes.copies(name))
            console.print(f"The system that has seen {name}: filled in {seconds:.0f} s.")
        first = sizes.sample
        for number in range(1, rounds() + 1):
            # Each goes first in every other round: the second finds more of the machine warm.
            for name in (FEW, MANY) if number % 2 else (MANY, FEW):
                pushed = await _push_to(bench, name, first=first, records=sizes.records)
                found[name].append(pushed)
                first += sizes.records
                console.print(f"round {number}, {name}: {pushed.microseconds:.0f} µs a record")
    return found


def _expect_room(folder: Path, *, stored: int) -> None:
    free, needed = shutil.disk_usage(folder).free, SPARE_BYTES + stored * BYTES_PER_STORED
    if free < needed:
        raise Complaint(
            f"{needed / 1e9:.0f} GB are needed in {folder}, {free / 1e9:.0f} GB are free. "
            "Make room, or store fewer: BENCH_STORED_MANY."
        )


async def _push_sample(bench: Workbench, records: int) -> None:
    """Let a feed go through the whole system, and keep what it leaves."""
    await bench.databases.make(*SERVICES)
    await bench.start_all({"notifier": short_windows(1)})
    await bench.know_the_networks(ripe_dump())
    await _settle(bench, first=0, records=records)
    await bench.stop_all()


async def _fill(bench: Workbench, name: str, *, copies: int) -> float:
    """Databases of that name, with the sample and its copies in them; all at once, since each is one process."""
    started = time.monotonic()
    for service in SERVICES:
        await bench.databases.copy(service, source=service, target=f"{service}_{name}")
    fillings = (
        multiply(bench.databases.superuser_url(f"{service}_{name}"), tables, copies=copies)
        for service, tables in TABLES.items()
    )
    await asyncio.gather(*fillings)
    return time.monotonic() - started


async def _push_to(bench: Workbench, name: str, *, first: int, records: int) -> Push:
    settings: dict[str, dict[str, str]] = {
        service: {"DATABASE_URL": bench.databases.url(service, name=f"{service}_{name}")} for service in SERVICES
    }
    settings["notifier"] |= short_windows(1)
    for service in SERVICES:
        await bench.topics.skip_to_end(service)
    await bench.start_all(settings)
    try:
        with Watch(bench.pids()) as watch:
            seconds = await _settle(bench, first=first, records=records)
    finally:
        await bench.stop_all()
    return Push(records, seconds, watch.uses)


async def _settle(bench: Workbench, *, first: int, records: int) -> float:
    """Seconds until the last outcome of a feed that is news to all before it."""
    started = time.monotonic()
    receipt = await bench.partner.push(feed(records, now=datetime.now(UTC), first=first))
    await bench.partner.wait_until_settled(receipt, seconds=LONGEST_SECONDS)
    return time.monotonic() - started


def _table(sizes: Sizes, times: Mapping[str, Spread], costs: Mapping[str, Spread]) -> Tabular:
    stored = {FEW: sizes.few, MANY: sizes.many}
    rows = [[f"{stored[name]:,}", str(times[name]), str(costs[name])] for name in (FEW, MANY)]
    ratios = [plain(spreads[MANY].median / spreads[FEW].median) for spreads in (times, costs)]
    heads = ["indicators stored", "µs a record", "CPU µs a record"]
    return "Growth: median (least-most)", heads, [*rows, ["ratio", *ratios]]


def _by_part(pushes: Sequence[Push]) -> dict[str, float]:
    return {part: round(Spread.of(each.cpu_microseconds(part) for each in pushes).median, 1) for part in PARTS}


def _parts(found: Mapping[str, Sequence[Push]]) -> Tabular:
    few, many = _by_part(found[FEW]), _by_part(found[MANY])
    rows = [[part, plain(few[part]), plain(many[part])] for part in PARTS]
    return "CPU µs a record by part: median", ["part", FEW, MANY], rows
