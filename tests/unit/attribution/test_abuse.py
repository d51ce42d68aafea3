"""Whose abuse desk a range has."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.flattening import NOBODY
from libs.common.intervals import Interval, Space
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.columns import Columns, numbers_of, parted
from services.attribution.domain.networks import desks_from, systems_from
from services.attribution.domain.ranges import Segments, numbers_from
from services.attribution.domain.ripe.contacts import Contacts
from services.attribution.domain.ripe.parts import PartBuilder
from services.attribution.domain.ripe.reading import Kind, read_block
from services.attribution.domain.ripe.resolving import Nest, resolved_ranges, resolved_systems

CONTACTS = """\
organisation: ORG-ISP
org-name: ISP B.V.
abuse-c: ROLE-ISP
source: RIPE

organisation: ORG-SHOP
org-name: Shop B.V.
abuse-c: ROLE-SHOP
source: RIPE

organisation: ORG-SILENT
org-name: Silent B.V.
source: RIPE

role: ISP desk
nic-hdl: ROLE-ISP
abuse-mailbox: abuse@isp.example
source: RIPE

role: Shop desk
nic-hdl: ROLE-SHOP
abuse-mailbox: abuse@shop.example
source: RIPE

role: Own desk
nic-hdl: ROLE-OWN
abuse-mailbox: abuse@own.example
source: RIPE
"""
ISP = AbuseDesk("abuse@isp.example", "ISP B.V.")


class Resolved(msgspec.Struct, frozen=True):
    interval: Interval
    netname: str
    desk: AbuseDesk | None
    inherited_from: int | None


def a_range(
    text: str,
    *,
    organisation: str = "",
    abuse: str = "",
    ripe: bool = False,
    name: str = "NET",
    description: str = "",
) -> str:
    kind = "inet6num" if ":" in text else "inetnum"
    maintainer = "RIPE-NCC-HM-MNT" if ripe else "A-MNT"
    return (
        f"{kind}: {text}\nnetname: {name}\ndescr: {description}\norg: {organisation}\nabuse-c: {abuse}\n"
        f"mnt-by: {maintainer}\nsource: RIPE\n"
    )


def part_of(kind: Kind, *objects: str) -> Columns:
    builder = PartBuilder(kind)
    builder.add(read_block("\n\n".join(objects).encode()).batches[kind])
    return builder.finish()


def contacts() -> Contacts:
    return Contacts(part_of(Kind.ORGANISATION, CONTACTS), part_of(Kind.ROLE, CONTACTS))


def resolve(*ranges: str, space: Space = Space.IPV4) -> tuple[list[Resolved], Counter[str]]:
    """In order of position."""
    skipped, known = Counter[str](), contacts()
    kind = Kind.INETNUM if space is Space.IPV4 else Kind.INET6NUM
    found = resolved_ranges(space, part_of(kind, *ranges), known, skipped)
    columns = {name.partition("/")[2]: column for name, column in found.items()}
    desks = [*desks_from(known.desk_columns()), None]
    read = zip(
        numbers_from(space, columns["first"]),
        numbers_from(space, columns["last"]),
        parted(columns["name"]),
        numbers_of(columns["desk"]).tolist(),
        numbers_of(columns["inherited-from"]).tolist(),
        strict=True,
    )
    rows = [
        Resolved(Interval(space, first, last), name, desks[desk], source if source >= 0 else None)
        for first, last, name, desk, source in read
    ]
    return rows, skipped


PARENT = a_range("192.0.2.0/24", organisation="ORG-ISP")


@pytest.mark.parametrize(
    ("child", "email", "inherited_from"),
    [
        (a_range("192.0.2.0/25", abuse="ROLE-OWN", organisation="ORG-SHOP"), "abuse@own.example", None),
        (a_range("192.0.2.0/25", organisation="ORG-SHOP"), "abuse@shop.example", None),
        (a_range("192.0.2.0/25"), "abuse@isp.example", 0),
        (a_range("192.0.2.0/25", organisation="ORG-SILENT"), "abuse@isp.example", 0),
        (a_range("192.0.2.0/25", organisation="ORG-UNKNOWN"), "abuse@isp.example", 0),
        (a_range("192.0.2.0/25", abuse="ROLE-MISSING"), "abuse@isp.example", 0),
        (a_range("192.0.2.0/25", abuse="ROLE-MISSING", organisation="ORG-SHOP"), "abuse@shop.example", None),
        (a_range("192.0.2.0/25", ripe=True), None, None),
        (a_range("192.0.2.0/25", ripe=True, organisation="ORG-SHOP"), "abuse@shop.example", None),
    ],
    ids=[
        "own-first",
        "then-organisation",
        "then-parent",
        "organisation-without-abuse-c",
        "organisation-not-in-dump",
        "missing-role-counts-as-absent",
        "missing-role-falls-to-organisation",
        "ripe-maintained-inherits-nothing",
        "ripe-maintained-keeps-its-own",
    ],
)
def test_abuse_c_is_resolved_as_ripe_does(child: str, email: str | None, inherited_from: int | None) -> None:
    (_, resolved), _ = resolve(PARENT, child)

    assert (resolved.desk.email if resolved.desk else None) == email
    assert resolved.inherited_from == inherited_from


def test_inheritance_goes_up_as_far_as_it_must_and_names_where_it_found_the_desk() -> None:
    found, _ = resolve(PARENT, a_range("192.0.2.0/25"), a_range("192.0.2.0/26"), a_range("192.0.2.128/25"))

    assert [item.desk for item in found] == [ISP] * 4
    assert [item.inherited_from for item in found] == [None, 0, 0, 0]


def test_a_ripe_maintained_range_stops_the_climb_of_all_below_it() -> None:
    found, _ = resolve(PARENT, a_range("192.0.2.0/25", ripe=True), a_range("192.0.2.0/26"))

    assert [item.desk for item in found] == [ISP, None, None]


def test_a_range_beside_its_neighbour_inherits_nothing_from_it() -> None:
    found, _ = resolve(a_range("192.0.2.0/25", organisation="ORG-ISP"), a_range("192.0.2.128/25"))

    assert found[1].desk is None


def test_a_partial_overlap_is_left_out_and_counted() -> None:
    found, skipped = resolve(
        a_range("192.0.2.0 - 192.0.2.99", organisation="ORG-ISP"),
        a_range("192.0.2.50 - 192.0.2.150"),
        a_range("192.0.2.60 - 192.0.2.70"),
    )

    assert [str(item.interval) for item in found] == ["192.0.2.0 - 192.0.2.99", "192.0.2.60 - 192.0.2.70"]
    assert found[1].inherited_from == 0
    assert skipped == {"partial-overlap": 1}


def test_the_same_range_twice_counts_once() -> None:
    found, skipped = resolve(PARENT, a_range("192.0.2.0/24", organisation="ORG-SHOP"))

    assert len(found) == 1
    assert skipped == {"same-range-twice": 1}


def test_dumps_may_come_in_any_order_and_in_parts() -> None:
    ordered, _ = resolve(PARENT, a_range("192.0.2.0/25"), a_range("192.0.2.128/25"))
    builder = PartBuilder(Kind.INETNUM)
    for item in (a_range("192.0.2.128/25"), a_range("192.0.2.0/25"), PARENT):
        builder.add(read_block(item.encode()).batches[Kind.INETNUM])

    assert builder.finish() == part_of(Kind.INETNUM, PARENT, a_range("192.0.2.0/25"), a_range("192.0.2.128/25"))
    assert [item.desk for item in ordered] == [ISP] * 3


def test_ipv6_ranges_inherit_like_ipv4_ranges() -> None:
    found, skipped = resolve(
        a_range("2001:db8::/32", organisation="ORG-ISP"),
        a_range("2001:db8:1::/48"),
        a_range("2001:db8:1:8000::/49", abuse="ROLE-OWN"),
        a_range("2001:db9::/32"),
        space=Space.IPV6,
    )

    assert [item.desk.email if item.desk else None for item in found] == [
        "abuse@isp.example",
        "abuse@isp.example",
        "abuse@own.example",
        None,
    ]
    assert not skipped


@given(
    ranges=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted), min_size=1, max_size=15),
    space=st.sampled_from([Space.IPV4, Space.IPV6]),
    at_end=st.booleans(),
)
def test_whatever_the_ranges_each_number_is_of_the_smallest_that_was_kept(
    ranges: Sequence[Sequence[int]], space: Space, at_end: bool
) -> None:
    base = space.end - 31 if at_end else 0
    ordered = sorted(((base + first, base + last) for first, last in ranges), key=lambda pair: (pair[0], -pair[1]))
    nest = Nest(space)
    width = space.width_bytes
    first, last = (b"".join(pair[end].to_bytes(width, "big") for pair in ordered) for end in (0, 1))
    nest.add(first, last, np.full(len(ordered), -1, dtype=np.int32), bytes(len(ordered)), start=0)
    kept = [ordered[row] for row in nest.kept]
    columns = nest.columns()

    segments = Segments(space, starts=columns["starts"], owners=columns["owners"])
    numbers = [base + number for number in range(31)]
    assert segments.owners(numbers) == [_smallest(kept, number) for number in numbers]
    assert all(_nests(kept))
    assert len(kept) + sum(nest.skipped.values()) == len(ordered)


@pytest.mark.parametrize("space", [Space.IPV4, Space.IPV6])
def test_a_range_up_to_the_end_of_the_space_is_found(space: Space) -> None:
    nest = Nest(space)
    last = (space.end - 1).to_bytes(space.width_bytes, "big")
    nest.add(last, last, np.array([-1], dtype=np.int32), b"\0", start=0)
    columns = nest.columns()

    assert Segments(space, starts=columns["starts"], owners=columns["owners"]).owners([space.end - 1, 0]) == [0, NOBODY]
    assert len(columns["owners"]) == 2 * 4


def _smallest(kept: Sequence[tuple[int, int]], number: int) -> int:
    around = [(last - first, row) for row, (first, last) in enumerate(kept) if first <= number <= last]
    return min(around, default=(0, NOBODY))[1]


def _nests(kept: Sequence[tuple[int, int]]) -> Iterable[bool]:
    for one in kept:
        for other in kept:
            apart = one[1] < other[0] or other[1] < one[0]
            within = one[0] <= other[0] and other[1] <= one[1]
            yield apart or within or (other[0] <= one[0] and one[1] <= other[1])


def test_the_desk_is_called_after_its_owner_not_after_who_inherits_it() -> None:
    found, _ = resolve(PARENT, a_range("192.0.2.0/25", name="BAKERY"))

    assert found[1].netname == "BAKERY"
    assert found[1].desk == ISP


def test_without_a_known_organisation_the_desk_is_called_by_the_best_word_there_is() -> None:
    found, _ = resolve(
        a_range("192.0.2.0/25", abuse="ROLE-OWN", description="Bakery"), a_range("192.0.2.128/25", abuse="ROLE-OWN")
    )

    assert [item.desk.name if item.desk else "" for item in found] == ["Bakery", "Own desk"]


def test_an_as_has_its_own_desk_or_its_organisations_and_no_other() -> None:
    systems = part_of(
        Kind.AUT_NUM,
        "aut-num: AS64500\nas-name: ISP\norg: ORG-SHOP\nabuse-c: ROLE-OWN\nsource: RIPE",
        "aut-num: AS64501\nas-name: ISP\norg: ORG-SHOP\nsource: RIPE",
        "aut-num: AS64502\nas-name: ISP\norg: ORG-SILENT\nsource: RIPE",
    )
    known = contacts()
    columns = resolved_systems(systems, known)
    found = systems_from(columns, pool=desks_from(known.desk_columns()))

    assert {asn: system.desk.email if system.desk else None for asn, system in found.items()} == {
        64500: "abuse@own.example",
        64501: "abuse@shop.example",
        64502: None,
    }
