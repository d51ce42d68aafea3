"""Where holders are registered, by registry, packed: a registry has some hundred thousand ranges, read all at once."""

from collections.abc import Mapping

from libs.common.db import Transaction
from libs.common.intervals import Space
from services.verifier.domain.countries import Registry
from services.verifier.domain.lists import Edition
from services.verifier.domain.stretches import Stretches
from services.verifier.store.editions import editions_in, put_edition

EDITIONS = "country_editions"
COLUMNS = ("source", "space", "starts", "lows", "owners")

Columns = tuple[bytes, bytes, bytes]
"""As `Stretches` has them."""


async def country_editions(tx: Transaction) -> Mapping[Registry, Edition[Registry]]:
    return await editions_in(tx, EDITIONS, Registry)


async def country_columns(tx: Transaction, registry: Registry) -> Mapping[Space, Columns]:
    rows = await tx.fetch("SELECT space, starts, lows, owners FROM country_stretches WHERE source = $1", registry.value)
    return {Space(row["space"]): (row["starts"], row["lows"], row["owners"]) for row in rows}


async def replace_countries(tx: Transaction, edition: Edition[Registry], tables: Mapping[Space, Stretches]) -> bool:
    """False where a newer edition is there already."""
    if not await put_edition(tx, EDITIONS, edition):
        return False
    await tx.fetch("DELETE FROM country_stretches WHERE source = $1", edition.source.value)
    rows = [(edition.source.value, space.value, *table.columns) for space, table in tables.items()]
    await tx.copy("country_stretches", columns=COLUMNS, rows=rows)
    return True
