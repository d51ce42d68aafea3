"""The one way in which a service is told to finish."""

import asyncio


class Shutdown:
    """Set once, by SIGTERM or by the end of a sibling task; everything that loops looks at it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        self._event.set()

    async def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the request, at most this long; tells whether it has come."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        return self.requested

    async def wait_or(self, event: asyncio.Event, timeout_seconds: float) -> None:
        """Wait for the request or for `event`, whichever comes first, at most this long."""
        waits = [asyncio.ensure_future(each.wait()) for each in (self._event, event)]
        try:
            await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
