"""`.local/processes.json`: which processes make up the stack, to show them, and to sweep what a crash left."""

import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from deploy.local.keys import write_private

# Start times are told in ticks since boot, and the clock may have been set meanwhile.
CLOCK_TOLERANCE_SECONDS = 2.0
SWEEP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One running part. Process ids are reused: `started_at` (Unix time) tells this process from a later one."""

    name: str
    pid: int
    started_at: float
    port: int
    restarts: int
    stop_signal: int = signal.SIGTERM

    def process(self) -> psutil.Process | None:
        """The living process that this entry is about, if it still is that one."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started_at) < CLOCK_TOLERANCE_SECONDS:
                return process
        return None


def start_time(pid: int) -> float:
    """0 when the process is gone already."""
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return 0.0


def write_register(path: Path, entries: Sequence[Entry]) -> None:
    write_private(path, json.dumps([asdict(entry) for entry in entries], indent=2) + "\n")


def read_register(path: Path) -> list[Entry]:
    try:
        return [Entry(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        return []


def sweep(path: Path) -> list[str]:
    """End what a killed stack left running; returns the names of those parts."""
    left = [(entry, process) for entry in read_register(path) if (process := entry.process())]
    for entry, process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(entry.stop_signal)
    stubborn = _still_alive([process for _, process in left])
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _still_alive(stubborn)
    path.unlink(missing_ok=True)
    return [entry.name for entry, _ in left]


def _still_alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=SWEEP_SECONDS)
    return list(alive)
