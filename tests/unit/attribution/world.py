"""The world of the worked cases: organisations and registries from `cases/world`, read as the service reads them."""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from libs.common.ids import derived_id
from libs.common.intervals import ADDRESSES, Space
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.columns import Columns
from services.attribution.domain.delegations import Delegations
from services.attribution.domain.directory import Directory
from services.attribution.domain.ladder import Ladder, read_ladder
from services.attribution.domain.networks import Networks, NetworkTable, RouteTable, desks_from, systems_from
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
from services.attribution.domain.ripe.contacts import Contacts
from services.attribution.domain.ripe.parts import PartBuilder
from services.attribution.domain.ripe.reading import Kind, read_block
from services.attribution.domain.ripe.resolving import (
    RANGES,
    ROUTES,
    resolved_ranges,
    resolved_routes,
    resolved_systems,
)
from services.attribution.domain.withheld import Withheld, WithheldClaim, WithheldClaims
from services.attribution.handlers import shipped_ladder
from tests.unit.attribution.tables import delegations

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
        version=1,
        organisations={each.organisation_id: each for each in known.values()},
        assets=claims,
        withheld=WithheldClaims(
            WithheldClaim((claim := claim_of(text)).value, why, claim.interval)
            for why in Withheld
            for text in written()["withheld"][why]
        ),
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
    """By the steps of an import, without its database."""
    parts = _parts()
    contacts = Contacts(parts.get(Kind.ORGANISATION, {}), parts.get(Kind.ROLE, {}))
    found: dict[Space, Columns] = {}
    for space in ADDRESSES:
        ranges = resolved_ranges(space, parts.get(RANGES[space], {}), contacts, Counter())
        routes = resolved_routes(space, parts.get(ROUTES[space], {}))
        found[space] = _without_space({**ranges, **routes})
    systems = resolved_systems(parts.get(Kind.AUT_NUM, {}), contacts)
    pool = desks_from(contacts.desk_columns())
    return Networks(
        1,
        made_on,
        {space: NetworkTable(space, defaultdict(bytes, columns), pool=pool) for space, columns in found.items()},
        {space: RouteTable(space, columns) for space, columns in found.items() if "origins" in columns},
        systems_from(systems, pool=pool),
    )


def _parts() -> dict[Kind, Columns]:
    builders: dict[Kind, PartBuilder] = {}
    for kind, batch in read_block((WORLD / "ripe.txt").read_bytes()).batches.items():
        builders[kind] = PartBuilder(kind)
        builders[kind].add(batch)
    return {kind: builder.finish() for kind, builder in builders.items() if builder.rows}


def _without_space(columns: Columns) -> Columns:
    return {name.partition("/")[2]: column for name, column in columns.items()}


def _delegations(made_on: date) -> Delegations:
    return delegations(written()["delegated"], made_on=made_on)
