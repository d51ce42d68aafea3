"""What the imported registry dumps say about addresses and ASes, held so that millions of ranges fit in memory.

A range is a row over a few packed columns, not an object: 4 million of them take some 250 MB, as objects they would
take gigabytes. An object is made of a row only when a look-up hits it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec
import numpy as np
import numpy.typing as npt

from libs.common.flattening import NOBODY
from libs.common.intervals import Interval, Space
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.ranges import Segments

NO_ROW = -1
ASSIGNED, INDEPENDENT = "a", "i"
"""Kinds of a range that its user has: from a provider, whose allocation it lies in, or from nobody."""
Packed = bytes | bytearray
"""A column of fixed-width values, one after another."""


class Network(msgspec.Struct, frozen=True, gc=False):
    """A registered network range, as far as an attribution asks."""

    interval: Interval
    netname: str
    country: str | None
    desk: AbuseDesk | None
    inherited_from: Interval | None
    is_users: bool = False
    """Its desk is that of whoever uses it, not of who hands out the addresses."""


class System(msgspec.Struct, frozen=True):
    """An autonomous system and who answers for it."""

    asn: int
    name: str
    desk: AbuseDesk | None


class Ends:
    """The intervals of one space as two packed columns, sorted by their first number."""

    __slots__ = ("_first", "_last", "_space", "_width")

    def __init__(self, space: Space, *, first: Packed, last: Packed) -> None:
        self._space, self._width = space, space.width_bytes
        self._first, self._last = first, last

    def __len__(self) -> int:
        return len(self._first) // self._width

    def __getitem__(self, row: int) -> Interval:
        return Interval(self._space, *self._pair(row))

    def segments(self) -> Segments:
        return Segments.of(self._space, (self._pair(row) for row in range(len(self))))

    def nested(self) -> npt.NDArray[np.bool_]:
        """For each whether it lies in another: those before it begin no later, so one of them must end no earlier."""
        if self._space is Space.IPV6:
            return np.fromiter(self._nested_one_by_one(), dtype=np.bool_, count=len(self))
        ends = np.frombuffer(self._last, dtype=">u4")
        is_nested = np.zeros(len(ends), dtype=np.bool_)
        is_nested[1:] = np.maximum.accumulate(ends)[:-1] >= ends[1:]
        return is_nested

    def _nested_one_by_one(self) -> Iterator[bool]:
        """No number of numpy is wide enough; bytes compare as the numbers do."""
        furthest = b""
        for start in range(0, len(self._last), self._width):
            last = bytes(self._last[start : start + self._width])
            yield furthest >= last
            furthest = max(furthest, last)

    def _pair(self, row: int) -> tuple[int, int]:
        place = slice(row * self._width, (row + 1) * self._width)
        return int.from_bytes(self._first[place], "big"), int.from_bytes(self._last[place], "big")


class Texts:
    """Many short texts in one: each ends with a line feed, which none of them holds."""

    __slots__ = ("_joined", "_limits")

    def __init__(self, joined: Packed) -> None:
        self._joined = joined
        ends = np.flatnonzero(np.frombuffer(joined, dtype=np.uint8) == ord("\n")).astype(np.uint32)
        self._limits = np.concatenate((np.zeros(1, dtype=np.uint32), ends + 1), dtype=np.uint32)

    def of(self, rows: Sequence[int]) -> list[str]:
        places = np.array(rows, dtype=np.int64)
        starts, nexts = self._limits[places].tolist(), self._limits[places + 1].tolist()
        return [self._joined[start : following - 1].decode() for start, following in zip(starts, nexts, strict=True)]


class RangeColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The ranges of one space as they come from the database, in order of their position.

    `countries` has two letters each (blank: unknown); `desks` and `inherited_from` big-endian 32-bit numbers, NO_ROW
    for none; `netnames` is what `Texts` wants; `kinds` one letter each, `-` for what is handed out to others.
    """

    first: Packed
    last: Packed
    countries: Packed
    desks: Packed
    inherited_from: Packed
    netnames: Packed
    kinds: Packed = b""


