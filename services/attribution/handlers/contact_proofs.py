"""A claim is put to the contact that the registry has for the asset, and the answer counts."""

import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import ClaimToConfirm
from libs.common.db import Database, Transaction
from libs.common.ids import new_id
from libs.common.languages import language_of_country
from libs.common.outbox import enqueue
from services.attribution import store
from services.attribution.domain import contact_proofs, proofs
from services.attribution.domain.changes import Change, Fields, What
from services.attribution.domain.contact_proofs import (
    CODE_BYTES,
    LASTS,
    ContactProof,
    NotTaken,
    RequestState,
    code_hash_of,
    code_of,
    may_be_asked,
    token_hash_of,
)
from services.attribution.domain.organisations import AssetRecord, OrganisationRecord
from services.attribution.domain.registry_contacts import NoContact, RegistryContact, chosen
from services.attribution.domain.self_registrations import BY as BY_REGISTRATION
from services.attribution.handlers.assets import save_proofs
from services.attribution.handlers.refusals import MISSING_ASSET, Refusal
from services.attribution.handlers.registry_contacts import Registries

TOKEN_BYTES = 24
SHOWN = 50
BY_CONTACT = "the registry's contact"
NOT_ASKED = Refusal("no-question", "No contact was asked about this asset; ask one first.")
GONE = Refusal("claim-gone", "The organisation does not claim this any more, so there is nothing left to answer.")


class Question(msgspec.Struct, frozen=True):
    """A question as its own page shows it: who claims what."""

    request: ContactProof
    organisation: str


async def ask_contact(
    organisation_id: UUID, asset_id: UUID, *, by: str, database: Database, registries: Registries, claims_url: str
) -> ContactProof | Refusal:
    """Have the registry's contact mailed a code. An older question about the same claim ends with that.

    The registry is asked outside of any transaction, as it may take its time.
    """
    async with database.transaction() as tx:
        asset = await store.assets.one(tx, organisation_id, asset_id)
    if asset is None:
        return MISSING_ASSET
    found = await registries.contacts_of(asset)
    if isinstance(found, NoContact):
        return Refusal(found.code, found.message)
    async with database.transaction() as tx:
        return await put_to_contact(tx, asset, found, by=by, now=database.now(), claims_url=claims_url)


async def put_to_contact(
    tx: Transaction,
    asset: AssetRecord,
    found: tuple[RegistryContact, ...],
    *,
    by: str,
    now: datetime,
    claims_url: str,
) -> ContactProof | Refusal:
    """The first of those whom the registry names, and who may be asked, is mailed a code."""
    await store.organisations.held_version(tx)
    current = await store.assets.one(tx, asset.organisation_id, asset.asset_id)
    organisation = await store.organisations.one(tx, asset.organisation_id)
    if current is None or organisation is None:
        return MISSING_ASSET
    contact = chosen(found, named=await _named_unasked(tx, organisation))
    if isinstance(contact, NoContact):
        return Refusal(contact.code, contact.message)
    asked = await store.contact_proofs.asked(
        tx, contact=contact.email, organisation_id=asset.organisation_id, value=asset.value, now=now
    )
    if by == BY_REGISTRATION:
        strangers = await store.contact_proofs.strangers(
            tx, by=by, contact=contact.email, organisation_id=asset.organisation_id, now=now
        )
        asked = msgspec.structs.replace(asked, strangers=strangers)
    if (objection := may_be_asked(asked, at=now)) is not None:
        return Refusal(objection.code, objection.message)
    await _supersede(tx, asset.asset_id, by=by, now=now)
    code, token = code_of(secrets.token_bytes(CODE_BYTES)), secrets.token_urlsafe(TOKEN_BYTES)
    request = _request(asset, contact, code=code, token=token, by=by, now=now)
    await store.contact_proofs.add(tx, request)
    await store.contact_proofs.forget_old(tx, now=now)
    await save_proofs(tx, [(current, proofs.put_to_contact(current.proof, by=by))], by=by, now=now)
    await _note(tx, What.CONTACT_ASKED, current, _fields(request), by=by, now=now)
    url = f"{claims_url}/claims/{token}" if claims_url else ""
    await enqueue(tx, [_event(request, organisation=organisation.profile.name, code=code, url=url)])
    return request


async def _named_unasked(tx: Transaction, organisation: OrganisationRecord) -> Collection[str]:
    """The addresses that the desk was given for it. Who registers by itself has shown that its address is its own: if
    the registry names that one, a network's owner is who registers.
    """
    return () if organisation.self_registered else await store.contacts.addresses(tx, organisation.organisation_id)


