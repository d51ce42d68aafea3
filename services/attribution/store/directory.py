"""Fills the directory with the organisations and their assets; what registries say is in `sources`."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisations import (
    Channel,
    Contact,
    ContactRole,
    Criticality,
    CriticalitySource,
    Organisation,
    RegisteredAsset,
    by_role,
    kept_claim,
)
from services.attribution.domain.withheld import Withheld, WithheldClaim
from services.attribution.store.registrations import COUNTS, STANDS

_KINDS = {kind.value: kind for kind in AssetKind}
_ROLES = {role.value: role for role in ContactRole}
_CHANNELS = {channel.value: channel for channel in Channel}
_LANGUAGES = {language.value: language for language in Language}
_CRITICALITIES = {criticality.value: criticality for criticality in Criticality}
_SOURCES = {source.value: source for source in CriticalitySource}


async def organisations(tx: Transaction, ids: Iterable[UUID] | None = None) -> dict[UUID, Organisation]:
    """Those with these ids, or all, with their contacts in the order in which they are tried."""
    wanted = None if ids is None else list(ids)
    contacts = await tx.fetch(
        """SELECT organisation_id, email, role, language, channel, valid_from, valid_until,
                  coalesce(pgp_key, ''), coalesce(smime_certificate, '') FROM organisation_contact
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1) ORDER BY organisation_id, contact_id""",
        wanted,
    )
    rows = await tx.fetch(
        """SELECT organisation_id, name, country, language, criticality, criticality_source, sector, other_names,
                  kvk_number, self_registered
           FROM organisation
           WHERE $1::uuid[] IS NULL OR organisation_id = ANY($1)""",
        wanted,
    )
    return await asyncio.to_thread(_organisations, rows, contacts)


def _organisations(rows: list[asyncpg.Record], contacts: list[asyncpg.Record]) -> dict[UUID, Organisation]:
    """By position and with enumerations at hand: of a hundred thousand, each look-up by name is a part of a second."""
    by_owner: defaultdict[UUID, list[Contact]] = defaultdict(list)
    for owner, email, role, language, channel, valid_from, valid_until, *keys in contacts:
        how = _ROLES[role], _LANGUAGES.get(language), _CHANNELS[channel]
        contact = Contact(email, *how, valid_from, valid_until, *keys)
        by_owner[owner].append(contact)
    return {
        organisation_id: Organisation(
            organisation_id,
            name,
            country,
            _LANGUAGES[language],
            _CRITICALITIES[criticality],
            by_role(by_owner.get(organisation_id, ())),
            _SOURCES[source],
            sector,
            tuple(other_names),
            (number,) if number else (),
            is_own,
        )
        for organisation_id, name, country, language, criticality, source, sector, other_names, number, is_own in rows
    }


async def registered_assets(tx: Transaction) -> list[RegisteredAsset]:
    """Those that count. Of equal ones, which a person has said are both right, only the one that was proven last."""
    rows = await tx.fetch(
        f"""SELECT kind, value, organisation_id FROM organisation_asset
            WHERE {COUNTS} AND asset_id NOT IN (
                SELECT CASE WHEN (first.proven_at, first.asset_id) > (second.proven_at, second.asset_id)
                            THEN second_id ELSE first_id END
                FROM asset_conflict
                JOIN (SELECT * FROM organisation_asset WHERE {COUNTS}) AS first ON first.asset_id = first_id
                JOIN (SELECT * FROM organisation_asset WHERE {COUNTS}) AS second ON second.asset_id = second_id
                WHERE keep = 'both' AND relation = 'same')"""  # noqa: S608 - our own words
    )
    return await asyncio.to_thread(_registered, rows)


async def withheld_claims(tx: Transaction) -> list[WithheldClaim]:
    """What is claimed and does not count, as long as that is so."""
    rows = await tx.fetch(
        f"""SELECT kind, value, bool_or(contested) AS is_contested FROM organisation_asset
            WHERE NOT ({COUNTS}) AND {STANDS} GROUP BY kind, value"""  # noqa: S608 - our own words
    )
    return await asyncio.to_thread(_withheld, rows)


def _withheld(rows: list[asyncpg.Record]) -> list[WithheldClaim]:
    claims = ((kept_claim(_KINDS[kind], value), is_contested) for kind, value, is_contested in rows)
    return [
        WithheldClaim(claim.value, Withheld.CONTESTED if is_contested else Withheld.UNPROVEN, claim.interval)
        for claim, is_contested in claims
    ]


def _registered(rows: list[asyncpg.Record]) -> list[RegisteredAsset]:
    """In a thread: there may be a hundred thousand."""
    return [RegisteredAsset(kept_claim(_KINDS[kind], value), owner) for kind, value, owner in rows]
