"""Brings in dumps of the RIPE database, one kind of objects or all of them; what is not brought stays as it is."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.columns import Columns
from services.attribution.domain.ripe.contacts import Contacts
from services.attribution.domain.ripe.parts import PartBuilder
from services.attribution.domain.ripe.reading import BlockRead, Kind
from services.attribution.domain.ripe.resolving import (
    RANGES,
    ROUTES,
    resolved_ranges,
    resolved_routes,
    resolved_systems,
)
from services.attribution.domain.sources import RIPE, Version
from services.attribution.handlers.dumps import BrokenDump, Dump
from services.attribution.handlers.sources.reading import read_all
from services.attribution.handlers.sources.tally import Tally
from services.attribution.handlers.sources.versions import Arrival, take_version

READING, PARTS = 0.7, 0.8
"""Of all the work, how much is done when everything is read, and when the parts are written."""


async def import_ripe(tx: Transaction, dump: Dump, *, arrival: Arrival, tally: Tally) -> None:
    """The split dumps in any order. A file that is in already is not read; if nothing is new, nothing changes.

    Memory: the packed columns of one import, some 200 bytes for each range, and never a range as an object.
    """
    before = await store.sources.current(tx)
    files = await _leave_out_known(dump, before, tally)
    if not files:
        return
    builders, brought_by = await _read(dump, tally)
    if not builders and tally.said:
        return  # what is left is files of kinds that are not read, such as the one with the placeholder of all persons
    if not builders:
        raise BrokenDump("there is no object of the RIPE database in this file")
    shares = [len([kind for kind in builders if path in brought_by[kind]]) for path in files]
    is_anything_new = False
    for kind in sorted(builders):
        paths = brought_by[kind]
        builder = builders.pop(kind)
        columns = await asyncio.to_thread(builder.finish)
        is_anything_new |= await take_version(
            tx,
            source_of(kind),
            columns,
            counts={kind.value: builder.rows},
            file_digest=_digest_of_files([files[path] for path in paths]),
            file_parts=max(share for path, share in zip(files, shares, strict=True) if path in paths),
            before=before.get(source_of(kind)),
            arrival=arrival,
            tally=tally,
        )
        del columns
        await tally.reach(READING + (PARTS - READING) * (1 - len(builders) / len(Kind)))
    if is_anything_new:
        await _resolve(tx, arrival=arrival, tally=tally)
    else:
        await store.sources.redate_whole(tx, RIPE, parts=[source_of(kind) for kind in Kind])


async def _leave_out_known(dump: Dump, before: Mapping[str, Version], tally: Tally) -> dict[Path, str]:
    """The files that have to be read, with their digests."""
    digests = await asyncio.to_thread(dump.digests)
    known = {path for path, digest in digests.items() if store.sources.in_force_from(before, digest)}
    for path in sorted(known):
        tally.said.append(f"{path.name} is in already.")
    dump.without(known)
    return {path: digest for path, digest in digests.items() if path not in known}


def _digest_of_files(digests: list[str]) -> str:
    """A kind that came by several files is not in force from any of them alone."""
    return digests[0] if len(digests) == 1 else hashlib.blake2b("".join(sorted(digests)).encode()).hexdigest()


async def _read(dump: Dump, tally: Tally) -> tuple[dict[Kind, PartBuilder], dict[Kind, list[Path]]]:
    """All objects as packed columns, by kind, and the files that they came by."""
    builders: dict[Kind, PartBuilder] = {}
    brought_by: defaultdict[Kind, list[Path]] = defaultdict(list)
    async for path, block in read_all(dump):
        _add(block, path, builders, brought_by)
        tally.records = sum(builder.rows for builder in builders.values())
        tally.skipped.update(block.skipped)
        await tally.reach(READING * dump.bytes_read / max(1, dump.bytes_total))
    return builders, brought_by


def _add(
    block: BlockRead, path: Path, builders: dict[Kind, PartBuilder], brought_by: defaultdict[Kind, list[Path]]
) -> None:
    for kind, batch in block.batches.items():
        if not batch.rows:
            continue
        if kind not in builders:
            builders[kind] = PartBuilder(kind)
        builders[kind].add(batch)
        if path not in brought_by[kind]:
            brought_by[kind].append(path)


async def _resolve(tx: Transaction, *, arrival: Arrival, tally: Tally) -> None:
    """Put together what serves: the new parts and those of before. Each is held while it is used."""
    versions = await store.sources.current(tx)
    stands_on = [versions[source_of(kind)] for kind in Kind if source_of(kind) in versions]
    version = await store.sources.open_version(
        tx,
        Version(
            source=RIPE,
            made_on=min(part.made_on for part in stands_on),
            imported_at=arrival.now,
            counts={name: count for part in stands_on for name, count in part.counts.items()},
        ),
    )

    async def part(kind: Kind) -> Columns:
        source = versions.get(source_of(kind))
        return await store.sources.read_columns(tx, source.version_id) if source is not None else {}

    async for columns in _pieces(part, tally):
        await store.sources.write_columns(tx, version, columns)
        await tally.reach(tally.share_done + (1 - tally.share_done) / 3)
    await store.sources.remove_older(tx, RIPE, than=version)


async def _pieces(part: Callable[[Kind], Awaitable[Columns]], tally: Tally) -> AsyncIterator[Columns]:
    contacts = await asyncio.to_thread(Contacts, await part(Kind.ORGANISATION), await part(Kind.ROLE))
    for space, kind in RANGES.items():
        yield await asyncio.to_thread(resolved_ranges, space, await part(kind), contacts, tally.skipped)
    for space, kind in ROUTES.items():
        yield await asyncio.to_thread(resolved_routes, space, await part(kind))
    yield await asyncio.to_thread(resolved_systems, await part(Kind.AUT_NUM), contacts)
    yield contacts.desk_columns()


def source_of(kind: Kind) -> str:
    return f"{RIPE}-{kind}"
