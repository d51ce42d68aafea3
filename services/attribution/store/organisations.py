"""Organisations, their assets and their contacts: as the API shows and changes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisations import (
    AssetClaim,
    AssetRecord,
    Contact,
    ContactRecord,
    ContactRole,
    Criticality,
    OrganisationProfile,
    OrganisationRecord,
)
from services.attribution.store.tables import (
    directory_version,
    organisation,
    organisation_asset,
    organisation_contact,
)

Columns = Row[Any]
"""Any: SQLAlchemy's rows are typed by their statement, which a function that reads one doesn't see."""


async def page(tx: Transaction, *, after: UUID | None, limit: int) -> list[OrganisationRecord]:
    """In order of arrival."""
    statement = select(organisation).order_by(organisation.c.organisation_id).limit(limit)
    if after is not None:
        statement = statement.where(organisation.c.organisation_id > after)
    return [_record(row) for row in await tx.execute(statement)]


async def one(tx: Transaction, organisation_id: UUID, *, locked: bool = False) -> OrganisationRecord | None:
    """`locked`: nobody else changes it until the transaction ends."""
    statement = select(organisation).where(organisation.c.organisation_id == organisation_id)
    row = (await tx.execute(statement.with_for_update() if locked else statement)).one_or_none()
    return _record(row) if row is not None else None


async def add(tx: Transaction, profile: OrganisationProfile, *, now: datetime) -> OrganisationRecord | None:
    """None if another organisation has this KVK number."""
    values = {**_values(profile), "organisation_id": new_id(), "created_at": now, "updated_at": now}
    statement = upsert(organisation).values(values).on_conflict_do_nothing().returning(organisation)
    row = (await tx.execute(statement)).one_or_none()
    return _record(row) if row is not None else None


async def is_kvk_number_of_another(tx: Transaction, kvk_number: str, *, than: UUID) -> bool:
    statement = select(organisation.c.organisation_id).where(
        organisation.c.kvk_number == kvk_number, organisation.c.organisation_id != than
    )
    return (await tx.execute(statement)).first() is not None


async def change(
    tx: Transaction, organisation_id: UUID, profile: OrganisationProfile, *, now: datetime
) -> OrganisationRecord | None:
    statement = (
        update(organisation)
        .where(organisation.c.organisation_id == organisation_id)
        .values({**_values(profile), "updated_at": now})
        .returning(organisation)
    )
    row = (await tx.execute(statement)).one_or_none()
    return _record(row) if row is not None else None


async def remove(tx: Transaction, organisation_id: UUID) -> bool:
    """With its assets, contacts and what was learnt of it; False if there was none."""
    removed = await tx.execute(delete(organisation).where(organisation.c.organisation_id == organisation_id))
    return removed.rowcount == 1


async def assets(tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int) -> list[AssetRecord]:
    table = organisation_asset
    statement = select(table).where(table.c.organisation_id == organisation_id).order_by(table.c.asset_id).limit(limit)
    if after is not None:
        statement = statement.where(table.c.asset_id > after)
    return [_asset(row) for row in await tx.execute(statement)]


async def claim(
    tx: Transaction, organisation_id: UUID, claimed: AssetClaim, *, asset_id: UUID, now: datetime
) -> AssetRecord | None:
    """The claim as it is kept, also if it was there before; None if the same asset is another organisation's.

    A new one has the id `asset_id`, and counts as told: its caller tells of it.
    """
    table = organisation_asset
    values = {
        "asset_id": asset_id,
        "organisation_id": organisation_id,
        "kind": claimed.kind,
        "value": claimed.value,
        "created_at": now,
        "is_told": True,
    }
    await tx.execute(upsert(table).values(values).on_conflict_do_nothing())
    statement = select(table).where(
        table.c.kind == claimed.kind, table.c.value == claimed.value, table.c.organisation_id == organisation_id
    )
    row = (await tx.execute(statement)).one_or_none()
    return _asset(row) if row is not None else None


async def release(tx: Transaction, organisation_id: UUID, asset_id: UUID) -> AssetRecord | None:
    """What it was; None if there was none."""
    table = organisation_asset
    statement = delete(table).where(table.c.organisation_id == organisation_id, table.c.asset_id == asset_id)
    row = (await tx.execute(statement.returning(table))).one_or_none()
    return _asset(row) if row is not None else None


async def contacts(tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int) -> list[ContactRecord]:
    table = organisation_contact
    statement = (
        select(table).where(table.c.organisation_id == organisation_id).order_by(table.c.contact_id).limit(limit)
    )
    if after is not None:
        statement = statement.where(table.c.contact_id > after)
    return [_contact(row) for row in await tx.execute(statement)]


async def add_contact(tx: Transaction, organisation_id: UUID, contact: Contact, *, now: datetime) -> ContactRecord:
    """An address that is there already gets the role and language given now."""
    values = {
        "contact_id": new_id(),
        "organisation_id": organisation_id,
        "email": contact.email,
        "role": contact.role,
        "language": contact.language,
        "created_at": now,
    }
    statement = (
        upsert(organisation_contact)
        .values(values)
        .on_conflict_do_update(
            index_elements=["organisation_id", "email"], set_={"role": contact.role, "language": contact.language}
        )
        .returning(organisation_contact)
    )
    return _contact((await tx.execute(statement)).one())


async def remove_contact(tx: Transaction, organisation_id: UUID, contact_id: UUID) -> bool:
    table = organisation_contact
    statement = delete(table).where(table.c.organisation_id == organisation_id, table.c.contact_id == contact_id)
    return (await tx.execute(statement)).rowcount == 1


async def bump_version(tx: Transaction) -> int:
    """Say that organisations have changed, and by which version.

    In the transaction of the change, so that nobody sees one without the other.

    The row is made by the first change and locked by each: changes queue up, which keeps versions in commit order.
    """
    table = directory_version
    statement = upsert(table).values(single=1, version=1)
    statement = statement.on_conflict_do_update(index_elements=["single"], set_={"version": table.c.version + 1})
    return int((await tx.execute(statement.returning(table.c.version))).scalar_one())


async def held_version(tx: Transaction) -> int:
    """The version as it is, which nobody changes until the transaction ends."""
    return (await tx.execute(select(directory_version.c.version).with_for_update())).scalar() or 0


async def version(tx: Transaction) -> int:
    """0 before the first change."""
    return (await tx.execute(select(directory_version.c.version))).scalar() or 0


def _values(profile: OrganisationProfile) -> Mapping[str, object]:
    return {
        "name": profile.name,
        "other_names": list(profile.other_names),
        "kvk_number": profile.kvk_number,
        "sector": profile.sector,
        "country": profile.country,
        "language": profile.language,
        "criticality": profile.criticality,
    }


def _record(row: Columns) -> OrganisationRecord:
    profile = OrganisationProfile(
        name=row.name,
        other_names=tuple(row.other_names),
        kvk_number=row.kvk_number,
        sector=row.sector,
        country=row.country,
        language=Language(row.language),
        criticality=Criticality(row.criticality),
    )
    return OrganisationRecord(row.organisation_id, profile, row.created_at, row.updated_at)


def _asset(row: Columns) -> AssetRecord:
    return AssetRecord(row.asset_id, AssetKind(row.kind), row.value, row.created_at)


def _contact(row: Columns) -> ContactRecord:
    language = Language(row.language) if row.language else None
    return ContactRecord(row.contact_id, Contact(row.email, ContactRole(row.role), language), row.created_at)
