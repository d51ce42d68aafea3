"""Payload files: the evidence of what partners pushed, as it came but for secrets. On disk before anything is answered.

A file lies at `<day>/<submission id>`; the day is read from the id (UUIDv7), so that old evidence goes by folder. While
it comes in it is a draft with a name of its own, and nothing but the rename makes it a payload.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import UUID

from libs.common import faults
from libs.common.errors import Transient

WRITE_BYTES = 256 * 1024
DRAFT_SUFFIX = ".draft"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, within the quota, or below a limit on files."""


class NoRoom(Transient):
    """The disk is full."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a finished draft holds."""

    size_bytes: int
    sha256: bytes


class Draft:
    """A payload on its way in. Bytes gather for a while and are then written and hashed beside the event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self._gathered = bytearray()
        self.received_bytes = 0

    async def write(self, chunk: bytes) -> None:
        self._gathered += chunk
        self.received_bytes += len(chunk)
        if len(self._gathered) >= WRITE_BYTES:
            await self._flush()

    async def finish(self) -> Received:
        """Put the last bytes on the disk itself, not just into the system's memory."""
        await self._flush()
        await asyncio.to_thread(os.fsync, self._file.fileno())
        self._file.close()
        return Received(self.received_bytes, self._hash.digest())

    async def begin_again(self) -> BinaryIO:
        """An empty draft. What was written so far can be read once more; with the closing of that, it is gone."""
        await self._flush()
        return await asyncio.to_thread(self._replace)

    def _replace(self) -> BinaryIO:
        earlier = self.path.open("rb")
        self._file.close()
        self.path.unlink()
        self._file = self.path.open("xb")
        self._hash = hashlib.sha256()
        self.received_bytes = 0
        return earlier

    async def _flush(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        await asyncio.to_thread(self._put, gathered)

    def _put(self, gathered: bytearray) -> None:
        faults.reach_in_thread(faults.Point.PAYLOAD_WRITTEN)
        self._file.write(gathered)
        self._file.flush()
        self._hash.update(gathered)

    def discard(self) -> None:
        """Leave nothing. After `PayloadFiles.keep` there is nothing left to discard."""
        with suppress(OSError):  # what the disk had no room for has no room now either
            self._file.close()
        remove(self.path)


@dataclass(frozen=True, slots=True)
class Found:
    """A file, whose it is, and when it was last touched (nanoseconds, by a clock that need not be ours)."""

    path: Path
    submission_id: UUID
    touched: int

    @property
    def is_draft(self) -> bool:
        return self.path.suffix == DRAFT_SUFFIX


class PayloadFiles:
    """All payloads of this system. The folder is shared by all replicas."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def check(self) -> None:
        """Raise `Transient` unless the folder takes a small payload."""
        await asyncio.to_thread(self._probe)

    def _probe(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder) as probe:
                probe.write(bytes(WRITE_BYTES))
        except OSError as error:
            raise _away(error) from error

    @asynccontextmanager
    async def draft(self, submission_id: UUID) -> AsyncIterator[Draft]:
        """A draft that is gone when the block ends, however it ends, unless it was kept. A full disk is `NoRoom`."""
        path = self.path(submission_id)
        try:
            self._make_folder(path.parent)
            draft = Draft(path.with_name(path.name + DRAFT_SUFFIX))
        except OSError as error:
            raise _away(error) from error
        try:
            yield draft
        except OSError as error:
            raise _away(error) from error
        finally:
            draft.discard()

    async def keep(self, draft: Draft, submission_id: UUID) -> None:
        """Make a finished draft a payload, for good: the folder's entry is on the disk too."""
        path = self.path(submission_id)
        draft.path.rename(path)
        await asyncio.to_thread(_sync_folder, path.parent)

    def remove(self, submission_id: UUID) -> None:
        remove(self.path(submission_id))

    def path(self, submission_id: UUID) -> Path:
        milliseconds = submission_id.int >> 80  # RFC 9562: the first 48 bits of a UUIDv7
        day = datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
        return self._folder / day / str(submission_id)

    def recent(self) -> list[Found]:
        """Drafts and payloads of the last two days; what a crash may have left is among them."""
        try:
            days = sorted(path for path in self._folder.glob("????-??-??") if path.is_dir())[-2:]
            return [found for day in days for path in day.iterdir() if (found := _found(path)) is not None]
        except OSError as error:
            raise _away(error) from error

    def _make_folder(self, day: Path) -> None:
        if not day.exists():
            day.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._folder)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read; `Transient` if the disk does not give its bytes now."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise _away(error) from error


def remove(path: Path) -> None:
    """Remove a file, if it is there; `Transient` if the disk does not let it go now."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _away(error) from error


def _found(path: Path) -> Found | None:
    """None for a file that is none of ours, or gone by now: a draft that was kept after the folder was listed."""
    try:
        submission_id = UUID(path.name.removesuffix(DRAFT_SUFFIX))
        return Found(path, submission_id, touched=path.stat().st_mtime_ns)
    except (ValueError, FileNotFoundError):
        return None


def _away(error: OSError) -> Transient:
    if error.errno in FULL:
        return NoRoom(f"the disk of the payload folder is full: {error.strerror}")
    return Transient(f"the payload folder is away: {type(error).__name__}: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
