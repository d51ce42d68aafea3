"""Brings in the offline network file, or one half of it."""

import asyncio
from itertools import islice

from libs.common.db import Transaction
from libs.common.delegated import Skipped
from services.attribution import store
from services.attribution.domain.network_files import Stretch, StretchBuilder, read_stretches
from services.attribution.domain.sources import NETWORK_FILE
from services.attribution.handlers.dumps import BrokenDump, Dump
from services.attribution.handlers.sources.tally import Tally
from services.attribution.handlers.sources.versions import Arrival, take_version

BATCH = 10_000


async def import_networks(tx: Transaction, dump: Dump, *, arrival: Arrival, tally: Tally) -> None:
    """A table of ranges; what it says of AS numbers and what it says of countries replace what was in of each."""
    ((path, digest),) = (await asyncio.to_thread(dump.digests)).items()
    before = await store.sources.current(tx)
    if store.sources.in_force_from(before, digest):
        tally.said.append(f"{path.name} is in already.")
        return
    builder = await _read(dump, tally)
    halves = await asyncio.to_thread(builder.columns)
    if not halves:
        raise BrokenDump("there is no row with a range and an AS number or a country in this file")
    for half, columns in halves.items():
        source = f"{NETWORK_FILE}-{half}"
        await take_version(
            tx,
            source,
            columns,
            counts={half: builder.counts[half]},
            file_digest=digest,
            file_parts=len(halves),
            before=before.get(source),
            arrival=arrival,
            tally=tally,
        )


async def _read(dump: Dump, tally: Tally) -> StretchBuilder:
    builder = StretchBuilder()
    rows = read_stretches(dump.lines(encoding="utf-8"))
    while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
        for item in batch:
            if isinstance(item, Stretch):
                builder.add(item)
        tally.skipped.update(item.reason for item in batch if isinstance(item, Skipped))
        tally.records += sum(isinstance(item, Stretch) for item in batch)
        await tally.reach(dump.bytes_read / max(1, dump.bytes_total))
    return builder
