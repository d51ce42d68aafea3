"""How much of payloads is in memory at a time, however many partners push at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

OPENINGS = 4
TRIALS = 2


class Desks:
    """Small payloads lie whole on a desk until they are published, if there is room; of others the beginning is read.

    Who comes for the beginning waits for a turn, which is soon. Dry runs have turns of their own: one may take minutes.
    """

    def __init__(self, *, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self._free_bytes = room_bytes
        self.openings = asyncio.Semaphore(OPENINGS)
        self.trials = asyncio.Semaphore(TRIALS)

    @contextmanager
    def hold(self, size_bytes: int) -> Iterator[bool]:
        """Whether there is room for a whole payload; it is taken until the block ends."""
        taken_bytes = size_bytes if size_bytes <= self._free_bytes else 0
        self._free_bytes -= taken_bytes
        try:
            yield taken_bytes > 0
        finally:
            self._free_bytes += taken_bytes