async def confirm_claim(
    organisation_id: UUID, asset_id: UUID, code: str, *, by: str, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """Somebody types the code. A refusal is to be committed too: a wrong code uses up a try."""
    found = await _held(tx, organisation_id, asset_id)
    if isinstance(found, Refusal):
        return found
    asset, request = found
    answer = contact_proofs.confirmed(request, code, by=by, at=now)
    return await _take(tx, asset, request, answer, by=by, now=now)


async def refuse_claim(
    organisation_id: UUID, asset_id: UUID, *, by: str, tx: Transaction, now: datetime
) -> AssetRecord | Refusal:
    """The contact has said no to the desk."""
    found = await _held(tx, organisation_id, asset_id)
    if isinstance(found, Refusal):
        return found
    asset, request = found
    return await _take(tx, asset, request, contact_proofs.refused(request, by=by, at=now), by=by, now=now)


async def question_at(tx: Transaction, token: str) -> Question | None:
    """What the page with this token asks; None: there is no such page."""
    request = await store.contact_proofs.with_token(tx, token_hash_of(token))
    if request is None:
        return None
    asset = (await store.assets.with_ids(tx, [request.asset_id])).get(request.asset_id)
    organisation = await store.organisations.one(tx, asset.organisation_id) if asset is not None else None
    return Question(request, organisation.profile.name if organisation is not None else "")


async def answer_at(tx: Transaction, token: str, *, code: str | None, now: datetime) -> AssetRecord | Refusal | None:
    """The contact answers by itself, with the code, or (None) that it is wrong. None: there is no such page."""
    if await store.contact_proofs.with_token(tx, token_hash_of(token)) is None:
        return None
    await store.organisations.held_version(tx)
    request = await store.contact_proofs.with_token(tx, token_hash_of(token))
    if request is None:
        return None
    asset = (await store.assets.with_ids(tx, [request.asset_id])).get(request.asset_id)
    if asset is None:
        return GONE
    if code is None:
        answer = contact_proofs.refused(request, by=BY_CONTACT, at=now)
    else:
        answer = contact_proofs.confirmed(request, code, by=BY_CONTACT, at=now)
    return await _take(tx, asset, request, answer, by=BY_CONTACT, now=now)


async def contact_proofs_of(tx: Transaction, organisation_id: UUID, asset_id: UUID) -> list[ContactProof] | Refusal:
    """The newest questions about a claim, the last one first."""
    if await store.assets.one(tx, organisation_id, asset_id) is None:
        return MISSING_ASSET
    return await store.contact_proofs.of_asset(tx, asset_id, limit=SHOWN)


async def _held(tx: Transaction, organisation_id: UUID, asset_id: UUID) -> tuple[AssetRecord, ContactProof] | Refusal:
    """The claim and its last question, which nobody else changes until the transaction ends."""
    await store.organisations.held_version(tx)
    asset = await store.assets.one(tx, organisation_id, asset_id)
    if asset is None:
        return MISSING_ASSET
    request = await store.contact_proofs.newest(tx, asset_id)
    return NOT_ASKED if request is None else (asset, request)


async def _take(
    tx: Transaction,
    asset: AssetRecord,
    request: ContactProof,
    answer: ContactProof | NotTaken,
    *,
    by: str,
    now: datetime,
) -> AssetRecord | Refusal:
    after = answer.after if isinstance(answer, NotTaken) else answer
    if after is not None:
        await store.contact_proofs.save(tx, after)
        await store.self_registrations.mark(tx, [asset.asset_id], now=now)
        await _note(tx, What.CONTACT_ANSWERED, asset, _fields(after), before=_fields(request), by=by, now=now)
    if isinstance(answer, NotTaken):
        return Refusal(answer.code, answer.message)
    note = f"{answer.source}: {answer.contact}"
    if answer.state is RequestState.CONFIRMED:
        proof = proofs.confirmed(asset.proof, by=by, note=note, at=now)
    else:
        proof = proofs.disowned(asset.proof, by=by, note=f"{note} says that it is not theirs")
    await save_proofs(tx, [(asset, proof)], by=by, now=now)
    return (await store.assets.with_ids(tx, [asset.asset_id]))[asset.asset_id]


async def _supersede(tx: Transaction, asset_id: UUID, *, by: str, now: datetime) -> None:
    before = await store.contact_proofs.newest(tx, asset_id)
    if before is not None and before.is_open(now):
        await store.contact_proofs.save(tx, contact_proofs.superseded(before, by=by, at=now))


async def _note(
    tx: Transaction,
    what: What,
    asset: AssetRecord,
    after: Fields,
    *,
    by: str,
    now: datetime,
    before: Fields | None = None,
) -> None:
    """For whoever has to answer for it: also a code that was wrong."""
    change = Change(
        organisation_id=asset.organisation_id, at=now, by=by, what=what, subject=asset.value, before=before, after=after
    )
    await store.changes.record(tx, [change])


def _fields(request: ContactProof) -> Fields:
    return {
        "contact": request.contact,
        "source": request.source,
        "state": request.state,
        "tries": request.tries,
        "expires_at": request.expires_at,
    }


def _request(
    asset: AssetRecord, contact: RegistryContact, *, code: str, token: str, by: str, now: datetime
) -> ContactProof:
    request_id = new_id()
    return ContactProof(
        request_id=request_id,
        asset_id=asset.asset_id,
        organisation_id=asset.organisation_id,
        kind=asset.kind,
        value=asset.value,
        contact=contact.email,
        source=contact.source,
        language=language_of_country(contact.country),
        code_hash=code_hash_of(request_id, code),
        token_hash=token_hash_of(token),
        asked_at=now,
        asked_by=by,
        expires_at=now + LASTS,
    )


def _event(request: ContactProof, *, organisation: str, code: str, url: str) -> ClaimToConfirm:
    return ClaimToConfirm(
        request_id=request.request_id,
        organisation=organisation,
        kind=request.kind,
        value=request.value,
        email=request.contact,
        language=request.language,
        source=request.source,
        code=code,
        asked_at=request.asked_at,
        expires_at=request.expires_at,
        url=url,
    )
