"""A question about other rules, on records that came before: how long its answer takes, and what it costs the flow.

The draft holds back every record, so each threat that there is makes a difference, and attribution is asked about all.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console

from bench.events import raw_indicators
from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread
from bench.stages import prepare
from bench.workbench import Workbench, workbench
from libs.common.contracts import RawIndicator

LONGEST_SECONDS = 900
DRAFT = "[thresholds]\nhold_below_confidence = 1.0\n"


@dataclass(slots=True)
class Found:
    """Rounds of each: seconds to an answer while nothing else is done and while records come, and their rates."""

    quiet_seconds: list[float] = field(default_factory=list)
    busy_seconds: list[float] = field(default_factory=list)
    rates_alone: list[float] = field(default_factory=list)
    rates_beside: list[float] = field(default_factory=list)


def run(console: Console) -> Report:
    stored = size("STORED", standard=100_000, small=2000)
    events = size("EVENTS", standard=60_000, small=2000)
    found = asyncio.run(_measure(console, stored=stored, events=events))
    figures: dict[str, object] = {
        "stored": stored,
        "events": events,
        **Spread.of(found.quiet_seconds).figures("seconds"),
        **Spread.of(found.busy_seconds).figures("busy_seconds"),
        **Spread.of(found.rates_alone).figures("events_per_second_alone"),
        **Spread.of(found.rates_beside).figures("events_per_second_beside"),
    }
    return Report(scenario="what_if", figures=figures, tables=(_table(found),))


async def _measure(console: Console, *, stored: int, events: int) -> Found:
    found = Found()
    async with workbench(console) as bench:
        await bench.ship_incidents()
        await prepare(bench, "attribution")
        await bench.start("attribution")
        for number in range(1, rounds() + 1):
            await bench.databases.make("verifier")
            await bench.topics.skip_to_end("verifier")
            await bench.start("verifier")
            await _read(bench, stored)
            found.quiet_seconds.append(await _ask(bench))
            found.rates_alone.append(await _read(bench, events))
            asking = asyncio.create_task(_ask(bench))
            found.rates_beside.append(await _read(bench, events))
            found.busy_seconds.append(await asking)
            await bench.stop("verifier")
            console.print(f"round {number}: answered in {found.quiet_seconds[-1]:.1f} s")
    return found


async def _read(bench: Workbench, events: int) -> float:
    """Let the verifier read so many records; how many a second."""
    await bench.topics.fill(raw_indicators(events, datetime.now(UTC)))
    started = time.monotonic()
    await bench.topics.wait_until_read("verifier", RawIndicator.topic, seconds=LONGEST_SECONDS)
    return events / (time.monotonic() - started)


async def _ask(bench: Workbench) -> float:
    """Seconds to the answer."""
    async with bench.client("verifier") as api:
        started = time.monotonic()
        answer = await api.post("/v1/what-if", json={"days": 1, "rules": DRAFT})
        answer.raise_for_status()
        return time.monotonic() - started


def _table(found: Found) -> Tabular:
    def row(what: str, figures: Sequence[float]) -> list[str]:
        return [what, str(Spread.of(figures))]

    rows = [
        row("answer, s", found.quiet_seconds),
        row("answer while records come, s", found.busy_seconds),
        row("records a second, nobody asks", found.rates_alone),
        row("records a second while it is answered", found.rates_beside),
    ]
    return "What if: median (least-most)", ["what", "figure"], rows
