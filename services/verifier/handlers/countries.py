"""Registries' files of who is registered where: brought in, and taken up by the rules in force."""

import asyncio
from collections.abc import Mapping
from functools import partial

from libs.common.db import Database, Transaction
from libs.common.intervals import Space
from services.verifier import store
from services.verifier.domain.countries import Holders, ReadRegistry, Registry, read_registry
from services.verifier.domain.lists import Edition
from services.verifier.domain.stretches import Stretches
from services.verifier.handlers.lists import bring_in


async def import_countries(database: Database, registry: Registry, body: bytes, *, by: str) -> Edition[Registry]:
    """Replace a registry's file; one that is broken, or older than what is there, changes nothing: a `Problem`."""
    return await bring_in(database, registry, read=partial(read_registry, registry, body), replace=_replace, by=by)


async def _replace(tx: Transaction, edition: Edition[Registry], read: ReadRegistry) -> bool:
    return await store.replace_countries(tx, edition, read.tables)


async def country_editions(tx: Transaction) -> Mapping[Registry, Edition[Registry]]:
    """The files that there are."""
    return await store.country_editions(tx)


async def holders_now(tx: Transaction, *, known: Holders) -> Holders:
    """The files as they are now; of those of which `known` has the same edition nothing is read."""
    current = await store.country_editions(tx)
    if current == known.editions:
        return known
    tables = {
        registry: known.tables[registry] if known.editions.get(registry) == edition else await _tables(tx, registry)
        for registry, edition in current.items()
    }
    return await asyncio.to_thread(Holders, current, tables)


async def _tables(tx: Transaction, registry: Registry) -> Mapping[Space, Stretches]:
    columns = await store.country_columns(tx, registry)
    return {space: await asyncio.to_thread(Stretches.from_columns, space, *each) for space, each in columns.items()}
