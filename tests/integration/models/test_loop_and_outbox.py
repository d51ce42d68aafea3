"""The consumer loop and the outbox against a model, whoever dies between which two steps.

What is put on a topic is decided on once and said with one voice; what can't be handled is put aside, and nothing else;
what is written beside a state leaves if the state is kept; and all of it in order.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from secrets import token_hex

import pytest
from hypothesis import strategies as st

from deploy.local.background import BackgroundStack
from libs.common.contracts import IndicatorSettled
from libs.common.contracts.wire import encode
from libs.common.errors import Permanent
from libs.common.faults import EVERYWHERE, Point
from libs.common.outbox import enqueue
from libs.common.settings import ServiceSettings
from tests.integration.models.broker import Offsets
from tests.integration.models.lives import Blow, Condition, Fate, fates, fates_at, until
from tests.integration.models.machine import Machine, entered, step, told_of, try_plans
from tests.integration.models.pipeline import ASIDE, CURSED, HEARD, SAID, Pipeline, Replica, pipeline, set_the_pace
from tests.integration.models.words import Kind, Model, Seen, new_event, word_due

KEYS = 3
MOST_REPLICAS = 2
A_WHILE_SECONDS = 0.15
POINTS = {fault.point for fault in EVERYWHERE.values()} - {Point.CLOCK_READ}
PUBLISHING = {Point.PUBLISHING, Point.PUBLISHED_UNCONFIRMED, Point.PUBLISHED}
FATES = fates_at(POINTS, held_at=POINTS)

Message = tuple[Kind, int, int]
"""Its kind, its key, and which of the earlier ones comes again."""

Writing = tuple[list[int], bool]
"""The keys of some events, and whether the state beside them is kept."""

Doom = list[tuple[int, Fate]]
"""Who meets which fate."""

keys = st.integers(0, KEYS - 1)
which = st.integers(0, MOST_REPLICAS - 1)
messages = st.lists(st.tuples(st.sampled_from(Kind), keys, st.integers(0, 1000)), min_size=1, max_size=6)
writings = st.lists(st.tuples(st.lists(keys, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=2)
dooms = st.lists(st.tuples(which, fates(FATES)), max_size=2)

ONE_OF_EACH: list[Message] = [(kind, 0, 0) for kind in Kind]
TWO_WRITINGS: list[Writing] = [([0, 1], True), ([0], False)]


class LoopAndOutbox(Machine):
    """Replicas that come, work, and go or die, between a topic that fills and one that tells."""

    def __init__(self, pipeline: Pipeline, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self._pipeline = replace(pipeline, service=f"modelled-{token_hex(4)}")
        self._model = Model()
        self._replicas: list[Replica] = []
        self._numbers = count(1)
        self._is_calm = True
        """Whether nothing has happened that makes the loop repeat itself."""
        self._is_spared = True
        """Whether nothing has happened that makes the outbox repeat itself: who is held keeps the others out."""
        self._began: Offsets = {}
        self.struck: list[Fate] = []
        self.run(self._begin())

    async def _begin(self) -> None:
        await self._pipeline.clear()
        broker = self._pipeline.broker
        self._began = await broker.ends(HEARD, SAID, ASIDE)
        here = {place: end for place, end in self._began.items() if place.topic == HEARD}
        await broker.begin_group(self._pipeline.group, at=here)

    @step(weight=3, messages=messages, doom=dooms, lets_go=st.booleans())
    async def hear(self, messages: list[Message], doom: Doom, lets_go: bool) -> None:
        """Work at messages that come, until all is done, or somebody dies or is held."""
        await self._brace(doom, lets_go=lets_go)
        await self._put(messages)
        await self._work()

    @step(messages=messages)
    async def fall_behind(self, messages: list[Message]) -> None:
        await self._put(messages)

    @step(weight=3, writings=writings, doom=dooms, lets_go=st.booleans())
    async def write(self, writings: list[Writing], doom: Doom, lets_go: bool) -> None:
        """Work at what is written beside a state that is kept, or is not."""
        await self._brace(doom, lets_go=lets_go)
        for keys, is_kept in writings:
            await self._write(keys, is_kept=is_kept)
        await self._work()

    @step()
    async def start(self) -> None:
        if len(await self._going()) < MOST_REPLICAS:
            self._start()

    @step(which=which, turns=st.integers(0, 60))
    async def kill(self, which: int, turns: int) -> None:
        """At any moment, whether it has a name or not."""
        for _ in range(turns):
            await asyncio.sleep(0)
        if going := await self._going():
            self._is_calm = self._is_spared = False
            going[which % len(going)].life.die()

    @step(which=which)
    async def leave(self, which: int) -> None:
        """Told to finish, a replica finishes its batch, unless it is held or dies of it."""
        if going := await self._going():
            self._is_calm = False
            leaving = going[which % len(going)]
            leaving.shutdown.request()

            async def is_over() -> bool:
                return leaving.task.done() or leaving.life.is_held

            await self._until(is_over)

    async def settle(self) -> None:
        while not await self._pipeline.is_drained():
            for replica in await self._going() or [self._start()]:
                replica.life.spare()
                replica.life.let_go()
            await self._until_idle()
        self._model.check(await self.seen(), is_over=True)

    async def end(self) -> None:
        for replica in self._replicas:
            replica.life.die()
        await self._going()

    async def seen(self) -> Seen:
        """What there is by now."""
        words = await self._pipeline.said(since=self._began)
        return Seen(
            said=[word for word in words if isinstance(word, IndicatorSettled)],
            decisions=await self._pipeline.decisions(),
            letters=await self._pipeline.put_aside(since=self._began),
        )

    async def _put(self, messages: list[Message]) -> None:
        for kind, key, choice in messages:
            event = new_event(key, number=next(self._numbers), identifier=CURSED if kind is Kind.CURSED else "test")
            if kind is Kind.AGAIN and self._model.heard:
                event = self._model.heard[choice % len(self._model.heard)]
            value = b"poison %d" % event.record if kind is Kind.POISON else encode(event)
            place = await self._pipeline.broker.put(HEARD, key=event.key.encode(), value=value)
            self._model.put(None if kind is Kind.POISON else event, value=value, place=place)

    async def _write(self, keys: list[int], *, is_kept: bool) -> None:
        words = [word_due(new_event(KEYS + key, number=next(self._numbers))) for key in keys]
        with suppress(Permanent):
            async with self._pipeline.database.transaction() as tx:
                await enqueue(tx, words)
                if not is_kept:
                    raise Permanent("roll it back")
                self._model.written += words

    async def _brace(self, doom: Doom, *, lets_go: bool) -> None:
        """Somebody is there to work, and meets a fate in this step or later."""
        going = await self._going() or [self._start()]
        self._is_calm = self._is_calm and not doom
        self._is_spared = self._is_spared and all(fate.blow is Blow.HOLD for _, fate in doom)
        for which, fate in doom:
            going[which % len(going)].life.doom(fate)
        if lets_go:
            for replica in going:
                replica.life.let_go()

    async def _work(self) -> None:
        await self._until_idle()
        seen = await self.seen()
        self._model.check(seen, is_over=False)
        if self._is_calm:
            self._model.check_loop_repeats_nothing(seen)
        if self._is_spared:
            self._model.check_outbox_repeats_nothing(seen)

    def _start(self) -> Replica:
        self._is_calm = self._is_calm and not self._replicas
        replica = self._pipeline.start(f"life{next(self._numbers)}")
        self._replicas.append(replica)
        return replica

    async def _going(self) -> list[Replica]:
        """Those that are alive, once the others are buried. One that ended by itself must not have failed."""
        for gone in [replica for replica in self._replicas if not replica.is_going]:
            self._replicas.remove(gone)
            self.struck += gone.life.struck
            await self._pipeline.bury(gone.life)
            if not gone.life.is_dead:
                gone.task.result()
        return list(self._replicas)

    async def _until_idle(self) -> None:
        if any(replica.life.is_held for replica in self._replicas):
            # What lies in its partitions waits for it: give the others a moment.
            await asyncio.sleep(A_WHILE_SECONDS)
            return
        struck = [len(replica.life.struck) for replica in self._replicas]

        async def is_over() -> bool:
            is_shaken = [len(replica.life.struck) for replica in self._replicas] != struck
            has_lost = not all(replica.is_going for replica in self._replicas)
            return is_shaken or has_lost or await self._pipeline.is_drained()

        await self._until(is_over)

    async def _until(self, condition: Condition) -> None:
        """Wait, while the broker notices who has died."""

        async def is_met() -> bool:
            await self._pipeline.expel_all_but([replica for replica in self._replicas if replica.is_going])
            return await condition()

        await until(is_met)


@pytest.fixture
def begin(
    infrastructure: BackgroundStack,
    database_url: str,
    operator_public_key: str,
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], LoopAndOutbox]]:
    set_the_pace(monkeypatch)
    settings = ServiceSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=infrastructure.endpoints.kafka,
        operator_public_key=operator_public_key,
        batch_max_records=5,
        batch_max_wait_milliseconds=20,
        dead_letter_limit=10_000,
        retry_max_seconds=0.1,
    )
    with entered(runner, pipeline(settings)) as ground:
        yield lambda: LoopAndOutbox(ground, runner)


def test_each_blow_at_each_point_is_survived(begin: Callable[[], LoopAndOutbox]) -> None:
    for fate in FATES:
        with told_of(fate), begin() as example:
            example.run(example.hear(messages=ONE_OF_EACH, doom=[(0, fate)], lets_go=False))
            example.run(example.write(writings=TWO_WRITINGS, doom=[], lets_go=False))
            example.run(example.start())
            example.run(example.write(writings=TWO_WRITINGS, doom=[], lets_go=False))
        assert fate in example.struck, "it has struck"


def test_each_blow_while_the_outbox_is_published_is_survived(begin: Callable[[], LoopAndOutbox]) -> None:
    for fate in (fate for fate in FATES if fate.point in PUBLISHING):
        with told_of(fate), begin() as example:
            example.run(example.write(writings=TWO_WRITINGS, doom=[(0, fate)], lets_go=False))
            example.run(example.start())
            example.run(example.write(writings=TWO_WRITINGS, doom=[], lets_go=False))
        assert fate in example.struck, "it has struck"


@pytest.mark.parametrize("point", [Point.BATCH_PUBLISHED, Point.OUTBOX_PUBLISHED])
def test_what_counts_as_published_outlives_its_sender(begin: Callable[[], LoopAndOutbox], point: Point) -> None:
    with begin() as example:
        doom = [(0, Fate(point, Blow.CRASH))]
        if point is Point.BATCH_PUBLISHED:
            example.run(example.hear(messages=[(Kind.NEW, 0, 0)], doom=doom, lets_go=False))
        else:
            example.run(example.write(writings=[([0], True)], doom=doom, lets_go=False))
        assert len(example.run(example.seen()).said) == 1


def test_whoever_dies_all_is_decided_once_and_said_with_one_voice_in_order(begin: Callable[[], LoopAndOutbox]) -> None:
    try_plans(LoopAndOutbox, begin, batches=5, steps=15)
