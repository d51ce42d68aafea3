"""The world of the worked cases: organisations and registries from `cases/world`, read as the service reads them."""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from libs.common.delegated import Skipped
from libs.common.ids import derived_id
from libs.common.intervals import ADDRESSES, Interval, Space, parse_interval
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.abuse import AbuseDesk, Contacts, RangeResolver, ResolvedRange, resolve_system
from services.attribution.domain.directory import Directory
from services.attribution.domain.ladder import Ladder, read_ladder
from services.attribution.domain.networks import (
    ASSIGNED,
    INDEPENDENT,
    NO_ROW,
    CountryTable,
    Delegations,
    Ends,
    Networks,
    NetworkTable,
    RangeColumns,
    RouteTable,
    System,
)
from services.attribution.domain.organisations import (
    BadClaim,
    Contact,
    ContactRole,
    Criticality,
    CriticalitySource,
    Organisation,
    Registered,
    RegisteredAsset,
    by_role,
    read_claim,
)
from services.attribution.domain.ripe import (
    OrganisationObject,
    RangeObject,
    RoleObject,
    RouteObject,
    SystemObject,
    read_objects,
)
from services.attribution.handlers import shipped_ladder

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORLD = Path(__file__).parent / "cases" / "world"
SHIPPED = shipped_ladder()


@cache
def written() -> dict[str, Any]:  # Any: what a TOML table holds
    return tomllib.loads((WORLD / "world.toml").read_text())


@cache
def organisations() -> dict[str, Organisation]:
    return {entry["name"]: _organisation(entry) for entry in written()["organisation"]}


def ladder_of(names: Iterable[str]) -> Ladder:
    ladder = SHIPPED
    for name in names:
        ladder = read_ladder(written()["ladders"][name], base=ladder)
    return ladder


@cache
def directory(ripe_days: int = 4, delegated_days: int = 4) -> Directory:
    """As imported so many days ago."""
    known = organisations()
    claims = [
        RegisteredAsset(claim_of(text), known[entry["name"]].organisation_id)
        for entry in written()["organisation"]
        for text in entry.get("assets", [])
    ]
    registered = Registered(
        version=1, organisations={each.organisation_id: each for each in known.values()}, assets=claims
    )
    return Directory(registered, _networks(_days_ago(ripe_days)), _delegations(_days_ago(delegated_days)))


def claim_of(text: str) -> Any:  # Any: an AssetClaim
    kinds = (AssetKind.ASN,) if text.startswith("AS") else (AssetKind.IP_RANGE, AssetKind.DOMAIN)
    for kind in kinds:
        try:
            return read_claim(kind, text)
        except BadClaim:
            continue
    raise ValueError(text)


def in_days(text: str) -> datetime:
    """`1d` is tomorrow, `-3d` three days ago."""
    return NOW + timedelta(days=int(text.removesuffix("d")))


def _organisation(entry: dict[str, Any]) -> Organisation:  # Any: what a TOML table holds
    return Organisation(
        derived_id("test", entry["name"]),
        entry["name"],
        entry.get("country", "NL"),
        Language.DUTCH,
        Criticality(entry.get("criticality", "none")),
        by_role(map(_contact, entry.get("contacts", []))),
        criticality_source=CriticalitySource(entry.get("criticality_source", "registered")),
        sector=entry.get("sector"),
        other_names=tuple(entry.get("other_names", [])),
        company_numbers=tuple(entry.get("numbers", [])),
    )


def _contact(text: str) -> Contact:
    """`role:address:language:until -1d`; the last two may be left out."""
    role, email, language, time = (*text.split(":"), "", "")[:4]
    word, _, day = time.partition(" ")
    return Contact(
        email,
        ContactRole(role),
        Language(language) if language else None,
        valid_from=in_days(day) if word == "from" else None,
        valid_until=in_days(day) if word == "until" else None,
    )


def _days_ago(days: int) -> date:
    return (NOW - timedelta(days=days)).date()


def _networks(made_on: date) -> Networks:
    read = read_objects((WORLD / "ripe.txt").read_text().splitlines(keepends=True))
    objects = [each for each in read if not isinstance(each, Skipped)]
    contacts = Contacts()
    for each in objects:
        if isinstance(each, OrganisationObject | RoleObject):
            contacts.add(each)
    ranges, routes = {}, {}
    for space in ADDRESSES:
        mine = [each for each in objects if isinstance(each, RangeObject) and each.interval.space is space]
        mine.sort(key=lambda each: (each.interval.first, -each.interval.last))
        ranges[space] = _table(space, list(RangeResolver(contacts, Counter()).resolve(mine)))
        announced = [each for each in objects if isinstance(each, RouteObject) and each.interval.space is space]
        routes[space] = _routes(space, announced)
    systems = (resolve_system(each, contacts) for each in objects if isinstance(each, SystemObject))
    return Networks(1, made_on, ranges, routes, {each.asn: System(each.asn, each.name, each.desk) for each in systems})


def _table(space: Space, rows: Sequence[ResolvedRange]) -> NetworkTable:
    """As the store packs them."""
    pool: list[AbuseDesk] = list(dict.fromkeys(row.desk for row in rows if row.desk is not None))
    numbers = [NO_ROW if row.desk is None else pool.index(row.desk) for row in rows]
    sources = [NO_ROW if row.inherited_from is None else row.inherited_from for row in rows]
    columns = RangeColumns(
        **_ends(row.interval for row in rows),
        countries="".join((row.country or "").ljust(2) for row in rows).encode(),
        desks=b"".join(number.to_bytes(4, "big", signed=True) for number in numbers),
        inherited_from=b"".join(number.to_bytes(4, "big", signed=True) for number in sources),
        netnames="".join(f"{row.netname}\n" for row in rows).encode(),
        kinds="".join(_kind(row.status) for row in rows).encode(),
    )
    return NetworkTable(space, columns, pool=pool)


def _kind(status: str) -> str:
    """As the query of `store/directory.py` tells them apart; an integration test holds that one."""
    if status in ("ASSIGNED PI", "ASSIGNED ANYCAST"):
        return INDEPENDENT
    return ASSIGNED if status.startswith("ASSIGNED") or status == "ALLOCATED-ASSIGNED PA" else "-"


def _routes(space: Space, routes: Sequence[RouteObject]) -> RouteTable:
    origins: defaultdict[Interval, list[int]] = defaultdict(list)
    for route in routes:
        origins[route.interval].append(route.origin)
    ordered = sorted(origins, key=lambda interval: (interval.first, -interval.last))
    return RouteTable(Ends(space, **_ends(ordered)), origins=[tuple(origins[each]) for each in ordered])


def _delegations(made_on: date) -> Delegations:
    entries = [(parse_interval(text), country) for text, country in written()["delegated"].items()]
    ordered = sorted((interval.first, interval, country) for interval, country in entries if interval is not None)
    ends = Ends(Space.IPV4, **_ends(interval for _, interval, _ in ordered))
    countries = "".join(country for _, _, country in ordered).encode()
    return Delegations(2, made_on, {Space.IPV4: CountryTable(ends, countries=countries)})


def _ends(intervals: Iterable[Interval]) -> dict[str, bytes]:
    packed = [interval.packed for interval in intervals]
    return {"first": b"".join(first for first, _ in packed), "last": b"".join(last for _, last in packed)}
