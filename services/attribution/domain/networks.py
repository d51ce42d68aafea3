"""What the imported registry dumps say about addresses and ASes, held so that millions of ranges fit in memory.

A range is a row over a few packed columns, not an object: 4 million of them take some 200 MB, as objects they would
take gigabytes. An object is made of a row only when a look-up hits it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from libs.common.flattening import NOBODY
from libs.common.intervals import Interval, Space
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.columns import NO_ROW, Columns, Packed, Texts, numbers_of, parted
from services.attribution.domain.ranges import Segments, numbers_from

RANGE_COLUMNS = (
    "first", "last", "country", "name", "status", "status-words", "desk", "inherited-from", "starts", "owners",
)  # fmt: skip
ROUTE_COLUMNS = ("route-starts", "route-owners", "origins", "origins-words")
SYSTEM_COLUMNS = ("asn", "asn-name", "asn-desk")
DESK_COLUMNS = ("desk-email", "desk-name")
INDEPENDENT = frozenset({"ASSIGNED PI", "ASSIGNED ANYCAST"})
"""Of ranges that nobody handed on: whoever has one has it from the registry."""


class Network(msgspec.Struct, frozen=True, gc=False):
    """A registered network range, as far as an attribution asks. `status` is upper case."""

    interval: Interval
    netname: str
    country: str | None
    desk: AbuseDesk | None
    inherited_from: Interval | None
    is_users: bool = False
    """Its desk is that of whoever uses it, not of who hands out the addresses."""
    status: str = ""


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

    def of(self, rows: Sequence[int]) -> list[Interval]:
        firsts, lasts = (self._numbers(column, rows) for column in (self._first, self._last))
        return [Interval(self._space, first, last) for first, last in zip(firsts, lasts, strict=True)]

    def _numbers(self, column: Packed, rows: Sequence[int]) -> list[int]:
        return numbers_from(self._space, np.frombuffer(column, dtype=f"V{self._width}")[rows].tobytes())

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


class NetworkTable:
    """The network ranges of one space.

    A range is its user's if it was assigned out of another, or independent of any, and has a desk of its own that
    answers for no allocation: a provider that hands out addresses often assigns ranges to itself.
    """

    __slots__ = (
        "_countries", "_desks", "_ends", "_inherited_from", "_is_users", "_names", "_pool", "_segments",
        "_status_words", "_statuses",
    )  # fmt: skip

    def __init__(self, space: Space, columns: Columns, *, pool: Sequence[AbuseDesk]) -> None:
        """Of `columns` those of RANGE_COLUMNS. The ones without rows are read as unknown."""
        self._ends = Ends(space, first=columns["first"], last=columns["last"])
        self._segments = Segments(space, starts=columns["starts"], owners=columns["owners"])
        self._countries = np.frombuffer(columns["country"], dtype="S2")
        self._desks = numbers_of(columns["desk"])
        self._inherited_from = numbers_of(columns["inherited-from"])
        self._names = Texts(columns["name"])
        self._pool = pool
        self._status_words = [*parted(columns["status-words"]), ""]
        self._statuses = _narrow(columns["status"], len(self._ends))
        self._is_users = self._used_by_desk()

    def _used_by_desk(self) -> npt.NDArray[np.bool_]:
        is_assigned = np.array([_is_assigned(status) for status in self._status_words])[self._statuses]
        is_independent = np.array([status in INDEPENDENT for status in self._status_words])[self._statuses]
        has_desk = self._desks != NO_ROW
        is_providers = np.zeros(len(self._pool) + 1, dtype=np.bool_)
        is_providers[self._desks[~is_assigned & has_desk]] = True
        is_had = is_independent | (is_assigned & self._ends.nested())
        is_users: npt.NDArray[np.bool_] = is_had & has_desk & (self._inherited_from == NO_ROW)
        return is_users & ~is_providers[self._desks]

    def __len__(self) -> int:
        return len(self._ends)

    def around(self, numbers: Sequence[int]) -> dict[int, Network]:
        """The most specific range around each address that lies in one."""
        rows = self._segments.owners(numbers)
        networks = self._networks(sorted({row for row in rows if row != NOBODY}))
        return {number: networks[row] for number, row in zip(numbers, rows, strict=True) if row != NOBODY}

    def _networks(self, rows: list[int]) -> dict[int, Network]:
        """Objects of these rows. Each column is read once for all of them: one by one, numpy is slow."""
        if not rows:
            return {}
        sources = self._inherited_from[rows].tolist()
        inherited = sorted({source for source in sources if source != NO_ROW})
        source_of = dict(zip(inherited, self._ends.of(inherited), strict=True))
        read = zip(
            rows,
            self._ends.of(rows),
            self._names.of(rows),
            self._countries[rows].tolist(),
            self._desks[rows].tolist(),
            sources,
            self._is_users[rows].tolist(),
            self._statuses[rows].tolist(),
            strict=True,
        )
        pool, status_words = self._pool, self._status_words
        return {
            row: Network(
                ends,
                name,
                _country(country),
                pool[desk] if desk != NO_ROW else None,
                source_of.get(source),
                is_users,
                status_words[status],
            )
            for row, ends, name, country, desk, source, is_users, status in read
        }


@lru_cache(maxsize=1024)
def _country(code: bytes) -> str | None:
    return code.decode().strip() or None


def _is_assigned(status: str) -> bool:
    return status.startswith("ASSIGNED") or status == "ALLOCATED-ASSIGNED PA"


def _narrow(column: Packed, rows: int) -> npt.NDArray[np.signedinteger]:
    """Numbers in as few bytes as they fit, since there are millions of them; NO_ROW for all of an empty column."""
    numbers = numbers_of(column) if len(column) else np.full(rows, NO_ROW, dtype=np.int32)
    narrowest = np.int8 if not len(numbers) or numbers.max() < 128 else np.int32
    return numbers.astype(narrowest, copy=False)


class RouteTable:
    """The announced prefixes of one space with their origins."""

    __slots__ = ("_origins", "_segments", "_words")

    def __init__(self, space: Space, columns: Columns) -> None:
        """Of `columns` those of ROUTE_COLUMNS."""
        self._segments = Segments(space, starts=columns["route-starts"], owners=columns["route-owners"])
        self._origins = numbers_of(columns["origins"])
        self._words = [tuple(map(int, text.split())) for text in parted(columns["origins-words"])]

    def origins(self, numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Who says that they announce the most specific prefix around each address."""
        hits = [hit for hit in zip(numbers, self._segments.owners(numbers), strict=True) if hit[1] != NOBODY]
        words = self._origins[[row for _, row in hits]].tolist() if hits else []
        return {number: self._words[word] for (number, _), word in zip(hits, words, strict=True)}


