"""Brings in a registry's delegated-extended file; those of the other registries stay as they are."""

import asyncio
from collections.abc import Iterator
from itertools import islice

from libs.common.db import Transaction
from libs.common.delegated import Delegation, Skipped, Version, read_delegations
from services.attribution import store
from services.attribution.domain.delegations import delegation_columns
from services.attribution.domain.sources import Registry
from services.attribution.handlers.dumps import BrokenDump, Dump
from services.attribution.handlers.sources.tally import Tally
from services.attribution.handlers.sources.versions import Arrival, take_version

BATCH = 10_000


async def import_delegated(tx: Transaction, dump: Dump, *, arrival: Arrival, tally: Tally) -> None:
    """The file's first line says of which registry and day it is; that day counts, if it is there.

    A registry has some 250,000 lines, so they are sorted here.
    """
    ((path, digest),) = (await asyncio.to_thread(dump.digests)).items()
    before = await store.sources.current(tx)
    if store.sources.in_force_from(before, digest):
        tally.said.append(f"{path.name} is in already.")
        return
    head, delegations = await _read(dump, tally)
    if head is None:
        raise BrokenDump("the file does not begin as a registry's delegated-extended file does")
    if head.registry not in frozenset(Registry):
        raise BrokenDump("the file does not say of which of the five registries it is")
    if not delegations:
        raise BrokenDump("there is no delegation in this file")
    source = Registry(head.registry).source
    await take_version(
        tx,
        source,
        await asyncio.to_thread(delegation_columns, delegations),
        counts={"delegations": len(delegations)},
        file_digest=digest,
        file_parts=1,
        before=before.get(source),
        arrival=Arrival(made_on=head.ends_on, now=arrival.now, is_forced=arrival.is_forced),
        tally=tally,
    )


async def _read(dump: Dump, tally: Tally) -> tuple[Version | None, list[Delegation]]:
    delegations: list[Delegation] = []
    head: Version | None = None
    items = read_delegations(dump.lines())
    while batch := await asyncio.to_thread(_next, items):
        head = head or next((item for item in batch if isinstance(item, Version)), None)
        delegations += [item for item in batch if isinstance(item, Delegation)]
        tally.skipped.update(item.reason for item in batch if isinstance(item, Skipped))
        tally.records = len(delegations)
        await tally.reach(dump.bytes_read / max(1, dump.bytes_total))
    return head, delegations


def _next(items: Iterator[Version | Delegation | Skipped]) -> list[Version | Delegation | Skipped]:
    return list(islice(items, BATCH))
