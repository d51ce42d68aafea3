"""When two organisations claim what can't be both of theirs. The rules keep to one thing: nobody is told of a weakness
that may be somebody else's.

| claims of two organisations | both proven | only one proven | neither proven |
| --- | --- | --- | --- |
| the same asset; ranges that cross | conflict: nobody is warned | conflict: the proven one is | conflict: nobody is |
| one inside the other | none: the inner one is warned of its part | none: the proven one is | conflict: nobody is |

An unproven claim never takes anything from a proven one, or anybody could silence anybody by registering. A name below
a name or a range in a range is how providers and their customers look, so it is settled as soon as either is proven.
Whoever is proven for a whole range is told of what an unproven claim inside it says is another's: it is theirs to pass
on.

A person's word ends a conflict: `first` or `second` takes the asset from the other one, `both` lets both have it; of
equal assets the one proven last is then warned. It stands until the one who lost proves the asset once more.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.intervals import Space
from libs.common.vocabulary import AssetKind
from services.attribution.domain.organisations import AssetClaim


class Relation(StrEnum):
    SAME = "same"
    NESTED = "nested"
    CROSSING = "crossing"


class Keep(StrEnum):
    """What a person decides: which of the two claims holds."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class Held(msgspec.Struct, frozen=True):
    """A registered asset, as far as a conflict asks."""

    asset_id: UUID
    organisation_id: UUID
    claim: AssetClaim
    is_proven: bool
    created_at: datetime


class Ruling(msgspec.Struct, frozen=True):
    """Whether a person has to decide, and whose claim rests until then."""

    is_conflict: bool
    contests_first: bool
    contests_second: bool


class Rivalry(msgspec.Struct, frozen=True):
    """Claims of two organisations that overlap; `first` was registered first."""

    first: Held
    second: Held
    relation: Relation

    @property
    def ruling(self) -> Ruling:
        return ruling(self.relation, first_proven=self.first.is_proven, second_proven=self.second.is_proven)


PairOfIds = tuple[UUID, UUID]


class Conflict(msgspec.Struct, frozen=True):
    """A rivalry that is kept for a person, or was decided by one."""

    conflict_id: UUID
    relation: Relation
    found_at: datetime
    first_id: UUID
    second_id: UUID
    keep: Keep | None = None
    note: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def pair(self) -> PairOfIds:
        return self.first_id, self.second_id


class Upkeep(msgspec.Struct, frozen=True):
    """What becomes of the conflicts that are kept. `renewed` stay open, or are open again, as their rivalry now is."""

    opened: tuple[Rivalry, ...]
    renewed: tuple[tuple[UUID, Rivalry], ...]
    ended: tuple[UUID, ...]

    @property
    def assets(self) -> frozenset[UUID]:
        """Those that are in any conflict that begins or goes on."""
        going_on = (*self.opened, *(rivalry for _, rivalry in self.renewed))
        return frozenset(each.asset_id for rivalry in going_on for each in (rivalry.first, rivalry.second))


def ruling(relation: Relation, *, first_proven: bool, second_proven: bool) -> Ruling:
    """The table above."""
    if relation is Relation.NESTED and (first_proven or second_proven):
        return Ruling(is_conflict=False, contests_first=False, contests_second=False)
    only_first, only_second = first_proven and not second_proven, second_proven and not first_proven
    return Ruling(is_conflict=True, contests_first=not only_first, contests_second=not only_second)


def upkeep(kept: Iterable[Conflict], found: Iterable[Rivalry]) -> Upkeep:
    """Compare the conflicts that are kept of some assets with the rivalries that there are of them now."""
    now = {(rivalry.first.asset_id, rivalry.second.asset_id): rivalry for rivalry in found}
    before = {conflict.pair: conflict for conflict in kept}
    renewed: list[tuple[UUID, Rivalry]] = []
    ended: list[UUID] = []
    for pair, conflict in before.items():
        rivalry = now.get(pair)
        if rivalry is None or (conflict.keep is None and not rivalry.ruling.is_conflict):
            ended.append(conflict.conflict_id)
        elif conflict.keep is None or _is_open_again(conflict.keep, rivalry):
            renewed.append((conflict.conflict_id, rivalry))
    opened = (rivalry for pair, rivalry in now.items() if pair not in before and rivalry.ruling.is_conflict)
    return Upkeep(tuple(opened), tuple(renewed), tuple(ended))


def rivalries(changed: frozenset[UUID], held: Iterable[Held]) -> Iterator[Rivalry]:
    """All overlaps of two organisations in which one of the `changed` assets is, each once."""
    names: defaultdict[str, list[Held]] = defaultdict(list)
    ranges: defaultdict[Space, list[Held]] = defaultdict(list)
    for each in held:
        if each.claim.interval is None:
            names[each.claim.value].append(each)
        else:
            ranges[each.claim.interval.space].append(each)
    pairs = [*_of_names(names), *(pair for space in ranges.values() for pair in _of_ranges(space))]
    for one, other, relation in pairs:
        if one.organisation_id != other.organisation_id and (one.asset_id in changed or other.asset_id in changed):
            first, second = sorted((one, other), key=lambda each: (each.created_at, each.asset_id))
            yield Rivalry(first, second, relation)


def _is_open_again(keep: Keep, rivalry: Rivalry) -> bool:
    """Has the one who lost proven the asset since? It was taken from them, so it can't be an old proof."""
    loser = {Keep.FIRST: rivalry.second, Keep.SECOND: rivalry.first}.get(keep)
    return loser is not None and loser.is_proven and rivalry.ruling.is_conflict


Pair = tuple[Held, Held, Relation]


def _of_names(names: dict[str, list[Held]]) -> Iterator[Pair]:
    for value, equal in names.items():
        for place, one in enumerate(equal):
            yield from ((one, other, Relation.SAME) for other in equal[place + 1 :])
            if one.claim.kind is AssetKind.DOMAIN:
                around = (outer for parent in _parents(value) for outer in names.get(parent, ()))
                yield from ((one, outer, Relation.NESTED) for outer in around)


def _parents(name: str) -> Iterator[str]:
    """`b.example` and `example` of `a.b.example`."""
    while name := name.partition(".")[2]:
        yield name


def _of_ranges(held: list[Held]) -> Iterator[Pair]:
    """A sweep over the first numbers; `open_ones` are the ranges that have not ended there, by their last number."""
    open_ones: list[tuple[int, int, Held]] = []
    spans = sorted(((*_ends(each), each) for each in held), key=lambda span: (span[0], -span[1]))
    for number, (first, last, each) in enumerate(spans):
        while open_ones and open_ones[0][0] < first:
            open_ones.pop(0)
        for other_last, _, other in open_ones:
            yield other, each, _relation((_ends(other)[0], other_last), (first, last))
        insort(open_ones, (last, number, each), key=lambda entry: entry[:2])


def _ends(held: Held) -> tuple[int, int]:
    interval = held.claim.interval
    return (interval.first, interval.last) if interval is not None else (0, 0)


def _relation(outer: tuple[int, int], inner: tuple[int, int]) -> Relation:
    """`outer` begins first, or ends later where they begin together."""
    if outer == inner:
        return Relation.SAME
    return Relation.NESTED if inner[1] <= outer[1] else Relation.CROSSING
