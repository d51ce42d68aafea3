"""A feed of 1 GiB, streamed by POST: what each service's memory comes to while it arrives and while it is worked off.

The lines are made while they are sent, so the partner's side needs no disk. What is not worked off within
`BENCH_MINUTES` is left: by then memory has shown what it does.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from bench.feed import feed
from bench.partner import Receipt
from bench.report import Report, Tabular
from bench.sizes import size
from bench.watch import Use, Watch
from bench.whole_system import whole_system
from deploy.local.layout import SERVICES

BANNER = "Windows Server 2019 Standard 17763 (Samba 4.17.12, SMB 2.1, NT LM 0.12, native LAN manager 6.3)"
"""Makes a line as long as one of a real report, some 280 bytes: shorter ones would be too many for one submission."""

MIB = 2**20
PARTS = (*SERVICES, "kafka", "postgres", "mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there was to see until all was settled, or time was up."""

    bytes: int
    upload_seconds: float
    working_seconds: float
    receipt: Receipt
    uploading: Mapping[str, Use]
    working: Mapping[str, Use]

    @property
    def settled(self) -> int:
        return sum(count for outcome, count in self.receipt["outcomes"].items() if outcome != "pending")

    @property
    def rate(self) -> float:
        return self.settled / (self.upload_seconds + self.working_seconds)

    def resident_mb(self, part: str) -> float:
        return max(self.uploading[part].resident_mb, self.working[part].resident_mb)


def run(console: Console) -> Report:
    mebibytes = size("MIB", standard=1024, small=4)
    seconds = 60 * size("MINUTES", standard=3, small=1)
    seen = asyncio.run(_measure(console, size_bytes=mebibytes * MIB, seconds=seconds))
    figures = {
        "bytes": seen.bytes,
        "upload_seconds": round(seen.upload_seconds, 1),
        "upload_mb_per_second": round(seen.bytes / seen.upload_seconds / 1e6, 1),
        "working_seconds": round(seen.working_seconds, 1),
        "records_settled": seen.settled,
        "records_per_second": round(seen.rate),
        "outcomes": seen.receipt["outcomes"],
        "resident_mb": {part: seen.resident_mb(part) for part in PARTS},
    }
    return Report(scenario="big_feed", figures=figures, tables=(_summary(seen), _memory(seen)))


async def _measure(console: Console, *, size_bytes: int, seconds: float) -> Seen:
    async with whole_system(console) as bench:
        partner = bench.partner
        console.print(f"Pushing {size_bytes / MIB:,.0f} MiB ...")
        with Watch(bench.pids()) as uploading:
            started = time.monotonic()
            receipt = await partner.push(_up_to(size_bytes))
            upload_seconds = time.monotonic() - started
        console.print(f"Answered after {upload_seconds:.0f} s; working it off, at most {seconds:.0f} s ...")
        with Watch(bench.pids()) as working:
            started = time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await partner.wait_until_settled(receipt, seconds=2 * seconds, pause=1)
            working_seconds = time.monotonic() - started
        return Seen(
            bytes=receipt["bytes"],
            upload_seconds=upload_seconds,
            working_seconds=working_seconds,
            receipt=await partner.look(receipt),
            uploading=uploading.uses,
            working=working.uses,
        )


def _up_to(size_bytes: int) -> Iterator[bytes]:
    """As much of the feed as fits; never a part of a piece. Intake takes no more than 1 GiB."""
    room = size_bytes
    for piece in feed(size_bytes, now=datetime.now(UTC), banner=BANNER):
        room -= len(piece)
        if room < 0:
            return
        yield piece


def _summary(seen: Seen) -> Tabular:
    rows = [
        ["bytes", f"{seen.bytes:,}"],
        ["answered after, s", f"{seen.upload_seconds:.1f}"],
        ["worked on, s", f"{seen.working_seconds:.1f}"],
        ["records at their outcome", f"{seen.settled:,}"],
        ["records a second, from the first byte on", f"{seen.rate:,.0f}"],
        *([outcome, f"{count:,}"] for outcome, count in sorted(seen.receipt["outcomes"].items())),
    ]
    return "A big feed", ["what", "figure"], rows


def _memory(seen: Seen) -> Tabular:
    heads = ["part", "resident while uploading, MB", "while working, MB", "of its own, MB"]
    rows = [
        [
            part,
            f"{seen.uploading[part].resident_mb:.0f}",
            f"{seen.working[part].resident_mb:.0f}",
            f"{max(seen.uploading[part].memory_mb, seen.working[part].memory_mb):.0f}",
        ]
        for part in PARTS
    ]
    return "Most memory", heads, rows
