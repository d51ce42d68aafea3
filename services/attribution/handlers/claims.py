"""What follows when assets, or what is known of them, have changed."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.conflicts import Rivalry, rivalries, upkeep
from services.attribution.handlers.registrations import tell_changed


class Settled(msgspec.Struct, frozen=True):
    """The version that the change has made, and the conflicts that it opened."""

    revision: int
    opened: tuple[Rivalry, ...]


async def settle(tx: Transaction, changed: Collection[UUID], *, now: datetime) -> Settled:
    """Open and end the conflicts in which these assets are, bump the version, and tell the verifier what counts now.

    The caller holds the version, so that two who claim the same at once see each other. A proof by DNS that somebody
    contests is looked at now, and not only at its end: it may be the new owner who does.
    """
    assets = frozenset(changed)
    held = await store.conflicts.around(tx, assets)
    kept = await store.conflicts.of_assets(tx, assets)

    found = await asyncio.to_thread(lambda: list(rivalries(assets, held)))
    work = upkeep(kept, found)

    await store.conflicts.keep_up(tx, work, now=now)
    await store.assets.check_soon(tx, work.assets, now=now)
    touched = [*assets | work.assets | {asset_id for conflict in kept for asset_id in conflict.pair}]
    await store.conflicts.mark_contested(tx, touched)
    await store.self_registrations.mark(tx, touched, now=now)
    revision = await store.organisations.bump_version(tx)
    await tell_changed(tx, touched, revision=revision, now=now)
    return Settled(revision, work.opened)
