"""The RIPE database's dumps at real size come into a running service, which answers from the old ones meanwhile.

The dumps are made up (`bench/dumps.py`) and sent as one body, as an operator's script would. Before them a small one
came in, so that something serves. Then the same again, which changes nothing, and one kind of objects by itself.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import psutil
from rich.console import Console

from bench.dumps import ADDRESSES_A_BLOCK, FIRST_IPV4, Sizes, write_dumps
from bench.report import Report, Tabular
from bench.sizes import size
from bench.watch import MEGABYTE, Watch
from bench.workbench import Workbench, workbench
from deploy.local.complaints import Complaint

OBJECTS_BEFORE = 400
CHUNK = 1024 * 1024
SECONDS_BETWEEN_LOOKS = 0.1
LONGEST_SECONDS = 1800


@dataclass(slots=True)
class Watched:
    """One import: what it told, and what was seen of it."""

    seconds: float = 0.0
    records: int = 0
    peak_mb: float = 0.0
    old_served_seconds: float = 0.0
    slowest_lookup_seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    megabytes: float
    whole: Watched
    cpu_microseconds: float
    again: Watched
    one_kind: Watched


def run(console: Console) -> Report:
    sizes = Sizes.of(size("OBJECTS", standard=5_000_000, small=20_000))
    found = asyncio.run(_measure(console, sizes))
    whole = found.whole
    figures = {
        "objects": whole.records,
        "megabytes": round(found.megabytes, 1),
        "seconds": round(whole.seconds, 1),
        "objects_per_second": round(whole.records / whole.seconds),
        "cpu_microseconds_per_object": round(found.cpu_microseconds, 1),
        "importer_peak_mb": round(whole.peak_mb),
        "old_served_seconds": round(whole.old_served_seconds, 1),
        "slowest_lookup_meanwhile_seconds": round(whole.slowest_lookup_seconds, 3),
        "unchanged_seconds": round(found.again.seconds, 1),
        "one_kind_seconds": round(found.one_kind.seconds, 1),
    }
    return Report(scenario="imports", figures=figures, tables=(_table(figures),))


async def _measure(console: Console, sizes: Sizes) -> Measured:
    with tempfile.TemporaryDirectory(prefix="tocsin-dumps-") as folder:
        console.print(f"Making {sizes.ranges + sizes.others:,} objects ...")
        before = await asyncio.to_thread(write_dumps, _made(Path(folder) / "before"), Sizes.of(OBJECTS_BEFORE))
        files = await asyncio.to_thread(write_dumps, _made(Path(folder) / "now"), sizes)
        async with workbench(console) as bench:
            await bench.databases.make("attribution")
            await bench.start("attribution")
            async with bench.client("attribution") as api:
                await _bring_in(bench, api, before, day=1)
                console.print("Importing them ...")
                with Watch(bench.pids()) as watch:
                    whole = await _bring_in(bench, api, files, day=2, until_known=_last_address(sizes))
                again = await _bring_in(bench, api, files, day=2)
                one_kind = await _bring_in(bench, api, [path for path in before if "role" in path.name], day=3)
        megabytes = sum(path.stat().st_size for path in files) / MEGABYTE
    cpu = sum(watch.uses[part].cpu_seconds for part in ("attribution", "postgres"))
    return Measured(
        megabytes=megabytes,
        whole=whole,
        cpu_microseconds=cpu / whole.records * 1e6,
        again=again,
        one_kind=one_kind,
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _last_address(sizes: Sizes) -> str:
    """In the last range, which is not in the small dump."""
    return str(IPv4Address(FIRST_IPV4 + sizes.ipv4_blocks * ADDRESSES_A_BLOCK - 1))


async def _bring_in(
    bench: Workbench, api: httpx.AsyncClient, files: Sequence[Path], *, day: int, until_known: str | None = None
) -> Watched:
    """Send the files as one body; watch the import, the look-ups meanwhile, and the memory of its processes."""
    made_on = date(2026, 11, 1) + timedelta(days=day)
    parameters = {"made_on": made_on.isoformat(), "force": "true"}
    answer = await api.post("/v1/imports/ripe", content=_bytes_of(files), params=parameters)
    answer.raise_for_status()
    place, started, watched = answer.headers["Location"], time.monotonic(), Watched()
    while True:
        run = (await api.get(place)).raise_for_status().json()
        watched.peak_mb = max(watched.peak_mb, _importing_mb(bench.pids()["attribution"]))
        if until_known is not None and not watched.old_served_seconds:
            await _look_up(api, until_known, watched, started)
        if run["state"] not in {"waiting", "running"}:
            break
        if time.monotonic() - started > LONGEST_SECONDS:
            raise Complaint(f"The import did not end within {LONGEST_SECONDS} s.")
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    if run["state"] != "done":
        raise Complaint(f"The import failed: {run['message']}")
    watched.seconds, watched.records, watched.message = time.monotonic() - started, run["records"], run["message"]
    return watched


async def _look_up(api: httpx.AsyncClient, address: str, watched: Watched, started: float) -> None:
    begin = time.monotonic()
    found = (await api.get("/v1/lookup", params={"ip": address})).raise_for_status().json()
    watched.slowest_lookup_seconds = max(watched.slowest_lookup_seconds, time.monotonic() - begin)
    if found["candidates"]:
        watched.old_served_seconds = time.monotonic() - started


def _importing_mb(service: int) -> float:
    """Resident memory of all processes that the service has started."""
    found = 0.0
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(service).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += child.memory_info().rss / MEGABYTE
    return found


async def _bytes_of(files: Sequence[Path]) -> AsyncIterator[bytes]:
    """Packed files one after another are one packed file."""
    for path in files:
        with path.open("rb") as file:
            while part := await asyncio.to_thread(file.read, CHUNK):
                yield part


def _table(figures: dict[str, float]) -> Tabular:
    rows = [
        ["objects", f"{figures['objects']:,}"],
        ["seconds", f"{figures['seconds']:.1f}"],
        ["objects a second", f"{figures['objects_per_second']:,}"],
        ["CPU an object, µs (service, importer, database)", f"{figures['cpu_microseconds_per_object']:.1f}"],
        ["importer and its processes, resident, MB", f"{figures['importer_peak_mb']:.0f}"],
        ["the old dump answered for, s", f"{figures['old_served_seconds']:.1f}"],
        ["slowest look-up meanwhile, s", f"{figures['slowest_lookup_meanwhile_seconds']:.3f}"],
        ["the same dump again, s", f"{figures['unchanged_seconds']:.1f}"],
        ["one kind of objects by itself, s", f"{figures['one_kind_seconds']:.1f}"],
    ]
    return "Dumps of the RIPE database, imported into a running service", ["what", "figure"], rows
