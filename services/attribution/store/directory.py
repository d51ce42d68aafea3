"""Fills the directory with the organisations and their assets; what registries say is in `sources`."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisations import (
    Contact,
    ContactRole,
    Criticality,
    Organisation,
    RegisteredAsset,
    by_role,
    kept_claim,
)


async def organisations(tx: Transaction, ids: Iterable[UUID] | None = None) -> dict[UUID, Organisation]:
    """Those with these ids, or all, with their contacts in the order in which they are tried."""
    wanted = None if ids is None else list(ids)
    contacts: defaultdict[UUID, list[Contact]] = defaultdict(list)
    for row in await tx.fetch(
        """SELECT organisation_id, email, role, language FROM organisation_contact
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1) ORDER BY contact_id""",
        wanted,
    ):
        language = Language(row["language"]) if row["language"] else None
        contacts[row["organisation_id"]].append(Contact(row["email"], ContactRole(row["role"]), language))
    rows = await tx.fetch(
        """SELECT organisation_id, name, country, language, criticality, sector, other_names, kvk_number
           FROM organisation
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1)""",
        wanted,
    )
    return {row["organisation_id"]: _organisation(row, contacts[row["organisation_id"]]) for row in rows}


async def registered_assets(tx: Transaction) -> list[RegisteredAsset]:
    rows = await tx.fetch("SELECT kind, value, organisation_id FROM organisation_asset")
    return [RegisteredAsset(kept_claim(AssetKind(row["kind"]), row["value"]), row["organisation_id"]) for row in rows]


def _organisation(row: asyncpg.Record, contacts: Iterable[Contact]) -> Organisation:
    return Organisation(
        organisation_id=row["organisation_id"],
        name=row["name"],
        country=row["country"],
        language=Language(row["language"]),
        criticality=Criticality(row["criticality"]),
        contacts=by_role(contacts),
        sector=row["sector"],
        other_names=tuple(row["other_names"]),
        company_numbers=(row["kvk_number"],) if row["kvk_number"] else (),
    )
