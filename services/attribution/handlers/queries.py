"""Somebody asks what is kept. A page has one item more than asked for where there is a next page."""

from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.problems import not_found
from services.attribution import store
from services.attribution.domain.attributions import Attribution
from services.attribution.domain.changes import KeptChange
from services.attribution.domain.enquiries import OpenEnquiry
from services.attribution.domain.imports import ImportKind, ImportRun, as_seen
from services.attribution.domain.learnt import Lesson
from services.attribution.domain.organisations import AssetRecord, ContactRecord, OrganisationRecord
from services.attribution.domain.proofs import ProofState
from services.attribution.domain.sources import (
    NETWORK_FILE,
    NETWORK_FILE_PARTS,
    ORGANISATIONS,
    SOURCES,
    Ages,
    SourceState,
    Version,
    joined,
    state_of,
)
from services.attribution.domain.unattributed import Unattributed
from services.attribution.handlers.refusals import MISSING_ASSET, Refusal, missing


async def attribution_of(tx: Transaction, indicator_id: UUID) -> Attribution:
    """Raises the 404 problem for an indicator that has not come, or not yet."""
    found = await store.attributions.of_indicators(tx, [indicator_id])
    if indicator_id not in found:
        raise not_found("indicator")
    return found[indicator_id]


async def unattributed_page(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Unattributed]:
    return await store.attributions.waiting_page(tx, after=after, limit=limit + 1)


async def open_enquiries_page(
    tx: Transaction, *, after: tuple[datetime, str, str] | None, limit: int
) -> list[OpenEnquiry]:
    return await store.enquiries.open_page(tx, after=after, limit=limit + 1)


async def lessons_page(tx: Transaction, *, after: str | None, limit: int) -> list[Lesson]:
    return await store.learnt.page(tx, after=after, limit=limit + 1)


async def organisations_page(
    tx: Transaction, *, after: UUID | None, limit: int, self_registered: bool | None = None
) -> list[OrganisationRecord]:
    """With `self_registered` only those that have, or have not, registered by themselves."""
    return await store.organisations.page(tx, after=after, limit=limit + 1, self_registered=self_registered)


async def organisation_of(tx: Transaction, organisation_id: UUID) -> OrganisationRecord | Refusal:
    """Or why there is none with this id."""
    return await store.organisations.one(tx, organisation_id) or await missing(tx, organisation_id)


async def assets_page(
    tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[AssetRecord] | Refusal:
    if await store.organisations.one(tx, organisation_id) is None:
        return await missing(tx, organisation_id)
    return await store.assets.page(tx, organisation_id, after=after, limit=limit + 1)


async def asset_of(tx: Transaction, organisation_id: UUID, asset_id: UUID) -> AssetRecord | Refusal:
    if await store.organisations.one(tx, organisation_id) is None:
        return await missing(tx, organisation_id)
    return await store.assets.one(tx, organisation_id, asset_id) or MISSING_ASSET


async def proofs_page(
    tx: Transaction, state: ProofState, *, ends_before: datetime | None, after: UUID | None, limit: int
) -> list[AssetRecord]:
    """Assets of all organisations whose proof is in this state."""
    return await store.assets.in_state(tx, state, ends_before=ends_before, after=after, limit=limit + 1)


async def contacts_page(
    tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[ContactRecord] | Refusal:
    if await store.organisations.one(tx, organisation_id) is None:
        return await missing(tx, organisation_id)
    return await store.contacts.page(tx, organisation_id, after=after, limit=limit + 1)


async def changes_page(tx: Transaction, organisation_id: UUID, *, before: UUID | None, limit: int) -> list[KeptChange]:
    """Newest first; of an organisation that is gone too."""
    return await store.changes.page(tx, organisation_id, before=before, limit=limit + 1)


async def import_run(tx: Transaction, import_id: UUID, *, now: datetime) -> ImportRun:
    """Raises the 404 problem for an import that is not there."""
    run = await store.imports.run(tx, import_id)
    if run is None:
        raise not_found("import")
    return as_seen(run, at=now)


async def imports_page(tx: Transaction, *, before: UUID | None, limit: int, now: datetime) -> list[ImportRun]:
    """The newest first."""
    return [as_seen(run, at=now) for run in await store.imports.page(tx, before=before, limit=limit + 1)]


async def source_states(tx: Transaction, *, ages: Ages, now: datetime) -> list[SourceState]:
    """Every source, also those that were never brought in."""
    versions = await store.sources.current(tx)
    halves = [versions[part] for part in NETWORK_FILE_PARTS if part in versions]
    if halves:
        versions[NETWORK_FILE] = joined(NETWORK_FILE, halves)
    own = await store.imports.last_done(tx, ImportKind.ORGANISATIONS)
    if own is not None:
        versions[ORGANISATIONS] = Version(
            source=ORGANISATIONS,
            made_on=own.updated_at.date(),
            imported_at=own.updated_at,
            counts={"organisations": own.progress.records},
        )
    return [state_of(source, versions.get(source), ages=ages, today=now.date()) for source in SOURCES]
