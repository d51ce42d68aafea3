"""What is held for doubt goes on once somebody else has found the same: it is judged anew, by the rules as they are."""

from datetime import datetime
from uuid import UUID

import structlog

from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.outbox import enqueue
from libs.common.shutdown import Shutdown
from services.verifier import store
from services.verifier.domain import Rules, release, reports_of
from services.verifier.handlers.in_force import RulesInForce
from services.verifier.handlers.verify import event_of

log = structlog.get_logger(__name__)

JUDGED_ANEW_AT_ONCE = 500
IDLE_SECONDS = 1.0
"""So long at most what is held waits after somebody else has found the same; a look is a read of an empty table."""


class Releasing:
    """Rounds, until shutdown. Every replica makes them; none waits for another."""

    def __init__(self, rules: RulesInForce, *, database: Database) -> None:
        self._rules = rules
        self._database = database

    async def run(self, shutdown: Shutdown) -> None:
        while not await shutdown.wait(IDLE_SECONDS):
            try:
                await self._round(shutdown)
            except Transient as error:
                log.warning("what was confirmed waits", reason=str(error))

    async def _round(self, shutdown: Shutdown) -> None:
        more = True
        while more and not shutdown.requested:
            async with self._database.transaction() as tx:
                more = await release_some(tx, rules=self._rules.current, now=self._database.now())


async def release_some(tx: Transaction, *, rules: Rules, now: datetime, at_once: int = JUDGED_ANEW_AT_ONCE) -> bool:
    """Judge anew some of what is held for doubt, and was found by somebody else meanwhile; whether to go on.

    What is verified then leaves through the outbox; all else goes on waiting as it is. What a person decides in the
    same moment is decided by who came first, as among people.
    """
    asked = await store.oldest_confirmations(tx, limit=at_once)
    if not asked:
        return False
    waiting = await store.waiting_for(tx, asked, limit=at_once)
    held = await store.held_verdicts(tx, [indicator_id for _, indicator_id in waiting])
    history = await store.history_of(
        tx,
        threat_ids={judgement.threat_id for judgement in held},
        assets={judgement.indicator.key for judgement in held},
        now=now,
    )

    released = release(held, history, rules, now)

    await store.replace_verdicts(tx, released)
    await store.record_sightings(tx, released, known=history.threats.keys())
    await store.add_reports(tx, reports_of(released, history))
    await enqueue(tx, [event_of(judgement) for judgement in released])
    await _note_progress(tx, asked, waiting, at_once=at_once)
    if released:
        log.info("confirmed by others", released=len(released), judged_anew=len(held))
    return True


async def _note_progress(
    tx: Transaction, asked: list[store.Confirmation], waiting: list[tuple[int, UUID]], *, at_once: int
) -> None:
    """Done are all up to the last that was looked at; of that one there may be more."""
    if len(waiting) < at_once:
        await store.finish_confirmations(tx, [each.position for each in asked])
        return
    last, after = waiting[-1]
    await store.finish_confirmations(tx, [each.position for each in asked if each.position < last])
    await store.go_on_after(tx, last, after=after)
