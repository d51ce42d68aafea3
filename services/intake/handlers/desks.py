"""How much of payloads is in memory at a time, however many partners push at once."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

from services.intake.domain.formats import FORMATS

OPENINGS = 4
TRIALS = 2

LARGEST_WHOLE_BYTES = max(form.whole_bytes for form in FORMATS.values())
"""A mail of 25 MiB that brings a document of 64 MiB."""


class Room:
    """Room in memory for payloads that are read as a whole: who finds none waits, first come, first served."""

    def __init__(self, room_bytes: int) -> None:
        self._free_bytes = room_bytes
        self._next = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncGenerator[None]:
        """Take so much, which may not be more than there is in all, until the block ends."""
        if size_bytes:
            await self._take(size_bytes)
        try:
            yield
        finally:
            self._free_bytes += size_bytes
            self._freed.set()

    async def _take(self, size_bytes: int) -> None:
        async with self._next:
            while self._free_bytes < size_bytes:
                self._freed.clear()
                await self._freed.wait()
            self._free_bytes -= size_bytes


class Desks:
    """Small payloads lie whole on a desk until they are published, if there is room; of others the beginning is read.

    Who comes for the beginning waits for a turn, which is soon. Dry runs have turns of their own: one may take minutes.

    What is in memory as a whole has to find room for that too: `documents` is for beginnings, `documents_aside` for
    what may take minutes, so that it does not keep pushes waiting. Each has room for the largest, as the interpreter
    reads one at a time anyway. With the workers that read to the end, one document each, that is all there is.
    """

    def __init__(self, *, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self._free_bytes = room_bytes
        self.openings = asyncio.Semaphore(OPENINGS)
        self.trials = asyncio.Semaphore(TRIALS)
        self.documents = Room(LARGEST_WHOLE_BYTES)
        self.documents_aside = Room(LARGEST_WHOLE_BYTES)

    @contextmanager
    def hold(self, size_bytes: int) -> Iterator[bool]:
        """Whether there is room for a whole payload; it is taken until the block ends."""
        taken_bytes = size_bytes if size_bytes <= self._free_bytes else 0
        self._free_bytes -= taken_bytes
        try:
            yield taken_bytes > 0
        finally:
            self._free_bytes += taken_bytes
