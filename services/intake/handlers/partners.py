"""Partners and their keys, as operators administer them."""

import base64
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

import structlog

from libs.common.db import Transaction
from libs.common.errors import Fatal
from libs.common.ids import new_id
from libs.common.security import api_key_hash, new_api_key
from libs.common.vocabulary import Reliability
from services.intake.domain.partners import MAIL_PREFIX, KeyKind, Partner, PartnerKey, key_prefix
from services.intake.store import partners as store

log = structlog.get_logger(__name__)

DEMO_SLUG = "demo"
DEMO_NAME = "Demo partner"
DEMO_EMAIL = "demo@example.org"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret, which is shown this once and kept nowhere."""

    key: PartnerKey
    secret: str


class Ended(Enum):
    """Instead of a new key: the one that it should replace opens nothing any more."""

    KEY = auto()


async def add_partner(tx: Transaction, partner: Partner) -> Partner | None:
    """None if the slug is taken."""
    return partner if await store.add_partner(tx, partner) else None


async def change_partner(tx: Transaction, partner_id: UUID, changes: dict[str, object]) -> Partner | None:
    """Change the named columns; None if there is no such partner. Submissions keep the reliability they came with."""
    if changes:
        await store.change_partner(tx, partner_id, changes)
    return await store.partner(tx, partner_id)


async def partner_of(tx: Transaction, partner_id: UUID) -> Partner | None:
    return await store.partner(tx, partner_id)


async def add_key(
    tx: Transaction,
    partner_id: UUID,
    *,
    kind: KeyKind = KeyKind.API,
    expires_at: datetime | None,
    certificate: str | None = None,
    mails_to: str | None = None,
    now: datetime,
) -> NewKey | None:
    """None if there is no such partner. Mails of tests go to the partner's contact, unless to `mails_to`."""
    partner = await store.partner(tx, partner_id)
    if partner is None:
        return None
    secret = _new_secret(kind)
    address = mails_to or partner.contact_email if kind is KeyKind.TEST else None
    key = replace(_key(partner_id, secret, expires_at=expires_at, now=now), certificate=certificate, mails_to=address)
    await store.add_key(tx, key, api_key_hash(secret))
    return NewKey(key, secret)


async def rotate_key(
    tx: Transaction, partner_id: UUID, key_id: UUID, *, overlap: timedelta, expires_at: datetime | None, now: datetime
) -> NewKey | Ended | None:
    """A new key like the old one, which ends after the overlap, or sooner if it was to. None if there is no such key.

    Without `expires_at` the new one lasts as long as the old one was meant to.
    """
    old = await store.key_to_rotate(tx, partner_id, key_id)
    if old is None:
        return None
    if not old.opens(now):
        return Ended.KEY
    secret = _new_secret(old.kind)
    successor = _key(partner_id, secret, expires_at=expires_at or old.successor_end(now), now=now)
    new = replace(successor, certificate=old.certificate, replaces=old.id, mails_to=old.mails_to)
    await store.add_key(tx, new, api_key_hash(secret))
    await store.end_key(tx, old.id, at=old.end_after(overlap, now))
    return NewKey(new, secret)


def _new_secret(kind: KeyKind) -> str:
    return new_mail_key() if kind is KeyKind.MAIL else new_api_key()


def new_mail_key() -> str:
    """The local part of a partner's address: 160 random bits, in letters and digits that survive being lower-cased."""
    return MAIL_PREFIX + base64.b32encode(secrets.token_bytes(20)).decode().lower()


async def revoke_key(tx: Transaction, partner_id: UUID, key_id: UUID, *, now: datetime) -> bool:
    """False if the partner has no such key."""
    return await store.revoke_key(tx, partner_id, key_id, now=now)


async def partners_after(tx: Transaction, slug: str, *, limit: int) -> list[Partner]:
    """In the order of their slugs."""
    return await store.partners_after(tx, slug, limit=limit)


async def keys_of(tx: Transaction, partner_id: UUID) -> list[PartnerKey] | None:
    """None if there is no such partner."""
    return await store.keys_of(tx, partner_id) if await store.partner(tx, partner_id) else None


async def ensure_demo_partner(tx: Transaction, *, secret: str, now: datetime) -> None:
    """Make sure that the partner `demo` exists and that this key is theirs; what is there already stays as it is."""
    demo = Partner(
        id=new_id(),
        slug=DEMO_SLUG,
        name=DEMO_NAME,
        reliability=Reliability.B,
        contact_email=DEMO_EMAIL,
        enabled=True,
        created_at=now,
    )
    await add_partner(tx, demo)
    partner = await store.partner_of_slug(tx, DEMO_SLUG)
    if partner is None:
        raise Fatal("the partner `demo` vanished while it was being made")
    if await store.add_key(tx, _key(partner.id, secret, expires_at=None, now=now), api_key_hash(secret)):
        log.info("the partner `demo` has the key of the settings", prefix=key_prefix(secret))


def _key(partner_id: UUID, secret: str, *, expires_at: datetime | None, now: datetime) -> PartnerKey:
    return PartnerKey(
        id=new_id(),
        partner_id=partner_id,
        prefix=key_prefix(secret),
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
    )
