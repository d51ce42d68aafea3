"""Organisations register assets with us, or take them back; the rules in force follow."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from libs.common.contracts import AssetRegistered, Event
from libs.common.db import Transaction
from libs.common.errors import Permanent
from libs.common.intervals import Interval, parse_interval
from libs.common.vocabulary import AssetKind
from services.verifier import store
from services.verifier.domain.registered import Changed, Registered, renewed


async def take_up_registrations(
    said: Sequence[AssetRegistered], /, *, tx: Transaction, now: datetime
) -> Sequence[Event]:
    """Keep the last word on each asset of each organisation, whatever order they come in. Says nothing further.

    Raises `Permanent` for a range that can't be read.
    """
    last_words = {
        (each.organisation_id, each.kind, each.value): each for each in sorted(said, key=lambda each: each.revision)
    }
    registrations = [
        (*whose, _interval(each), each.is_registered, each.revision, each.at)
        for whose, each in sorted(last_words.items(), key=lambda item: item[0])
    ]
    await store.put_registrations(tx, registrations)
    return []


def _interval(said: AssetRegistered) -> Interval | None:
    if said.kind is not AssetKind.IP_RANGE:
        return None
    interval = parse_interval(said.value)
    if interval is None:
        raise Permanent(f"{said.value!r} is not a range of addresses")
    return interval


async def registered_now(tx: Transaction, *, known: Registered) -> Registered:
    """What is registered now; of a kind that has not changed nothing is read.

    Versions are read first: what changes in between is read again the next time, never missed.
    """
    versions = await store.registered_versions(tx)
    if versions == known.versions:
        return known
    changed = Changed(
        ranges=await store.registered_ranges(tx) if _differs(AssetKind.IP_RANGE, versions, known) else None,
        domains=await _values(tx, AssetKind.DOMAIN, versions, known),
        asns=await _values(tx, AssetKind.ASN, versions, known),
    )
    return await asyncio.to_thread(renewed, known, changed, versions)


async def _values(tx: Transaction, kind: AssetKind, versions: Mapping[AssetKind, int], known: Registered) -> str | None:
    return await store.registered_values(tx, kind) if _differs(kind, versions, known) else None


def _differs(kind: AssetKind, versions: Mapping[AssetKind, int], known: Registered) -> bool:
    return versions.get(kind) != known.versions.get(kind)
