"""What processes use while something is measured: CPU seconds, and the most memory."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

SECONDS_BETWEEN_LOOKS = 0.5
"""A look costs some 15 ms, most of it to add up PostgreSQL's processes."""

MEGABYTE = 1e6


@dataclass(slots=True)
class Use:
    """Of one part, its children included: CPU seconds, and the highest memory seen.

    `memory_mb` counts what no other process shares, where the system tells it: PostgreSQL's processes share most of
    theirs. `resident_mb` is what an operator's tools show of a process.
    """

    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    resident_mb: float = 0.0


@dataclass(slots=True)
class Watch:
    """Looks at processes, by part, until it is left."""

    pids: Mapping[str, int]
    uses: dict[str, Use] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        self.uses = {part: Use() for part in self.pids}
        self._before = {part: _cpu_seconds(pid) for part, pid in self.pids.items()}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for part, pid in self.pids.items():
            self.uses[part].cpu_seconds = round(_cpu_seconds(pid) - self._before[part], 3)
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while True:
            for part, pid in self.pids.items():
                use = self.uses[part]
                memory, resident = _memory_mb(pid)
                use.memory_mb = max(use.memory_mb, round(memory, 1))
                use.resident_mb = max(use.resident_mb, round(resident, 1))
            if self._done.wait(SECONDS_BETWEEN_LOOKS):
                return


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_seconds(pid: int) -> float:
    """With the time of children that have ended."""
    total = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if process.pid == pid:
            total += times.children_user + times.children_system
    return total


def _memory_mb(pid: int) -> tuple[float, float]:
    """What is its own, and what is resident."""
    own = resident = 0
    for process in _family(pid):
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        own += memory.uss
        resident += memory.rss
    return own / MEGABYTE, resident / MEGABYTE
