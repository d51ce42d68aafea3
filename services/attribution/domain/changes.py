"""Who changed what of an organisation, as it is kept for whoever has to answer for it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from services.attribution.domain.keys import KeyKind, kept_key
from services.attribution.domain.organisations import AssetRecord, ContactRecord, OrganisationRecord

Fields = Mapping[str, object]


class What(StrEnum):
    """What happened. The subject is the organisation itself, or one of its assets or contacts."""

    ADDED = "organisation-added"
    CHANGED = "organisation-changed"
    REMOVED = "organisation-removed"
    MERGED = "organisation-merged"
    ASSET_REGISTERED = "asset-registered"
    ASSET_RELEASED = "asset-released"
    PROOF_CHANGED = "proof-changed"
    CONTACT_ASKED = "registry-contact-asked"
    CONTACT_ANSWERED = "registry-contact-answered"
    CONFLICT_DECIDED = "conflict-decided"
    CONTACT_ADDED = "contact-added"
    CONTACT_CHANGED = "contact-changed"
    CONTACT_REMOVED = "contact-removed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`before` and `after` hold the fields that differ; None: there was, or is, nothing."""

    organisation_id: UUID
    at: datetime
    by: str
    what: What
    subject: str
    before: Fields | None = None
    after: Fields | None = None


class KeptChange(msgspec.Struct, frozen=True):
    change_id: UUID
    change: Change


def differing(before: Fields, after: Fields) -> tuple[Fields, Fields]:
    """Both, without what is the same in both."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def organisation_fields(record: OrganisationRecord) -> Fields:
    """Where it comes from only of one that has registered by itself: all others are the desk's."""
    fields = msgspec.structs.asdict(record.profile)
    if record.self_registered:
        fields |= {"self_registered": True, "claimed_kvk_number": record.claimed_kvk_number}
    return fields


def asset_fields(record: AssetRecord) -> Fields:
    """The token is left out: whoever reads what was must not be able to use it."""
    proof = record.proof
    return {
        "kind": record.kind,
        "value": record.value,
        "state": proof.state,
        "method": proof.method,
        "proven_until": proof.proven_until,
        "by": proof.by,
        "note": proof.note,
    }


def contact_fields(record: ContactRecord) -> Fields:
    """Of keys their fingerprints."""
    fields = msgspec.structs.asdict(record.contact)
    for name, kind, text in (
        ("pgp_key", KeyKind.PGP, record.pgp_key),
        ("smime_certificate", KeyKind.SMIME, record.smime_certificate),
    ):
        key = kept_key(kind, text) if text is not None else None
        fields[name] = key.fingerprint if key is not None else None
    return fields
