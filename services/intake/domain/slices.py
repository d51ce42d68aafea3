"""Reading in pieces: so many records at a time, so that a payload of any size takes the same memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from services.intake.domain.records import PayloadError, Record


@dataclass(frozen=True, slots=True)
class Slice:
    """The next records of a payload; `refusal` says why reading stopped before the end."""

    records: tuple[Record, ...]
    is_last: bool
    refusal: PayloadError | None = None


def next_slice(records: Iterator[Record], size: int) -> Slice:
    """At most `size` records. What was read before a refusal is in the slice that carries it."""
    taken: list[Record] = []
    try:
        taken.extend(islice(records, size))
    except PayloadError as error:
        return Slice(tuple(taken), is_last=True, refusal=error)
    return Slice(tuple(taken), is_last=len(taken) < size)
