"""What an import has met so far."""

from collections import Counter
from collections.abc import Awaitable, Callable


class Tally:
    """`tick` is awaited after each batch, to show it. `share_done` is of all work, from 0 to 1."""

    def __init__(self, tick: Callable[[], Awaitable[None]]) -> None:
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.share_done = 0.0
        self.said: list[str] = []
        self.tick = tick

    async def reach(self, share_done: float) -> None:
        self.share_done = max(self.share_done, share_done)
        await self.tick()
