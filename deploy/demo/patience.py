"""Waiting for something that others do, for a bounded time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN_LOOKS = 0.25


async def look_until(look: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool], *, within_seconds: float) -> T:
    """Look again and again; what was seen last, whether it is enough or the time is over."""
    give_up = time.monotonic() + within_seconds
    # Others tell nothing over HTTP, so there is no event to wait for.
    while not is_enough(seen := await look()) and time.monotonic() < give_up:  # noqa: ASYNC110
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return seen
