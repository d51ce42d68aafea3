"""Where a mail waits, in a file without a name, until it is known what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile

MEMORY_BYTES = 1024 * 1024
"""A mail up to this size never touches the disk."""

READ_BYTES = 64 * 1024


class Mail:
    """A mail that can be read as often as needed, as long as it lies in the spool."""

    def __init__(self, file: "SpooledTemporaryFile[bytes]") -> None:
        self._file = file
        self.size_bytes = 0

    async def write(self, piece: bytes) -> None:
        """Add to the end; raises `OSError` where there is no room."""
        await asyncio.to_thread(self._file.write, piece)
        self.size_bytes += len(piece)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The mail from its beginning."""
        at = 0
        while piece := await asyncio.to_thread(self._read, at):
            at += len(piece)
            yield piece

    def _read(self, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(READ_BYTES)


@contextmanager
def spooled() -> Iterator[Mail]:
    """An empty mail, which is gone when the block ends."""
    with SpooledTemporaryFile(max_size=MEMORY_BYTES) as file:
        yield Mail(file)
