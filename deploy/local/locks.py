"""Locks between processes: the system drops them when their holder dies, however it dies."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deploy.local import complaints


@contextmanager
def sole_holder(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, our process id written in it; `Complaint` when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock_soon(descriptor):
            raise complaints.busy(_written_pid(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def in_turn(path: Path) -> AsyncIterator[None]:
    """Hold the lock at `path`, waiting for whoever has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # A look now and then, because a thread that waits in flock would not hear a Ctrl-C.
        locked = _try_lock(descriptor)
        while not locked:
            await asyncio.sleep(0.2)
            locked = _try_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """Process id of who holds the lock at `path`, if anybody does; `Complaint` when it is another user's."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise complaints.not_ours(path.parent) from None
    try:
        if _try_lock(descriptor):
            return None
        return _written_pid(descriptor)
    finally:
        os.close(descriptor)


def _written_pid(descriptor: int) -> int:
    return int(os.pread(descriptor, 20, 0) or b"0")


def _lock_soon(descriptor: int) -> bool:
    """More than one try, because whoever asks for the `holder` at this moment has the lock for an instant."""
    for _ in range(10):
        if _try_lock(descriptor):
            return True
        time.sleep(0.05)
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
