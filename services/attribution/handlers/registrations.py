"""Tells the verifier which assets are registered, through the outbox, in the transaction that registers them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from libs.common.contracts import AssetRegistered
from libs.common.db import Database, Transaction
from libs.common.outbox import enqueue
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.store.registrations import MOST_AT_ONCE, Registration

log = structlog.get_logger(__name__)

SECONDS_BETWEEN_LOOKS = 60.0


async def tell_registered(tx: Transaction, registered: Iterable[Registration], *, revision: int, now: datetime) -> None:
    """Tell that these are registered. `revision` is the directory's version after that: it orders the words on one."""
    await _tell(tx, registered, is_registered=True, revision=revision, now=now)


async def tell_changed(tx: Transaction, asset_ids: Sequence[UUID], *, revision: int, now: datetime) -> None:
    """Tell of those of them of which something else was told before, some at a time: an import may bring a hundred
    thousand. Only what is proven and uncontested counts as registered.
    """
    for first in range(0, len(asset_ids), MOST_AT_ONCE):
        changed = await store.registrations.take_changed(tx, asset_ids[first : first + MOST_AT_ONCE])
        await tell_released(tx, changed.withheld, revision=revision, now=now)
        await tell_registered(tx, changed.registered, revision=revision, now=now)


async def tell_released(tx: Transaction, released: Iterable[Registration], *, revision: int, now: datetime) -> None:
    """Tell that these are registered no longer."""
    await _tell(tx, released, is_registered=False, revision=revision, now=now)


async def release_all(tx: Transaction, organisation_id: UUID, *, revision: int, now: datetime) -> None:
    """Take back all that an organisation has registered."""
    released = MOST_AT_ONCE
    while released:
        released, told = await store.registrations.release_some(tx, organisation_id)
        await tell_released(tx, told, revision=revision, now=now)


async def _tell(
    tx: Transaction, registrations: Iterable[Registration], *, is_registered: bool, revision: int, now: datetime
) -> None:
    events = [
        AssetRegistered(
            organisation_id=organisation_id,
            kind=kind,
            value=value,
            is_registered=is_registered,
            revision=revision,
            at=now,
        )
        for organisation_id, kind, value in registrations
    ]
    await enqueue(tx, events)


class UntoldRegistrations:
    """Assets from before anybody was told of any, and those that an older release still adds while it is replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tell(self, shutdown: Shutdown) -> None:
        """A task of the service: in batches of their own transactions, until none is left, then now and then a look."""
        in_trouble = "registered assets wait to be told"
        await go_round(self._tell_some, shutdown, in_trouble=in_trouble, pause_seconds=SECONDS_BETWEEN_LOOKS)

    async def _tell_some(self) -> bool:
        async with self._database.transaction() as tx:
            if not await store.registrations.are_untold(tx):
                return False
            # The version is held but stays: nothing has changed, and whatever changes later has a greater one.
            revision = await store.organisations.held_version(tx)
            registrations = await store.registrations.take_untold(tx)
            await tell_registered(tx, registrations, revision=revision, now=self._database.now())
        log.info("registered assets told", assets=len(registrations))
        return bool(registrations)
