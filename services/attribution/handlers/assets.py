"""Assets are registered, proven, and given back."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Database, Transaction
from libs.common.dns import Dns, DnsFailed
from libs.common.ids import new_id
from libs.common.metrics import PROOFS
from libs.common.vocabulary import AssetKind
from services.attribution import store
from services.attribution.domain.changes import Change, Fields, What, asset_fields, differing
from services.attribution.domain.organisations import AssetRecord, BadClaim, read_claim
from services.attribution.domain.proofs import (
    Proof,
    Seen,
    Unproven,
    answered,
    can_answer,
    challenged,
    record_of,
    revoked,
    seen_in,
    vouched,
)
from services.attribution.handlers.claims import settle
from services.attribution.handlers.refusals import MISSING_ASSET, Refusal, missing
from services.attribution.handlers.registrations import tell_released

TOKEN_BYTES = 20
NO_RECORD = Refusal("no-record", "Only a domain can be proven by a TXT record; for anything else the desk vouches.")
NO_DNS = Refusal("no-dns", "This installation asks no name server, so it can't see the record; the desk can vouch.")


async def register_asset(
    organisation_id: UUID,
    kind: AssetKind,
    text: str,
    *,
    by: str,
    tx: Transaction,
    now: datetime,
    vouched_for: bool = True,
    note: str = "",
) -> AssetRecord | Refusal:
    """Claim an asset; `vouched_for`: by the desk's word it is proven at once. One that is there already stays as it is.

    It may overlap with another organisation's: see `domain/conflicts.py` for what happens then.
    """
    await store.organisations.held_version(tx)
    if await store.organisations.one(tx, organisation_id) is None:
        return await missing(tx, organisation_id)
    try:
        claim = read_claim(kind, text)
    except BadClaim as error:
        return Refusal("bad-asset", str(error))
    asset_id = new_id()
    asset = await store.assets.claim(tx, organisation_id, claim, asset_id=asset_id, now=now)
    if asset.asset_id != asset_id:
        return asset
    if vouched_for:
        asset = msgspec.structs.replace(asset, proof=vouched(asset.proof, by=by, note=note, at=now))
        await store.assets.save_proofs(tx, {asset_id: asset.proof})
    registered = _change(asset, What.ASSET_REGISTERED, after=asset_fields(asset), by=by, now=now)
    await store.changes.record(tx, [registered])
    await settle(tx, [asset_id], now=now)
    return await _again(tx, asset)


async def release_asset(
    organisation_id: UUID, asset_id: UUID, *, by: str, tx: Transaction, now: datetime
) -> Refusal | None:
    await store.organisations.held_version(tx)
    asset = await store.assets.one(tx, organisation_id, asset_id)
    if asset is None:
        return MISSING_ASSET
    rivals = await store.conflicts.rivals(tx, asset_id)
    was_told = await store.assets.release(tx, asset_id)
    released = _change(asset, What.ASSET_RELEASED, before=asset_fields(asset), by=by, now=now)
    await store.changes.record(tx, [released])
    await store.self_registrations.mark(tx, [asset_id], now=now)
    settled = await settle(tx, rivals, now=now)
    if was_told:
        await tell_released(tx, [(organisation_id, asset.kind, asset.value)], revision=settled.revision, now=now)
    return None


async def challenge_asset(
    organisation_id: UUID, asset_id: UUID, *, by: str, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """Give a token to show. What is proven already stays so meanwhile."""

    def challenge(asset: AssetRecord) -> Proof | Refusal:
        if record_of(asset.kind, asset.value, "") is None:
            return NO_RECORD
        return challenged(asset.proof, token=secrets.token_hex(TOKEN_BYTES), by=by, at=now)

    return await _move_proof(organisation_id, asset_id, challenge, by=by, tx=tx, now=now)


async def vouch_for_asset(
    organisation_id: UUID, asset_id: UUID, *, note: str, by: str, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """The desk's word, for a year."""

    def vouch(asset: AssetRecord) -> Proof:
        return vouched(asset.proof, by=by, note=note, at=now)

    return await _move_proof(organisation_id, asset_id, vouch, by=by, tx=tx, now=now)


