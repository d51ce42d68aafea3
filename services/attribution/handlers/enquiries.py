"""What goes on beside the flow: outside sources are asked, and threats that stood aside are decided."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from libs.common import faults
from libs.common.db import Database, Transaction
from libs.common.outbox import enqueue
from libs.common.rounds import go_round, unless_ended
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.enquiries import Claimed, PendingThreat, asked_for, next_try_at
from services.attribution.domain.ladder import Attributed, Decision, Waiting
from services.attribution.domain.unattributed import is_left_to_a_person
from services.attribution.handlers.deciding import Decider
from services.attribution.handlers.threats import event_of, keep, target_of

IDLE_SECONDS = 1.0
"""A task is woken by what its own process commits; it looks by itself for what another replica has left."""
MOST_AT_ONCE = 500
OLD_ANSWERS = timedelta(days=30)
BETWEEN_SWEEPS_SECONDS = 3600.0
FOUND_LATE = "an answer that came late"


class Outside(Protocol):
    """The sources that can be asked. An answer always comes; one that failed says how."""

    @property
    def enabled(self) -> frozenset[Source]: ...

    def room(self, source: Source) -> int:
        """How many more questions it can take just now."""
        ...

    async def ask(self, enquiry: Enquiry, *, at: datetime) -> Answer: ...

    async def close(self) -> None: ...


class Enquirer:
    """Asks each source by itself, so that a slow one holds up no other, and decides what has its answers."""

    def __init__(self, database: Database, outside: Outside, decider: Decider, *, lease: timedelta) -> None:
        """`lease`: longer than any source may take over a question. One whose asker died is asked again after it."""
        self._database, self._lease = database, lease
        self._outside = outside
        self._decider = decider
        self.asked = asyncio.Event()
        """Set when there is a new question."""
        self._answered = asyncio.Event()

    async def run(self, shutdown: Shutdown) -> None:
        """A task of the service. A question that is under way at shutdown is asked again by whoever lives."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in sorted(self._outside.enabled):
                    tasks.create_task(self._keep_asking(source, shutdown))
                tasks.create_task(self._keep_deciding(shutdown))
                tasks.create_task(self._keep_sweeping(shutdown))
        finally:
            await self._outside.close()

    async def _keep_asking(self, source: Source, shutdown: Shutdown) -> None:
        async def ask_some() -> bool:
            claimed = await self._claim(source)
            await unless_ended(shutdown, asyncio.gather(*(self._ask(each) for each in claimed)))
            return bool(claimed)

        in_trouble = f"questions to {source} wait"
        await go_round(ask_some, shutdown, in_trouble=in_trouble, pause_seconds=IDLE_SECONDS, news=self.asked)

    async def _claim(self, source: Source) -> list[Claimed]:
        room = self._outside.room(source)
        if room <= 0:
            return []
        async with self._database.transaction() as tx:
            now = self._database.now()
            claimed = await store.enquiries.claim(tx, source, limit=room, lease=self._lease, now=now)
            if claimed:
                await faults.reach(faults.Point.QUESTIONS_TAKEN)
        if claimed:
            await faults.reach(faults.Point.QUESTIONS_COMMITTED)
        return claimed

    async def _ask(self, claimed: Claimed) -> None:
        await faults.reach(faults.Point.QUESTION_BEGUN)
        answer = await self._outside.ask(claimed.enquiry, at=self._database.now())
        await faults.reach(faults.Point.SOURCE_ANSWERED)
        async with self._database.transaction() as tx:
            await store.enquiries.keep_answer(tx, answer, now=self._database.now())
            if answer.failure:
                await store.enquiries.put_off(tx, claimed.enquiry, until=next_try_at(claimed, answer))
            tx.after_commit(self._answered.set)
            await faults.reach(faults.Point.SOURCE_ANSWER_WRITTEN)
        await faults.reach(faults.Point.SOURCE_ANSWER_COMMITTED)

    async def _keep_deciding(self, shutdown: Shutdown) -> None:
        await go_round(
            self._decide_due,
            shutdown,
            in_trouble="threats that stood aside wait",
            pause_seconds=IDLE_SECONDS,
            news=self._answered,
        )

    async def _decide_due(self) -> bool:
        async with self._database.transaction() as tx:
            now = self._database.now()
            pending = await store.enquiries.due(tx, limit=MOST_AT_ONCE, now=now)
            if pending:
                await decide_pending(pending, tx=tx, now=now, decider=self._decider)
                tx.after_commit(self.asked.set)
                await faults.reach(faults.Point.WAITING_DECIDED)
        if pending:
            await faults.reach(faults.Point.WAITING_COMMITTED)
        return len(pending) >= MOST_AT_ONCE

    async def _keep_sweeping(self, shutdown: Shutdown) -> None:
        in_trouble = "old answers and names stay for now"
        await go_round(self._sweep, shutdown, in_trouble=in_trouble, pause_seconds=BETWEEN_SWEEPS_SECONDS)

    async def _sweep(self) -> bool:
        """Old answers go, and names that were seen long ago, some at a time."""
        now = self._database.now()
        since = self._decider.ladder.names_seen_since(now)
        async with self._database.transaction() as tx:
            answers = await store.enquiries.remove_old_answers(tx, before=now - OLD_ANSWERS, limit=MOST_AT_ONCE)
            names = await store.neighbours.remove_old(tx, before=since, limit=MOST_AT_ONCE)
        return max(answers, names) >= MOST_AT_ONCE