class NetworkTable:
    """The network ranges of one space.

    A range is its user's if it was assigned out of another, or independent of any, and has a desk of its own that
    answers for no allocation: a provider that hands out addresses often assigns ranges to itself.
    """

    __slots__ = ("_countries", "_desks", "_ends", "_inherited_from", "_is_users", "_names", "_pool", "_segments")

    def __init__(self, space: Space, columns: RangeColumns, *, pool: Sequence[AbuseDesk]) -> None:
        self._ends = Ends(space, first=columns.first, last=columns.last)
        self._segments = self._ends.segments()
        self._countries = columns.countries
        self._desks = np.frombuffer(columns.desks, dtype=">i4")
        self._inherited_from = np.frombuffer(columns.inherited_from, dtype=">i4")
        self._names = Texts(columns.netnames)
        self._pool = pool
        self._is_users = self._used_by_desk(np.frombuffer(columns.kinds or b"-" * len(self._ends), dtype=np.uint8))

    def _used_by_desk(self, kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        is_assigned, is_independent, has_desk = kinds == ord(ASSIGNED), kinds == ord(INDEPENDENT), self._desks != NO_ROW
        is_providers = np.zeros(len(self._pool) + 1, dtype=np.bool_)
        is_providers[self._desks[~is_assigned & ~is_independent & has_desk]] = True
        is_own = self._inherited_from == NO_ROW
        of_provider = is_providers[np.where(has_desk, self._desks, len(self._pool))]
        had = is_independent | (is_assigned & self._ends.nested())
        users: npt.NDArray[np.bool_] = had & has_desk & is_own & ~of_provider
        return users

    def __len__(self) -> int:
        return len(self._ends)

    def around(self, numbers: Sequence[int]) -> dict[int, Network]:
        """The most specific range around each address that lies in one."""
        rows = self._segments.owners(numbers)
        networks = self._networks(list({row for row in rows if row != NOBODY}))
        return {number: networks[row] for number, row in zip(numbers, rows, strict=True) if row != NOBODY}

    def _networks(self, rows: list[int]) -> dict[int, Network]:
        """Objects of these rows. Each column is read once for all of them: one by one, numpy is slow."""
        names, desks = self._names.of(rows), self._desks[rows].tolist()
        sources, users = self._inherited_from[rows].tolist(), self._is_users[rows].tolist()
        return {
            row: Network(
                interval=self._ends[row],
                netname=name,
                country=self._countries[2 * row : 2 * row + 2].decode().strip() or None,
                desk=self._pool[desk] if desk != NO_ROW else None,
                inherited_from=self._ends[source] if source != NO_ROW else None,
                is_users=is_users,
            )
            for row, name, desk, source, is_users in zip(rows, names, desks, sources, users, strict=True)
        }


class RouteTable:
    """The announced prefixes of one space with their origins."""

    __slots__ = ("_origins", "_segments")

    def __init__(self, ends: Ends, *, origins: Sequence[tuple[int, ...]]) -> None:
        self._segments = ends.segments()
        self._origins = origins

    def origins(self, numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Who says that they announce the most specific prefix around each address."""
        rows = self._segments.owners(numbers)
        return {number: self._origins[row] for number, row in zip(numbers, rows, strict=True) if row != NOBODY}


class CountryTable:
    """The delegated ranges of one space with the country of their holder."""

    __slots__ = ("_countries", "_segments")

    def __init__(self, ends: Ends, *, countries: Packed) -> None:
        self._segments = ends.segments()
        self._countries = countries

    def countries(self, numbers: Sequence[int]) -> dict[int, str]:
        rows = self._segments.owners(numbers)
        hits = ((number, row) for number, row in zip(numbers, rows, strict=True) if row != NOBODY)
        return {number: self._countries[2 * row : 2 * row + 2].decode() for number, row in hits}


class Networks(msgspec.Struct, frozen=True):
    """One snapshot of the RIPE database. `snapshot` 0 is the empty one from before the first import."""

    snapshot: int = 0
    made_on: date | None = None
    ranges: Mapping[Space, NetworkTable] = {}
    routes: Mapping[Space, RouteTable] = {}
    systems: Mapping[int, System] = {}

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, Network]:
        return self.ranges[space].around(numbers) if space in self.ranges else {}

    def origins(self, space: Space, numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
        return self.routes[space].origins(numbers) if space in self.routes else {}


class Delegations(msgspec.Struct, frozen=True):
    """One snapshot of the registry's delegated file."""

    snapshot: int = 0
    made_on: date | None = None
    tables: Mapping[Space, CountryTable] = {}

    def countries(self, space: Space, numbers: Sequence[int]) -> dict[int, str]:
        return self.tables[space].countries(numbers) if space in self.tables else {}
