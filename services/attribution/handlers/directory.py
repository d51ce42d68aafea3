"""Keeps the directory in memory as new as the tables, by swapping one reference."""

import asyncio
import ctypes
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime

import msgspec
import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.intervals import ADDRESSES, Space
from libs.common.metrics import DIRECTORY_RANGES, DIRECTORY_SOURCE_TIME
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.domain.delegations import CountryTable, DelegatedFile, Delegations
from services.attribution.domain.directory import Directory
from services.attribution.domain.encryptions import encryptions_of
from services.attribution.domain.network_files import HintTable, NetworkFile
from services.attribution.domain.networks import (
    DESK_COLUMNS,
    RANGE_COLUMNS,
    ROUTE_COLUMNS,
    SYSTEM_COLUMNS,
    Networks,
    NetworkTable,
    RouteTable,
    desks_from,
    systems_from,
)
from services.attribution.domain.organisations import Registered
from services.attribution.domain.sources import NETWORK_FILE_PARTS, RIPE, Registry, Version
from services.attribution.domain.withheld import WithheldClaims

log = structlog.get_logger(__name__)

Versions = Mapping[str, Version]


class LiveDirectory:
    """The directory in use. Organisations are as new as each batch; registries' files follow within seconds.

    A batch asks `latest`, so what an operator registered before a record was pushed is known when it is decided.
    Reading millions of ranges takes a second or two, so the version before serves meanwhile.
    """

    def __init__(self, database: Database, *, refresh_seconds: float) -> None:
        self._database = database
        self._refresh_seconds = refresh_seconds
        self._directory: Directory | None = None
        self._one_at_a_time = asyncio.Lock()

    async def keep_fresh(self, shutdown: Shutdown) -> None:
        """A task of the service: look for changes until shutdown."""
        await go_round(
            self.refresh,
            shutdown,
            in_trouble="the directory waits",
            pause_seconds=self._refresh_seconds,
            longest_wait_seconds=self._refresh_seconds,
        )

    async def check(self) -> None:
        """Raise `Transient` until the directory has been read once: an empty one would know nobody."""
        self._in_use()

    async def latest(self, tx: Transaction) -> Directory:
        """The directory with the organisations as this transaction sees them."""
        directory = self._in_use()
        version = await store.organisations.version(tx)
        if version != directory.registered.version:
            registered = await read_registered(tx, version)
            encryptions = encryptions_of(registered.organisations.values())
            directory = self._directory = msgspec.structs.replace(
                self._in_use(), registered=registered, encryptions=encryptions
            )
        return directory

    async def refresh(self) -> None:
        """Read what has changed since the last time."""
        async with self._one_at_a_time:
            await self._refresh()

    async def _refresh(self) -> None:
        before = self._directory or Directory(Registered(version=-1, organisations={}, assets=()))
        async with self._database.transaction() as tx:
            versions = await store.sources.current(tx)
            networks = await read_networks(tx, versions, instead_of=before.networks)
            delegations = await read_delegations(tx, versions, instead_of=before.delegations)
            network_file = await read_network_file(tx, versions, instead_of=before.network_file)
            version = await store.organisations.version(tx)
            unchanged = version == before.registered.version
            registered = before.registered if unchanged else await read_registered(tx, version)
        is_new = networks is not before.networks or network_file is not before.network_file
        encryptions = before.encryptions if unchanged else encryptions_of(registered.organisations.values())
        self._directory = Directory(registered, networks, delegations, network_file, encryptions)
        if is_new:
            del before
            await asyncio.to_thread(_give_back_memory)

    def _in_use(self) -> Directory:
        if self._directory is None:
            raise Transient("the directory is still being read")
        return self._directory


async def read_registered(tx: Transaction, version: int) -> Registered:
    """`version` was read first: what changes in between is read again the next time, never missed."""
    organisations = await store.directory.organisations(tx)
    assets = [asset for asset in await store.directory.registered_assets(tx) if asset.organisation_id in organisations]
    withheld = await store.directory.withheld_claims(tx)
    return await asyncio.to_thread(
        Registered, version=version, organisations=organisations, assets=assets, withheld=WithheldClaims(withheld)
    )


