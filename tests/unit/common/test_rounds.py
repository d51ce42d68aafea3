"""Work that goes round: at once while there is more, after a pause otherwise, and again after trouble."""

import asyncio
import time

import pytest

from libs.common.errors import Fatal, Transient
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown


class Work:
    """Answers as told, and asks for the end with the last answer."""

    def __init__(self, *given: bool | Exception) -> None:
        self.shutdown = Shutdown()
        self.left = list(given)
        self.rounds = 0

    async def __call__(self) -> bool:
        self.rounds += 1
        answer = self.left.pop(0)
        if not self.left:
            self.shutdown.request()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def run(work: Work, *, pause_seconds: float = 0.0, troubles: tuple[type[Exception], ...] = (Transient,)) -> None:
    await go_round(work, work.shutdown, what="work", pause_seconds=pause_seconds, troubles=troubles)


async def test_it_goes_round_until_shutdown() -> None:
    work = Work(False, True, False)
    await run(work)
    assert work.rounds == 3


async def test_while_there_is_more_it_does_not_pause() -> None:
    work = Work(True, True, True)
    async with asyncio.timeout(5):
        await run(work, pause_seconds=60)
    assert work.rounds == 3


async def test_otherwise_it_pauses() -> None:
    work = Work(False, True)
    started = time.monotonic()
    await run(work, pause_seconds=0.2)
    assert time.monotonic() - started >= 0.2


async def test_news_ends_a_pause() -> None:
    work, news = Work(False, True), asyncio.Event()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(go_round(work, work.shutdown, what="work", pause_seconds=60, news=news))
        while work.rounds == 0:
            await asyncio.sleep(0)
        news.set()

    assert work.rounds == 2


async def test_after_trouble_it_goes_on() -> None:
    work = Work(Transient("the database is away"), OSError("the disk is away"), True)
    async with asyncio.timeout(5):
        await run(work, pause_seconds=60, troubles=(Transient, OSError))
    assert work.rounds == 3


async def test_what_is_no_trouble_ends_it() -> None:
    work = Work(Fatal("a setting is wrong"), True)
    with pytest.raises(Fatal):
        await run(work)
    assert work.rounds == 1
