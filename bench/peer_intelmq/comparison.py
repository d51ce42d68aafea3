"""Both in turns, and what they come to."""

import csv
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import end_to_end
from bench.feed import feed
from bench.peer_intelmq.installation import Installation, installation
from bench.peer_intelmq.pipeline import encode_report, running_pipeline
from bench.report import Report, Tabular
from bench.sizes import rounds, size
from bench.spread import Spread, plain
from bench.watch import Use, Watch
from deploy.local.layout import Layout

CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One feed through one system, all its processes counted."""

    records: int
    records_per_second: float
    cpu_microseconds_per_record: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """All rounds of both, in order, and what the parts of IntelMQ used in its last one."""

    tocsin: Sequence[Passage]
    intelmq: Sequence[Passage]
    uses: Mapping[str, Use]


def run(console: Console) -> Report:
    """`BENCH_RECORDS` (100,000) through IntelMQ, then through Tocsin, `BENCH_ROUNDS` (3) times.

    Raises `Complaint` where there is no Redis, or where IntelMQ can't be installed.
    """
    found = installation(Layout.from_environment().cache)
    records = size("RECORDS", standard=100_000, small=3000)
    tocsin, intelmq = [], []
    uses: Mapping[str, Use] = {}
    for number in range(1, rounds() + 1):
        console.print(f"round {number}: {records:,} records through IntelMQ ...")
        passage, uses = _through_intelmq(found, records)
        intelmq.append(passage)
        console.print(f"round {number}: {passage.records_per_second:,.0f} records a second; now through Tocsin ...")
        tocsin.append(_through_tocsin(console, records))
    return _report(Passages(tocsin=tocsin, intelmq=intelmq, uses=uses))


def _through_intelmq(found: Installation, records: int) -> tuple[Passage, Mapping[str, Use]]:
    now = datetime.now(UTC)
    payload = b"".join(feed(records, now=now))
    report, findings = encode_report(payload, now=now), _findings(payload)
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-bench-") as root,
        running_pipeline(found, root=Path(root)) as pipeline,
        Watch(pipeline.pids) as watch,
    ):
        started = time.monotonic()
        pipeline.push(report)
        pipeline.wait_for_events(findings)
        seconds = time.monotonic() - started
    cpu_seconds = sum(use.cpu_seconds for use in watch.uses.values())
    passage = Passage(
        records=records,
        records_per_second=records / seconds,
        cpu_microseconds_per_record=cpu_seconds / records * 1e6,
    )
    return passage, watch.uses


def _findings(payload: bytes) -> int:
    """How many events a deduplicator lets through: port and finding are the same in all records."""
    return len({row["ip"] for row in csv.DictReader(payload.decode().splitlines())})


def _through_tocsin(console: Console, records: int) -> Passage:
    with _environment(BENCH_RECORDS=str(records), BENCH_ROUNDS="1"):
        figures: Mapping[str, Any] = end_to_end.run(console).figures  # Any: as they go into its file
    return Passage(
        records=records,
        records_per_second=figures["events_per_second"],
        cpu_microseconds_per_record=figures["cpu_microseconds_per_record"],
    )


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(before)


def _report(passages: Passages) -> Report:
    tocsin, intelmq = passages.tocsin, passages.intelmq
    figures = {
        "records": tocsin[0].records,
        "tocsin": _figures(tocsin),
        "intelmq": {**_figures(intelmq), "cpu_seconds": {part: use.cpu_seconds for part, use in passages.uses.items()}},
        "ratio": round(_rate(tocsin).median / _rate(intelmq).median, 2),
        "cpu_ratio": round(_cpu(intelmq).median / _cpu(tocsin).median, 2),
    }
    return Report(scenario="peer_intelmq", figures=figures, tables=(_summary(passages), _parts(passages)))


def _rate(passages: Sequence[Passage]) -> Spread:
    return Spread.of(each.records_per_second for each in passages)


def _cpu(passages: Sequence[Passage]) -> Spread:
    return Spread.of(each.cpu_microseconds_per_record for each in passages)


def _figures(passages: Sequence[Passage]) -> Mapping[str, object]:
    return {
        **_rate(passages).figures("records_per_second"),
        **_cpu(passages).figures("cpu_microseconds_per_record"),
    }


def _summary(passages: Passages) -> Tabular:
    tocsin, intelmq = passages.tocsin, passages.intelmq
    rate_ratio = _rate(tocsin).median / _rate(intelmq).median
    cpu_ratio = _cpu(intelmq).median / _cpu(tocsin).median
    rows = [
        ["records a second", str(_rate(tocsin)), str(_rate(intelmq)), f"{plain(rate_ratio)} : 1"],
        ["CPU µs a record, all processes", str(_cpu(tocsin)), str(_cpu(intelmq)), f"1 : {plain(cpu_ratio)}"],
        [f"records a second, were all {CORES} cores busy", _at_most(tocsin), _at_most(intelmq), ""],
        ["what becomes of a record", "judged, owner found and warned", "classified, written to a file", ""],
        ["what a loss of power takes", "nothing that was confirmed", "all that was under way", ""],
    ]
    return "Tocsin beside IntelMQ 3.5", ["what", "Tocsin", "IntelMQ", "Tocsin : IntelMQ"], rows


def _at_most(passages: Sequence[Passage]) -> str:
    """What a perfect balance of the load over all cores could give."""
    return plain(CORES / _cpu(passages).median * 1e6)


def _parts(passages: Passages) -> Tabular:
    """A bot is one thread, so it is at most as fast as one core lets it."""
    records = passages.intelmq[-1].records
    rows = [
        [
            part,
            plain(use.cpu_seconds / records * 1e6),
            plain(records / max(use.cpu_seconds, 0.01)),
            plain(use.memory_mb),
        ]
        for part, use in passages.uses.items()
    ]
    return (
        "IntelMQ by part, last round",
        ["part", "CPU µs a record", "records a second at most", "most memory MB"],
        rows,
    )
