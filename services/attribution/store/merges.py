"""Two organisations become one: what of one goes over to the other."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.attribution.domain.merging import Likeness, Trait, plain_name


class Moving(msgspec.Struct, frozen=True):
    """What goes over. `doubles` are assets that the other one has too."""

    asset_ids: tuple[UUID, ...]
    values: tuple[str, ...]
    addresses: tuple[str, ...]
    learnt: int
    doubles: tuple[tuple[UUID, UUID], ...]


async def where_to(tx: Transaction, organisation_id: UUID) -> UUID | None:
    """Into which organisation this one was merged."""
    rows = await tx.fetch("SELECT into_id FROM merged_organisation WHERE organisation_id = $1", organisation_id)
    return rows[0]["into_id"] if rows else None


async def moving(tx: Transaction, organisation_id: UUID, *, into: UUID) -> Moving:
    assets = await tx.fetch(
        """SELECT mine.asset_id, mine.value, theirs.asset_id AS double FROM organisation_asset AS mine
           LEFT JOIN organisation_asset AS theirs
             ON theirs.organisation_id = $2 AND theirs.kind = mine.kind AND theirs.value = mine.value
           WHERE mine.organisation_id = $1 ORDER BY mine.asset_id""",
        organisation_id,
        into,
    )
    contacts = await tx.fetch(
        "SELECT email FROM organisation_contact WHERE organisation_id = $1 ORDER BY contact_id", organisation_id
    )
    (learnt,) = await tx.fetch(
        "SELECT count(*) AS learnt FROM learnt_asset WHERE organisation_id = $1", organisation_id
    )
    return Moving(
        asset_ids=tuple(row["asset_id"] for row in assets),
        values=tuple(row["value"] for row in assets),
        addresses=tuple(row["email"] for row in contacts),
        learnt=learnt["learnt"],
        doubles=tuple((row["asset_id"], row["double"]) for row in assets if row["double"] is not None),
    )


async def decided_between(tx: Transaction, organisation_id: UUID, other: UUID) -> list[str]:
    """Assets that a person has given to one of the two and taken from the other."""
    rows = await tx.fetch(
        """SELECT DISTINCT first.value FROM asset_conflict
           JOIN organisation_asset AS first ON first.asset_id = first_id
           JOIN organisation_asset AS second ON second.asset_id = second_id
           WHERE keep IN ('first', 'second') AND ARRAY[first.organisation_id, second.organisation_id] <@ $1::uuid[]
           ORDER BY first.value LIMIT 10""",
        [organisation_id, other],
    )
    return [row["value"] for row in rows]


async def contested_with_others(tx: Transaction, organisation_id: UUID, other: UUID) -> list[str]:
    """Assets of one of the two about which somebody has still to decide between them and a third."""
    rows = await tx.fetch(
        """SELECT DISTINCT first.value FROM asset_conflict
           JOIN organisation_asset AS first ON first.asset_id = first_id
           JOIN organisation_asset AS second ON second.asset_id = second_id
           WHERE decided_at IS NULL AND ARRAY[first.organisation_id, second.organisation_id] && $1::uuid[]
             AND NOT ARRAY[first.organisation_id, second.organisation_id] <@ $1::uuid[]
           ORDER BY first.value LIMIT 10""",
        [organisation_id, other],
    )
    return [row["value"] for row in rows]


async def move(tx: Transaction, organisation_id: UUID, *, into: UUID) -> None:
    """All but what the other one has already, which goes with the organisation."""
    await tx.fetch(
        """UPDATE organisation_asset AS mine SET organisation_id = $2
           WHERE organisation_id = $1 AND NOT EXISTS (
               SELECT FROM organisation_asset AS theirs
               WHERE theirs.organisation_id = $2 AND theirs.kind = mine.kind AND theirs.value = mine.value)""",
        organisation_id,
        into,
    )
    await tx.fetch(
        """UPDATE organisation_contact AS mine SET organisation_id = $2
           WHERE organisation_id = $1 AND NOT EXISTS (
               SELECT FROM organisation_contact AS theirs
               WHERE theirs.organisation_id = $2 AND theirs.email = mine.email)""",
        organisation_id,
        into,
    )
    for table in ("learnt_asset", "unattributed"):
        await tx.fetch(
            f"UPDATE {table} SET organisation_id = $2 WHERE organisation_id = $1",  # noqa: S608 - our own names
            organisation_id,
            into,
        )


async def remember(tx: Transaction, organisation_id: UUID, *, into: UUID, by: str, now: datetime) -> None:
    """Also of those that were merged into the one that goes now."""
    await tx.fetch("UPDATE merged_organisation SET into_id = $2 WHERE into_id = $1", organisation_id, into)
    await tx.fetch(
        """INSERT INTO merged_organisation (organisation_id, into_id, merged_at, merged_by)
           VALUES ($1, $2, $3, $4)""",
        organisation_id,
        into,
        now,
        by,
    )


async def traits(tx: Transaction) -> list[Trait]:
    """By what organisations may be recognised as the same, of all of them."""
    found: list[Trait] = []
    for row in await tx.fetch("SELECT organisation_id, name, other_names, company_numbers FROM organisation"):
        owner = row["organisation_id"]
        found += [Trait(owner, Likeness.NAME, plain_name(name)) for name in (row["name"], *row["other_names"])]
        found += [Trait(owner, Likeness.NUMBER, number) for number in row["company_numbers"]]
    for row in await tx.fetch(
        """SELECT organisation_id, value FROM organisation_asset
           WHERE (kind, value) IN (
               SELECT kind, value FROM organisation_asset GROUP BY kind, value HAVING count(*) > 1)"""
    ):
        found.append(Trait(row["organisation_id"], Likeness.ASSET, row["value"]))
    for row in await tx.fetch("SELECT organisation_id, lower(email) AS email FROM organisation_contact"):
        owner, email = row["organisation_id"], row["email"]
        found.append(Trait(owner, Likeness.ADDRESS, email))
        found.append(Trait(owner, Likeness.MAIL_DOMAIN, email.rpartition("@")[2]))
    return found
