"""Unpacking a body while it streams, bounded: what a few bytes may become is counted, never believed."""

import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.intake.domain.lines import with_head
from services.intake.domain.records import PayloadError

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

OUTPUT_BYTES = 256 * 1024

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's word for "gzip header and trailer, largest window"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_OPTIONS: Mapping[int, int] = {
    DecompressionParameter.window_log_max: 23
}  # 8 MiB, as RFC 8878 advises; a frame may ask for 2 GiB
_MAGIC_BYTES = max(len(_GZIP_MAGIC), len(_ZSTD_MAGIC))
_PLAIN, _GZIP, _ZSTD = "identity", "gzip", "zstd"
_FILE_ENDINGS = {_PLAIN: "", _GZIP: ".gz", _ZSTD: ".zst"}
_ENCODINGS = {"": _PLAIN, "identity": _PLAIN, "gzip": _GZIP, "x-gzip": _GZIP, "zstd": _ZSTD}

# `unused_data` copies the rest of its input at the end of every member or frame, so that many tiny ones take quadratic
# time in the length of one input. Short inputs bound that.
_INPUT_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a body is read. The ratio counts from `ratio_from_bytes` of output on: small texts often repeat."""

    max_sent_bytes: int = 1024**3
    max_unpacked_bytes: int = 4 * 1024**3
    max_ratio: int = 200
    ratio_from_bytes: int = 64 * 1024**2


class Brake:
    """Counts what came in and what it became, and stops a body that becomes too much: `PayloadError` 413."""

    __slots__ = ("_limits", "_sent_bytes", "_unpacked_bytes")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent_bytes = 0
        self._unpacked_bytes = 0

    def sent(self, size_bytes: int) -> None:
        self._sent_bytes += size_bytes

    def unpacked(self, size_bytes: int) -> None:
        limits = self._limits
        self._unpacked_bytes += size_bytes
        if self._unpacked_bytes > limits.max_unpacked_bytes:
            raise PayloadError(
                413, "decompressed-too-large", f"unpacked, the body exceeds {limits.max_unpacked_bytes} bytes"
            )
        if self._unpacked_bytes > max(limits.ratio_from_bytes, limits.max_ratio * self._sent_bytes):
            raise PayloadError(
                413, "decompressed-too-large", f"the body unpacks to more than {limits.max_ratio} times its size"
            )


def decompress(chunks: Iterator[bytes], *, encoding: str | None, limits: Limits) -> Iterator[bytes]:
    """The body's bytes without its one layer of gzip or zstd, as `encoding` (Content-Encoding) or the first bytes say.

    Raises `PayloadError`: 415 for another encoding, 400 for bytes that are not in it or end too early, 413 beyond a
    limit. A truncated body is only known at its end, when its beginning has long been handed out.
    """
    named = _named(encoding)
    first, chunks = with_head(within(chunks, limits.max_sent_bytes), _MAGIC_BYTES)
    if not first:
        return iter(())
    match named if named != _PLAIN else _shown(first):
        case "gzip":
            return _gunzip(chunks, Brake(limits))
        case "zstd":
            return _unzstd(chunks, Brake(limits))
    return _counted(chunks, Brake(limits))


def is_named(encoding: str | None) -> bool:
    """Whether a Content-Encoding says that the body has to be unpacked; 415 for one that is not taken."""
    return _named(encoding) != _PLAIN


def file_ending(encoding: str | None) -> str:
    """How the name of a file ends that came with this Content-Encoding."""
    return _FILE_ENDINGS[_ENCODINGS.get((encoding or "").strip().lower(), _PLAIN)]


def is_compressed(first: bytes) -> bool:
    """Whether a body with these first bytes has to be unpacked."""
    return _shown(first) != _PLAIN


def _named(encoding: str | None) -> str:
    named = _ENCODINGS.get((encoding or "").strip().lower())
    if named is None:
        raise PayloadError(415, "unsupported-encoding", "Content-Encoding may be 'gzip', 'zstd' or absent")
    return named


def _shown(first: bytes) -> str:
    if first.startswith(_GZIP_MAGIC):
        return _GZIP
    return _ZSTD if first.startswith(_ZSTD_MAGIC) else _PLAIN


def within(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The same chunks, as long as they are not too much: `PayloadError` 413 then."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise PayloadError(413, "payload-too-large", f"the body is larger than {max_bytes} bytes")
        yield chunk


def _counted(chunks: Iterator[bytes], brake: Brake) -> Iterator[bytes]:
    for chunk in chunks:
        brake.sent(len(chunk))
        brake.unpacked(len(chunk))
        yield chunk


def _gunzip(chunks: Iterator[bytes], brake: Brake) -> Iterator[bytes]:
    """All members one after another, as RFC 1952 allows; `zlib` by itself stops after the first, silently."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    for piece in _pieces(chunks):
        brake.sent(len(piece))
        waiting = piece
        while waiting:
            if member.eof:
                waiting = waiting.lstrip(b"\0")  # padding of tapes and block devices
                member = zlib.decompressobj(_GZIP_WINDOW) if waiting else member
            else:
                output = _inflated(member, waiting)
                brake.unpacked(len(output))
                yield output
                waiting = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise PayloadError(400, "truncated-compression", "the gzip stream ends before its end")


def _unzstd(chunks: Iterator[bytes], brake: Brake) -> Iterator[bytes]:
    """All frames one after another (RFC 8878, 3); a frame that asks for a window beyond 8 MiB is none that we read."""
    frame = ZstdDecompressor(options=_ZSTD_OPTIONS)
    for piece in _pieces(chunks):
        brake.sent(len(piece))
        waiting = piece
        while waiting or not (frame.eof or frame.needs_input):
            if frame.eof:
                frame = ZstdDecompressor(options=_ZSTD_OPTIONS)
            output = _expanded(frame, waiting)
            brake.unpacked(len(output))
            yield output
            waiting = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise PayloadError(400, "truncated-compression", "the zstd stream ends before its end")


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _INPUT_BYTES):
            yield chunk[start : start + _INPUT_BYTES]


def _inflated(member: "zlib._Decompress", waiting: bytes) -> bytes:
    try:
        return member.decompress(waiting, OUTPUT_BYTES)
    except zlib.error as error:
        raise PayloadError(400, "unreadable-compression", "the body is not a sound gzip stream") from error


def _expanded(frame: ZstdDecompressor, waiting: bytes) -> bytes:
    try:
        return frame.decompress(waiting, OUTPUT_BYTES)
    except ZstdError as error:
        raise PayloadError(
            400, "unreadable-compression", "the body is not a sound zstd stream with a window of at most 8 MiB"
        ) from error
