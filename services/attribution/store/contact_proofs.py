"""What was asked of registries' contacts, and what they said."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.contact_proofs import (
    A_DAY,
    KEPT,
    NO_STANDS,
    Asked,
    ContactProof,
    RequestState,
    Strangers,
)
from services.attribution.domain.registry_contacts import ContactSource

COLUMNS = ContactProof.__struct_fields__
LISTED = ", ".join(COLUMNS)


async def add(tx: Transaction, request: ContactProof) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
    await tx.fetch(
        f"INSERT INTO contact_proof ({LISTED}) VALUES ({places})",  # noqa: S608 - our own names
        *(getattr(request, column) for column in COLUMNS),
    )


async def save(tx: Transaction, request: ContactProof) -> None:
    """What has become of it."""
    await tx.fetch(
        """UPDATE contact_proof SET state = $2, tries = $3, answered_at = $4, answered_by = $5 WHERE request_id = $1""",
        request.request_id,
        request.state,
        request.tries,
        request.answered_at,
        request.answered_by,
    )


async def asked(tx: Transaction, *, contact: str, organisation_id: UUID, value: str, now: datetime) -> Asked:
    """How often this contact was asked within a day, by whomever, and when it last said no to this claim."""
    (row,) = await tx.fetch(
        """SELECT count(*) FILTER (WHERE asked_at > $2) AS of_contact,
                  max(answered_at) FILTER (WHERE state = 'refused' AND organisation_id = $3 AND value = $4)
                      AS refused_at
           FROM contact_proof WHERE lower(contact) = lower($1)""",
        contact,
        now - A_DAY,
        organisation_id,
        value,
    )
    return Asked(row["of_contact"], row["refused_at"])


async def strangers(tx: Transaction, *, by: str, contact: str, organisation_id: UUID, now: datetime) -> Strangers:
    """What was asked `by` the self-registration within a day, and how often this contact has said no to that."""
    (row,) = await tx.fetch(
        """SELECT count(*) AS for_all, count(*) FILTER (WHERE organisation_id = $3) AS for_this_one,
                  (SELECT count(*) FROM contact_proof
                   WHERE lower(contact) = lower($4) AND asked_by = $1 AND state = 'refused' AND answered_at > $5)
                      AS noes
           FROM contact_proof WHERE asked_at > $2 AND asked_by = $1""",
        by,
        now - A_DAY,
        organisation_id,
        contact,
        now - NO_STANDS,
    )
    return Strangers(row["for_this_one"], row["for_all"], row["noes"])


async def newest(tx: Transaction, asset_id: UUID) -> ContactProof | None:
    """The last question about this claim."""
    found = await of_asset(tx, asset_id, limit=1)
    return found[0] if found else None


async def newest_of(tx: Transaction, asset_ids: Sequence[UUID]) -> dict[UUID, ContactProof]:
    """The last question about each of these claims, where there was one."""
    rows = await tx.fetch(
        f"""SELECT DISTINCT ON (asset_id) {LISTED} FROM contact_proof WHERE asset_id = ANY($1::uuid[])
            ORDER BY asset_id, asked_at DESC, request_id DESC""",  # noqa: S608 - our own names
        asset_ids,
    )
    return {each.asset_id: each for each in _requests(rows)}


async def of_asset(tx: Transaction, asset_id: UUID, *, limit: int) -> list[ContactProof]:
    """The newest first."""
    rows = await tx.fetch(
        f"SELECT {LISTED} FROM contact_proof WHERE asset_id = $1 ORDER BY asked_at DESC, request_id DESC LIMIT $2",  # noqa: S608
        asset_id,
        limit,
    )
    return _requests(rows)


async def with_token(tx: Transaction, token_hash: bytes) -> ContactProof | None:
    rows = await tx.fetch(f"SELECT {LISTED} FROM contact_proof WHERE token_hash = $1", token_hash)  # noqa: S608
    return _requests(rows)[0] if rows else None


async def forget_old(tx: Transaction, *, now: datetime) -> None:
    """An address is not kept for longer than it takes to answer for having written to it."""
    await tx.fetch("DELETE FROM contact_proof WHERE asked_at < $1", now - KEPT)


def _requests(rows: Sequence[asyncpg.Record]) -> list[ContactProof]:
    return [
        ContactProof(
            **{
                **row,
                "kind": AssetKind(row["kind"]),
                "source": ContactSource(row["source"]),
                "language": Language(row["language"]),
                "state": RequestState(row["state"]),
            }
        )
        for row in rows
    ]
