"""A body on its way to the disk, as it came, as long as there is no secret in it; a packed one is looked into."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.domain.compression import Limits, decompress, is_compressed, is_named
from services.intake.domain.redaction.watching import Watch

_PACKED_REACH_BYTES = 256 * 1024
"""More than a packed stream takes in before it gives what it is: a block of zstd has at most 128 KiB (RFC 8878)."""


@dataclass(slots=True)
class _Waiting:
    """A chunk as it came, and how much the body was by its end, unpacked."""

    chunk: bytes
    ends_at: int


class Passing:
    """The chunks of a body that are known to hold no secret. Once there is one, nothing more passes."""

    def __init__(self, body: Iterator[bytes], watch: Watch) -> None:
        self._body = body
        self._watch = watch
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._unpacked_bytes = 0
        self.has_secrets = False

    @property
    def waiting(self) -> Iterator[bytes]:
        """What came, and did not pass."""
        return (each.chunk for each in self._waiting)

    def chunks(self, opening: bytes, *, encoding: str | None, limits: Limits) -> Iterator[bytes]:
        """Raises what `decompress` does. `opening` is how the body begins."""
        is_packed = is_named(encoding) or is_compressed(opening)
        taken = self._taken(is_packed=is_packed)
        for piece in decompress(taken, encoding=encoding, limits=limits) if is_packed else taken:
            self._unpacked_bytes += len(piece) if is_packed else 0
            if self._watch.sees(piece):
                self.has_secrets = True
                return
            if passed := self._passed(_PACKED_REACH_BYTES if is_packed else 0):
                yield passed
        if self._watch.sees_at_the_end():
            self.has_secrets = True
            return
        yield b"".join(self.waiting)

    def _taken(self, *, is_packed: bool) -> Iterator[bytes]:
        """Who asks for the next chunk has given all that the one before is, but for what waits within the unpacker."""
        for chunk in self._body:
            if self._waiting and is_packed:
                self._waiting[-1].ends_at = self._unpacked_bytes
            if not is_packed:
                self._unpacked_bytes += len(chunk)
            self._waiting.append(_Waiting(chunk, self._unpacked_bytes))
            self._waiting_bytes += len(chunk)
            yield chunk

    def _passed(self, reach_bytes: int) -> bytes:
        passed: list[bytes] = []
        while self._waiting:
            first = self._waiting[0]
            left = self._waiting_bytes - len(first.chunk)
            if left < reach_bytes or first.ends_at > self._watch.clean_bytes:
                break
            passed.append(self._waiting.popleft().chunk)
            self._waiting_bytes = left
        return b"".join(passed)
