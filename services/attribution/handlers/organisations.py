"""Organisations change. Each change takes the directory's version first, and bumps it in its own transaction.

A change that is refused leaves nothing behind if its caller rolls back, which the API does by raising a problem.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.changes import Change, What, differing, organisation_fields
from services.attribution.domain.organisations import OrganisationProfile, OrganisationRecord
from services.attribution.handlers.claims import settle
from services.attribution.handlers.refusals import MISSING, Refusal, kvk_number_taken, missing
from services.attribution.handlers.registrations import release_all

__all__ = ["MISSING", "Refusal", "add_organisation", "change_organisation", "remove_organisation"]


async def add_organisation(
    profile: OrganisationProfile,
    *,
    by: str,
    tx: Transaction,
    now: datetime,
    self_registered: bool = False,
    claimed_kvk_number: str | None = None,
) -> OrganisationRecord | Refusal:
    """`self_registered`: it has said all this of itself, and nobody has looked."""
    await store.organisations.held_version(tx)
    added = await store.organisations.add(
        tx, profile, by=by, now=now, self_registered=self_registered, claimed_kvk_number=claimed_kvk_number
    )
    if added is None:
        return kvk_number_taken(profile)
    change = Change(
        organisation_id=added.organisation_id,
        at=now,
        by=by,
        what=What.ADDED,
        subject=str(added.organisation_id),
        after=organisation_fields(added),
    )
    await store.changes.record(tx, [change])
    await store.organisations.bump_version(tx)
    return added


async def change_organisation(
    organisation_id: UUID,
    changed: Callable[[OrganisationProfile], OrganisationProfile],
    *,
    by: str,
    tx: Transaction,
    now: datetime,
) -> OrganisationRecord | Refusal:
    """Replace what is kept by what `changed` makes of it."""
    await store.organisations.held_version(tx)
    kept = await store.organisations.one(tx, organisation_id)
    if kept is None:
        return await missing(tx, organisation_id)
    profile = changed(kept.profile)
    number = profile.kvk_number
    if number is not None and await store.organisations.is_kvk_number_of_another(tx, number, than=organisation_id):
        return kvk_number_taken(profile)
    record = await store.organisations.change(tx, kept, profile, by=by, now=now)
    before, after = differing(organisation_fields(kept), organisation_fields(record))
    if after:
        change = Change(
            organisation_id=organisation_id,
            at=now,
            by=by,
            what=What.CHANGED,
            subject=str(organisation_id),
            before=before,
            after=after,
        )
        await store.changes.record(tx, [change])
        await store.organisations.bump_version(tx)
    return record


async def remove_organisation(organisation_id: UUID, *, by: str, tx: Transaction, now: datetime) -> Refusal | None:
    """With its assets, contacts and what was learnt of it. What it had claimed against others contests them no more.

    One that has registered by itself is told that.
    """
    revision = await store.organisations.bump_version(tx)
    kept = await store.organisations.one(tx, organisation_id)
    if kept is None:
        return await missing(tx, organisation_id)
    await store.self_registrations.mark_organisation(tx, organisation_id, now=now)
    rivals = await store.conflicts.rivals_of_organisation(tx, organisation_id)
    await release_all(tx, organisation_id, revision=revision, now=now)
    await store.organisations.remove(tx, organisation_id)
    change = Change(
        organisation_id=organisation_id,
        at=now,
        by=by,
        what=What.REMOVED,
        subject=str(organisation_id),
        before=organisation_fields(kept),
    )
    await store.changes.record(tx, [change])
    if rivals:
        await settle(tx, rivals, now=now)
    return None
