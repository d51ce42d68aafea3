"""What processes use while something is measured: CPU seconds, and the most memory."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(slots=True)
class Use:
    """Of one part, its children included. CPU seconds and the highest resident memory seen."""

    cpu_seconds: float = 0.0
    memory_mib: float = 0.0


@dataclass(slots=True)
class Watch:
    """Looks at processes, by part, until it is left."""

    pids: Mapping[str, int]
    uses: dict[str, Use] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        self._before = {part: _cpu_seconds(pid) for part, pid in self.pids.items()}
        self.uses = {part: Use() for part in self.pids}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        for part, pid in self.pids.items():
            self.uses[part].cpu_seconds = round(_cpu_seconds(pid) - self._before[part], 2)

    def _look(self) -> None:
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            for part, pid in self.pids.items():
                use = self.uses[part]
                use.memory_mib = max(use.memory_mib, round(_memory_mib(pid), 1))


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


def _memory_mib(pid: int) -> float:
    """Unique memory where the system tells it: PostgreSQL's processes share most of theirs."""
    total = 0
    for process in _family(pid):
        try:
            total += process.memory_full_info().uss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 2**20