async def decide_pending(pending: Sequence[PendingThreat], *, tx: Transaction, now: datetime, decider: Decider) -> None:
    """Decide threats that stood aside: with their answers, or without those that did not come in time.

    What found nobody while a source still owes an answer goes to a person as it is, and hopes on.
    """
    standing = await store.attributions.of_indicators(tx, [each.indicator_id for each in pending])
    fresh = [each for each in pending if not each.decided and each.indicator_id not in standing]
    late = [each for each in pending if each.decided and not each.is_past_hope(now=now)]
    gone = {each.indicator_id for each in pending} - {each.indicator_id for each in (*fresh, *late)}

    asking = [
        decider.about(each.threat, may_wait=not each.decided and each.may_wait(now=now)) for each in (*fresh, *late)
    ]
    decisions = await decider.decide(asking, tx=tx, at=now)

    await _settle_fresh(list(zip(fresh, decisions[: len(fresh)], strict=True)), tx=tx, now=now)
    await _settle_late(list(zip(late, decisions[len(fresh) :], strict=True)), tx=tx, now=now)
    await store.enquiries.step_in(tx, sorted(gone))


async def _settle_fresh(
    decided: Sequence[tuple[PendingThreat, Decision | Waiting]], *, tx: Transaction, now: datetime
) -> None:
    waiting = [(each, decision) for each, decision in decided if isinstance(decision, Waiting)]
    settled = [(each, decision) for each, decision in decided if not isinstance(decision, Waiting)]
    asked = [asked for each, decision in waiting for asked in asked_for(each.threat, decision.enquiries)]
    if asked:
        await store.enquiries.ask(tx, asked, now=now)
        await store.enquiries.wait_on(tx, [each.indicator_id for each, _ in waiting])

    standing = await keep([(each.threat, decision) for each, decision in settled], tx=tx, now=now)
    await enqueue(tx, [event_of(each.threat, standing[each.indicator_id]) for each, _ in settled])
    left = [each for each, decision in settled if is_left_to_a_person(decision) and not each.threat.is_test]
    await _hope_or_step_in([each for each, _ in settled], left=left, tx=tx)


async def _hope_or_step_in(settled: Sequence[PendingThreat], *, left: Sequence[PendingThreat], tx: Transaction) -> None:
    owed = await store.enquiries.with_open_questions(tx, [each.indicator_id for each in left]) if left else set()
    await store.enquiries.hope_on(tx, [each for each in left if each.indicator_id in owed])
    await store.enquiries.step_in(tx, [each.indicator_id for each in settled if each.indicator_id not in owed])


async def _settle_late(
    decided: Sequence[tuple[PendingThreat, Decision | Waiting]], *, tx: Transaction, now: datetime
) -> None:
    """An answer has come for what was left to a person: if it finds somebody before the person did, that counts."""
    found = {each.indicator_id: (each, decision) for each, decision in decided if isinstance(decision, Attributed)}
    in_line = await store.attributions.take_out_of_line(tx, sorted(found), decided_by=FOUND_LATE, now=now)
    for indicator_id in in_line:
        pending, decision = found[indicator_id]
        await store.attributions.replace_decision(tx, indicator_id, decision, now=now)
        await enqueue(tx, [target_of(pending.threat, decision)])
    await store.enquiries.step_in(tx, sorted(found))
    await store.enquiries.hope_on(tx, [each for each, _ in decided if each.indicator_id not in found])
