"""What a body holds: one text, packed or not, or the members of a zip archive; each is read while it streams."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from services.intake.domain.compression import OUTPUT_BYTES, Brake, Limits, decompress, is_compressed, is_named
from services.intake.domain.records import PayloadError, quoted

MAX_MEMBERS = 100
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # the second of an archive without members

_MAX_READ_BYTES = 128 * 1024  # of the directory too, which is read at once; a hundred entries take far less
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # APPNOTE 4.4.4: by any method, by a strong one, and the directory too
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class _Nowhere(OSError):
    """A place before the file's beginning; the standard library looks for this type, as a small archive is sound."""


# What the standard library raises at an archive that is not sound.
_BROKEN = (_Nowhere, zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a body. `read` gives it from its start, once or again; `name` is that of an archive's member."""

    read: Callable[[], Iterator[bytes]]
    name: str | None = None


def parts_of(body: BinaryIO, *, encoding: str | None, limits: Limits) -> Sequence[Part]:
    """The texts in a body that can be sought in: a file, or the `BytesIO` of a mail's attachment.

    It must stay open while they are read. Raises what `decompress` does, here or while a part is read; 422 for an
    archive that is encrypted, has members that are archives, more than 100 of them, or names that are no plain ones.
    """
    body.seek(0)
    if not is_archive(body.read(max(map(len, ZIP_MAGICS))), encoding=encoding):
        return [Part(lambda: decompress(_chunks(body), encoding=encoding, limits=limits))]
    return _members(body, limits)


def is_archive(opening: bytes, *, encoding: str | None) -> bool:
    """Whether a body that begins so is a zip archive, and nothing that was compressed on its way."""
    return not is_named(encoding) and opening.startswith(ZIP_MAGICS)


def _chunks(body: BinaryIO) -> Iterator[bytes]:
    body.seek(0)
    while chunk := body.read(OUTPUT_BYTES):
        yield chunk


def _members(body: BinaryIO, limits: Limits) -> Sequence[Part]:
    size_bytes = body.seek(0, io.SEEK_END)
    if size_bytes > limits.max_sent_bytes:
        raise PayloadError(413, "payload-too-large", f"the body is larger than {limits.max_sent_bytes} bytes")
    archive = _opened(body)
    members = archive.infolist()
    _check(members)
    brake = Brake(limits)
    brake.sent(size_bytes)
    return [Part(_Reading(archive, member, brake), member.orig_filename) for member in members]


def _opened(body: BinaryIO) -> zipfile.ZipFile:
    bounded = _Bounded(body)
    try:
        if not zipfile.is_zipfile(bounded):
            raise PayloadError(400, "truncated-compression", "the zip archive ends before its directory")
        return zipfile.ZipFile(bounded)
    except _BROKEN as error:
        raise _unsound() from error


class _Bounded:
    """A file of which no more is read at once than a small archive needs, whatever it says of its own sizes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seekable = file.seekable
        self.tell = file.tell

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = self._file.seek(0, io.SEEK_END) + offset if whence == io.SEEK_END else offset
        if at < 0 or whence == io.SEEK_CUR:
            raise _Nowhere("a place that is not in the file")
        return self._file.seek(at)

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(_MAX_READ_BYTES + 1 if size < 0 else min(size, _MAX_READ_BYTES + 1))
        if len(found) > _MAX_READ_BYTES:
            raise PayloadError(
                422, "unsafe-archive", f"the directory of the zip archive has over {MAX_MEMBERS} entries"
            )
        return found


def _check(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive by its directory."""
    if not members:
        raise PayloadError(422, "empty-payload", "the zip archive has no members")
    if len(members) > MAX_MEMBERS:
        raise PayloadError(422, "unsafe-archive", f"the zip archive has more than {MAX_MEMBERS} members")
    names: set[str] = set()
    for member in members:
        name = member.orig_filename
        if not name.strip(". ") or ".." in name or any(character in name for character in "/\\\0"):
            raise PayloadError(
                422,
                "unsafe-archive",
                f"the zip archive has a member {quoted(name)}: names may hold no folder and no '..'",
            )
        if name in names:
            raise PayloadError(422, "unsafe-archive", f"the zip archive has two members {quoted(name)}")
        names.add(name)
        if member.flag_bits & _ENCRYPTED:
            raise PayloadError(422, "encrypted-archive", f"{quoted(name)} in the zip archive is encrypted")
        if member.compress_type not in _METHODS:
            raise PayloadError(
                415, "unsupported-encoding", f"{quoted(name)} is packed by another method than 'deflate'; pack it anew"
            )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One member, read from its start at each call. What all members of an archive come to is counted together."""

    archive: zipfile.ZipFile
    member: zipfile.ZipInfo
    brake: Brake

    def __call__(self) -> Iterator[bytes]:
        try:
            with self.archive.open(self.member) as file:
                chunk = file.read(OUTPUT_BYTES)
                if chunk.startswith(ZIP_MAGICS) or is_compressed(chunk):
                    raise PayloadError(
                        422, "unsafe-archive", f"{quoted(self.member.orig_filename)} in the zip archive is packed again"
                    )
                while chunk:
                    self.brake.unpacked(len(chunk))
                    yield chunk
                    chunk = file.read(OUTPUT_BYTES)
        except _BROKEN as error:
            raise _unsound() from error


def _unsound() -> PayloadError:
    return PayloadError(400, "unreadable-compression", "the body is not a sound zip archive")
