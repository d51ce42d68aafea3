"""What was registered is put in place: the organisation, its contact, its claims. Nothing of it counts unproven."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from libs.common.contracts import ClaimedAsset
from libs.common.db import Transaction
from libs.common.languages import CUSTOMS, Language
from services.attribution import store
from services.attribution.domain.organisation_files import WrittenContact
from services.attribution.domain.organisations import (
    AssetClaim,
    AssetRecord,
    BadClaim,
    ContactRole,
    OrganisationProfile,
    OrganisationRecord,
    read_claim,
)
from services.attribution.domain.proofs import Proof, challenged
from services.attribution.domain.self_registrations import (
    BY,
    SelfRegistration,
    Step,
    Wanted,
    first_step,
    is_to_begin_anew,
    profile_of,
    work_for,
)
from services.attribution.handlers.assets import TOKEN_BYTES, note_claims, release_asset, save_proofs
from services.attribution.handlers.contacts import add_contact, remove_contact
from services.attribution.handlers.organisations import add_organisation, change_organisation, remove_organisation
from services.attribution.handlers.refusals import Refusal

log = structlog.get_logger(__name__)


class Customs(msgspec.Struct, frozen=True):
    """Of this installation: where organisations are taken to be, and whether it looks at the DNS."""

    countries: frozenset[str]
    sees_records: bool

    def country_of(self, language: Language) -> str:
        """A registration names none; it is one of those that we are there for."""
        spoken = (country for country in CUSTOMS[language].countries if country in self.countries)
        return next(spoken, min(self.countries, default="NL"))


async def take_up_some(tx: Transaction, *, customs: Customs, limit: int, now: datetime) -> int:
    """Put some of what waits in place; answers how many."""
    await store.organisations.held_version(tx)
    waiting = await store.self_registrations.waiting(tx, limit=limit)
    kept = await store.self_registrations.wanted_of(tx, [each.registration_id for each in waiting])
    for registration in waiting:
        await _TakingUp(tx, registration, kept[registration.registration_id], customs, now).run()
    if waiting:
        log.info("registrations taken up", registrations=len(waiting))
    return len(waiting)


class _TakingUp:
    """One registration in one transaction, which holds the version."""

    def __init__(
        self, tx: Transaction, registration: SelfRegistration, kept: Sequence[Wanted], customs: Customs, now: datetime
    ) -> None:
        self._tx, self._registration, self._customs, self._now = tx, registration, customs, now
        self._work = work_for(registration, kept)

    async def run(self) -> None:
        organisation = await self._organisation()
        registration = self._registration
        if organisation is not None:
            await self._release(organisation, self._work.released)
            if registration.is_withdrawn:
                await self._take_leave(organisation)
            else:
                registration = await self._with_contact(organisation)
        await store.self_registrations.forget_assets(self._tx, registration.registration_id, self._work.released)
        if not registration.is_withdrawn:
            wanted = [*await self._claimed(organisation), *await self._begun_anew()]
            await store.self_registrations.save(self._tx, registration.registration_id, wanted)
        owner = organisation.organisation_id if organisation is not None else registration.organisation_id
        registration = msgspec.structs.replace(registration, organisation_id=owner)
        await store.self_registrations.taken_up(self._tx, registration, now=self._now)

    async def _organisation(self) -> OrganisationRecord | None:
        """None where there is none to add, and where the desk has removed it: it is not added again."""
        registration = self._registration
        if registration.organisation_id is not None:
            kept = await store.organisations.one(self._tx, registration.organisation_id)
            return kept if kept is None or registration.is_withdrawn else await self._renamed(kept)
        if registration.is_withdrawn:
            return None
        profile = profile_of(registration, country=self._customs.country_of(registration.language))
        added = await add_organisation(
            profile,
            by=BY,
            tx=self._tx,
            now=self._now,
            self_registered=True,
            claimed_kvk_number=registration.kvk_number,
        )
        return None if isinstance(added, Refusal) else added

    async def _renamed(self, kept: OrganisationRecord) -> OrganisationRecord:
        """One that the desk has made one with another keeps the name that it has there."""
        wanted = profile_of(self._registration, country=kept.profile.country)
        same = (kept.profile.name, kept.profile.language) == (wanted.name, wanted.language)
        if same or not kept.self_registered:
            return kept

        def renamed(profile: OrganisationProfile) -> OrganisationProfile:
            return msgspec.structs.replace(profile, name=wanted.name, language=wanted.language)

        changed = await change_organisation(kept.organisation_id, renamed, by=BY, tx=self._tx, now=self._now)
        return kept if isinstance(changed, Refusal) else changed

    async def _with_contact(self, organisation: OrganisationRecord) -> SelfRegistration:
        """The confirmed address is the one that is written to. One that the desk has removed is not added again."""
        registration = self._registration
        owner, contact_id = organisation.organisation_id, registration.contact_id
        if contact_id is not None:
            kept = await store.contacts.one(self._tx, owner, contact_id)
            if kept is None or kept.contact.email == registration.email:
                return registration
            await remove_contact(owner, contact_id, by=BY, tx=self._tx, now=self._now)
        written = WrittenContact(registration.email, ContactRole.SECURITY, registration.language)
        added = await add_contact(owner, written, by=BY, tx=self._tx, now=self._now)
        if isinstance(added, Refusal):
            log.warning("a registration has no address to write to", registration_id=str(registration.registration_id))
            return registration
        return msgspec.structs.replace(registration, contact_id=added.contact_id)

    async def _claimed(self, organisation: OrganisationRecord | None) -> list[Wanted]:
        """What is new. Of what is no asset, and of an organisation that is gone, there is no claim."""
        read = {each: _read(each) if organisation is not None else None for each in self._work.claimed}
        claims = list(dict.fromkeys(claim for claim in read.values() if claim is not None))
        if organisation is None or not claims:
            return [self._unclaimed(each) for each in read]
        kept = await store.assets.claim_all(self._tx, organisation.organisation_id, claims, now=self._now)
        new = [asset for asset, is_new in kept.values() if is_new]
        await note_claims(self._tx, new, by=BY, now=self._now)
        found = [(each, *kept[claim]) for each, claim in read.items() if claim is not None]
        wanted = [self._begun(each, asset, is_own=is_new) for each, asset, is_new in found]
        await self._challenge(wanted, [asset for _, asset, _ in found])
        return [*wanted, *(self._unclaimed(each) for each, claim in read.items() if claim is None)]

    async def _begun_anew(self) -> list[Wanted]:
        """What was lost, or not proven in time, and is registered once more."""
        staying = [each for each in self._work.staying if each.asset_id is not None]
        assets = await store.assets.with_ids(self._tx, {each.asset_id for each in staying if each.asset_id})
        found = [(each, assets[each.asset_id]) for each in staying if each.asset_id in assets]
        questions = await store.self_registrations.questions_about(self._tx, staying)
        again = [
            (each, asset)
            for each, asset in found
            if is_to_begin_anew(each, asset.proof, questions.get(asset.asset_id), now=self._now)
        ]
        wanted = [self._begun(each.claimed, asset, is_own=each.is_own) for each, asset in again]
        await self._challenge(wanted, [asset for _, asset in again])
        return wanted

    def _begun(self, claimed: ClaimedAsset, asset: AssetRecord, *, is_own: bool) -> Wanted:
        step = first_step(asset.kind, asset.proof, sees_records=self._customs.sees_records)
        return Wanted(
            kind=claimed.kind,
            value=claimed.value,
            asset_id=asset.asset_id,
            is_own=is_own,
            step=step,
            due_at=self._now if step is not None else None,
            begun_at=self._now,
        )

    def _unclaimed(self, claimed: ClaimedAsset) -> Wanted:
        return Wanted(kind=claimed.kind, value=claimed.value, is_own=False, begun_at=self._now)

    async def _challenge(self, wanted: Sequence[Wanted], assets: Sequence[AssetRecord]) -> None:
        pairs = zip(wanted, assets, strict=True)
        moves = [(asset, self._challenged(asset)) for each, asset in pairs if each.step is Step.LOOK]
        await save_proofs(self._tx, moves, by=BY, now=self._now)

    def _challenged(self, asset: AssetRecord) -> Proof:
        return challenged(asset.proof, token=secrets.token_hex(TOKEN_BYTES), by=BY, at=self._now)

    async def _release(self, organisation: OrganisationRecord, released: Collection[Wanted]) -> None:
        """What was claimed for it. What the desk has registered as well stays."""
        for each in released:
            if each.is_own and each.asset_id is not None and not await self._is_anothers(each.asset_id):
                await release_asset(organisation.organisation_id, each.asset_id, by=BY, tx=self._tx, now=self._now)

    async def _is_anothers(self, asset_id: UUID) -> bool:
        registration_id = self._registration.registration_id
        return await store.self_registrations.hand_over(self._tx, asset_id, registration_id=registration_id)

    async def _take_leave(self, organisation: OrganisationRecord) -> None:
        """Withdrawn: its contact goes, and the organisation too where nothing of anybody else is left of it."""
        registration, owner = self._registration, organisation.organisation_id
        contact_id = registration.contact_id
        if contact_id is not None and not await store.self_registrations.is_contact_of_another(
            self._tx, contact_id, registration_id=registration.registration_id
        ):
            await remove_contact(owner, contact_id, by=BY, tx=self._tx, now=self._now)
        assets = await store.assets.page(self._tx, owner, after=None, limit=1)
        contacts = await store.contacts.page(self._tx, owner, after=None, limit=1)
        if organisation.self_registered and not assets and not contacts:
            await remove_organisation(owner, by=BY, tx=self._tx, now=self._now)


def _read(claimed: ClaimedAsset) -> AssetClaim | None:
    try:
        return read_claim(claimed.kind, claimed.value)
    except BadClaim:
        return None
