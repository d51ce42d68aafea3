"""Keeps the directory in memory as new as the tables, by swapping one reference."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.intervals import ADDRESSES, Space
from libs.common.metrics import DIRECTORY_RANGES, DIRECTORY_SOURCE_TIME
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.domain.directory import Directory
from services.attribution.domain.imports import ImportKind
from services.attribution.domain.networks import (
    CountryTable,
    Delegations,
    Ends,
    Networks,
    NetworkTable,
    RouteTable,
)
from services.attribution.domain.organisations import Registered
from services.attribution.store.directory import Snapshot

log = structlog.get_logger(__name__)


class LiveDirectory:
    """The directory in use. Organisations are as new as each batch; registry snapshots follow within seconds.

    A batch asks `latest`, so what an operator registered before a record was pushed is known when it is decided.
    Reading a snapshot of millions of ranges takes seconds, so the one before it serves meanwhile.
    """

    def __init__(self, database: Database, *, refresh_seconds: float) -> None:
        self._database = database
        self._refresh_seconds = refresh_seconds
        self._directory: Directory | None = None
        self._one_at_a_time = asyncio.Lock()

    async def keep_fresh(self, shutdown: Shutdown) -> None:
        """A task of the service: look for changes until shutdown."""
        while not shutdown.requested:
            try:
                await self.refresh()
            except Transient as error:
                log.warning("the directory waits", reason=str(error))
            await shutdown.wait(self._refresh_seconds)

    async def check(self) -> None:
        """Raise `Transient` until the directory has been read once: an empty one would know nobody."""
        self._in_use()

    async def latest(self, tx: Transaction) -> Directory:
        """The directory with the organisations as this transaction sees them."""
        directory = self._in_use()
        version = await store.organisations.version(tx)
        if version != directory.registered.version:
            registered = await read_registered(tx, version)
            directory = self._directory = msgspec.structs.replace(self._in_use(), registered=registered)
        return directory

    async def refresh(self) -> None:
        """Read what has changed since the last time."""
        async with self._one_at_a_time:
            await self._refresh()

    async def _refresh(self) -> None:
        before = self._directory or Directory(Registered(version=-1, organisations={}, assets=()))
        async with self._database.transaction() as tx:
            networks = await read_networks(tx, instead_of=before.networks)
            delegations = await read_delegations(tx, instead_of=before.delegations)
            version = await store.organisations.version(tx)
            unchanged = version == before.registered.version
            registered = before.registered if unchanged else await read_registered(tx, version)
        self._directory = Directory(registered=registered, networks=networks, delegations=delegations)

    def _in_use(self) -> Directory:
        if self._directory is None:
            raise Transient("the directory is still being read")
        return self._directory


async def read_registered(tx: Transaction, version: int) -> Registered:
    """`version` was read first: what changes in between is read again the next time, never missed."""
    organisations = await store.directory.organisations(tx)
    assets = [asset for asset in await store.directory.registered_assets(tx) if asset.organisation_id in organisations]
    return await asyncio.to_thread(Registered, version=version, organisations=organisations, assets=assets)


async def read_networks(tx: Transaction, *, instead_of: Networks) -> Networks:
    """The newest RIPE snapshot, or `instead_of` if that is the one."""
    snapshot = await _newer(tx, ImportKind.RIPE, than=instead_of.snapshot)
    if snapshot is None:
        return instead_of
    number = snapshot.snapshot_id
    desks = await store.directory.abuse_desks(tx, number)
    ranges = {}
    for space in ADDRESSES:
        columns = await store.directory.range_columns(tx, number, space)
        ranges[space] = await asyncio.to_thread(NetworkTable, space, columns, pool=desks)
    routes = {}
    for space in ADDRESSES:
        first, last, origins = await store.directory.route_columns(tx, number, space)
        routes[space] = await asyncio.to_thread(RouteTable, Ends(space, first=first, last=last), origins=origins)
    systems = await store.directory.systems(tx, number, desks)
    _report(ImportKind.RIPE, snapshot.made_on, {space: len(table) for space, table in ranges.items()})
    return Networks(number, snapshot.made_on, ranges, routes, systems)


async def read_delegations(tx: Transaction, *, instead_of: Delegations) -> Delegations:
    """The newest delegated file, or `instead_of` if that is the one."""
    snapshot = await _newer(tx, ImportKind.DELEGATED, than=instead_of.snapshot)
    if snapshot is None:
        return instead_of
    tables = {}
    for space in Space:
        first, last, countries = await store.directory.delegation_columns(tx, snapshot.snapshot_id, space)
        ends = Ends(space, first=first, last=last)
        tables[space] = await asyncio.to_thread(CountryTable, ends, countries=countries)
    _report(ImportKind.DELEGATED, snapshot.made_on, {})
    return Delegations(snapshot.snapshot_id, snapshot.made_on, tables)


async def _newer(tx: Transaction, kind: ImportKind, *, than: int) -> Snapshot | None:
    """The newest snapshot if it is another one, held in place until the transaction ends."""
    snapshot = await store.directory.newest_snapshot(tx, kind)
    if snapshot is None or snapshot.snapshot_id == than:
        return None
    return snapshot if await store.directory.hold_snapshot(tx, snapshot.snapshot_id) else None


def _report(kind: ImportKind, made_on: date, ranges: Mapping[Space, int]) -> None:
    midnight = datetime(made_on.year, made_on.month, made_on.day, tzinfo=UTC)
    DIRECTORY_SOURCE_TIME.labels(kind).set(midnight.timestamp())
    for space, count in ranges.items():
        DIRECTORY_RANGES.labels(space).set(count)
    log.info("directory read", kind=kind, made_on=made_on.isoformat(), ranges=sum(ranges.values()))
