"""Takes a file of organisations in, a few statements for all of them; and reads them out again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.file_changes import Identified
from services.attribution.domain.organisation_csv import KeptOrganisation
from services.attribution.domain.organisations import (
    AssetClaim,
    Contact,
    Criticality,
    CriticalitySource,
    OrganisationProfile,
    kept_claim,
)
from services.attribution.domain.proofs import LASTS
from services.attribution.store.contacts import contact_of
from services.attribution.store.registrations import STANDS

AT_ONCE = 1_000
PROFILE = (
    "organisation_id, name, other_names, kvk_number, company_numbers, sector, country, language, criticality, "
    "criticality_source, self_registered"
)


async def known_organisations(tx: Transaction) -> dict[str, UUID]:
    """All organisations by id, by KVK number (`KVK 01234567`), by other numbers and by name without case.

    One that has registered by itself is known by its id only: anybody can say that it is called like that.
    """
    rows = await tx.fetch(
        """SELECT organisation_id, kvk_number, company_numbers, name, self_registered FROM organisation
           ORDER BY organisation_id DESC"""
    )
    known = {row["name"].casefold(): row["organisation_id"] for row in rows if not row["self_registered"]}
    known |= {number: row["organisation_id"] for row in rows for number in row["company_numbers"]}
    known |= {f"KVK {row['kvk_number']}": row["organisation_id"] for row in rows if row["kvk_number"]}
    return known | {str(row["organisation_id"]): row["organisation_id"] for row in rows}


async def kept(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, KeptOrganisation]:
    """These organisations with all that a file can say of them."""
    rows = await tx.fetch(f"SELECT {PROFILE} FROM organisation WHERE organisation_id = ANY($1::uuid[])", list(ids))  # noqa: S608
    return {each.organisation_id: each for each in await _with_belongings(tx, rows)}


async def kept_page(tx: Transaction, *, after: UUID | None) -> list[KeptOrganisation]:
    """Some of all organisations, by their ids."""
    rows = await tx.fetch(
        f"""SELECT {PROFILE} FROM organisation WHERE $1::uuid IS NULL OR organisation_id > $1
            ORDER BY organisation_id LIMIT $2""",  # noqa: S608 - our own names
        after,
        AT_ONCE,
    )
    return await _with_belongings(tx, rows)


async def _with_belongings(tx: Transaction, rows: Sequence[asyncpg.Record]) -> list[KeptOrganisation]:
    ids = [row["organisation_id"] for row in rows]
    claims: defaultdict[UUID, dict[AssetClaim, bool]] = defaultdict(dict)
    for row in await tx.fetch(
        """SELECT organisation_id, kind, value, proof_state = 'proven' AS is_proven FROM organisation_asset
           WHERE organisation_id = ANY($1::uuid[]) ORDER BY asset_id""",
        ids,
    ):
        claims[row["organisation_id"]][kept_claim(AssetKind(row["kind"]), row["value"])] = row["is_proven"]
    contacts: defaultdict[UUID, dict[str, Contact]] = defaultdict(dict)
    for row in await tx.fetch(
        """SELECT organisation_id, email, role, language, channel, valid_from, valid_until FROM organisation_contact
           WHERE organisation_id = ANY($1::uuid[]) ORDER BY contact_id""",
        ids,
    ):
        contacts[row["organisation_id"]][row["email"]] = contact_of(row)
    return [_kept(row, claims[row["organisation_id"]], contacts[row["organisation_id"]]) for row in rows]


async def write_profiles(tx: Transaction, found: Sequence[Identified], *, by: str, now: datetime) -> None:
    """New organisations are added, known ones take what the file says."""
    profiles = [(each.organisation_id, each.profile) for each in found]
    await tx.fetch(
        """INSERT INTO organisation (organisation_id, name, other_names, kvk_number, company_numbers, sector, country,
                                     language, criticality, criticality_source, created_at, updated_at,
                                     criticality_decided_at, criticality_by)
           SELECT i, n, string_to_array(o, E'\\n'), k, string_to_array(m, E'\\n'), s, c, l, v, q, $11, $11, $11, $12
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::text[], $10::text[]) AS row (i, n, o, k, m, s, c, l, v, q)
           ON CONFLICT (organisation_id) DO UPDATE SET name = EXCLUDED.name, other_names = EXCLUDED.other_names,
               kvk_number = EXCLUDED.kvk_number, company_numbers = EXCLUDED.company_numbers,
               sector = EXCLUDED.sector, country = EXCLUDED.country, language = EXCLUDED.language,
               criticality = EXCLUDED.criticality, criticality_source = EXCLUDED.criticality_source,
               updated_at = EXCLUDED.updated_at,
               criticality_decided_at = CASE
                   WHEN (organisation.criticality, organisation.criticality_source)
                        = (EXCLUDED.criticality, EXCLUDED.criticality_source)
                   THEN organisation.criticality_decided_at ELSE EXCLUDED.criticality_decided_at END,
               criticality_by = CASE
                   WHEN (organisation.criticality, organisation.criticality_source)
                        = (EXCLUDED.criticality, EXCLUDED.criticality_source)
                   THEN organisation.criticality_by ELSE EXCLUDED.criticality_by END""",
        [organisation_id for organisation_id, _ in profiles],
        [profile.name for _, profile in profiles],
        ["\n".join(profile.other_names) for _, profile in profiles],
        [profile.kvk_number for _, profile in profiles],
        ["\n".join(profile.company_numbers) for _, profile in profiles],
        [profile.sector for _, profile in profiles],
        [profile.country for _, profile in profiles],
        [profile.language for _, profile in profiles],
        [profile.criticality for _, profile in profiles],
        [profile.criticality_source for _, profile in profiles],
        now,
        by,
    )


async def owners(tx: Transaction, claims: Iterable[AssetClaim]) -> dict[AssetClaim, set[UUID]]:
    """Who has registered these already, as far as that is more than their own word."""
    wanted = {(claim.kind, claim.value): claim for claim in claims}
    found: defaultdict[AssetClaim, set[UUID]] = defaultdict(set)
    for row in await tx.fetch(
        f"""SELECT kind, value, organisation_id FROM organisation_asset
            JOIN unnest($1::text[], $2::text[]) AS wanted (kind, value) USING (kind, value)
            WHERE {STANDS}""",  # noqa: S608 - our own words
        [kind for kind, _ in wanted],
        [value for _, value in wanted],
    ):
        found[wanted[AssetKind(row["kind"]), row["value"]]].add(row["organisation_id"])
    return found


async def write_claims(tx: Transaction, found: Sequence[Identified], *, by: str, now: datetime) -> list[UUID]:
    """Add what is not claimed yet, and let the file vouch for what it says is proven, as the desk's word of today.

    What was proven by the DNS needs no word, and what a person has revoked no word of a file brings back. Answers the
    assets that are new, or were not proven before.
    """
    wanted = [(each.organisation_id, claim, claim not in each.entry.unproven) for each in found
              for claim in each.entry.claims]  # fmt: skip
    columns = (
        [organisation_id for organisation_id, _, _ in wanted],
        [claim.kind for _, claim, _ in wanted],
        [claim.value for _, claim, _ in wanted],
        [vouched for _, _, vouched in wanted],
    )
    rows = await tx.fetch(
        """WITH wanted AS (
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[]) AS row (owner, kind, value, vouched)
           ), renewed AS (
               UPDATE organisation_asset AS kept SET proof_state = 'proven', proof_method = 'desk', proven_at = $6,
                   proven_until = $7, check_at = $7, proof_by = $8, proof_note = 'import'
               FROM wanted, organisation_asset AS before
               WHERE vouched AND before.organisation_id = owner AND before.kind = wanted.kind
                 AND before.value = wanted.value AND kept.asset_id = before.asset_id
                 AND before.proof_state <> 'revoked'
                 AND NOT (before.proof_state = 'proven' AND before.proof_method IS DISTINCT FROM 'desk')
               RETURNING kept.asset_id, before.proof_state = 'proven' AS was_proven
           ), added AS (
               INSERT INTO organisation_asset (asset_id, organisation_id, kind, value, created_at, proof_state,
                                               proof_method, proven_at, proven_until, check_at, proof_by, proof_note)
               SELECT id, owner, kind, value, $6, CASE WHEN vouched THEN 'proven' ELSE 'claimed' END,
                      CASE WHEN vouched THEN 'desk' END, CASE WHEN vouched THEN $6 END, CASE WHEN vouched THEN $7 END,
                      CASE WHEN vouched THEN $7 END, $8, 'import'
               FROM unnest($5::uuid[], $1::uuid[], $2::text[], $3::text[], $4::bool[])
                    AS row (id, owner, kind, value, vouched)
               ON CONFLICT DO NOTHING RETURNING asset_id
           )
           SELECT asset_id FROM added UNION ALL SELECT asset_id FROM renewed WHERE NOT was_proven""",
        *columns,
        [new_id() for _ in wanted],
        now,
        now + LASTS,
        by,
    )
    return [row["asset_id"] for row in rows]


async def write_contacts(tx: Transaction, found: Sequence[Identified], *, now: datetime) -> None:
    wanted = [(each.organisation_id, contact) for each in found for contact in each.entry.contacts]
    await tx.fetch(
        """INSERT INTO organisation_contact (contact_id, organisation_id, email, role, language, channel, valid_from,
                                             valid_until, created_at)
           SELECT *, $9 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                                    $7::timestamptz[], $8::timestamptz[])
           ON CONFLICT (organisation_id, email) DO UPDATE SET role = EXCLUDED.role, language = EXCLUDED.language,
               channel = EXCLUDED.channel, valid_from = EXCLUDED.valid_from, valid_until = EXCLUDED.valid_until""",
        [new_id() for _ in wanted],
        [organisation_id for organisation_id, _ in wanted],
        [contact.email for _, contact in wanted],
        [contact.role for _, contact in wanted],
        [contact.language for _, contact in wanted],
        [contact.channel for _, contact in wanted],
        [contact.valid_from for _, contact in wanted],
        [contact.valid_until for _, contact in wanted],
        now,
    )


def _kept(row: asyncpg.Record, claims: Mapping[AssetClaim, bool], contacts: Mapping[str, Contact]) -> KeptOrganisation:
    profile = OrganisationProfile(
        name=row["name"],
        country=row["country"],
        language=Language(row["language"]),
        criticality=Criticality(row["criticality"]),
        criticality_source=CriticalitySource(row["criticality_source"]),
        other_names=tuple(row["other_names"]),
        kvk_number=row["kvk_number"],
        company_numbers=tuple(row["company_numbers"]),
        sector=row["sector"],
    )
    return KeptOrganisation(row["organisation_id"], profile, claims, contacts, row["self_registered"])
