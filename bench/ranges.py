"""Attribution beside a registry of millions of network ranges: what a batch of look-ups takes, and the memory for it.

The ranges are rows of an import's tables, made by SQL: blocks of 16, one that holds the 15 others, four fifths of them
IPv4. The service loads them as after an import, while its memory is watched; the look-ups are the service's own code,
on a directory that it reads from the same tables. Each batch has other assets, so none is known from the one before.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import asyncpg
from rich.console import Console

from bench.patience import until
from bench.report import Report, Tabular
from bench.sizes import size
from bench.spread import Spread, percentile
from bench.watch import Watch
from bench.workbench import Workbench, workbench
from libs.common.contracts import Asset, Indicator
from libs.common.db import Database
from services.attribution.domain.directory import Directory, question_of
from services.attribution.handlers import decide_all, shipped_ladder
from services.attribution.handlers.directory import LiveDirectory

LADDER = shipped_ladder()
ASSETS = 2000
BATCHES = 101
BLOCK = 16
DESKS = 20_000
FIRST_IPV4 = int(IPv4Address("1.0.0.0"))
FIRST_IPV6 = int(IPv6Address("2a00::"))

SNAPSHOT = (
    "INSERT INTO snapshot (kind, made_on, imported_at) VALUES ('ripe', current_date, now()) RETURNING snapshot_id"
)

DESK = """
INSERT INTO abuse_desk (snapshot_id, number, email, name)
SELECT $1, number, 'abuse@desk' || number || '.example', 'Desk ' || number FROM generate_series(0, $2 - 1) AS number
"""

RANGE = """
INSERT INTO network_range (snapshot_id, space, position, first, last, netname, organisation, country, status,
                           abuse_desk, inherited_from)
SELECT $1, $2, position, decode(lpad(to_hex(first_word), 8, '0') || rpad({first_rest}, $5, '0'), 'hex'),
       decode(lpad(to_hex(last_word), 8, '0') || rpad({last_rest}, $5, 'f'), 'hex'), 'NET-' || position,
       'ORG-' || position / 16 || '-RIPE', CASE WHEN position % 10 = 0 THEN 'DE' ELSE 'NL' END, 'ASSIGNED PA',
       position % $6, CASE WHEN position % 16 > 12 THEN position / 16 * 16 END
FROM (SELECT position, {first_word} AS first_word, {last_word} AS last_word
      FROM generate_series(0, $3 - 1) AS position, (SELECT $4::bigint AS base) AS space) AS blocks
"""

IPV4 = RANGE.format(
    first_word="base + position / 16 * 256 + greatest(position % 16 - 1, 0) * 16",
    last_word="base + position / 16 * 256 + CASE position % 16 WHEN 0 THEN 255 ELSE position % 16 * 16 - 1 END",
    first_rest="''",
    last_rest="''",
)
IPV6 = RANGE.format(
    first_word="base + position / 16",
    last_word="base + position / 16",
    first_rest="to_hex(greatest(position % 16 - 1, 0))",
    last_rest="CASE position % 16 WHEN 0 THEN 'f' ELSE to_hex(position % 16 - 1) END",
)


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
    """One snapshot, as an import leaves it."""
    ipv4 = ranges * 4 // 5
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            snapshot = await connection.fetchval(SNAPSHOT)
            await connection.execute(DESK, snapshot, DESKS)
            await connection.execute(IPV4, snapshot, "ipv4", ipv4, FIRST_IPV4, 0, DESKS)
            await connection.execute(IPV6, snapshot, "ipv6", ranges - ipv4, FIRST_IPV6 >> 96, 24, DESKS)
    finally:
        await connection.close()


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
        asset = Asset(ip=str(IPv6Address(FIRST_IPV6 + block + chance.getrandbits(96))), port=445)
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
