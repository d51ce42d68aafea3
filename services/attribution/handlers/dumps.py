"""Files to import, read as a stream of lines whatever they are packed in."""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from libs.common.errors import Permanent

GZIP_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 64 * 1024
"""A longer line arrives in pieces: nothing we read has one, and a broken file may never end its line."""


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

    def lines(self) -> Iterator[str]:
        """Each line with its end, as latin-1, which reads any byte. Raises `BrokenDump` where packing breaks off."""
        for path in self._paths:
            with self._opened(path) as unpacked:
                text = io.TextIOWrapper(unpacked, encoding="latin-1", newline="\n")
                while line := text.readline(LONGEST_LINE):
                    yield line

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
    def _opened(self, path: Path) -> Iterator[BinaryIO]:
        with path.open("rb") as packed:
            self._current = packed
            try:
                yield _unpacked(packed)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise BrokenDump(f"the compressed file breaks off or is damaged: {error}") from error
            finally:
                self._finished_bytes += packed.tell()
                self._current = None


def _unpacked(packed: BinaryIO) -> BinaryIO:
    is_gzip = packed.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    packed.seek(0)
    # GzipFile is a BinaryIO in all but its declared type.
    return cast("BinaryIO", gzip.GzipFile(fileobj=packed)) if is_gzip else packed
