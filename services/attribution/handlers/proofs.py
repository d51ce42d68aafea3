"""Proofs are looked at again before they end, and end where nobody proves them again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from libs.common.db import Database, Transaction
from libs.common.dns import Dns
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.domain.organisations import AssetRecord
from services.attribution.domain.proofs import Proof, Seen, checked, ended, is_looked_up, record_of
from services.attribution.handlers.assets import look, save_proofs

log = structlog.get_logger(__name__)

SECONDS_BETWEEN_ROUNDS = 60.0
MOST_AT_ONCE = 200
LOOKS_AT_ONCE = 20
BY = "attribution"


class ProofRounds:
    """Without `dns` nothing is looked up: proofs by DNS then count as unanswered, and end a while after their time."""

    def __init__(self, database: Database, dns: Dns | None) -> None:
        self._database = database
        self._dns = dns
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def run(self, shutdown: Shutdown) -> None:
        """A task of the service: look for proofs whose time has come, until shutdown."""
        in_trouble = "proofs wait to be looked at"
        await go_round(self.work_off, shutdown, in_trouble=in_trouble, pause_seconds=SECONDS_BETWEEN_ROUNDS)

    async def work_off(self) -> bool:
        """One round; whether more may be due. Looks at name servers outside of any transaction."""
        async with self._database.transaction() as tx:
            due = await store.assets.due(tx, now=self._database.now(), limit=MOST_AT_ONCE)
        if not due:
            return False
        seen = await asyncio.gather(*(self._look(asset) for asset in due))
        async with self._database.transaction() as tx:
            await self._record(tx, due, seen)
        return len(due) >= MOST_AT_ONCE

    async def _look(self, asset: AssetRecord) -> Seen:
        record = record_of(asset.kind, asset.value, "")
        if self._dns is None or record is None or not is_looked_up(asset.proof):
            return Seen.NO_ANSWER
        async with self._looks:
            return await look(self._dns, record[0], asset.proof.token or "")

    async def _record(self, tx: Transaction, due: Sequence[AssetRecord], seen: Sequence[Seen]) -> None:
        await store.organisations.held_version(tx)
        now = self._database.now()
        current = await store.assets.with_ids(tx, [asset.asset_id for asset in due])
        nexts = [
            (asset, _next(asset, what, now))
            for asset, what in zip(due, seen, strict=True)
            # Another one: somebody has moved it since, or another replica was quicker.
            if current.get(asset.asset_id) == asset
        ]
        moved = [(asset, proof) for asset, proof in nexts if _is_news(asset.proof, proof)]
        waiting = {asset.asset_id: proof for asset, proof in nexts if not _is_news(asset.proof, proof)}
        await store.assets.save_proofs(tx, waiting)
        await save_proofs(tx, moved, by=BY, now=now)
        for asset, proof in moved:
            log.info("proof looked at", asset_id=str(asset.asset_id), state=proof.state, note=proof.note)


def _is_news(before: Proof, after: Proof) -> bool:
    """More than another time to look at it again."""
    return (before.state, before.proven_at) != (after.state, after.proven_at)


def _next(asset: AssetRecord, seen: Seen, now: datetime) -> Proof:
    if is_looked_up(asset.proof):
        return checked(asset.proof, seen, at=now)
    return ended(asset.proof, at=now)
