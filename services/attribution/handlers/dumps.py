"""Files to import, read as a stream of lines or blocks whatever they are packed in."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from libs.common.errors import Permanent

GZIP_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 64 * 1024
"""A longer line arrives in pieces: nothing we read has one, and a broken file may never end its line."""

BLOCK_BYTES = 4 * 1024 * 1024
LARGEST_OBJECT = 1024 * 1024
"""What goes on for longer without an empty line is no object; it is cut up, and its parts mean nothing."""
PAGES = (b"<!doctype", b"<html", b"<?xml")
LARGE_BYTES = 16 * 1024 * 1024
_EMPTY_LINES = (b"\n\n", b"\n\r\n")


class BrokenDump(Permanent):
    """The file is not what it should be; nothing of it is taken."""


class Dump:
    """One or more files, gzip or plain, one after another. `bytes_read` counts them as they lie on the disk."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._finished_bytes = 0
        self._current: BinaryIO | None = None
        self.bytes_total = sum(path.stat().st_size for path in paths)

    @property
    def bytes_read(self) -> int:
        return self._finished_bytes + (self._current.tell() if self._current is not None else 0)

    @property
    def is_large(self) -> bool:
        """Whether it is worth starting processes for."""
        return self.bytes_total > LARGE_BYTES

    def digests(self) -> dict[Path, str]:
        """Of each file as it lies there."""
        found = {}
        for path in self._paths:
            with path.open("rb") as file:
                found[path] = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        return found

    def without(self, paths: Collection[Path]) -> None:
        """Leave these files out; they count as read."""
        self._finished_bytes += sum(path.stat().st_size for path in self._paths if path in paths)
        self._paths = [path for path in self._paths if path not in paths]

    def refuse_pages(self) -> None:
        """Raises `BrokenDump` for a web page: what a download leaves that went wrong."""
        for path in self._paths:
            with self._opened(path, counted=False) as unpacked:
                begin = unpacked.read(1024).lstrip().lower()
            if begin.startswith(PAGES):
                raise BrokenDump(f"{path.name} is a web page, so its download has gone wrong")

    def lines(self, *, encoding: str = "latin-1") -> Iterator[str]:
        """Each line with its end; latin-1 reads any byte. Raises `BrokenDump` where packing breaks off."""
        for path in self._paths:
            with self._opened(path) as unpacked:
                text = io.TextIOWrapper(unpacked, encoding=encoding, errors="replace", newline="\n")
                while line := text.readline(LONGEST_LINE):
                    yield line

    def blocks(self) -> Iterator[tuple[Path, bytes]]:
        """Parts of some megabytes that end where an object does. Raises `BrokenDump` as above."""
        for path in self._paths:
            with self._opened(path) as unpacked:
                rest = b""
                while part := unpacked.read(BLOCK_BYTES):
                    whole, rest = _cut(rest + part)
                    yield path, whole
                yield path, rest

    def content(self, *, most_bytes: int) -> bytes:
        """Everything at once; raises `BrokenDump` for more than `most_bytes`."""
        parts: list[bytes] = []
        for path in self._paths:
            with self._opened(path) as unpacked:
                parts.append(unpacked.read(most_bytes + 1))
        content = b"".join(parts)
        if len(content) > most_bytes:
            raise BrokenDump(f"the file holds more than {most_bytes} bytes")
        return content

    @contextmanager
    def _opened(self, path: Path, *, counted: bool = True) -> Iterator[BinaryIO]:
        with path.open("rb") as packed:
            self._current = packed if counted else None
            try:
                yield _unpacked(packed)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise BrokenDump(f"the compressed file breaks off or is damaged: {error}") from error
            finally:
                self._finished_bytes += packed.tell() if counted else 0
                self._current = None


def _cut(block: bytes) -> tuple[bytes, bytes]:
    """Up to the last empty line, and what is left."""
    end = max(block.rfind(line) for line in _EMPTY_LINES)
    if end < 0:
        return (block, b"") if len(block) > LARGEST_OBJECT else (b"", block)
    return block[: end + 1], block[end + 1 :]


def _unpacked(packed: BinaryIO) -> BinaryIO:
    is_gzip = packed.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    packed.seek(0)
    # GzipFile is a BinaryIO in all but its declared type.
    return cast("BinaryIO", gzip.GzipFile(fileobj=packed)) if is_gzip else packed