async def read_networks(tx: Transaction, versions: Versions, *, instead_of: Networks) -> Networks:
    """What serves of the RIPE database, or `instead_of` if that is it."""
    version = versions.get(RIPE)
    if version is None or (version.version_id, version.made_on) == (instead_of.snapshot, instead_of.made_on):
        return instead_of
    parts = {
        source.removeprefix(f"{RIPE}-"): part.made_on
        for source, part in versions.items()
        if source.startswith(f"{RIPE}-")
    }
    if version.version_id == instead_of.snapshot:
        _report(RIPE, version.made_on)
        return msgspec.structs.replace(instead_of, made_on=version.made_on, parts=parts)
    if not await store.sources.hold(tx, [version.version_id]):
        return instead_of
    read = _ColumnsOf(tx, version.version_id)
    pool = desks_from(await read(DESK_COLUMNS))
    ranges, routes = {}, {}
    for space in ADDRESSES:
        ranges[space] = await asyncio.to_thread(NetworkTable, space, await read(RANGE_COLUMNS, space), pool=pool)
        routes[space] = await asyncio.to_thread(RouteTable, space, await read(ROUTE_COLUMNS, space))
    systems = systems_from(await read(SYSTEM_COLUMNS), pool=pool)
    _report(RIPE, version.made_on, ranges={space: len(table) for space, table in ranges.items()})
    return Networks(version.version_id, version.made_on, ranges, routes, systems, parts)


class _ColumnsOf:
    """Reads columns of a version by the names that they have within a space."""

    def __init__(self, tx: Transaction, version_id: int) -> None:
        self._tx, self._version_id = tx, version_id

    async def __call__(self, names: Collection[str], space: Space | None = None) -> Mapping[str, bytearray]:
        prefix = f"{space}/" if space is not None else ""
        found = await store.sources.read_columns(self._tx, self._version_id, [prefix + name for name in names])
        return {name.removeprefix(prefix): column for name, column in found.items()}


async def read_delegations(tx: Transaction, versions: Versions, *, instead_of: Delegations) -> Delegations:
    """The registries' delegated files, or `instead_of` if those are they."""
    ours = [versions[registry.source] for registry in Registry if registry.source in versions]
    snapshot = frozenset((version.version_id, version.made_on) for version in ours)
    if snapshot == instead_of.snapshot or not await store.sources.hold(tx, [each.version_id for each in ours]):
        return instead_of
    files = [
        DelegatedFile(each.source, each.made_on, await store.sources.read_columns(tx, each.version_id)) for each in ours
    ]
    tables = {space: await asyncio.to_thread(CountryTable, space, files) for space in Space}
    for version in ours:
        _report(version.source, version.made_on)
    return Delegations(snapshot, min(version.made_on for version in ours), tables)


async def read_network_file(tx: Transaction, versions: Versions, *, instead_of: NetworkFile) -> NetworkFile:
    """The offline network file, or `instead_of` if that is it."""
    ours = [versions[source] for source in NETWORK_FILE_PARTS if source in versions]
    snapshot = frozenset((version.version_id, version.made_on) for version in ours)
    if snapshot == instead_of.snapshot or not await store.sources.hold(tx, [each.version_id for each in ours]):
        return instead_of
    halves = {}
    for version in ours:
        columns = await store.sources.read_columns(tx, version.version_id)
        halves[version.source] = HintTable(columns, made_on=version.made_on)
        _report(version.source, version.made_on)
    asns, countries = (halves.get(source) for source in NETWORK_FILE_PARTS)
    return NetworkFile(snapshot, asns, countries)


def _report(source: str, made_on: date, *, ranges: Mapping[Space, int] | None = None) -> None:
    midnight = datetime(made_on.year, made_on.month, made_on.day, tzinfo=UTC)
    DIRECTORY_SOURCE_TIME.labels(source).set(midnight.timestamp())
    for space, count in (ranges or {}).items():
        DIRECTORY_RANGES.labels(space).set(count)
    log.info("directory read", source=source, made_on=made_on.isoformat(), ranges=sum((ranges or {}).values()))


def _give_back_memory() -> None:
    """Hand memory that is free inside the process back to the machine, where the C library can.

    After something large was replaced, glibc keeps hundreds of megabytes in its arenas, one for each thread.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
