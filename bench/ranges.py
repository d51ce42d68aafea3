"""Attribution beside a registry of millions of network ranges: what a batch of look-ups takes, and the memory for it.

The ranges are columns as an import leaves them: blocks of 16, one that holds the 15 others, four fifths of them IPv4,
and a network file of half a million ranges beside them. The service loads them as after an import, while its memory is
watched; the look-ups are the service's own code, on a directory that it reads from the same tables. Each batch has
other assets, so none is known from the one before.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import msgspec
import numpy as np
from rich.console import Console

from bench.patience import until
from bench.report import Report, Tabular
from bench.sizes import size
from bench.spread import Spread, percentile
from bench.watch import Watch
from bench.workbench import Workbench, workbench
from libs.common.contracts import Asset, Indicator
from libs.common.db import Database
from libs.common.intervals import Interval, Space
from libs.common.service import calm_garbage_collector
from services.attribution import store
from services.attribution.domain.columns import ROWS_AT_ONCE, Columns, joined
from services.attribution.domain.directory import Directory, question_of
from services.attribution.domain.network_files import Stretch, StretchBuilder
from services.attribution.domain.ripe.resolving import Nest
from services.attribution.domain.sources import NETWORK_FILE_PARTS, RIPE, Version
from services.attribution.handlers import decide_all, shipped_ladder
from services.attribution.handlers.directory import LiveDirectory

LADDER = shipped_ladder()
ASSETS = 2000
BATCHES = 101
BLOCK = 16
DESKS = 20_000
STRETCHES = 500_000
SYSTEMS = 60_000
BLOCKS_OF_AS = 8
FIRST_IPV4 = int(IPv4Address("1.0.0.0"))
FIRST_IPV6 = int(IPv6Address("2a00::"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Milliseconds are of a batch of 2,000; `decided` includes the look-up."""

    ranges: int
    loaded_seconds: float
    peak_mb: float
    resident_mb: float
    looked_up: Sequence[float]
    decided: Sequence[float]


def run(console: Console) -> Report:
    ranges = size("RANGES", standard=4_000_000, small=40_000)
    found = asyncio.run(_measure(console, ranges=ranges))
    figures = {
        "ranges": found.ranges,
        "loaded_seconds": round(found.loaded_seconds, 1),
        "resident_mb": found.resident_mb,
        "resident_peak_mb": found.peak_mb,
        "lookups_milliseconds": round(percentile(found.looked_up, 50), 2),
        "lookups_milliseconds_p99": round(percentile(found.looked_up, 99), 2),
        "decisions_milliseconds": round(percentile(found.decided, 50), 2),
    }
    return Report(scenario="ranges", figures=figures, tables=(_table(found),))


async def _measure(console: Console, *, ranges: int) -> Measured:
    async with workbench(console) as bench:
        await bench.databases.make("attribution")
        await bench.start("attribution")
        console.print(f"Making {ranges:,} ranges ...")
        with Watch(bench.pids()) as loading:
            await _make(bench.databases.url("attribution"), ranges)
            started = time.monotonic()
            await _wait_until_loaded(bench, ranges)
            loaded_seconds = time.monotonic() - started
        with Watch(bench.pids()) as loaded:
            await asyncio.sleep(1)
        await bench.stop("attribution")
        console.print(f"Looking up {BATCHES} times {ASSETS:,} assets ...")
        looked_up, decided = await _look_up(bench.databases.url("attribution"), ranges)
    return Measured(
        ranges=ranges,
        loaded_seconds=loaded_seconds,
        peak_mb=loading.uses["attribution"].resident_mb,
        resident_mb=loaded.uses["attribution"].resident_mb,
        looked_up=looked_up,
        decided=decided,
    )


