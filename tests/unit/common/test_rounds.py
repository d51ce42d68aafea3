"""Work that goes round: at once while there is more, after a pause otherwise, and again after trouble."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from libs.common.errors import Fatal, Transient
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown

AWAY = Transient("the database is away")


class InNoTime(Shutdown):
    """Writes down how long it should have waited after trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    async def wait(self, timeout_seconds: float | None = None) -> bool:
        self.waits.append(timeout_seconds or 0.0)
        return self.requested


class Work:
    """Answers as told, and asks for the end with the last answer."""

    def __init__(self, *given: bool | Exception | None, shutdown: Shutdown | None = None) -> None:
        self.shutdown = shutdown or Shutdown()
        self.left = list(given)
        self.rounds = 0

    async def __call__(self) -> bool | None:
        self.rounds += 1
        answer = self.left.pop(0)
        if not self.left:
            self.shutdown.request()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def run(work: Work, *, pause_seconds: float = 0.0, troubles: tuple[type[Exception], ...] = (Transient,)) -> None:
    await go_round(work, work.shutdown, in_trouble="work waits", pause_seconds=pause_seconds, troubles=troubles)


async def test_it_goes_round_until_shutdown() -> None:
    work = Work(False, True, False)
    await run(work)
    assert work.rounds == 3


async def test_while_there_is_more_it_does_not_pause() -> None:
    work = Work(True, True, True)
    async with asyncio.timeout(5):
        await run(work, pause_seconds=60)
    assert work.rounds == 3


@pytest.mark.parametrize("answer", [False, None])
async def test_otherwise_it_pauses(answer: bool | None) -> None:
    work = Work(answer, True)
    started = time.monotonic()
    await run(work, pause_seconds=0.2)
    assert time.monotonic() - started >= 0.2


async def test_news_ends_a_pause() -> None:
    work, news = Work(False, True), asyncio.Event()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(go_round(work, work.shutdown, in_trouble="work waits", pause_seconds=60, news=news))
        while work.rounds == 0:
            await asyncio.sleep(0)
        news.set()

    assert work.rounds == 2


async def test_after_trouble_it_goes_on() -> None:
    work = Work(AWAY, OSError("the disk is away"), True)
    async with asyncio.timeout(5):
        await run(work, pause_seconds=60, troubles=(Transient, OSError))
    assert work.rounds == 3


async def test_the_longer_the_trouble_lasts_the_longer_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)
    shutdown = InNoTime()
    await go_round(
        Work(*[AWAY] * 5, True, shutdown=shutdown), shutdown, in_trouble="", pause_seconds=60, longest_wait_seconds=1.0
    )
    assert shutdown.waits == [0.1, 0.2, 0.4, 0.8, 1.0]


async def test_after_a_round_that_went_well_it_begins_with_a_short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)
    shutdown = InNoTime()
    await go_round(Work(AWAY, AWAY, True, AWAY, True, shutdown=shutdown), shutdown, in_trouble="", pause_seconds=60)
    assert shutdown.waits == [0.1, 0.2, 0.1]


async def test_the_log_says_what_is_in_trouble_and_why() -> None:
    with capture_logs() as logs:
        await run(Work(AWAY, True))
    assert logs == [{"event": "work waits", "log_level": "warning", "reason": "the database is away"}]


async def test_what_is_no_trouble_ends_it() -> None:
    work = Work(Fatal("a setting is wrong"), True)
    with pytest.raises(Fatal):
        await run(work)
    assert work.rounds == 1
