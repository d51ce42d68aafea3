"""Contacts are added, changed and removed."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from services.attribution import store
from services.attribution.domain.changes import Change, What, contact_fields, differing
from services.attribution.domain.keys import BadKey, read_certificate, read_pgp_key
from services.attribution.domain.organisation_files import WrittenContact, read_contact
from services.attribution.domain.organisations import ContactRecord
from services.attribution.handlers.refusals import MISSING_CONTACT, Refusal, missing


class Keys(msgspec.Struct, frozen=True):
    """Public keys as somebody sent them; None: none."""

    pgp_key: str | None = None
    smime_certificate: str | None = None


NO_KEYS = Keys()


async def add_contact(
    organisation_id: UUID,
    written: WrittenContact,
    *,
    by: str,
    tx: Transaction,
    now: datetime,
    keys: Keys = NO_KEYS,
) -> ContactRecord | Refusal:
    """An address that is there already becomes what is said of it now; keys of which nothing is said stay."""
    await store.organisations.held_version(tx)
    if await store.organisations.one(tx, organisation_id) is None:
        return await missing(tx, organisation_id)
    record = _read(written, keys, contact_id=new_id(), created_at=now, now=now)
    if isinstance(record, Refusal):
        return record
    kept = await store.contacts.with_address(tx, organisation_id, record.contact.email)
    if kept is not None:
        record = msgspec.structs.replace(
            record,
            contact_id=kept.contact_id,
            created_at=kept.created_at,
            pgp_key=record.pgp_key or kept.pgp_key,
            smime_certificate=record.smime_certificate or kept.smime_certificate,
        )
    await _save(tx, organisation_id, kept, record, by=by, now=now)
    return record


async def change_contact(
    organisation_id: UUID,
    contact_id: UUID,
    change: dict[str, object],
    *,
    by: str,
    tx: Transaction,
    now: datetime,
) -> ContactRecord | Refusal:
    """Change the fields that are given; None empties what can be empty."""
    await store.organisations.held_version(tx)
    kept = await store.contacts.one(tx, organisation_id, contact_id)
    if kept is None:
        return MISSING_CONTACT
    written, keys = _changed(kept, change)
    record = _read(written, keys, contact_id=contact_id, created_at=kept.created_at, now=now)
    if isinstance(record, Refusal):
        return record
    other = await store.contacts.with_address(tx, organisation_id, record.contact.email)
    if other is not None and other.contact_id != contact_id:
        return Refusal("already-a-contact", f"'{record.contact.email}' is a contact of this organisation already.")
    await _save(tx, organisation_id, kept, record, by=by, now=now)
    return record


async def remove_contact(
    organisation_id: UUID, contact_id: UUID, *, by: str, tx: Transaction, now: datetime
) -> Refusal | None:
    await store.organisations.held_version(tx)
    removed = await store.contacts.remove(tx, organisation_id, contact_id)
    if removed is None:
        return MISSING_CONTACT
    change = Change(
        organisation_id=organisation_id,
        at=now,
        by=by,
        what=What.CONTACT_REMOVED,
        subject=str(contact_id),
        before=contact_fields(removed),
    )
    await store.changes.record(tx, [change])
    await store.organisations.bump_version(tx)
    return None


def _changed(kept: ContactRecord, change: dict[str, object]) -> tuple[WrittenContact, Keys]:
    fields = {**msgspec.structs.asdict(kept.contact), **change}
    keys = Keys(
        pgp_key=_text(change.get("pgp_key", kept.pgp_key)),
        smime_certificate=_text(change.get("smime_certificate", kept.smime_certificate)),
    )
    own = {name: fields[name] for name in WrittenContact.__struct_fields__}
    return msgspec.convert(own, WrittenContact), keys


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read(
    written: WrittenContact, keys: Keys, *, contact_id: UUID, created_at: datetime, now: datetime
) -> ContactRecord | Refusal:
    contact = read_contact(written)
    if contact is None:
        message = f"'{written.email}' is not an address that can be written to, or its time ends before it begins."
        return Refusal("bad-address", message)
    try:
        if keys.pgp_key is not None:
            read_pgp_key(keys.pgp_key, at=now)
        if keys.smime_certificate is not None:
            read_certificate(keys.smime_certificate, at=now)
    except BadKey as error:
        return Refusal("bad-key", str(error))
    return ContactRecord(contact_id, contact, created_at, keys.pgp_key, keys.smime_certificate)


async def _save(
    tx: Transaction,
    organisation_id: UUID,
    kept: ContactRecord | None,
    record: ContactRecord,
    *,
    by: str,
    now: datetime,
) -> None:
    before, after = differing(contact_fields(kept) if kept is not None else {}, contact_fields(record))
    if not after:
        return
    change = Change(
        organisation_id=organisation_id,
        at=now,
        by=by,
        what=What.CONTACT_CHANGED if kept is not None else What.CONTACT_ADDED,
        subject=str(record.contact_id),
        before=before if kept is not None else None,
        after=after,
    )
    await store.contacts.save(tx, organisation_id, record)
    await store.changes.record(tx, [change])
    await store.organisations.bump_version(tx)