async def _make(database_url: str, ranges: int) -> None:
    """One version, as an import leaves it."""
    database = Database(database_url, pool_size=1, statement_timeout_seconds=300)
    try:
        async with database.transaction() as tx:
            version = Version(source=RIPE, made_on=database.now().date(), imported_at=database.now())
            number = await store.sources.open_version(tx, version)
            await store.sources.write_columns(tx, number, _desks())
            for space, count in ((Space.IPV4, ranges * 4 // 5), (Space.IPV6, ranges - ranges * 4 // 5)):
                columns = await asyncio.to_thread(_ranges, space, count)
                named = {f"{space}/{name}": column for name, column in columns.items()}
                await store.sources.write_columns(tx, number, named)
            for source, columns in zip(NETWORK_FILE_PARTS, _network_file().values(), strict=True):
                number = await store.sources.open_version(tx, msgspec.structs.replace(version, source=source))
                await store.sources.write_columns(tx, number, columns)
    finally:
        await database.close()


def _network_file() -> dict[str, Columns]:
    """A stretch of eight blocks for each AS, four fifths of them IPv4."""
    builder = StretchBuilder()
    for number in range(STRETCHES):
        asn, place = 1000 + number % SYSTEMS, number // 5
        if number % 5:
            first, size = FIRST_IPV4 + (number - place - 1) * BLOCKS_OF_AS * 256, BLOCKS_OF_AS * 256
            ends = Interval(Space.IPV4, first, first + size - 1)
        else:
            first, size = FIRST_IPV6 + (place * BLOCKS_OF_AS << 96), BLOCKS_OF_AS << 96
            ends = Interval(Space.IPV6, first, first + size - 1)
        builder.add(Stretch(ends, asn, "NL", f"AS {asn}"))
    return builder.columns()


def _desks() -> Columns:
    return {
        "desk-email": joined(f"abuse@desk{number}.example" for number in range(DESKS)),
        "desk-name": joined(f"Desk {number}" for number in range(DESKS)),
    }


def _ranges(space: Space, count: int) -> Columns:
    """The first of each block holds the others; the last three have its desk."""
    row = np.arange(count)
    block, number = row // BLOCK, row % BLOCK
    begin = np.maximum(number - 1, 0) * BLOCK
    end = np.where(number == 0, 255, begin + BLOCK - 1)
    if space is Space.IPV4:
        first, last = ((FIRST_IPV4 + block * 256 + part).astype(">u4").tobytes() for part in (begin, end))
    else:
        high = (FIRST_IPV6 >> 64) + (block.astype(np.uint64) << np.uint64(32))
        lows = (part.astype(np.uint64) << np.uint64(56) for part in (begin, end))
        fill = (np.uint64(0), np.uint64((1 << 56) - 1))
        first, last = (
            np.stack([high, low | rest], 1).astype(">u8").tobytes() for low, rest in zip(lows, fill, strict=True)
        )
    nest = Nest(space)
    inherits = (number > 12).astype(np.int32)
    own = np.where(inherits, -1, row % DESKS).astype(np.int32)
    for start in range(0, count, ROWS_AT_ONCE):
        nest.add(first, last, own, bytes(count), start=start)
    return {
        "first": first,
        "last": last,
        "country": b"".join(b"DE" if each % 10 == 0 else b"NL" for each in range(count)),
        "name": joined(f"NET-{each}" for each in range(count)),
        "status": np.zeros(count, dtype=np.int32).tobytes(),
        "status-words": joined(["ASSIGNED PA"]),
        **nest.columns(),
    }


async def _wait_until_loaded(bench: Workbench, ranges: int) -> None:
    async def are_loaded() -> bool:
        return await bench.metric("attribution", "tocsin_directory_ranges") >= ranges

    await until(are_loaded, what=f"{ranges:,} ranges in attribution's memory", seconds=300, pause=0.25)


async def _look_up(database_url: str, ranges: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each batch, to look up and to decide on."""
    database = Database(database_url, pool_size=2, statement_timeout_seconds=300)
    try:
        live = LiveDirectory(database, refresh_seconds=300)
        await live.refresh()
        async with database.transaction() as tx:
            known = await live.latest(tx)
    finally:
        await database.close()
    calm_garbage_collector()  # as the service has it, whose look-ups these are
    chance = random.Random(1)
    batches = [_assets(ranges, chance) for _ in range(BATCHES)]
    return [_looking_up(batch, known) for batch in batches], [_deciding(batch, known) for batch in batches]


def _looking_up(batch: Sequence[Indicator], known: Directory) -> float:
    started = time.perf_counter()
    found = list(known.find([question_of(indicator) for indicator in batch]))
    milliseconds = (time.perf_counter() - started) * 1000
    assert sum(findings.network is not None for findings in found) > ASSETS // 2, "most addresses lie in a range"
    return milliseconds


def _deciding(batch: Sequence[Indicator], known: Directory) -> float:
    started = time.perf_counter()
    questions = [question_of(indicator) for indicator in batch]
    decide_all(questions, known, ladder=LADDER, at=datetime.now(UTC))
    return (time.perf_counter() - started) * 1000


def _assets(ranges: int, chance: random.Random) -> list[Indicator]:
    """Of a hundred 65 IPv4 addresses, 20 IPv6, 15 names; one address in ten is in no range."""
    ipv4_blocks, ipv6_blocks = ranges * 4 // 5 // BLOCK, ranges // 5 // BLOCK
    return [_indicator(chance, ipv4_blocks=ipv4_blocks, ipv6_blocks=ipv6_blocks) for _ in range(ASSETS)]


def _indicator(chance: random.Random, *, ipv4_blocks: int, ipv6_blocks: int) -> Indicator:
    kind = chance.randrange(100)
    if kind < 65:
        asset = Asset(ip=str(IPv4Address(FIRST_IPV4 + chance.randrange(ipv4_blocks * 256 * 10 // 9))), port=445)
    elif kind < 85:
        block = chance.randrange(ipv6_blocks * 10 // 9) << 96
        asset = Asset(ip=str(IPv6Address(FIRST_IPV6 + block + chance.getrandbits(64))), port=445)
    else:
        asset = Asset(domain=f"www{chance.randrange(10**6)}.company{chance.randrange(10**6)}.nl")
    return Indicator(
        seen_at=datetime.now(UTC),
        category="vulnerable/vulnerable-system",
        identifier="open-smb",
        asset=asset,
        asn=64500,
        geo_country="NL",
    )


def _table(found: Measured) -> Tabular:
    rows = [
        ["ranges", f"{found.ranges:,}"],
        ["loaded after, s", f"{found.loaded_seconds:.1f}"],
        ["attribution, resident, MB", f"{found.resident_mb:.0f}"],
        ["attribution, resident while loading, MB", f"{found.peak_mb:.0f}"],
        [f"{ASSETS:,} look-ups, ms", str(Spread.of(found.looked_up))],
        [f"{ASSETS:,} decisions, look-ups included, ms", str(Spread.of(found.decided))],
    ]
    return "Attribution and its ranges: median (least-most)", ["what", "figure"], rows
