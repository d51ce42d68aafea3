"""Brings a registry's dump in as one snapshot: all of it, or nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from libs.common.db import Transaction
from libs.common.delegated import Delegation, Skipped, Version, read_delegations
from libs.common.intervals import ADDRESSES, Space
from services.attribution import store
from services.attribution.domain.abuse import AbuseDesk, Contacts, RangeResolver, resolve_system
from services.attribution.domain.imports import ImportKind
from services.attribution.domain.ripe import (
    OrganisationObject,
    RangeObject,
    RipeObject,
    RoleObject,
    RouteObject,
    SystemObject,
    read_objects,
)
from services.attribution.handlers.dumps import BrokenDump

BATCH_OBJECTS = 10_000
BATCH_RANGES = 20_000

T = TypeVar("T")


class Tally:
    """What an import has met so far. `tick` is awaited after each batch, to show it."""

    def __init__(self, tick: Callable[[], Awaitable[None]]) -> None:
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.tick = tick


async def import_ripe(tx: Transaction, lines: Iterable[str], *, made_on: date, now: datetime, tally: Tally) -> None:
    """The split dumps in any order: ranges and routes wait in staging tables until all contacts are known.

    Memory stays level: only organisations, roles and ASes are held, ranges pass through in batches.
    """
    await store.imports.make_staging(tx)
    contacts, systems = await _stage(tx, lines, tally)
    if tally.records == 0:
        raise BrokenDump("there is no object of the RIPE database in this file")
    snapshot = await store.imports.open_snapshot(tx, ImportKind.RIPE, made_on=made_on, now=now)
    desks: dict[AbuseDesk, int] = {}
    await store.imports.sort_ranges(tx)
    for space in ADDRESSES:
        await _resolve(tx, snapshot, space, contacts, desks, tally)
    resolved = [resolve_system(system, contacts) for system in systems.values()]
    await store.imports.write_systems(tx, snapshot, resolved, desks=desks)
    await store.imports.write_desks(tx, snapshot, desks)
    await store.imports.write_routes(tx, snapshot)
    await store.imports.remove_older_snapshots(tx, ImportKind.RIPE, than=snapshot)


async def _stage(tx: Transaction, lines: Iterable[str], tally: Tally) -> tuple[Contacts, dict[int, SystemObject]]:
    """Read all objects; ranges and routes go to the database, the rest stays here."""
    contacts, systems = Contacts(), dict[int, SystemObject]()
    async for batch in _batches(read_objects(lines), BATCH_OBJECTS):
        await store.imports.stage_ranges(tx, [item for item in batch if isinstance(item, RangeObject)])
        await store.imports.stage_routes(tx, [item for item in batch if isinstance(item, RouteObject)])
        _keep(batch, contacts, systems)
        tally.skipped.update(item.reason for item in batch if isinstance(item, Skipped))
        tally.records += sum(not isinstance(item, Skipped) for item in batch)
        await tally.tick()
    return contacts, systems


def _keep(batch: Iterable[RipeObject | Skipped], contacts: Contacts, systems: dict[int, SystemObject]) -> None:
    for item in batch:
        match item:
            case OrganisationObject() | RoleObject():
                contacts.add(item)
            case SystemObject(asn=asn):
                systems[asn] = item
            case _:
                pass


async def _resolve(
    tx: Transaction, snapshot: int, space: Space, contacts: Contacts, desks: dict[AbuseDesk, int], tally: Tally
) -> None:
    """Pass the sorted ranges of one space through the inheritance of abuse contacts."""
    resolver = RangeResolver(contacts, tally.skipped)
    start = 0
    while ranges := await store.imports.sorted_ranges(tx, space, start=start, count=BATCH_RANGES):
        start += BATCH_RANGES
        position = resolver.position
        resolved = await asyncio.to_thread(list, resolver.resolve(ranges))
        await store.imports.write_ranges(tx, snapshot, resolved, start=position, desks=desks)
        await tally.tick()


async def import_delegated(
    tx: Transaction, lines: Iterable[str], *, made_on: date, now: datetime, tally: Tally
) -> None:
    """A delegated-extended file. Its own first line says of which day it is; `made_on` counts if that is missing.

    A registry has some 250,000 lines, so they are sorted here.
    """
    delegations: list[Delegation] = []
    async for batch in _batches(read_delegations(lines), BATCH_OBJECTS):
        delegations += [item for item in batch if isinstance(item, Delegation)]
        made_on = next((item.ends_on for item in batch if isinstance(item, Version)), made_on)
        tally.skipped.update(item.reason for item in batch if isinstance(item, Skipped))
        tally.records = len(delegations)
        await tally.tick()
    if not delegations:
        raise BrokenDump("there is no delegation in this file")
    delegations.sort(key=lambda item: (item.interval.space, item.interval.first, -item.interval.last))
    snapshot = await store.imports.open_snapshot(tx, ImportKind.DELEGATED, made_on=made_on, now=now)
    await store.imports.write_delegations(tx, snapshot, delegations)
    await store.imports.remove_older_snapshots(tx, ImportKind.DELEGATED, than=snapshot)


async def _batches(items: Iterator[T], size: int) -> AsyncIterator[list[T]]:
    """Read in a thread, so that the loop goes on with the batches of others meanwhile."""
    while batch := await asyncio.to_thread(list, islice(items, size)):
        yield batch
