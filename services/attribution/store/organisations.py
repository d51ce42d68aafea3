"""Organisations as the API shows and changes them, and the version of all that is known of them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.vocabulary import Language
from services.attribution.domain.organisations import (
    Criticality,
    CriticalitySource,
    OrganisationProfile,
    OrganisationRecord,
)
from services.attribution.store.tables import directory_version, organisation

Columns = Row[Any]
"""Any: SQLAlchemy's rows are typed by their statement, which a function that reads one doesn't see."""


async def page(
    tx: Transaction, *, after: UUID | None, limit: int, self_registered: bool | None = None
) -> list[OrganisationRecord]:
    """In order of arrival; with `self_registered` only those that have, or have not, registered by themselves."""
    statement = select(organisation).order_by(organisation.c.organisation_id).limit(limit)
    if after is not None:
        statement = statement.where(organisation.c.organisation_id > after)
    if self_registered is not None:
        statement = statement.where(organisation.c.self_registered.is_(self_registered))
    return [_record(row) for row in await tx.execute(statement)]


async def one(tx: Transaction, organisation_id: UUID) -> OrganisationRecord | None:
    statement = select(organisation).where(organisation.c.organisation_id == organisation_id)
    row = (await tx.execute(statement)).one_or_none()
    return _record(row) if row is not None else None


async def with_ids(tx: Transaction, organisation_ids: Collection[UUID]) -> dict[UUID, OrganisationRecord]:
    """Those of them that there are."""
    statement = select(organisation).where(organisation.c.organisation_id.in_(organisation_ids))
    return {row.organisation_id: _record(row) for row in await tx.execute(statement)}


async def add(
    tx: Transaction,
    profile: OrganisationProfile,
    *,
    by: str,
    now: datetime,
    self_registered: bool = False,
    claimed_kvk_number: str | None = None,
) -> OrganisationRecord | None:
    """None if another organisation has this KVK number."""
    values = {
        **_values(profile),
        "organisation_id": new_id(),
        "created_at": now,
        "updated_at": now,
        "criticality_decided_at": now,
        "criticality_by": by,
        "self_registered": self_registered,
        "claimed_kvk_number": claimed_kvk_number,
    }
    statement = upsert(organisation).values(values).on_conflict_do_nothing().returning(organisation)
    row = (await tx.execute(statement)).one_or_none()
    return _record(row) if row is not None else None


async def is_kvk_number_of_another(tx: Transaction, kvk_number: str, *, than: UUID) -> bool:
    statement = select(organisation.c.organisation_id).where(
        organisation.c.kvk_number == kvk_number, organisation.c.organisation_id != than
    )
    return (await tx.execute(statement)).first() is not None


async def change(
    tx: Transaction, kept: OrganisationRecord, profile: OrganisationProfile, *, by: str, now: datetime
) -> OrganisationRecord:
    """Who has decided the criticality is kept with it, and so only if it is another one now."""
    decided = {"criticality_decided_at": now, "criticality_by": by}
    values = {**_values(profile), "updated_at": now, **(decided if _reclassified(kept.profile, profile) else {})}
    statement = (
        update(organisation)
        .where(organisation.c.organisation_id == kept.organisation_id)
        .values(values)
        .returning(organisation)
    )
    return _record((await tx.execute(statement)).one())


def _reclassified(before: OrganisationProfile, after: OrganisationProfile) -> bool:
    return (before.criticality, before.criticality_source) != (after.criticality, after.criticality_source)


async def vouch(tx: Transaction, organisation_id: UUID) -> None:
    """A person has made it one with an entry of the desk's: it is more than its own word from now on."""
    statement = update(organisation).where(organisation.c.organisation_id == organisation_id)
    await tx.execute(statement.values(self_registered=False))


async def remove(tx: Transaction, organisation_id: UUID) -> bool:
    """With its assets, contacts and what was learnt of it; False if there was none."""
    removed = await tx.execute(delete(organisation).where(organisation.c.organisation_id == organisation_id))
    return removed.rowcount == 1


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
    """The version as it is, which nobody changes until the transaction ends.

    Every change takes it before anything else: so changes queue up, each sees the one before, and none waits for
    another that waits for it.
    """
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
        "criticality_source": profile.criticality_source,
        "company_numbers": list(profile.company_numbers),
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
        criticality_source=CriticalitySource(row.criticality_source),
        company_numbers=tuple(row.company_numbers),
    )
    return OrganisationRecord(
        row.organisation_id,
        profile,
        row.created_at,
        row.updated_at,
        row.criticality_decided_at,
        row.criticality_by,
        row.self_registered,
        row.claimed_kvk_number,
    )
