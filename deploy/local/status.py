"""What runs: process, port, readiness, restarts, memory and, for services, how far they are behind."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psutil
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from deploy.local.lag import lag_by_service
from deploy.local.layout import HOST, SERVICES, Layout, service_of
from deploy.local.locks import holder
from deploy.local.overdue import overdue
from deploy.local.reachability import accepts_connections, says_ready
from deploy.local.register import Entry, read_register


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """`pid` is empty for a part that is dead at this moment.

    `lag` counts the messages that wait for all replicas of a service together, and stands at the first of them.
    """

    name: str
    pid: int | None
    port: int
    ready: bool
    restarts: int
    rss_megabytes: int
    lag: int | None


def show(layout: Layout, *, as_json: bool, console: Console) -> None:
    supervisor = holder(layout.lock)
    parts = asyncio.run(statuses(layout)) if supervisor else []
    if as_json:
        console.print(json.dumps({"supervisor": supervisor, "parts": [asdict(part) for part in parts]}, indent=2))
    elif supervisor:
        console.print(_table(parts))
        if late := asyncio.run(overdue(layout)):
            console.print(late)
    else:
        console.print("Nothing is running. `make up` starts the stack.")


async def statuses(layout: Layout) -> list[PartStatus]:
    entries = read_register(layout.processes)
    lags = await _lags(layout)
    return list(await asyncio.gather(*(_status(entry, lag=lags.get(entry.name)) for entry in entries)))


async def _lags(layout: Layout) -> dict[str, int]:
    try:
        return await lag_by_service(layout.kafka_bootstrap, services=SERVICES)
    except (KafkaError, OSError):  # the broker is away: its own row says so
        return {}


async def _status(entry: Entry, *, lag: int | None) -> PartStatus:
    process = entry.process()
    ask = says_ready if service_of(entry.name) in SERVICES else accepts_connections
    return PartStatus(
        name=entry.name,
        pid=process.pid if process else None,
        port=entry.port,
        ready=await ask(HOST, entry.port),
        restarts=entry.restarts,
        rss_megabytes=_rss_bytes(process) // 2**20,
        lag=lag,
    )


def _rss_bytes(process: psutil.Process | None) -> int:
    """Resident memory of the process and its children; pages that PostgreSQL's children share count for each."""
    if not process:
        return 0
    try:
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _table(parts: Sequence[PartStatus]) -> Table:
    table = Table("part", "process", "port", "ready", "restarts", "memory (MB)", "lag")
    for part in parts:
        ready = "yes" if part.ready else "no"
        cells = (
            part.pid or "dead",
            part.port,
            ready,
            part.restarts,
            part.rss_megabytes,
            "" if part.lag is None else part.lag,
        )
        table.add_row(part.name, *(str(cell) for cell in cells))
    return table
