"""Lists that others publish and a person brings in: how old each is, and what comes in gzip."""

import zlib
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from libs.common.errors import Permanent

MAX_LIST_BYTES = 64 * 1024 * 1024
"""Unpacked; some five times what is published."""

_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS

S = TypeVar("S", bound=str)


class BrokenList(Permanent):
    """The file can't be what it should be; it says where. What was imported before stays."""


class Edition(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A list as it was imported last; `made_at` is what its publisher says."""

    source: S
    made_at: datetime
    entries: int
    imported_at: datetime
    imported_by: str

    def is_stale(self, now: datetime, *, greatest_age: timedelta) -> bool:
        return now - self.made_at > greatest_age


def unpacked(body: bytes) -> bytes:
    """The file itself, if it came in gzip, or as it is. Raises `BrokenList`, also for more than anybody publishes."""
    if not body.startswith(_GZIP):
        return body
    unpacking = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        whole = unpacking.decompress(body, MAX_LIST_BYTES)
    except zlib.error as error:
        raise BrokenList(f"this is not sound gzip: {error}") from error
    if not unpacking.eof:
        raise BrokenList(f"it is cut off, or more than {MAX_LIST_BYTES} bytes")
    return whole
