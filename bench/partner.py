"""The partner's side: pushes a feed, and follows its receipt."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx

from bench.patience import until
from deploy.local.complaints import Complaint

Receipt = dict[str, Any]  # Any: JSON

FEED = {"report_type": "scan_smb"}


class Partner:
    """Speaks to intake as `demo`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def push(self, payload: bytes | Iterable[bytes], **query: str) -> Receipt:
        """Returns when the push is answered. What comes in pieces is streamed. `bench.feed` is understood as it is."""
        content = payload if isinstance(payload, bytes) else _streamed(payload)
        answer = await self._client.post("/v1/submissions", params=query or FEED, content=content)
        receipt: Receipt = answer.raise_for_status().json()
        return receipt

    async def look(self, receipt: Receipt) -> Receipt:
        """The receipt as it is now; `Complaint` when its payload could not be read."""
        answer = await self._client.get(receipt["links"]["self"])
        current: Receipt = answer.raise_for_status().json()
        if current["status"] == "failed":
            raise Complaint(f"The submission failed: {current['errors']}")
        return current

    async def wait_until_read(self, receipt: Receipt, *, seconds: float) -> None:
        async def is_read() -> bool:
            return bool((await self.look(receipt))["status"] == "done")

        await until(is_read, what="every record of the submission read", seconds=seconds)

    async def wait_until_settled(self, receipt: Receipt, *, seconds: float, pause: float = 0.1) -> Receipt:
        """The receipt, once no record is pending."""
        found: list[Receipt] = []

        async def is_settled() -> bool:
            found[:] = [await self.look(receipt)]
            return found[0]["status"] == "done" and not found[0]["outcomes"].get("pending")

        await until(is_settled, what="every record at its outcome", seconds=seconds, pause=pause)
        return found[0]


async def _streamed(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
