"""Organisations change. Each change bumps the directory's version in its own transaction.

A change that is refused leaves nothing behind if its caller rolls back, which the API does by raising a problem.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.vocabulary import AssetKind
from services.attribution import store
from services.attribution.domain.imports import Mistake
from services.attribution.domain.organisation_files import Entry, WrittenContact, identities, read_contact
from services.attribution.domain.organisations import (
    AssetRecord,
    BadClaim,
    ContactRecord,
    OrganisationProfile,
    OrganisationRecord,
    read_claim,
)
from services.attribution.handlers.registrations import release_all, tell_added, tell_registered, tell_released


class Refusal(msgspec.Struct, frozen=True):
    """A change that is not made, and why."""

    code: str
    message: str


MISSING = Refusal("not-found", "There is no such organisation.")


async def add_organisation(
    profile: OrganisationProfile, *, tx: Transaction, now: datetime
) -> OrganisationRecord | Refusal:
    added = await store.organisations.add(tx, profile, now=now)
    if added is None:
        return _kvk_number_taken(profile)
    await store.organisations.bump_version(tx)
    return added


async def change_organisation(
    organisation_id: UUID, profile: OrganisationProfile, *, tx: Transaction, now: datetime
) -> OrganisationRecord | Refusal:
    """Replace what is kept by `profile`."""
    # First of all: changes queue up behind the version, so that no other one can take the KVK number in between.
    await store.organisations.bump_version(tx)
    number = profile.kvk_number
    if number is not None and await store.organisations.is_kvk_number_of_another(tx, number, than=organisation_id):
        return _kvk_number_taken(profile)
    return await store.organisations.change(tx, organisation_id, profile, now=now) or MISSING


async def remove_organisation(organisation_id: UUID, *, tx: Transaction, now: datetime) -> bool:
    """False if there is none."""
    # Locked before the version, as by those who change one asset: what comes until then is released with the rest.
    if await store.organisations.one(tx, organisation_id, locked=True) is None:
        return False
    await store.registrations.hold_all(tx, organisation_id)
    revision = await store.organisations.bump_version(tx)
    await release_all(tx, organisation_id, revision=revision, now=now)
    return await store.organisations.remove(tx, organisation_id)


async def register_asset(
    organisation_id: UUID, kind: AssetKind, text: str, *, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """Claim an asset. Claims of different size may overlap, the smaller one wins; the same asset has one owner."""
    if await store.organisations.one(tx, organisation_id) is None:
        return MISSING
    try:
        claim = read_claim(kind, text)
    except BadClaim as error:
        return Refusal("bad-asset", str(error))
    asset_id = new_id()
    asset = await store.organisations.claim(tx, organisation_id, claim, asset_id=asset_id, now=now)
    if asset is None:
        return Refusal("already-claimed", f"Another organisation has registered {claim.value}.")
    revision = await store.organisations.bump_version(tx)
    if asset.asset_id == asset_id:
        await tell_registered(tx, [(organisation_id, asset.kind, asset.value)], revision=revision, now=now)
    return asset


async def release_asset(organisation_id: UUID, asset_id: UUID, *, tx: Transaction, now: datetime) -> bool:
    """False if there is none."""
    released = await store.organisations.release(tx, organisation_id, asset_id)
    if released is None:
        return False
    revision = await store.organisations.bump_version(tx)
    await tell_released(tx, [(organisation_id, released.kind, released.value)], revision=revision, now=now)
    return True


async def add_contact(
    organisation_id: UUID, written: WrittenContact, *, tx: Transaction, now: datetime
) -> ContactRecord | Refusal:
    if await store.organisations.one(tx, organisation_id) is None:
        return MISSING
    contact = read_contact(written)
    if contact is None:
        return Refusal("bad-address", f"'{written.email}' is not an address that can be written to.")
    kept = await store.organisations.add_contact(tx, organisation_id, contact, now=now)
    await store.organisations.bump_version(tx)
    return kept


async def remove_contact(organisation_id: UUID, contact_id: UUID, *, tx: Transaction) -> bool:
    removed = await store.organisations.remove_contact(tx, organisation_id, contact_id)
    if removed:
        await store.organisations.bump_version(tx)
    return removed


async def take_in(entries: list[Entry], *, tx: Transaction, now: datetime) -> tuple[Mistake, ...]:
    """A file of organisations: new ones are added, known ones changed, none removed.

    Answers with the assets in it that are somebody else's; the caller then rolls everything back.
    """
    known = await store.organisation_files.known_organisations(tx)
    identified = [(_known_as(entry, known) or new_id(), entry) for entry in entries]
    await store.organisation_files.write_profiles(tx, identified, now=now)
    written = await store.organisation_files.write_claims(tx, identified, now=now)
    await store.organisation_files.write_contacts(tx, identified, now=now)
    revision = await store.organisations.bump_version(tx)
    await tell_added(tx, written.asset_ids, revision=revision, now=now)
    return tuple(
        Mistake("file", "already-claimed", f"'{value}' is registered by organisation {owner}.")
        for value, owner in written.taken.items()
    )


def _known_as(entry: Entry, known: dict[str, UUID]) -> UUID | None:
    return next((known[key] for key in identities(entry.profile) if key in known), None)


def _kvk_number_taken(profile: OrganisationProfile) -> Refusal:
    return Refusal("kvk-number-taken", f"Another organisation has KVK number {profile.kvk_number}.")
