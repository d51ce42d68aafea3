"""Whose abuse desk a range has."""

from collections import Counter

import pytest

from libs.common.intervals import parse_interval
from services.attribution.domain.abuse import AbuseDesk, Contacts, RangeResolver, ResolvedRange, resolve_system
from services.attribution.domain.ripe import OrganisationObject, RangeObject, RoleObject, SystemObject

CONTACTS = Contacts(
    organisations=[
        OrganisationObject("ORG-ISP", "ISP B.V.", "NL", "ROLE-ISP"),
        OrganisationObject("ORG-SHOP", "Shop B.V.", "NL", "ROLE-SHOP"),
        OrganisationObject("ORG-SILENT", "Silent B.V.", "NL", None),
    ],
    roles=[
        RoleObject("ROLE-ISP", "ISP desk", "abuse@isp.example"),
        RoleObject("ROLE-SHOP", "Shop desk", "abuse@shop.example"),
        RoleObject("ROLE-OWN", "Own desk", "abuse@own.example"),
    ],
)
ISP = AbuseDesk("abuse@isp.example", "ISP B.V.")


def a_range(
    text: str, *, organisation: str | None = None, abuse: str | None = None, ripe: bool = False, name: str = "NET"
) -> RangeObject:
    interval = parse_interval(text)
    assert interval is not None
    return RangeObject(
        interval=interval,
        netname=name,
        description="",
        country="NL",
        organisation=organisation,
        abuse_contact=abuse,
        status="ASSIGNED PA",
        ripe_maintained=ripe,
    )


def resolve(*ranges: RangeObject) -> tuple[list[ResolvedRange], Counter[str]]:
    skipped = Counter[str]()
    return list(RangeResolver(CONTACTS, skipped).resolve(ranges)), skipped


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
def test_abuse_c_is_resolved_as_ripe_does(child: RangeObject, email: str | None, inherited_from: int | None) -> None:
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


def test_ranges_may_be_fed_in_parts() -> None:
    skipped = Counter[str]()
    resolver = RangeResolver(CONTACTS, skipped)

    first = list(resolver.resolve([PARENT]))
    second = list(resolver.resolve([a_range("192.0.2.0/25")]))

    assert (first + second)[1].inherited_from == 0
    assert resolver.position == 2


def test_the_desk_is_called_after_its_owner_not_after_who_inherits_it() -> None:
    found, _ = resolve(PARENT, a_range("192.0.2.0/25", name="BAKERY"))

    assert found[1].netname == "BAKERY"
    assert found[1].desk == ISP


def test_an_as_has_its_own_desk_or_its_organisations_and_no_other() -> None:
    own = resolve_system(SystemObject(64500, "ISP", "ORG-SHOP", "ROLE-OWN"), CONTACTS)
    organisations = resolve_system(SystemObject(64501, "ISP", "ORG-SHOP", None), CONTACTS)
    none = resolve_system(SystemObject(64502, "ISP", "ORG-SILENT", None), CONTACTS)

    assert [item.desk.email if item.desk else None for item in (own, organisations, none)] == [
        "abuse@own.example",
        "abuse@shop.example",
        None,
    ]
