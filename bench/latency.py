"""How soon a critical record is a mail: from the partner's POST to the relay's yes, on an idle system and a busy one.

Each sample is a submission of one record about a network of its own, so its mail is known by its recipient. On the idle
system one follows the other, after a pause of random length, so that samples fall anywhere in the services' rhythms. On
the busy one a sample starts each second, whether or not the one before has arrived: else a slow spell would be sampled
once, and a fast one often.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address

import msgspec
from rich.console import Console

from bench.feed import NETWORKS, address_of, feed, owner_of, ripe_dump
from bench.mail_log import MailLog
from bench.partner import Partner
from bench.patience import comes_true
from bench.report import Report, Tabular
from bench.sizes import size
from bench.spread import percentile
from bench.whole_system import whole_system
from bench.workbench import Workbench

FIRST_NETWORK = 1000
MOST_SAMPLES = 2500
LONGEST_PAUSE_SECONDS = 0.5
SECONDS_BETWEEN_SAMPLES = 1.0
ARRIVES_WITHIN_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of the samples of one kind. One whose mail never came counts with the time that it was waited for."""

    seconds: Sequence[float]
    answered_seconds: Sequence[float]
    missing: int

    @property
    def figures(self) -> dict[str, float]:
        return {
            "samples": len(self.seconds),
            "missing": self.missing,
            "p50_seconds": round(percentile(self.seconds, 50), 3),
            "p99_seconds": round(percentile(self.seconds, 99), 3),
            "most_seconds": round(max(self.seconds), 3),
            "answered_p50_seconds": round(percentile(self.answered_seconds, 50), 3),
        }


class Sampler:
    """Pushes samples, and finds their mails."""

    def __init__(self, partner: Partner, mails: MailLog) -> None:
        self._partner = partner
        self._mails = mails
        self._started: dict[int, float] = {}
        self._answered: dict[int, float] = {}

    async def push(self) -> int:
        """One critical record about the next network; answers which."""
        network = FIRST_NETWORK + len(self._started)
        self._started[network] = time.time()
        await self._partner.push(_record(network), format="tocsin-json")
        self._answered[network] = time.time()
        return network

    async def wait_for(self, networks: Sequence[int], *, seconds: float) -> bool:
        """Whether all their mails have come within that time."""

        async def are_there() -> bool:
            known = self._mails.read().first_to
            return all(owner_of(network) in known for network in networks)

        return await comes_true(are_there, seconds=seconds, pause=0.005)

    def latencies(self, networks: Sequence[int]) -> Latencies:
        accepted = self._mails.read().first_to
        now = time.time()
        return Latencies(
            seconds=[accepted.get(owner_of(network), now) - self._started[network] for network in networks],
            answered_seconds=[self._answered[network] - self._started[network] for network in networks],
            missing=sum(owner_of(network) not in accepted for network in networks),
        )


def _record(network: int) -> bytes:
    address = IPv6Address(address_of(0, network=network))
    record = {
        "seen_at": datetime.now(UTC).isoformat(),
        "category": "vulnerable/vulnerable-system",
        "identifier": "zimbra-vulnerable",
        "severity": "critical",
        "geo_country": "NL",
        "asset": {"ip": str(address), "port": 443, "transport": "tcp"},
    }
    return msgspec.json.encode([record])


def run(console: Console) -> Report:
    samples = size("SAMPLES", standard=120, small=8)
    records = size("RECORDS", standard=1_000_000, small=5000)
    seconds = 60 * size("MINUTES", standard=5, small=1)
    found = asyncio.run(_measure(console, samples=samples, records=records, seconds=seconds))
    figures: dict[str, object] = {"records": records, **{name: each.figures for name, each in found.items()}}
    return Report(scenario="latency", figures=figures, tables=(_table(found),))


async def _measure(console: Console, *, samples: int, records: int, seconds: float) -> Mapping[str, Latencies]:
    dump = ripe_dump((*range(NETWORKS), *range(FIRST_NETWORK, FIRST_NETWORK + MOST_SAMPLES)))
    async with whole_system(console, dump=dump) as bench:
        sampler = Sampler(bench.partner, MailLog(bench.mail_log))
        await _idle(sampler, 1)  # the first mail finds everything cold
        console.print(f"{samples} samples, one after the other, on the idle system ...")
        idle = await _idle(sampler, samples)
        console.print(f"A sample each second while {records:,} records are on their way ...")
        busy = await _busy(sampler, bench, records=records, seconds=seconds)
    return {"idle": idle, "busy": busy}


async def _idle(sampler: Sampler, samples: int) -> Latencies:
    chance = random.Random(1)
    networks = []
    for _ in range(samples):
        await asyncio.sleep(chance.random() * LONGEST_PAUSE_SECONDS)
        networks.append(await sampler.push())
        await sampler.wait_for(networks[-1:], seconds=ARRIVES_WITHIN_SECONDS)
    return sampler.latencies(networks)


async def _busy(sampler: Sampler, bench: Workbench, *, records: int, seconds: float) -> Latencies:
    """Until the feed has settled, or for so long."""
    receipt = await bench.partner.push(feed(records, now=datetime.now(UTC)))
    settling = asyncio.create_task(bench.partner.wait_until_settled(receipt, seconds=seconds + 1, pause=1.0))
    pushing: list[asyncio.Task[int]] = []
    end = time.monotonic() + seconds
    while not settling.done() and time.monotonic() < end:
        pushing.append(asyncio.create_task(sampler.push()))
        await asyncio.wait({settling}, timeout=SECONDS_BETWEEN_SAMPLES)
    settling.cancel()
    networks = await asyncio.gather(*pushing)
    await sampler.wait_for(networks, seconds=ARRIVES_WITHIN_SECONDS)
    return sampler.latencies(networks)


def _table(found: Mapping[str, Latencies]) -> Tabular:
    heads = ["system", "samples", "p50 s", "p99 s", "most s", "POST answered, p50 s", "never came"]
    rows = [
        [
            name,
            *(
                f"{each.figures[figure]:g}"
                for figure in (
                    "samples",
                    "p50_seconds",
                    "p99_seconds",
                    "most_seconds",
                    "answered_p50_seconds",
                    "missing",
                )
            ),
        ]
        for name, each in found.items()
    ]
    return "A critical record, from POST to the relay's yes", heads, rows
