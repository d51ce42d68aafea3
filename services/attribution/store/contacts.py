"""Contacts of organisations: as the API shows and changes them."""

from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import Language
from services.attribution.domain.organisations import Channel, Contact, ContactRecord, ContactRole

COLUMNS = "contact_id, email, role, language, channel, valid_from, valid_until, pgp_key, smime_certificate, created_at"


async def page(tx: Transaction, organisation_id: UUID, *, after: UUID | None, limit: int) -> list[ContactRecord]:
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM organisation_contact
            WHERE organisation_id = $1 AND ($2::uuid IS NULL OR contact_id > $2) ORDER BY contact_id LIMIT $3""",  # noqa: S608
        organisation_id,
        after,
        limit,
    )
    return [_record(row) for row in rows]


async def one(tx: Transaction, organisation_id: UUID, contact_id: UUID) -> ContactRecord | None:
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM organisation_contact WHERE organisation_id = $1 AND contact_id = $2",  # noqa: S608
        organisation_id,
        contact_id,
    )
    return _record(rows[0]) if rows else None


async def addresses(tx: Transaction, organisation_id: UUID) -> list[str]:
    """All that the organisation has given, in force or not."""
    rows = await tx.fetch("SELECT email FROM organisation_contact WHERE organisation_id = $1", organisation_id)
    return [row["email"] for row in rows]


async def with_address(tx: Transaction, organisation_id: UUID, email: str) -> ContactRecord | None:
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM organisation_contact WHERE organisation_id = $1 AND email = $2",  # noqa: S608
        organisation_id,
        email,
    )
    return _record(rows[0]) if rows else None


async def save(tx: Transaction, organisation_id: UUID, record: ContactRecord) -> None:
    """As it is now; one with the same id is replaced."""
    contact = record.contact
    await tx.fetch(
        """INSERT INTO organisation_contact (contact_id, organisation_id, email, role, language, channel, valid_from,
                                             valid_until, pgp_key, smime_certificate, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (contact_id) DO UPDATE SET email = EXCLUDED.email, role = EXCLUDED.role,
               language = EXCLUDED.language, channel = EXCLUDED.channel, valid_from = EXCLUDED.valid_from,
               valid_until = EXCLUDED.valid_until, pgp_key = EXCLUDED.pgp_key,
               smime_certificate = EXCLUDED.smime_certificate""",
        record.contact_id,
        organisation_id,
        contact.email,
        contact.role,
        contact.language,
        contact.channel,
        contact.valid_from,
        contact.valid_until,
        record.pgp_key,
        record.smime_certificate,
        record.created_at,
    )


async def remove(tx: Transaction, organisation_id: UUID, contact_id: UUID) -> ContactRecord | None:
    """What it was; None if there was none."""
    rows = await tx.fetch(
        f"""DELETE FROM organisation_contact WHERE organisation_id = $1 AND contact_id = $2
            RETURNING {COLUMNS}""",  # noqa: S608 - our own names
        organisation_id,
        contact_id,
    )
    return _record(rows[0]) if rows else None


def contact_of(row: asyncpg.Record) -> Contact:
    return Contact(
        row["email"],
        ContactRole(row["role"]),
        Language(row["language"]) if row["language"] else None,
        Channel(row["channel"]),
        row["valid_from"],
        row["valid_until"],
    )


def _record(row: asyncpg.Record) -> ContactRecord:
    return ContactRecord(
        row["contact_id"], contact_of(row), row["created_at"], row["pgp_key"], row["smime_certificate"]
    )
