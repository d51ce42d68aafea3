"""Mails to a local relay: a queue of notifications, each to a recipient of its own about one target, sent at once.

The notifier alone runs. While its brake is engaged, targets come in and become queued notifications; then the brake is
released. The relay (`bench.mail_counter`) takes every mail at once and keeps none, so it is not what limits. Each round
is measured twice: with mails as they are, and with mails that the notifier signs (DKIM, RSA of 2,048 bits).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.console import Console

from bench.events import lone_targets
from bench.mail_log import MailLog
from bench.patience import until
from bench.report import Report
from bench.sizes import rounds, size
from bench.spread import Spread
from bench.stages import prepare
from bench.watch import Use, Watch
from bench.workbench import Workbench, workbench
from libs.common.contracts import IncidentChanged, IndicatorSettled, NotificationSent

LONGEST_SECONDS = 900
SELECTOR = "bench"
PARTS = ("notifier", "postgres", "kafka", "mail")


@dataclass(frozen=True, slots=True)
class Round:
    """`seconds`: from the release of the brake to the relay's last yes. CPU goes on until all is told on the topics."""

    mails: int
    seconds: float
    uses: Mapping[str, Use]

    @property
    def rate(self) -> float:
        return self.mails / self.seconds

    def cpu_microseconds(self, part: str) -> float:
        """A mail's."""
        return self.uses[part].cpu_seconds / self.mails * 1e6


def run(console: Console) -> Report:
    mails = size("MAILS", standard=10_000, small=200)
    plain, signed = asyncio.run(_measure(console, mails=mails))
    figures = {"mails": mails, **_figures(plain), "signed": _figures(signed)}
    columns = ["what", "as they are", "signed"]
    rows = [["mails", f"{mails:,}", f"{mails:,}"], ["mails a second", str(_rate(plain)), str(_rate(signed))]]
    rows += [[f"CPU µs a mail, {part}", str(_cpu(plain, part)), str(_cpu(signed, part))] for part in PARTS]
    table = ("Mails to a local relay: median (least-most)", columns, rows)
    return Report(scenario="mail", figures=figures, tables=(table,))


def _figures(found: Sequence[Round]) -> dict[str, object]:
    costs = {part: _cpu(found, part).median for part in PARTS}
    return {**_rate(found).figures("mails_per_second"), "cpu_microseconds_per_mail": costs}


def _rate(found: Sequence[Round]) -> Spread:
    return Spread.of(each.rate for each in found)


def _cpu(found: Sequence[Round], part: str) -> Spread:
    return Spread.of(each.cpu_microseconds(part) for each in found)


async def _measure(console: Console, *, mails: int) -> tuple[Sequence[Round], Sequence[Round]]:
    """Rounds of mails as they are, and of signed ones, in turns."""
    plain, signed = [], []
    async with workbench(console) as bench:
        await bench.ship_incidents()
        await prepare(bench, "notifier")
        log = MailLog(bench.mail_log)
        signing = _signing(bench.layout.home)
        for number in range(1, rounds() + 1):
            plain.append(await _round(bench, log, mails=mails, settings={}))
            signed.append(await _round(bench, log, mails=mails, settings=signing))
            console.print(f"round {number}: {plain[-1].rate:,.0f} mails a second, {signed[-1].rate:,.0f} signed")
    return plain, signed


def _signing(folder: Path) -> Mapping[str, str]:
    """The settings of a notifier that signs."""
    file = folder / "dkim.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"DKIM_KEY_FILE": str(file), "DKIM_SELECTOR": SELECTOR}


async def _round(bench: Workbench, log: MailLog, *, mails: int, settings: Mapping[str, str]) -> Round:
    await bench.databases.restore("notifier")
    await bench.topics.skip_to_end("notifier")
    await bench.start("notifier", settings=settings)
    try:
        await bench.topics.wait_until_read("notifier", IncidentChanged.topic, seconds=60)
        await _queue(bench, mails)
        return await _send(bench, log, mails)
    finally:
        await bench.stop("notifier")


async def _queue(bench: Workbench, mails: int) -> None:
    """Engage the brake, and let that many notifications be made."""
    await _brake(bench, engaged=True)
    await bench.topics.fill(lone_targets(mails, datetime.now(UTC)))

    async def are_queued() -> bool:
        return await bench.metric("notifier", "tocsin_notifications_total", state="queued") >= mails

    await until(are_queued, what=f"{mails:,} notifications in the queue", seconds=LONGEST_SECONDS, pause=0.25)


async def _send(bench: Workbench, log: MailLog, mails: int) -> Round:
    sent_before = len(log.read().times)
    told_before = {topic: await bench.topics.count(topic) for topic in (NotificationSent.topic, IndicatorSettled.topic)}
    with Watch(bench.pids()) as watch:
        await _brake(bench, engaged=False)
        started = time.time()

        async def have_left() -> bool:
            return len(log.read().times) >= sent_before + mails

        await until(have_left, what=f"{mails:,} mails at the relay", seconds=LONGEST_SECONDS, pause=0.25)
        for topic, before in told_before.items():
            await bench.topics.wait_for_count(before + mails, topic, seconds=LONGEST_SECONDS)
    return Round(mails, log.times[sent_before + mails - 1] - started, watch.uses)


async def _brake(bench: Workbench, *, engaged: bool) -> None:
    async with bench.client("notifier") as api:
        answer = await api.put("/v1/brake", json={"engaged": engaged, "reason": "a measurement"})
        answer.raise_for_status()
