"""What a part of the stack is, whatever program it is made of."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user a process runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process: how it is started, how it is known to be ready, how it is asked to stop.

    `is_ready` answers within a second and raises nothing. `environment` is added to our own.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    port: int
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    start_seconds: float = 120
