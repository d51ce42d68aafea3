"""Partners and their keys."""

from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.db import Transaction
from libs.common.vocabulary import DigestCadence, Language, Reliability, Tlp
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.partners import AssetsAre, Caller, Partner, PartnerKey
from services.intake.store.tables import partner_keys, partners

_KEY_COLUMNS = (
    partner_keys.c.id,
    partner_keys.c.partner_id,
    partner_keys.c.prefix,
    partner_keys.c.created_at,
    partner_keys.c.expires_at,
    partner_keys.c.last_used_at,
    partner_keys.c.revoked_at,
    partner_keys.c.certificate,
    partner_keys.c.replaces,
    partner_keys.c.mails_to,
)


async def add_partner(tx: Transaction, partner: Partner) -> bool:
    """False if the slug is taken."""
    row = {
        "id": partner.id,
        "slug": partner.slug,
        "name": partner.name,
        "reliability": partner.reliability.value,
        "contact_email": partner.contact_email,
        "enabled": partner.enabled,
        "created_at": partner.created_at,
        "allowed_formats": partner.allowed_formats,
        "allowed_networks": partner.allowed_networks,
        "requests_per_minute": partner.requests_per_minute,
        "requests_burst": partner.requests_burst,
        "records_per_day": partner.records_per_day,
        "tlp_default": partner.tlp_default,
        "upstream": partner.upstream,
        "assets_are": partner.assets_are.value,
        "digest": partner.digest.value,
        "digest_language": partner.digest_language.value,
        "digest_due_at": partner.digest_due_at,
        "csv_reading": msgspec.to_builtins(partner.csv_reading),
    }
    answer = await tx.execute(insert(partners).values(row).on_conflict_do_nothing(index_elements=["slug"]))
    return answer.rowcount == 1


async def change_partner(tx: Transaction, partner_id: UUID, changes: dict[str, object]) -> None:
    await tx.execute(update(partners).where(partners.c.id == partner_id).values(changes))


async def partner(tx: Transaction, partner_id: UUID) -> Partner | None:
    rows = await tx.fetch("SELECT * FROM partners WHERE id = $1", partner_id)
    return _partner(rows[0]) if rows else None


async def partner_of_slug(tx: Transaction, slug: str) -> Partner | None:
    rows = await tx.fetch("SELECT * FROM partners WHERE slug = $1", slug)
    return _partner(rows[0]) if rows else None


async def partners_after(tx: Transaction, slug: str, *, limit: int) -> list[Partner]:
    """In the order of their slugs."""
    rows = await tx.fetch("SELECT * FROM partners WHERE slug > $1 ORDER BY slug LIMIT $2", slug, limit)
    return [_partner(row) for row in rows]


async def add_key(tx: Transaction, key: PartnerKey, key_hash: bytes) -> bool:
    """False if there is a key with this hash already, whosever it is."""
    row = {
        "id": key.id,
        "partner_id": key.partner_id,
        "hash": key_hash,
        "prefix": key.prefix,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "certificate": key.certificate,
        "replaces": key.replaces,
        "mails_to": key.mails_to,
    }
    answer = await tx.execute(insert(partner_keys).values(row).on_conflict_do_nothing(index_elements=["hash"]))
    return answer.rowcount == 1


async def keys_of(tx: Transaction, partner_id: UUID) -> list[PartnerKey]:
    """All keys there ever were, the oldest first."""
    answer = await tx.execute(
        select(*_KEY_COLUMNS).where(partner_keys.c.partner_id == partner_id).order_by(partner_keys.c.id)
    )
    return [PartnerKey(**row) for row in answer.mappings()]


async def revoke_key(tx: Transaction, partner_id: UUID, key_id: UUID, *, now: datetime) -> bool:
    """False if the partner has no such key. A key that was revoked before stays revoked since then."""
    answer = await tx.fetch(
        "UPDATE partner_keys SET revoked_at = coalesce(revoked_at, $3) WHERE id = $1 AND partner_id = $2 RETURNING id",
        key_id,
        partner_id,
        now,
    )
    return bool(answer)


async def end_key(tx: Transaction, key_id: UUID, *, at: datetime) -> None:
    await tx.execute(update(partner_keys).where(partner_keys.c.id == key_id).values(expires_at=at))


async def key_to_rotate(tx: Transaction, partner_id: UUID, key_id: UUID) -> PartnerKey | None:
    """The key, held until the transaction ends; None if the partner has no such key."""
    answer = await tx.execute(
        select(*_KEY_COLUMNS)
        .where(partner_keys.c.partner_id == partner_id, partner_keys.c.id == key_id)
        .with_for_update()
    )
    row = answer.mappings().one_or_none()
    return PartnerKey(**row) if row else None


async def records_since(tx: Transaction, partner_id: UUID, *, first_id: UUID, since: datetime) -> int:
    """How many records of theirs were accepted since then; `first_id` is not after any submission of that time.

    What their submissions' counts say, so there is no other count that could say something else.
    """
    rows = await tx.fetch(
        """
        SELECT coalesce(sum(records), 0)::bigint AS records
        FROM submissions JOIN submission_counts ON submission_counts.submission_id = submissions.id
        WHERE partner_id = $1 AND submissions.id >= $2 AND received_at >= $3 AND outcome <> 'rejected'
        """,
        partner_id,
        first_id,
        since,
    )
    total: int = rows[0]["records"]
    return total


async def use_key(tx: Transaction, key_hash: bytes, *, now: datetime) -> Caller | None:
    """Whose key this is, noting that it was used; None for a key that nobody has."""
    rows = await tx.fetch(
        """
        UPDATE partner_keys AS key SET last_used_at = $2 FROM partners
        WHERE key.hash = $1 AND partners.id = key.partner_id
        RETURNING partners.*, key.id AS key_id, key.prefix, key.created_at AS key_created_at, key.expires_at,
                  key.last_used_at, key.revoked_at, key.certificate, key.replaces, key.mails_to
        """,
        key_hash,
        now,
    )
    return _caller(rows[0]) if rows else None


def _caller(row: Record) -> Caller:
    key = PartnerKey(
        id=row["key_id"],
        partner_id=row["id"],
        prefix=row["prefix"],
        created_at=row["key_created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        certificate=row["certificate"],
        replaces=row["replaces"],
        mails_to=row["mails_to"],
    )
    return Caller(partner=_partner(row), key=key)


def _partner(row: Record) -> Partner:
    return Partner(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        reliability=Reliability(row["reliability"]),
        contact_email=row["contact_email"],
        enabled=row["enabled"],
        created_at=row["created_at"],
        allowed_formats=_names(row["allowed_formats"]),
        allowed_networks=_names(row["allowed_networks"]),
        requests_per_minute=row["requests_per_minute"],
        requests_burst=row["requests_burst"],
        records_per_day=row["records_per_day"],
        tlp_default=Tlp(row["tlp_default"]) if row["tlp_default"] else None,
        upstream=row["upstream"],
        assets_are=AssetsAre(row["assets_are"]),
        digest=DigestCadence(row["digest"]),
        digest_language=Language(row["digest_language"]),
        digest_due_at=row["digest_due_at"],
        csv_reading=msgspec.convert(row["csv_reading"], CsvReading),
    )


def _names(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
