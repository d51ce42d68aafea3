"""The directory finds what a slow and obvious search finds: smallest range, closest name, first AS that helps."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.addresses import text_of
from libs.common.contracts import Asset, Indicator
from libs.common.ids import derived_id
from libs.common.intervals import ADDRESSES, Interval, Space, address_of, parse_interval, place_of
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.directory import Directory, Findings, question_of
from services.attribution.domain.network_files import HintTable, NetworkFile, Stretch, StretchBuilder
from services.attribution.domain.networks import Networks, NetworkTable, RouteTable, System
from services.attribution.domain.organisations import AssetClaim, Criticality, Organisation, Registered, RegisteredAsset
from services.attribution.domain.withheld import Withheld, WithheldClaim, WithheldClaims
from tests.unit.attribution.builders import NOW
from tests.unit.attribution.tables import delegations, network_table, route_table

MADE_ON = date(2026, 11, 20)
DESK = AbuseDesk("abuse@isp.example", "ISP")
SYSTEMS = {1: System(1, "ONE", None), 2: System(2, "TWO", DESK), 3: System(3, "THREE", DESK)}
COUNTRIES = ("NL", "BE", "DE")
LABELS = st.sampled_from(["a", "b", "ab"])
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))


class World(NamedTuple):
    """What each table holds, in plain lists."""

    claims: Sequence[tuple[Interval, int]]
    names: Sequence[tuple[str, int]]
    asns: Sequence[tuple[int, int]]
    networks: Sequence[Interval]
    routes: Sequence[tuple[Interval, int]]
    held: Sequence[tuple[Interval, str]]
    stretches: Sequence[tuple[Interval, int, str]]
    withheld: Sequence[Interval]
    hints_count: bool


def intervals() -> st.SearchStrategy[Interval]:
    """In both families: such as nest, touch, overlap, are equal, and reach both ends of the space."""

    def within(space: Space) -> st.SearchStrategy[Interval]:
        near = st.integers(0, 24) | st.integers(space.end - 12, space.end - 1)
        return st.tuples(near, near).map(lambda pair: Interval(space, min(pair), max(pair)))

    return st.sampled_from(ADDRESSES).flatmap(within)


def once(found: Iterable[Interval]) -> list[Interval]:
    """As the registries' tables hold them: no two of the same ends, sorted, the wider first."""
    return sorted(set(found), key=lambda each: (each.space, each.first, -each.last))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    some = st.lists(intervals(), max_size=6)
    owner, number = st.integers(0, 3), st.integers(1, 4)
    return World(
        claims=draw(st.lists(st.tuples(intervals(), owner), max_size=8)),
        names=draw(st.lists(st.tuples(NAMES, owner), max_size=5)),
        asns=draw(st.lists(st.tuples(number, owner), max_size=3)),
        networks=once(draw(some)),
        routes=[(each, draw(number)) for each in once(draw(some))],
        held=[(each, draw(st.sampled_from(COUNTRIES))) for each in once(draw(some))],
        stretches=[(each, draw(number), draw(st.sampled_from(COUNTRIES))) for each in once(draw(some))],
        withheld=once(draw(some)),
        hints_count=draw(st.booleans()),
    )


def of_space(found: Iterable[Interval], space: Space) -> list[Interval]:
    return [each for each in found if each.space is space]


def an_owner(number: int) -> Organisation:
    key = derived_id("test", str(number))
    return Organisation(key, f"owner {number}", "NL", Language.DUTCH, Criticality.NONE)


def written(interval: Interval) -> str:
    return " - ".join(text_of(address_of(interval.space, end)) for end in (interval.first, interval.last))


def directory_of(world: World) -> Directory:
    owners = [an_owner(number) for number in range(4)]
    claims = [
        *((AssetClaim(AssetKind.IP_RANGE, written(each), each), owner) for each, owner in world.claims),
        *((AssetClaim(AssetKind.DOMAIN, name), owner) for name, owner in world.names),
        *((AssetClaim(AssetKind.ASN, f"AS{asn}"), owner) for asn, owner in world.asns),
    ]
    registered = Registered(
        version=1,
        organisations={each.organisation_id: each for each in owners},
        assets=[RegisteredAsset(claim, owners[owner].organisation_id) for claim, owner in claims],
        withheld=WithheldClaims(WithheldClaim(written(each), Withheld.UNPROVEN, each) for each in world.withheld),
    )
    since = MADE_ON if world.hints_count else MADE_ON + timedelta(days=1)
    held = delegations({written(each): country for each, country in world.held}, made_on=MADE_ON)
    return Directory(registered, networks_of(world), held, network_file_of(world), network_file_since=since)


def networks_of(world: World) -> Networks:
    tables: dict[Space, NetworkTable] = {}
    routes: dict[Space, RouteTable] = {}
    for space in ADDRESSES:
        rows = [(written(each), written(each), "NL", 0, -1) for each in of_space(world.networks, space)]
        tables[space] = network_table(space, rows, pool=[DESK])
        announced = {written(each): (asn,) for each, asn in world.routes if each.space is space}
        routes[space] = route_table(space, announced)
    return Networks(1, MADE_ON, tables, routes, SYSTEMS)


def network_file_of(world: World) -> NetworkFile:
    builder = StretchBuilder()
    for each, asn, country in world.stretches:
        builder.add(Stretch(each, asn, country, ""))
    halves = {half: HintTable(columns, made_on=MADE_ON) for half, columns in builder.columns().items()}
    return NetworkFile(frozenset(), halves.get("asn"), halves.get("country"))


