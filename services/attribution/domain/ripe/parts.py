"""What the database holds of one kind of objects: all rows of a dump, in an order of their own."""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from libs.common.intervals import Space
from services.attribution.domain.columns import Columns, Packed, Texts, WordColumn, joined, parted
from services.attribution.domain.ripe.reading import SPACES, Batch, Kind

Order = npt.NDArray[np.int64]
VOCABULARY = "-words"
"""What the column is called that the numbers of a column of words count into."""

WIDTHS: Mapping[str, str] = {"guarded": "u1", "country": "S2", "origin": "<u4"}


class PartBuilder:
    """One kind, filled batch by batch. Only packed columns are held: some 80 bytes for each range."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows = 0
        self._columns: dict[str, bytearray] = {}
        self._words: dict[str, WordColumn] = {}

    def add(self, batch: Batch) -> None:
        self.rows += batch.rows
        for name, values in batch.columns.items():
            self._columns.setdefault(name, bytearray()).extend(values)
        for name, (numbers, vocabulary) in batch.words.items():
            self._words.setdefault(name, WordColumn()).add(numbers, vocabulary)

    def finish(self) -> Columns:
        """The sorted columns; the builder is empty afterwards."""
        if self.kind not in SPACES:
            return self._sorted_texts()
        order = order_of(self._columns["first"], self._columns["last"], SPACES[self.kind])
        columns: dict[str, Packed] = {}
        for name in list(self._columns):
            columns[name] = taken(name, self._columns.pop(name), order, width_bytes=SPACES[self.kind].width_bytes)
        for name in list(self._words):
            columns |= _sorted_words(name, self._words.pop(name), order)
        return columns

    def _sorted_texts(self) -> Columns:
        """The last of objects with the same key counts, as in a dump that was put together from several."""
        fields = [parted(column) for column in self._columns.values()]
        rows = sorted({row[0]: row for row in zip(*fields, strict=True)}.values())
        self.rows = len(rows)
        return {name: joined(values) for name, values in zip(self._columns, zip(*rows, strict=True), strict=True)}


def order_of(first: Packed, last: Packed, space: Space) -> Order:
    """Rising by first and falling by last number: parents before what lies in them. Equal ones stay as they came."""
    if space is Space.IPV4:
        keys = np.frombuffer(first, dtype=">u4").astype(np.uint64) << np.uint64(32)
        keys |= np.frombuffer(last, dtype=">u4") ^ np.uint32(0xFFFFFFFF)
        return np.argsort(keys, kind="stable")
    begins, ends = (np.frombuffer(column, dtype=">u8").reshape(-1, 2).astype(np.uint64) for column in (first, last))
    return np.lexsort((~ends[:, 1], ~ends[:, 0], begins[:, 1], begins[:, 0]))


def taken(name: str, column: Packed, order: Order, *, width_bytes: int) -> Packed:
    """A column of ranges in this order."""
    if name in ("name", "description"):
        texts = bytearray()
        for part in Texts(column).taken(order):
            texts += part
        return texts
    width = f"V{width_bytes}" if name in ("first", "last") else WIDTHS.get(name, "<i4")
    return np.frombuffer(column, dtype=width)[order].tobytes()


def _sorted_words(name: str, column: WordColumn, order: Order) -> Columns:
    """With its vocabulary in alphabetical order, so that the same objects make the same bytes."""
    words = sorted(column.words)
    places = {word: place for place, word in enumerate(words)}
    ranks = np.array([*(places[word] for word in column.words), -1], dtype=np.int32)
    return {name: ranks[column.numbers[order]].tobytes(), name + VOCABULARY: joined(words)}


def digest_of(columns: Columns) -> str:
    """Of what is kept, so that the same content in another order, packing or spelling is the same."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(columns):
        digest.update(f"{name}:{len(columns[name])}:".encode())
        digest.update(columns[name])
    return digest.hexdigest()
