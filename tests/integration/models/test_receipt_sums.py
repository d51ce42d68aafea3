"""A receipt's sums against a model, whoever dies between which two steps.

Whatever is pushed, read again, settled twice or contradicted: the outcomes sum to what was accepted at every moment, no
count is below zero, and the first final word on a record stands.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from itertools import count
from operator import itemgetter
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import pytest
from hypothesis import strategies as st

from deploy.local.background import BackgroundStack
from libs.common.contracts import IndicatorSettled
from libs.common.errors import Transient
from libs.common.faults import AT_INTAKE, Point
from libs.common.vocabulary import Outcome
from services.intake.domain.submissions import LONGEST_LEASE, Status, indicator_id
from services.intake.handlers.accepting import Refused
from services.intake.handlers.processing import GIVEN_UP, MAX_ATTEMPTS
from services.intake.store.submissions import Order
from tests.databases import make_tables
from tests.integration.models.broker import Offsets
from tests.integration.models.ledger import Ledger, Page, word
from tests.integration.models.lives import Fate, fates, fates_at, until, wait_for_backends
from tests.integration.models.machine import Machine, entered, step, told_of, try_plans
from tests.integration.models.reception import (
    LEASE_SECONDS,
    SAID,
    Answer,
    Payload,
    Reception,
    Replica,
    Work,
    hear,
    read_on,
    reception,
    take_in,
)

MOST_RECORDS = 10
REPLICAS = 2
OUTSIDE_TRANSACTIONS = {
    *(fault.point for fault in AT_INTAKE.values()),
    *(Point.PUBLISHING, Point.PUBLISHED_UNCONFIRMED, Point.PUBLISHED),
} - {Point.PAYLOAD_WRITTEN, Point.WEBHOOK_ANSWERED}
FATES = fates_at({*OUTSIDE_TRANSACTIONS, Point.TRANSACTION, Point.TRANSACTION_OPEN}, held_at=OUTSIDE_TRANSACTIONS)
OUTCOMES = [outcome for outcome in Outcome if outcome is not Outcome.PENDING]

News = tuple[int, Outcome, int]
"""Of which record, where it ended, and how many seconds after the beginning of time."""


class Hearing(StrEnum):
    """How a batch of news arrives. `LATE`: whoever hears it first dies, at any moment, and it comes again."""

    ONCE = "once"
    AT_TWO = "at two replicas at the same time"
    LATE = "late"


which = st.integers(0, REPLICAS - 1)
fate = st.one_of(st.none(), fates(FATES), fates(FATES), fates(FATES))
readable = st.lists(st.sampled_from([True, True, False]), min_size=1, max_size=MOST_RECORDS).map(tuple)
readers = st.lists(
    st.tuples(which, st.sampled_from(Order), fate), min_size=1, max_size=REPLICAS, unique_by=itemgetter(0)
)
news = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(OUTCOMES), st.integers(0, 9)), min_size=1, max_size=8)


class ReceiptSums(Machine):
    """Two replicas of intake, partners who push, and services that say where records ended."""

    def __init__(self, reception: Reception, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self._reception = replace(reception, trace=f"00-{token_hex(16)}-{token_hex(8)}-01")
        self._ledger = Ledger()
        self._payloads: dict[bytes, Payload] = {}
        """All that was pushed, by digest."""
        self._told: list[IndicatorSettled] = []
        self._replicas: dict[int, Replica] = {}
        self._under_way: list[tuple[Replica, asyncio.Task[Answer]]] = []
        self._numbers = count(1)
        self._began: Offsets = {}
        self._struck: list[Fate] = []
        self.run(self._begin())

    async def _begin(self) -> None:
        await self._reception.clear()
        self._began = await self._reception.broker.ends(SAID)

    @step(weight=4, readable=readable, is_repeated=st.booleans(), which=which, fate=fate)
    async def push(self, readable: tuple[bool, ...], is_repeated: bool, which: int, fate: Fate | None) -> None:
        """A partner pushes something new, or the newest again."""
        payload = Payload(f"payload-{next(self._numbers)}", readable)
        if is_repeated and self._payloads:
            payload = list(self._payloads.values())[-1]
        self._payloads[payload.digest] = payload
        replica = await self._replica(which, fate)
        await self._work([(replica, partial(take_in, payload=payload))])

    @step(weight=3, readers=readers)
    async def read(self, readers: list[tuple[int, Order, Fate | None]]) -> None:
        """One replica, or both at the same time, read on in what is kept."""
        chosen = [(await self._replica(which, fate), order) for which, order, fate in readers]
        await self._work([(replica, partial(read_on, order=order)) for replica, order in chosen])

    @step(
        weight=4,
        news=news,
        is_repeated=st.booleans(),
        hearing=st.sampled_from(Hearing),
        milliseconds=st.integers(0, 10),
    )
    async def hear(self, news: list[News], is_repeated: bool, hearing: Hearing, milliseconds: int) -> None:
        batch = self._batch(news, is_repeated=is_repeated)
        database = self._reception.database
        async with self._reception.watched():
            if hearing is Hearing.LATE:
                await self._hear_and_die(batch, milliseconds=milliseconds)
            times = 2 if hearing is Hearing.AT_TWO else 1
            await asyncio.gather(*(hear(batch, database=database) for _ in range(times)))
        for told in batch:
            self._ledger.pages[told.submission_id].hear(told)
        await self._check()

    @step(seconds=st.sampled_from([1.0, LEASE_SECONDS + 1]))
    async def wait(self, seconds: float) -> None:
        self._reception.clock.put_forward(timedelta(seconds=seconds))

    @step(times=st.integers(1, MAX_ATTEMPTS + 1))
    async def lose_readers(self, times: int) -> None:
        """So many replicas take up a payload and die of it."""
        for _ in range(times):
            await self._reception.take_and_die()
            self._reception.clock.put_forward(timedelta(seconds=LEASE_SECONDS * LONGEST_LEASE + 1))

    @step()
    async def let_go(self) -> None:
        for replica in self._replicas.values():
            replica.life.let_go()
        await self._work([])

    async def settle(self) -> None:
        for replica in self._replicas.values():
            replica.life.spare()
            replica.life.let_go()
        await self._work([])
        while any(row["status"] == Status.PROCESSING for row in await self._reception.submissions()):
            self._reception.clock.put_forward(timedelta(seconds=LEASE_SECONDS * LONGEST_LEASE + 1))
            replica = await self._replica(0, None)
            await self._work([(replica, partial(read_on, order=Order.OLDEST))])
        await self._check_end()

    async def end(self) -> None:
        for replica in self._replicas.values():
            replica.life.die()
            await self._bury(replica)

    @property
    def struck(self) -> list[Fate]:
        return [*self._struck, *(fate for replica in self._replicas.values() for fate in replica.life.struck)]

    async def _replica(self, which: int, fate: Fate | None) -> Replica:
        """Who is in this place, alive; with a fate, unless it is held already."""
        if which not in self._replicas or self._replicas[which].life.is_dead:
            self._replicas[which] = self._reception.replica(f"life{next(self._numbers)}")
        replica = self._replicas[which]
        if fate is None:
            replica.life.spare()
        elif not replica.life.is_held:
            replica.life.doom(fate)
        return replica

    async def _work(self, works: Sequence[tuple[Replica, Work]]) -> None:
        """Let these replicas do this, unless they are held, and the others go on, until nobody can."""
        free = [(replica, work) for replica, work in works if not replica.life.is_held]
        self._under_way += [(replica, replica.life.begin(work(replica))) for replica, work in free]

        async def is_over() -> bool:
            return all(task.done() or replica.life.is_held for replica, task in self._under_way)

        async with self._reception.watched():
            await until(is_over)
        over = [each for each in self._under_way if each[1].done()]
        self._under_way = [each for each in self._under_way if not each[1].done()]
        for replica, _ in over:
            if replica.life.is_dead:
                await self._bury(replica)
        await self._check()
        for replica, task in over:
            if not replica.life.is_dead:
                self._check_answer(task)

    async def _bury(self, replica: Replica) -> None:
        self._struck += replica.life.struck
        await replica.life.buried()
        await wait_for_backends(self._reception.database, replica.life)

    def _batch(self, news: list[News], *, is_repeated: bool) -> list[IndicatorSettled]:
        """News of records that are stored, as nobody else can know of one; or news that came before."""
        known = [
            (submission_id, record)
            for submission_id, page in self._ledger.pages.items()
            for record in range(1, page.stored + 1)
            if page.is_readable[record - 1]
        ]
        if is_repeated and self._told:
            return [self._told[choice % len(self._told)] for choice, _, _ in news]
        batch = [word(*known[choice % len(known)], outcome, seconds) for choice, outcome, seconds in news if known]
        self._told += batch
        return batch

    async def _hear_and_die(self, batch: Sequence[IndicatorSettled], *, milliseconds: int) -> None:
        listener = self._reception.replica(f"life{next(self._numbers)}")
        listener.life.begin(hear(batch, database=listener.means.database))
        await asyncio.sleep(milliseconds / 1000)
        listener.life.die()
        await self._bury(listener)

    async def _check(self) -> None:
        """Every record where the model has it, and every sum what it has to be."""
        await self._take_up_progress()
        for row in await self._reception.records():
            page = self._ledger.pages[row["submission_id"]]
            assert row["outcome"] == page.outcome(row["record"])
        for submission_id, page in self._ledger.pages.items():
            receipt = await self._reception.receipt(submission_id)
            assert min(receipt.counts.values(), default=0) >= 0
            assert sum(receipt.outcomes.values()) == receipt.accepted == page.accepted
            assert Counter(receipt.counts) == page.counts
        sums = await self._reception.sums()
        assert Counter(sums.totals) == self._ledger.totals
        assert sum(sums.outcomes.values()) == sums.accepted
        assert sums.outcome_conflicts == self._ledger.conflicts
        assert await self._reception.disagreements() == []

    async def _take_up_progress(self) -> None:
        """How far a payload has got is for the replicas to say; but it never goes back, and nothing comes twice."""
        rows = await self._reception.submissions()
        stored = Counter(row["submission_id"] for row in await self._reception.records())
        assert len({row["sha256"] for row in rows}) == len(rows), "a payload that is pushed twice is one submission"
        for row in rows:
            page = self._ledger.pages.setdefault(row["id"], Page(self._payloads[row["sha256"]].is_readable))
            assert page.stored <= stored[row["id"]] <= len(page.is_readable)
            page.stored = stored[row["id"]]
            if GIVEN_UP.code in row["errors"]:
                page.give_up(after=row["published_through"], at=self._reception.clock.now)

    def _check_answer(self, task: asyncio.Task[Answer]) -> None:
        """What a partner was told is so; who hears that something is away pushes again."""
        try:
            answer = task.result()
        except Transient:
            return
        if answer is None:
            return
        payload, reply = answer
        if isinstance(reply, Refused):
            assert payload.is_refused
        else:
            assert reply.receipt.submission.sha256 == payload.digest
            assert reply.receipt.submission.id in self._ledger.pages, "what was accepted is kept"

    async def _check_end(self) -> None:
        """Everything was read to its end, and everybody behind intake was told of every record that could be read."""
        told: dict[UUID, set[bytes]] = defaultdict(set)
        for event_id, value in await self._reception.said(since=self._began):
            told[event_id].add(value)
        assert all(len(values) == 1 for values in told.values()), "every copy is the same"
        readable, certain = set(), set()
        for row in await self._reception.submissions():
            page = self._ledger.pages[row["id"]]
            ids = {indicator_id(row["id"], record) for record in page.readable}
            readable |= ids
            if GIVEN_UP.code not in row["errors"]:
                certain |= ids
                assert page.stored == len(page.is_readable)
                assert row["status"] == (Status.DONE if any(page.is_readable) else Status.FAILED)
        assert certain <= told.keys() <= readable


@pytest.fixture
def begin(
    infrastructure: BackgroundStack,
    database_url: str,
    operator_public_key: str,
    runner: asyncio.Runner,
    tmp_path: Path,
) -> Iterator[Callable[[], ReceiptSums]]:
    make_tables("intake", database_url)
    ground = reception(
        database_url=database_url,
        kafka=infrastructure.endpoints.kafka,
        operator_public_key=operator_public_key,
        folder=tmp_path,
    )
    with entered(runner, ground) as entered_ground:
        yield lambda: ReceiptSums(entered_ground, runner)


def test_each_blow_at_each_point_is_survived(begin: Callable[[], ReceiptSums]) -> None:
    for fate in FATES:
        with told_of(fate), begin() as example:
            example.run(example.push(readable=(True,) * MOST_RECORDS, is_repeated=False, which=0, fate=None))
            example.run(example.push(readable=(True, False), is_repeated=False, which=0, fate=fate))
            example.run(example.push(readable=(True,), is_repeated=True, which=1, fate=None))
            if fate not in example.struck:
                example.run(example.read(readers=[(0, Order.OLDEST, fate)]))
        assert fate in example.struck, "it has struck"


def test_whoever_dies_outcomes_sum_to_what_was_accepted_at_every_moment(begin: Callable[[], ReceiptSums]) -> None:
    try_plans(ReceiptSums, begin, batches=5, steps=15)
