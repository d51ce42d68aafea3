"""Waiting for something, but not for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from deploy.local.complaints import Complaint

Look = Callable[[], Awaitable[bool]]


async def until(look: Look, *, what: str, seconds: float, pause: float = 0.05) -> None:
    """Look until it is so. `Complaint` when it is not within `seconds`."""
    if not await comes_true(look, seconds=seconds, pause=pause):
        raise Complaint(f"Not within {seconds:.0f} s: {what}.")


async def comes_true(look: Look, *, seconds: float, pause: float = 0.05) -> bool:
    """Look until it is so; whether it was within `seconds`."""
    end = time.monotonic() + seconds
    while not await look():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(pause)
    return True