def smallest(found: Iterable[Interval], space: Space, number: int) -> int | None:
    """The size of the smallest interval around the number."""
    return min((each.size for each in found if each.space is space and each.first <= number <= each.last), default=None)


def values_around(found: Iterable[tuple[Interval, object]], space: Space, number: int) -> set[object]:
    """What the smallest ones say; one answer, unless several are of one size."""
    pairs = list(found)
    size = smallest((each for each, _ in pairs), space, number)
    inside = [(each, value) for each, value in pairs if each.space is space and each.first <= number <= each.last]
    return {value for each, value in inside if each.size == size} or {None}


def closest(names: Sequence[tuple[str, int]], asked: str) -> str | None:
    parents = [name for name, _ in names if asked == name or asked.endswith(f".{name}")]
    return max(parents, key=len, default=None)


def edges(world: World) -> set[tuple[Space, int]]:
    """Beside, on and within the ends of everything."""
    tables = (
        *(each for each, _ in world.claims), *world.networks, *(each for each, _ in world.routes),
        *(each for each, _ in world.held), *(each for each, _, _ in world.stretches), *world.withheld,
    )  # fmt: skip
    found = {(each.space, end + by) for each in tables for end in (each.first, each.last) for by in (-1, 0, 1)}
    found |= {(space, end) for space in ADDRESSES for end in (0, 7, space.end - 1)}
    return {(space, number) for space, number in found if 0 <= number < space.end and not is_mapped(space, number)}


def is_mapped(space: Space, number: int) -> bool:
    return space is Space.IPV6 and number >> 32 == 0xFFFF


@settings(max_examples=150, deadline=None)
@given(world=worlds(), asked=st.lists(NAMES, max_size=2), claimed=st.sampled_from([None, 1, 4]), mapped=st.booleans())
def test_a_batch_finds_what_an_obvious_search_finds(
    world: World, asked: list[str], claimed: int | None, mapped: bool
) -> None:
    places = sorted(edges(world))
    questions = [
        question_of(
            Indicator(
                seen_at=NOW, category="", identifier="", asn=claimed,
                asset=Asset(ip=spelled(space, number, mapped=mapped), domain=asked[0] if asked else None),
            )
        )
        for space, number in places
    ]  # fmt: skip

    for (space, number), found in zip(places, directory_of(world).find(questions), strict=True):
        expect_ranges(world, space, number, found)
        expect_names(world, asked[:1], found)
        expect_systems(world, space, number, found, claimed)


def spelled(space: Space, number: int, *, mapped: bool) -> str:
    text = text_of(address_of(space, number))
    return f"::ffff:{text}" if mapped and space is Space.IPV4 else text


def expect_ranges(world: World, space: Space, number: int, found: Findings) -> None:
    claim = found.by_address.claim.interval if found.by_address else None
    assert (claim.size if claim else None) == smallest((each for each, _ in world.claims), space, number)
    if claim is not None and found.by_address is not None:
        first = next(owner for each, owner in world.claims if each == claim)
        assert found.by_address.organisation_id == an_owner(first).organisation_id, "of equal claims the first"
    network = found.network.interval.size if found.network else None
    assert network == smallest(world.networks, space, number)
    assert found.delegated_country in values_around(world.held, space, number)
    withheld = found.withheld.interval if found.withheld else None
    assert (withheld.size if withheld else None) == smallest(world.withheld, space, number)
    country = found.hint.country if found.hint else None
    assert country in values_around(((each, code) for each, _, code in world.stretches), space, number)


def expect_names(world: World, asked: Sequence[str], found: Findings) -> None:
    expected = closest(world.names, asked[0]) if asked else None
    assert (found.by_name.claim.value if found.by_name else None) == expected


def expect_systems(world: World, space: Space, number: int, found: Findings, claimed: int | None) -> None:
    announced = values_around(world.routes, space, number)
    if announced == {None} and world.hints_count:
        announced = values_around(((each, asn) for each, asn, _ in world.stretches), space, number)
    own = () if claimed is None else (claimed,)
    assert found.asns in [tuple(dict.fromkeys((*own, *(each for each in (one,) if each)))) for one in announced]
    with_desk = [asn for asn in found.asns if asn in SYSTEMS and SYSTEMS[asn].desk]
    known = [asn for asn in found.asns if asn in SYSTEMS]
    assert (found.system.asn if found.system else None) == next(iter(with_desk or known), None)
    registered = {asn for asn, _ in world.asns}
    assert (found.by_asn.claim.value if found.by_asn else None) == next(
        (f"AS{asn}" for asn in found.asns if asn in registered), None
    )


@pytest.mark.parametrize(
    ("text", "is_read_as"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::FFFF:c000:200 - ::ffff:192.0.2.9", "192.0.2.0 - 192.0.2.9"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/64", "::/64"),
        ("::fffe:ffff:ffff - ::ffff:192.0.2.9", "::fffe:ffff:ffff - ::ffff:c000:209"),
    ],
)
def test_ipv4_written_in_ipv6_is_ipv4(text: str, is_read_as: str) -> None:
    assert parse_interval(text) == parse_interval(is_read_as)
    assert str(parse_interval(text)) == is_read_as


def test_an_address_written_in_ipv6_is_asked_for_as_ipv4() -> None:
    place = place_of("::ffff:192.0.2.1")
    of_url = question_of(
        Indicator(seen_at=NOW, category="", identifier="", asset=Asset(url="http://[::ffff:192.0.2.1]/"))
    )

    assert place is not None
    assert (place.space, place.text) == (Space.IPV4, "192.0.2.1")
    assert of_url.asked == "192.0.2.1"
