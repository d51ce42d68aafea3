"""Two entries turn out to be one organisation."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.changes import Change, What, differing, organisation_fields
from services.attribution.domain.merging import Duplicate, Objection, duplicates, merged, objections
from services.attribution.domain.organisations import OrganisationProfile, OrganisationRecord
from services.attribution.handlers.claims import settle
from services.attribution.handlers.refusals import Refusal, missing
from services.attribution.handlers.registrations import tell_released
from services.attribution.store.merges import Moving

SAME = Refusal("same-organisation", "That is the organisation itself.")


class Merge(msgspec.Struct, frozen=True):
    """What becomes of two organisations, or would become of them; and what speaks against it."""

    organisation: OrganisationRecord
    into: OrganisationRecord
    profile: OrganisationProfile
    moving: Moving
    objections: tuple[Objection, ...]


async def merge_organisations(
    organisation_id: UUID, into_id: UUID, *, by: str, tx: Transaction, now: datetime, dry_run: bool
) -> Merge | Refusal:
    """All that one has becomes the other's, and its id leads there. `dry_run`: only say what that would be."""
    await store.organisations.held_version(tx)
    merge = await _plan(tx, organisation_id, into_id)
    if isinstance(merge, Refusal) or dry_run:
        return merge
    if merge.objections:
        message = " ".join(each.message for each in merge.objections)
        return Refusal("not-the-same", message, reasons=merge.objections)
    await _carry_out(tx, merge, by=by, now=now)
    return merge


async def likely_duplicates(
    tx: Transaction, *, after: tuple[UUID, UUID] | None, limit: int
) -> Sequence[tuple[Duplicate, OrganisationRecord, OrganisationRecord]]:
    """Pairs that may be one organisation; one more than asked for where there is a next page."""
    traits = await store.merges.traits(tx)
    pairs = await asyncio.to_thread(duplicates, traits)
    found = [pair for pair in pairs if after is None or (pair.first, pair.second) > after][: limit + 1]
    records = await store.organisations.with_ids(tx, {id_ for pair in found for id_ in (pair.first, pair.second)})
    return [(pair, records[pair.first], records[pair.second]) for pair in found if _are_there(pair, records)]


def _are_there(pair: Duplicate, records: dict[UUID, OrganisationRecord]) -> bool:
    return pair.first in records and pair.second in records


async def _plan(tx: Transaction, organisation_id: UUID, into_id: UUID) -> Merge | Refusal:
    records = await store.organisations.with_ids(tx, {organisation_id, into_id})
    for wanted in (organisation_id, into_id):
        if wanted not in records:
            return await missing(tx, wanted)
    if organisation_id == into_id:
        return SAME
    one, into = records[organisation_id], records[into_id]
    against = [
        *objections(one.profile, into.profile),
        *(
            Objection("decided-between", f"A person has given {value} to one of the two and taken it from the other.")
            for value in await store.merges.decided_between(tx, organisation_id, into_id)
        ),
        *(
            Objection("contested", f"{value} is contested by a third; decide that first.")
            for value in await store.merges.contested_with_others(tx, organisation_id, into_id)
        ),
    ]
    moving = await store.merges.moving(tx, organisation_id, into=into_id)
    return Merge(one, into, merged(one.profile, into.profile), moving, tuple(against))


async def _carry_out(tx: Transaction, merge: Merge, *, by: str, now: datetime) -> None:
    old, new = merge.organisation.organisation_id, merge.into.organisation_id
    taken_back = await store.registrations.take_back_all(tx, old)
    await _keep_better_proofs(tx, merge.moving)
    await store.self_registrations.move(tx, old, into=new, doubles=merge.moving.doubles, now=now)
    await store.merges.move(tx, old, into=new)
    await store.merges.remember(tx, old, into=new, by=by, now=now)
    await store.organisations.remove(tx, old)
    kept = await store.organisations.change(tx, merge.into, merge.profile, by=by, now=now)
    if merge.into.self_registered and not merge.organisation.self_registered:
        await store.organisations.vouch(tx, new)
    await store.changes.record(tx, _changes(merge, kept, by=by, now=now))
    theirs = {double for _, double in merge.moving.doubles}
    settled = await settle(tx, {*merge.moving.asset_ids, *theirs}, now=now)
    await tell_released(tx, taken_back, revision=settled.revision, now=now)


async def _keep_better_proofs(tx: Transaction, moving: Moving) -> None:
    """What both have registered stays proven if it was so for either."""
    assets = await store.assets.with_ids(tx, {asset_id for pair in moving.doubles for asset_id in pair})
    better = {
        theirs: assets[mine].proof
        for mine, theirs in moving.doubles
        if assets[mine].proof.is_proven and not assets[theirs].proof.is_proven
    }
    await store.assets.save_proofs(tx, better)


def _changes(merge: Merge, kept: OrganisationRecord, *, by: str, now: datetime) -> list[Change]:
    old, new = merge.organisation.organisation_id, merge.into.organisation_id
    before, after = differing(organisation_fields(merge.into), organisation_fields(kept))
    moved = {"assets": merge.moving.values, "contacts": merge.moving.addresses, "learnt": merge.moving.learnt}
    return [
        Change(
            organisation_id=old,
            at=now,
            by=by,
            what=What.MERGED,
            subject=str(new),
            before=organisation_fields(merge.organisation),
        ),
        Change(
            organisation_id=new,
            at=now,
            by=by,
            what=What.MERGED,
            subject=str(old),
            before=before,
            after={**after, **moved},
        ),
    ]