async def revoke_proof(
    organisation_id: UUID, asset_id: UUID, *, note: str, by: str, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """It counts no more, at once. It stays claimed, and can be proven again."""

    def revoke(asset: AssetRecord) -> Proof:
        return revoked(asset.proof, by=by, note=note)

    return await _move_proof(organisation_id, asset_id, revoke, by=by, tx=tx, now=now)


async def prove_by_dns(
    organisation_id: UUID, asset_id: UUID, *, by: str, database: Database, dns: Dns | None
) -> AssetRecord | Refusal:
    """Somebody says that the record is there. A look without success costs nothing.

    The look is outside of any transaction, as a name server may take its time.
    """
    if dns is None:
        return NO_DNS
    async with database.transaction() as tx:
        wanted = await _token_to_see(tx, organisation_id, asset_id, now=database.now())
    if isinstance(wanted, Refusal):
        return wanted
    name, token = wanted
    seen = await look(dns, name, token)

    def answer(asset: AssetRecord) -> Proof | Refusal:
        if asset.proof.token != token:
            return Refusal("no-challenge", "There is another challenge by now; ask again.")
        proof = answered(asset.proof, seen, by=by, at=database.now())
        return Refusal(proof.code, proof.message) if isinstance(proof, Unproven) else proof

    async with database.transaction() as tx:
        return await _move_proof(organisation_id, asset_id, answer, by=by, tx=tx, now=database.now())


async def look(dns: Dns, name: str, token: str) -> Seen:
    try:
        return seen_in(await dns.texts(name), token)
    except DnsFailed:
        return Seen.NO_ANSWER


async def _token_to_see(
    tx: Transaction, organisation_id: UUID, asset_id: UUID, *, now: datetime
) -> tuple[str, str] | Refusal:
    """The name to ask the DNS for, and the token that is to be there."""
    asset = await store.assets.one(tx, organisation_id, asset_id)
    if asset is None:
        return MISSING_ASSET
    record = record_of(asset.kind, asset.value, "")
    if record is None:
        return NO_RECORD
    if asset.proof.token is None or not can_answer(asset.proof, now):
        return Refusal("no-challenge", "There is no challenge, or it is too old; ask for one first.")
    return record[0], asset.proof.token


async def _move_proof(
    organisation_id: UUID,
    asset_id: UUID,
    move: Callable[[AssetRecord], Proof | Refusal],
    *,
    by: str,
    tx: Transaction,
    now: datetime,
) -> AssetRecord | Refusal:
    await store.organisations.held_version(tx)
    asset = await store.assets.one(tx, organisation_id, asset_id)
    if asset is None:
        return MISSING_ASSET
    proof = move(asset)
    if isinstance(proof, Refusal):
        return proof
    await save_proofs(tx, [(asset, proof)], by=by, now=now)
    return await _again(tx, asset)


async def note_claims(tx: Transaction, assets: Sequence[AssetRecord], *, by: str, now: datetime) -> None:
    """In the log, that these are claimed now."""
    claimed = (_change(each, What.ASSET_REGISTERED, after=asset_fields(each), by=by, now=now) for each in assets)
    await store.changes.record(tx, claimed)


async def save_proofs(tx: Transaction, moves: Sequence[tuple[AssetRecord, Proof]], *, by: str, now: datetime) -> None:
    """Keep what has become of proofs, and let what follows from it follow. The caller holds the version."""
    if not moves:
        return
    await store.assets.save_proofs(tx, {asset.asset_id: proof for asset, proof in moves})
    changes: list[Change] = []
    for asset, proof in moves:
        before, after = differing(asset_fields(asset), asset_fields(msgspec.structs.replace(asset, proof=proof)))
        if after:
            PROOFS.labels(proof.state).inc()
            changes.append(_change(asset, What.PROOF_CHANGED, before=before, after=after, by=by, now=now))
    await store.changes.record(tx, changes)
    await store.self_registrations.mark(tx, [asset.asset_id for asset, _ in moves], now=now)
    moved = [asset.asset_id for asset, proof in moves if _counts_otherwise(asset.proof, proof)]
    if moved:
        await settle(tx, moved, now=now)


def _counts_otherwise(before: Proof, after: Proof) -> bool:
    return (before.is_proven, before.proven_at) != (after.is_proven, after.proven_at)


async def _again(tx: Transaction, asset: AssetRecord) -> AssetRecord:
    """As it is kept now: a conflict may have come of the change."""
    return (await store.assets.with_ids(tx, [asset.asset_id]))[asset.asset_id]


def _change(
    asset: AssetRecord,
    what: What,
    *,
    by: str,
    now: datetime,
    before: Fields | None = None,
    after: Fields | None = None,
) -> Change:
    return Change(
        organisation_id=asset.organisation_id,
        at=now,
        by=by,
        what=what,
        subject=asset.value,
        before=before,
        after=after,
    )
