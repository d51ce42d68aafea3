"""Takes a file of organisations in, a few statements for all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from services.attribution.domain.organisation_files import Entry

Identified = tuple[UUID, Entry]


class WrittenClaims(msgspec.Struct, frozen=True):
    """What became of the claims of a file.

    Of `asset_ids` those exist that were not claimed before. `taken` are somebody else's, with whose they are.
    """

    asset_ids: list[UUID]
    taken: Mapping[str, UUID]


async def known_organisations(tx: Transaction) -> dict[str, UUID]:
    """All organisations by KVK number (`KVK 01234567`) and by name without case."""
    rows = await tx.fetch("SELECT organisation_id, kvk_number, name FROM organisation ORDER BY organisation_id DESC")
    by_name = {row["name"].casefold(): row["organisation_id"] for row in rows}
    return by_name | {f"KVK {row['kvk_number']}": row["organisation_id"] for row in rows if row["kvk_number"]}


async def write_profiles(tx: Transaction, entries: Sequence[Identified], *, now: datetime) -> None:
    """New organisations are added, known ones take what the file says."""
    await tx.fetch(
        """INSERT INTO organisation (organisation_id, name, other_names, kvk_number, sector, country, language,
                                     criticality, created_at, updated_at)
           SELECT i, n, string_to_array(o, E'\\n'), k, s, c, l, v, $9, $9
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
                AS row (i, n, o, k, s, c, l, v)
           ON CONFLICT (organisation_id) DO UPDATE SET name = EXCLUDED.name, other_names = EXCLUDED.other_names,
               kvk_number = EXCLUDED.kvk_number, sector = EXCLUDED.sector, country = EXCLUDED.country,
               language = EXCLUDED.language, criticality = EXCLUDED.criticality, updated_at = EXCLUDED.updated_at""",
        [organisation_id for organisation_id, _ in entries],
        [entry.profile.name for _, entry in entries],
        ["\n".join(entry.profile.other_names) for _, entry in entries],
        [entry.profile.kvk_number for _, entry in entries],
        [entry.profile.sector for _, entry in entries],
        [entry.profile.country for _, entry in entries],
        [entry.profile.language for _, entry in entries],
        [entry.profile.criticality for _, entry in entries],
        now,
    )


async def write_claims(tx: Transaction, entries: Sequence[Identified], *, now: datetime) -> WrittenClaims:
    """Add what is not claimed yet. It counts as told: the caller tells of it."""
    wanted = [(organisation_id, claim) for organisation_id, entry in entries for claim in entry.claims]
    columns = (
        [new_id() for _ in wanted],
        [organisation_id for organisation_id, _ in wanted],
        [claim.kind for _, claim in wanted],
        [claim.value for _, claim in wanted],
    )
    await tx.fetch(
        """INSERT INTO organisation_asset (asset_id, organisation_id, kind, value, created_at, is_told)
           SELECT *, $5, true FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING""",
        *columns,
        now,
    )
    rows = await tx.fetch(
        """SELECT kept.value, kept.organisation_id FROM organisation_asset AS kept
           JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (organisation_id, kind, value)
             ON kept.kind = wanted.kind AND kept.value = wanted.value
           WHERE kept.organisation_id <> wanted.organisation_id""",
        *columns[1:],
    )
    return WrittenClaims(columns[0], {row["value"]: row["organisation_id"] for row in rows})


async def write_contacts(tx: Transaction, entries: Sequence[Identified], *, now: datetime) -> None:
    wanted = [(organisation_id, contact) for organisation_id, entry in entries for contact in entry.contacts]
    await tx.fetch(
        """INSERT INTO organisation_contact (contact_id, organisation_id, email, role, language, created_at)
           SELECT *, $6 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
           ON CONFLICT (organisation_id, email) DO UPDATE SET role = EXCLUDED.role, language = EXCLUDED.language""",
        [new_id() for _ in wanted],
        [organisation_id for organisation_id, _ in wanted],
        [contact.email for _, contact in wanted],
        [contact.role for _, contact in wanted],
        [contact.language for _, contact in wanted],
        now,
    )
