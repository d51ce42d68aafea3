"""Unpacking a body while it streams, bounded: what a few bytes may become is counted, never believed."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.domain.records import PayloadError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's word for "gzip header and trailer, largest window"
_OUTPUT_BYTES = 256 * 1024

# `unused_data` copies the rest of its input at the end of every member, so that many tiny members take quadratic time
# in the length of one input. Short inputs bound that.
_INPUT_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a body is read. The ratio counts from `ratio_from_bytes` of output on: small texts often repeat."""

    max_sent_bytes: int = 1024**3
    max_unpacked_bytes: int = 4 * 1024**3
    max_ratio: int = 200
    ratio_from_bytes: int = 64 * 1024**2


def decompress(chunks: Iterator[bytes], *, encoding: str | None, limits: Limits) -> Iterator[bytes]:
    """The body's bytes without its one layer of gzip, if `encoding` (Content-Encoding) or the first two bytes say so.

    Raises `PayloadError`: 415 for another encoding, 400 for bytes that are not gzip or end too early, 413 beyond a
    limit. A truncated body is only known at its end, when its beginning has long been handed out.
    """
    if _named(encoding) not in ("identity", "gzip", "x-gzip"):
        raise PayloadError(415, "unsupported-encoding", "Content-Encoding may be 'gzip' or absent")
    first, chunks = _opening(within(chunks, limits.max_sent_bytes))
    if not is_packed(first, encoding=encoding):
        return _counted(chunks, limits)
    return _gunzip(chunks, limits) if first else iter(())


def is_packed(first: bytes, *, encoding: str | None) -> bool:
    """Whether a body with these first bytes has to be unpacked."""
    return _named(encoding) != "identity" or first.startswith(_GZIP_MAGIC)


def _named(encoding: str | None) -> str:
    return (encoding or "identity").strip().lower()


def _opening(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to know gzip by, and all the chunks again."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_GZIP_MAGIC):
            break
    return first, _again(first, chunks)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def within(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The same chunks, as long as they are not too much: `PayloadError` 413 then."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise PayloadError(413, "payload-too-large", f"the body is larger than {max_bytes} bytes")
        yield chunk


def _counted(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    unpacked = 0
    for chunk in chunks:
        unpacked += len(chunk)
        _brake(unpacked, unpacked, limits)
        yield chunk


def _gunzip(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """All members one after another, as RFC 1952 allows; `zlib` by itself stops after the first, silently."""
    sent = unpacked = 0
    member = zlib.decompressobj(_GZIP_WINDOW)
    for piece in _pieces(chunks):
        sent += len(piece)
        waiting = piece
        while waiting:
            if member.eof:
                waiting = waiting.lstrip(b"\0")  # padding of tapes and block devices
                member = zlib.decompressobj(_GZIP_WINDOW) if waiting else member
            else:
                output = _unpacked(member, waiting)
                unpacked += len(output)
                _brake(sent, unpacked, limits)
                yield output
                waiting = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise PayloadError(400, "truncated-compression", "the gzip stream ends before its end")


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _INPUT_BYTES):
            yield chunk[start : start + _INPUT_BYTES]


def _unpacked(member: "zlib._Decompress", waiting: bytes) -> bytes:
    try:
        return member.decompress(waiting, _OUTPUT_BYTES)
    except zlib.error as error:
        raise PayloadError(400, "unreadable-compression", "the body is not a sound gzip stream") from error


def _brake(sent: int, unpacked: int, limits: Limits) -> None:
    if unpacked > limits.max_unpacked_bytes:
        raise PayloadError(
            413, "decompressed-too-large", f"unpacked, the body exceeds {limits.max_unpacked_bytes} bytes"
        )
    if unpacked > limits.ratio_from_bytes and unpacked > limits.max_ratio * sent:
        raise PayloadError(
            413, "decompressed-too-large", f"the body unpacks to more than {limits.max_ratio} times its size"
        )
