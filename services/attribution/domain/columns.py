"""Millions of rows as a few packed columns: what imports fill, the database keeps and look-ups read.

A column of numbers has a fixed width; one of texts ends each with a line feed, which none of them holds. A column of
words is numbers that count into a vocabulary of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Packed = bytes | bytearray | memoryview
Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
NO_ROW = -1
"""Stands where a number would count to a row and there is none."""

ROWS_AT_ONCE = 100_000
LENGTHS_AT_ONCE = 16
CHARS_AT_ONCE = 1 << 20
LINE_FEED = ord("\n")


def joined(texts: Iterable[str]) -> bytes:
    """A column of texts, which hold no line feed."""
    return "".join([f"{text}\n" for text in texts]).encode("utf-8", "replace")


def parted(column: Packed) -> list[str]:
    return str(column, "utf-8").split("\n")[:-1]


def packed_words(words: Sequence[str | None]) -> tuple[bytes, bytes]:
    """Numbers of each word (NO_ROW for None), and the vocabulary that they count into."""
    known: dict[str, int] = {}
    numbers = [NO_ROW if word is None else known.setdefault(word, len(known)) for word in words]
    return np.array(numbers, dtype=np.int32).tobytes(), joined(known)


class WordColumn:
    """A column of words that grows by batches, each with a vocabulary of its own."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._numbers = bytearray()

    def add(self, numbers: Packed, vocabulary: Packed) -> None:
        ours = [self._known.setdefault(word, len(self._known)) for word in parted(vocabulary)]
        self._numbers += np.array([*ours, NO_ROW], dtype=np.int32)[numbers_of(numbers)].tobytes()

    @property
    def numbers(self) -> Numbers:
        return numbers_of(self._numbers)

    @property
    def words(self) -> list[str]:
        return list(self._known)


def numbers_of(column: Packed) -> Numbers:
    return np.frombuffer(column, dtype=np.int32)


class Texts:
    """A column of texts, each found by its row: 1 byte for its length, and where every 16th begins."""

    __slots__ = ("_begins", "_chars", "_lengths")

    def __init__(self, column: Packed) -> None:
        self._chars = np.frombuffer(column, dtype=np.uint8)
        self._lengths, self._begins = _measured(self._chars)

    def __len__(self) -> int:
        return len(self._lengths)

    def of(self, rows: Sequence[int] | Places) -> list[str]:
        return parted(self._drawn(*self._places(np.array(rows, dtype=np.int64)))) if len(rows) else []

    def taken(self, order: Places) -> Iterator[bytes]:
        """The column with its rows in another order, in parts."""
        following = np.cumsum(self._lengths, dtype=np.int64)
        for start in range(0, len(order), ROWS_AT_ONCE):
            rows = order[start : start + ROWS_AT_ONCE]
            lengths = self._lengths[rows].astype(np.int64)
            yield self._drawn(following[rows] - lengths, lengths)

    def _drawn(self, begins: Places, lengths: Places) -> bytes:
        """What stands at these places, as a column."""
        ends = np.cumsum(lengths)
        drawn: bytes = self._chars[np.repeat(begins - (ends - lengths), lengths) + np.arange(ends[-1])].tobytes()
        return drawn

    def _places(self, rows: Places) -> tuple[Places, Places]:
        """Where each text begins, and its length with its line feed."""
        group = rows // LENGTHS_AT_ONCE
        before = np.arange(LENGTHS_AT_ONCE)
        places = np.minimum(group[:, None] * LENGTHS_AT_ONCE + before, len(self._lengths) - 1)
        counted = before < (rows % LENGTHS_AT_ONCE)[:, None]
        begins = self._begins[group] + np.where(counted, self._lengths[places], 0).sum(axis=1, dtype=np.int64)
        return begins, self._lengths[rows].astype(np.int64)


def _measured(chars: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.unsignedinteger], Places]:
    """The length of each text with its line feed, and where every 16th begins.

    Part by part: what numpy needs on the way is sixteen times as large as what stays.
    """
    lengths: list[npt.NDArray[np.unsignedinteger]] = [np.zeros(0, dtype=np.uint8)]
    begins = [np.zeros(1, dtype=np.int64)]
    rows, last = 0, -1
    for start in range(0, len(chars), CHARS_AT_ONCE):
        ends = np.flatnonzero(chars[start : start + CHARS_AT_ONCE] == LINE_FEED) + start
        lengths.append(narrowed(np.diff(ends, prepend=last)))
        begins.append(ends[-(rows + 1) % LENGTHS_AT_ONCE :: LENGTHS_AT_ONCE] + 1)
        rows, last = rows + len(ends), int(ends[-1]) if len(ends) else last
    return np.concatenate(lengths), np.concatenate(begins)


def narrowed(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.unsignedinteger]:
    """Numbers from 0 on in as few bytes as they fit, since there are millions of them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def in_slices(column: Packed, *, bytes_at_once: int) -> Iterator[bytes]:
    for start in range(0, len(column), bytes_at_once):
        yield bytes(column[start : start + bytes_at_once])


Columns = Mapping[str, Packed]
