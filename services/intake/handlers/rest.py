"""The moment by which everything that was under way has come to rest."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from libs.common.books import Backlog
from libs.common.retry import Backoff

LONGEST_PAUSE_SECONDS = 2.0

Ask = Callable[[], Awaitable[Backlog]]


async def until_at_rest(services: Sequence[tuple[str, Ask]], *, until: float) -> str | None:
    """Wait for each service in the order of the flow; says who did not get there by `until`, None if all did.

    What a service has handled it has published before it moves its offset, or put into its outbox. So once it has read
    what there was and sent what lay there, all that was under way towards it is at rest or with the next one.
    """
    for name, ask in services:
        backlog = await _past(ask, until=until)
        if backlog is not None:
            return f"{name} did not get through what it had: {_left(backlog)}"
    return None


async def _past(ask: Ask, *, until: float) -> Backlog | None:
    """Wait until a service has read all that there was, and then until it has sent all that lay in its outbox by then.

    Answers what it had left to do when the time was over; None if it got there.
    """
    pauses = Backoff(longest_seconds=LONGEST_PAUSE_SECONDS)
    now = await ask()
    for is_past in (Backlog.has_read, Backlog.has_sent):
        mark = now
        while not is_past(now, mark):
            if time.monotonic() > until:
                return now
            await asyncio.sleep(pauses.next_seconds())
            now = await ask()
    return None


def _left(backlog: Backlog) -> str:
    unread = [f"{messages:,} messages of {topic} not read" for topic, messages in backlog.unread.items() if messages]
    outbox = ["events in its outbox"] if backlog.outbox_first is not None else []
    return ", ".join((*unread, *outbox)) or "a moment ago"
