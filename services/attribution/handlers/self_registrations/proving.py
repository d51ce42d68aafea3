"""The DNS is looked at for records, and registries are asked for their contacts: outside of any transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from libs.common.db import Database
from libs.common.dns import Dns
from services.attribution import store
from services.attribution.domain.organisations import AssetRecord
from services.attribution.domain.proofs import Seen, record_of
from services.attribution.domain.registry_contacts import NoContact
from services.attribution.domain.self_registrations import BY, Step, asked, looked
from services.attribution.handlers.assets import look, prove_by_dns
from services.attribution.handlers.contact_proofs import put_to_contact
from services.attribution.handlers.refusals import Refusal
from services.attribution.handlers.registry_contacts import Registries
from services.attribution.store.self_registrations import Due

log = structlog.get_logger(__name__)

Known = TypeVar("Known")

LOOKS_AT_ONCE = 20
LOOKS_IN_A_ROUND = 200
LEASE = timedelta(minutes=2)
"""Longer than a look or a question may take. What somebody was at who died is done again after it."""


class Proving:
    """What is to be done for assets that are not proven yet, some at a time.

    Records are looked for every `looks_at_first` as long as they are new.
    """

    def __init__(
        self, database: Database, *, dns: Dns | None, registries: Registries, claims_url: str, looks_at_first: timedelta
    ) -> None:
        self._database, self._dns, self._registries = database, dns, registries
        self._claims_url, self._looks_at_first = claims_url, looks_at_first
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def look_some(self) -> bool:
        """Look for the records whose turn it is, and take them as proof where they are; whether there are more."""
        if self._dns is None:
            return False
        due = await self._due(Step.LOOK, LOOKS_IN_A_ROUND)
        if not due:
            return False
        assets = [asset for asset in (await self._assets(due)).values() if not asset.proof.is_proven]
        seen = await asyncio.gather(*(self._look(self._dns, asset) for asset in assets))
        for asset, what in zip(assets, seen, strict=True):
            if what is Seen.TOKEN:
                owner, asset_id = asset.organisation_id, asset.asset_id
                await prove_by_dns(owner, asset_id, by=BY, database=self._database, dns=self._dns)
        await self._note_looks(due)
        return len(due) >= LOOKS_IN_A_ROUND

    async def _look(self, dns: Dns, asset: AssetRecord) -> Seen:
        record = record_of(asset.kind, asset.value, "")
        if record is None or asset.proof.token is None:
            return Seen.NOTHING
        async with self._looks:
            return await look(dns, record[0], asset.proof.token)

    async def _note_looks(self, due: Sequence[Due]) -> None:
        """When to look again. What the looks have changed is told anyway."""
        after = await self._assets(due)
        async with self._database.transaction() as tx:
            now = self._database.now()
            proofs = {asset_id: asset.proof for asset_id, asset in after.items()}
            steps = [
                (each, looked(each.wanted, _of(each, proofs), at_first=self._looks_at_first, now=now)) for each in due
            ]
            await store.self_registrations.stepped(tx, steps)

    async def _assets(self, due: Sequence[Due]) -> dict[UUID, AssetRecord]:
        async with self._database.transaction() as tx:
            return await store.assets.with_ids(tx, {each.wanted.asset_id for each in due if each.wanted.asset_id})

    async def ask_one(self) -> bool:
        """Ask the registry about the asset whose turn it is; whether there was one."""
        due = await self._due(Step.ASK, 1)
        for each in due:
            await self._ask(each)
        return bool(due)

    async def _due(self, step: Step, limit: int) -> list[Due]:
        async with self._database.transaction() as tx:
            now = self._database.now()
            return await store.self_registrations.due(tx, step, limit=limit, lease=LEASE, now=now)

    async def _ask(self, due: Due) -> None:
        """The question and the note that it was asked are kept together, so that a death has nobody asked twice."""
        asset = _of(due, await self._assets([due]))
        found = await self._registries.contacts_of(asset) if asset is not None and not asset.proof.is_proven else None
        async with self._database.transaction() as tx:
            now = self._database.now()
            refusal = ""
            if isinstance(found, NoContact):
                refusal = found.code
            elif found is not None and asset is not None:
                put = await put_to_contact(tx, asset, found, by=BY, now=now, claims_url=self._claims_url)
                refusal = put.code if isinstance(put, Refusal) else ""
            await store.self_registrations.stepped(tx, [(due, asked(due.wanted, refusal, now=now))])
            await store.self_registrations.mark_registration(tx, due.registration_id, now=now)
        log.info("registry asked for a registration", asset_id=str(due.wanted.asset_id), refusal=refusal)


def _of(due: Due, known: Mapping[UUID, Known]) -> Known | None:
    """What is known of its asset."""
    asset_id = due.wanted.asset_id
    return known.get(asset_id) if asset_id is not None else None