class Networks(msgspec.Struct, frozen=True):
    """What serves of the RIPE database. `snapshot` 0 is the empty one from before the first import.

    `made_on` is the day of the oldest part that it stands on, and `parts` the day of each: `inetnum` and so on.
    """

    snapshot: int = 0
    made_on: date | None = None
    ranges: Mapping[Space, NetworkTable] = {}
    routes: Mapping[Space, RouteTable] = {}
    systems: Mapping[int, System] = {}
    parts: Mapping[str, date] = {}

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, Network]:
        return self.ranges[space].around(numbers) if space in self.ranges else {}

    def origins(self, space: Space, numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
        return self.routes[space].origins(numbers) if space in self.routes else {}


def desks_from(columns: Columns) -> list[AbuseDesk]:
    """By their number; of DESK_COLUMNS."""
    return [
        AbuseDesk(email, name)
        for email, name in zip(parted(columns["desk-email"]), parted(columns["desk-name"]), strict=True)
    ]


def systems_from(columns: Columns, *, pool: Sequence[AbuseDesk]) -> dict[int, System]:
    """By AS number; of SYSTEM_COLUMNS."""
    asns = np.frombuffer(columns["asn"], dtype=np.uint32).tolist()
    read = zip(asns, parted(columns["asn-name"]), numbers_of(columns["asn-desk"]).tolist(), strict=True)
    return {asn: System(asn, name, pool[desk] if desk != NO_ROW else None) for asn, name, desk in read}
