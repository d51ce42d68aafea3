"""What registries' delegated files say: in which country the holder of a number is registered, and who says it."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import numpy as np

from libs.common.delegated import Delegation
from libs.common.flattening import NOBODY
from libs.common.intervals import Space
from services.attribution.domain.columns import Columns
from services.attribution.domain.ranges import Segments, numbers_from


class Delegated(msgspec.Struct, frozen=True, gc=False):
    """The country, and the source that says it: `delegated-arin` and so on."""

    country: str
    source: str
    made_on: date


class DelegatedFile(msgspec.Struct, frozen=True):
    """One registry's file as columns: `ipv4/first`, `ipv4/last`, `ipv4/country`, and so on for each space."""

    source: str
    made_on: date
    columns: Columns


class CountryTable:
    """The delegated ranges of one space, of all registries, with the country of their holder and who says it."""

    __slots__ = ("_answers", "_numbers", "_segments")

    def __init__(self, space: Space, files: Sequence[DelegatedFile]) -> None:
        ends: list[tuple[int, int]] = []
        answers: list[int] = []
        known: dict[Delegated, int] = {}
        for file in files:
            first, last, countries = (file.columns.get(f"{space}/{name}", b"") for name in ("first", "last", "country"))
            ends += zip(numbers_from(space, first), numbers_from(space, last), strict=True)
            for country in np.frombuffer(countries, dtype="S2").tolist():
                answer = Delegated(country.decode(), file.source, file.made_on)
                answers.append(known.setdefault(answer, len(known)))
        order = sorted(range(len(ends)), key=ends.__getitem__)
        self._segments = Segments.of(space, (ends[row] for row in order))
        self._numbers = np.array([answers[row] for row in order], dtype=np.int32)
        self._answers = list(known)

    def countries(self, numbers: Sequence[int]) -> dict[int, Delegated]:
        hits = [hit for hit in zip(numbers, self._segments.owners(numbers), strict=True) if hit[1] != NOBODY]
        answers = self._numbers[[row for _, row in hits]].tolist() if hits else []
        return {number: self._answers[answer] for (number, _), answer in zip(hits, answers, strict=True)}


class Delegations(msgspec.Struct, frozen=True):
    """The delegated files that serve; `snapshot` tells one set of them from another."""

    snapshot: frozenset[tuple[int, date]] = frozenset()
    made_on: date | None = None
    tables: Mapping[Space, CountryTable] = {}

    def countries(self, space: Space, numbers: Sequence[int]) -> dict[int, Delegated]:
        return self.tables[space].countries(numbers) if space in self.tables else {}


def delegation_columns(delegations: Sequence[Delegation]) -> Columns:
    """What is kept of one registry's file, sorted."""
    columns: dict[str, bytes] = {}
    for space in Space:
        ours = [item for item in delegations if item.interval.space is space]
        ours.sort(key=lambda item: (item.interval.first, -item.interval.last))
        packed = [item.interval.packed for item in ours]
        columns[f"{space}/first"] = b"".join(first for first, _ in packed)
        columns[f"{space}/last"] = b"".join(last for _, last in packed)
        columns[f"{space}/country"] = "".join(item.country for item in ours).encode()
    return columns
