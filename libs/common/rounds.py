"""Work that goes round as long as a service runs: do some, and pause when nothing is left; wait when it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from libs.common.errors import Transient
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown

log = structlog.get_logger(__name__)

LONGEST_WAIT_SECONDS = 30.0
Result = TypeVar("Result")


async def go_round(
    work: Callable[[], Awaitable[bool | None]],
    shutdown: Shutdown,
    *,
    in_trouble: str,
    pause_seconds: float,
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    news: asyncio.Event | None = None,
    troubles: tuple[type[Exception], ...] = (Transient,),
) -> None:
    """Until shutdown. `work` answers whether there is more to do at once; after any of `troubles` it is tried again.

    `in_trouble` is what the log says then. The first wait after trouble is short; each that follows it may be longer.
    `news` ends a pause, unless it came before the work began.
    """
    backoff = Backoff(longest_seconds=longest_wait_seconds)
    news = news or asyncio.Event()
    while not shutdown.requested:
        news.clear()
        try:
            has_more = await work()
        except troubles as error:
            log.warning(in_trouble, reason=str(error))
            await shutdown.wait(backoff.next_seconds())
            continue
        backoff.reset()
        if not has_more:
            await shutdown.wait_or(news, pause_seconds)


async def unless_ended(shutdown: Shutdown, work: Awaitable[Result]) -> Result | None:
    """Do the work, but drop it when the service ends: then None."""
    doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(shutdown.wait())
    try:
        await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        ending.cancel()
        doing.cancel()
        await asyncio.gather(doing, ending, return_exceptions=True)
