"""Two organisations claim what can't be both of theirs, and a person decides."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.changes import Change, What
from services.attribution.domain.conflicts import Conflict, Keep
from services.attribution.domain.organisations import AssetRecord, OrganisationRecord
from services.attribution.domain.proofs import revoked
from services.attribution.handlers.assets import save_proofs
from services.attribution.handlers.claims import settle
from services.attribution.handlers.refusals import MISSING_CONFLICT, Refusal


class Side(msgspec.Struct, frozen=True):
    """One of the two claims, and whose it is."""

    organisation: OrganisationRecord
    asset: AssetRecord


class Sides(msgspec.Struct, frozen=True):
    """A conflict with both its claims; `first` was registered first."""

    conflict: Conflict
    first: Side
    second: Side


async def conflicts_page(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Sides]:
    """What waits for a person; one more than asked for where there is a next page."""
    return await _with_sides(tx, await store.conflicts.open_page(tx, after=after, limit=limit + 1))


async def decide_conflict(
    conflict_id: UUID, keep: Keep, *, note: str, by: str, tx: Transaction, now: datetime
) -> Sides | Refusal:
    """Whose claim holds. The other one is revoked, and nobody is warned about it until it is proven once more."""
    await store.organisations.held_version(tx)
    conflict = await store.conflicts.one(tx, conflict_id)
    if conflict is None:
        return MISSING_CONFLICT
    if conflict.keep is not None and conflict.keep is not keep:
        return Refusal("already-decided", f"{conflict.decided_by} has decided otherwise: {conflict.keep}.")
    (sides,) = await _with_sides(tx, [conflict])
    if conflict.keep is keep:
        return sides

    await store.conflicts.decide(tx, conflict_id, keep, note=note, by=by, now=now)
    loser = {Keep.FIRST: sides.second, Keep.SECOND: sides.first}.get(keep)
    if loser is not None:
        proof = revoked(loser.asset.proof, by=by, note=note)
        await save_proofs(tx, [(loser.asset, proof)], by=by, now=now)
    await store.changes.record(tx, _changes(sides, keep, note=note, by=by, now=now))
    await settle(tx, conflict.pair, now=now)
    decided = await store.conflicts.one(tx, conflict_id)
    return (await _with_sides(tx, [decided]))[0] if decided is not None else MISSING_CONFLICT


def _changes(sides: Sides, keep: Keep, *, note: str, by: str, now: datetime) -> list[Change]:
    """In the log of both."""
    return [
        Change(
            organisation_id=own.organisation.organisation_id,
            at=now,
            by=by,
            what=What.CONFLICT_DECIDED,
            subject=own.asset.value,
            after={"holds": keep in (name, Keep.BOTH), "other": other.asset.value, "note": note},
        )
        for own, other, name in (
            (sides.first, sides.second, Keep.FIRST),
            (sides.second, sides.first, Keep.SECOND),
        )
    ]


async def _with_sides(tx: Transaction, conflicts: Sequence[Conflict]) -> list[Sides]:
    assets = await store.assets.with_ids(tx, {asset_id for each in conflicts for asset_id in each.pair})
    owners = await store.organisations.with_ids(tx, {asset.organisation_id for asset in assets.values()})

    def side(asset_id: UUID) -> Side:
        return Side(owners[assets[asset_id].organisation_id], assets[asset_id])

    # Another request may have released one of them since the conflicts were read.
    there = (each for each in conflicts if all(asset_id in assets for asset_id in each.pair))
    return [Sides(each, side(each.first_id), side(each.second_id)) for each in there]
