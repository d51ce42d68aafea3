"""A small disk that can be filled: a file system of its own where we may mount one, else a limit on one process."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil

DISK_MIB = 64


class Disk(Protocol):
    """The folder of one process."""

    def fill(self) -> None: ...

    def free(self) -> None: ...


class MountedDisk:
    """A file system of a few mebibytes, filled by a file that nobody needs."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:  # full
                return

    def free(self) -> None:
        self._ballast.unlink()


class LimitedProcess:
    """Nothing that the process writes may grow any more; its log neither."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid

    def fill(self) -> None:
        self._limit(0)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size_bytes: int) -> None:
        process = psutil.Process(self._pid() or 0)
        process.rlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@contextmanager
def mounted(folder: Path) -> Iterator[bool]:
    """A small file system at `folder` inside the block; tells whether we may make one."""
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tocsin-test", str(folder))
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(("umount", "--lazy", str(folder)), check=True)
