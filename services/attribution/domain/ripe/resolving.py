"""Who answers for abuse of a range: the abuse-c as RIPE's own server resolves it, for all ranges in one pass.

The object's own abuse-c, else that of its organisation, else what the first less specific range has; but nothing is
inherited by a range that RIPE NCC itself maintains. An AS has only the first two steps.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt

from libs.common.flattening import NOBODY
from libs.common.intervals import Space
from services.attribution.domain.columns import (
    NO_ROW,
    ROWS_AT_ONCE,
    Columns,
    Packed,
    WordColumn,
    joined,
    numbers_of,
    packed_words,
    parted,
)
from services.attribution.domain.ranges import Segments, numbers_from
from services.attribution.domain.ripe.contacts import Contacts
from services.attribution.domain.ripe.parts import VOCABULARY, taken
from services.attribution.domain.ripe.reading import Kind

RANGES = {Space.IPV4: Kind.INETNUM, Space.IPV6: Kind.INET6NUM}
ROUTES = {Space.IPV4: Kind.ROUTE, Space.IPV6: Kind.ROUTE6}


def resolved_ranges(space: Space, part: Columns, contacts: Contacts, skipped: Counter[str]) -> Columns:
    """The ranges of one space with their desks, as columns that are called `space/name`."""
    if not part:
        return {}
    organisations = contacts.organisations(parted(part["organisation" + VOCABULARY]))[numbers_of(part["organisation"])]
    roles = contacts.roles(parted(part["contact" + VOCABULARY]))[numbers_of(part["contact"])]
    own = contacts.desks_of(roles, organisations, part["description"])
    nest = Nest(space)
    for start in range(0, len(own), ROWS_AT_ONCE):
        nest.add(part["first"], part["last"], own, part["guarded"], start=start)
    skipped.update(nest.skipped)
    order = nest.kept
    kept = ("first", "last", "country", "status", "name")
    columns = {name: taken(name, part[name], order, width_bytes=space.width_bytes) for name in kept}
    return _in_space(space, {**columns, "status" + VOCABULARY: part["status" + VOCABULARY], **nest.columns()})


def _in_space(space: Space, columns: Columns) -> Columns:
    return {f"{space}/{name}": column for name, column in columns.items()}


class Nest:
    """Which range lies in which, found in one pass over ranges that are sorted: rising by first, falling by last.

    A range that equals the one before it, or overlaps another only in part, is left out and counted in `skipped`.
    On the way the space is cut into the pieces of `Segments`, since what is open at a place is known here.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._open: list[tuple[int, int, int, int, int]] = []
        self._position = 0
        self._piece = (0, NOBODY)
        self._starts, self._owners = bytearray(), bytearray()
        self._desks, self._sources = bytearray(), bytearray()
        self._left_out: list[int] = []
        self._seen = 0
        self.skipped = Counter[str]()

    def add(self, first: Packed, last: Packed, own: npt.NDArray[np.int32], guarded: Packed, *, start: int) -> None:
        """The rows from `start` on, as many as are taken at once."""
        width, end = self._space.width_bytes, min(start + ROWS_AT_ONCE, len(own))
        places = slice(start * width, end * width)
        rows = zip(
            numbers_from(self._space, memoryview(first)[places]),
            numbers_from(self._space, memoryview(last)[places]),
            own[start:end].tolist(),
            bytes(guarded[start:end]),
            strict=True,
        )
        desks: list[int] = []
        sources: list[int] = []
        pieces: list[tuple[int, int]] = []
        for row, (begin, until, its_own, is_guarded) in enumerate(rows, start):
            self._close(before=begin, pieces=pieces)
            above = self._open[-1] if self._open else None
            if above is not None and (above[0] < until or (above[0] == until and above[1] == begin)):
                self.skipped["same-range-twice" if above[1] == begin and above[0] == until else "partial-overlap"] += 1
                self._left_out.append(row)
                continue
            desk, source = its_own, NO_ROW
            if desk == NO_ROW and above is not None and not is_guarded and above[3] != NO_ROW:
                desk, source = above[3], above[4]
            position = self._position
            self._open.append((until, begin, position, desk, position if source == NO_ROW else source))
            self._put(begin, position, pieces)
            desks.append(desk)
            sources.append(source)
            self._position += 1
        self._seen = end
        self._keep(desks, sources, pieces)

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """The rows that were not left out."""
        return np.delete(np.arange(self._seen), self._left_out)

    def columns(self) -> Columns:
        """When all ranges are in."""
        pieces: list[tuple[int, int]] = []
        self._close(before=self._space.end, pieces=pieces)
        self._keep([], [], [*pieces, self._piece])
        return {
            "desk": self._desks,
            "inherited-from": self._sources,
            "starts": self._starts,
            "owners": self._owners,
        }

    def _close(self, *, before: int, pieces: list[tuple[int, int]]) -> None:
        """Where a range ends, what it lies in goes on."""
        while self._open and self._open[-1][0] < before:
            last = self._open.pop()[0]
            if last + 1 < self._space.end:
                self._put(last + 1, self._open[-1][2] if self._open else NOBODY, pieces)

    def _put(self, start: int, owner: int, pieces: list[tuple[int, int]]) -> None:
        """Of several changes at one place the last counts."""
        if start != self._piece[0]:
            pieces.append(self._piece)
        self._piece = (start, owner)

    def _keep(self, desks: list[int], sources: list[int], pieces: list[tuple[int, int]]) -> None:
        self._desks += np.array(desks, dtype=np.int32).tobytes()
        self._sources += np.array(sources, dtype=np.int32).tobytes()
        self._starts += Segments.packed_starts(self._space, [start for start, _ in pieces])
        self._owners += np.array([owner for _, owner in pieces], dtype=np.int32).tobytes()


def resolved_routes(space: Space, part: Columns) -> Columns:
    """One row for a prefix, with all who say that they announce it."""
    if not part:
        return {}
    origins: dict[tuple[int, int], set[int]] = {}
    ends = zip(numbers_from(space, part["first"]), numbers_from(space, part["last"]), strict=True)
    for prefix, origin in zip(ends, np.frombuffer(part["origin"], dtype="<u4").tolist(), strict=True):
        origins.setdefault(prefix, set()).add(origin)
    words = WordColumn()
    words.add(*packed_words([" ".join(map(str, sorted(each))) for each in origins.values()]))
    segments = Segments.of(space, origins)
    return _in_space(
        space,
        {
            "route-starts": segments.starts,
            "route-owners": segments.owner_numbers,
            "origins": words.numbers.tobytes(),
            "origins" + VOCABULARY: joined(words.words),
        },
    )


def resolved_systems(part: Columns, contacts: Contacts) -> Columns:
    """An AS is called after its organisation in its desk's name; itself it keeps the name that it has."""
    handles = (parted(part.get(name, b"")) for name in ("organisation", "contact"))
    organisations, roles = (
        find(each)[:-1] for find, each in zip((contacts.organisations, contacts.roles), handles, strict=True)
    )
    names = part.get("name", b"")
    return {
        "asn": np.array([int(asn) for asn in parted(part.get("asn", b""))], dtype=np.uint32).tobytes(),
        "asn-name": names,
        "asn-desk": contacts.desks_of(roles, organisations, names).tobytes(),
    }
