"""All five services on a workbench, and the networks of the feed known to attribution."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from rich.console import Console

from bench.feed import ripe_dump
from bench.workbench import Workbench, workbench
from deploy.local.layout import SERVICES

WINDOW_SECONDS = 10


def short_windows(seconds: int = WINDOW_SECONDS) -> Mapping[str, str]:
    """The notifier's settings, so that mails leave while a feed is running; in production windows are minutes."""
    return {f"WINDOW_{severity}_SECONDS": str(seconds) for severity in ("HIGH", "MEDIUM", "LOW", "INFO")}


@asynccontextmanager
async def whole_system(console: Console, *, dump: bytes | None = None) -> AsyncIterator[Workbench]:
    """`dump`: the networks' owners, if not those of the feed alone."""
    async with workbench(console) as bench:
        await bench.databases.make(*SERVICES)
        await bench.start_all({"notifier": short_windows()})
        await bench.know_the_networks(dump or ripe_dump())
        yield bench
