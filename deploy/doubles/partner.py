"""A partner on a bad day: hangs up, stalls, babbles, repeats itself, and pushes until its payload is taken."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from libs.common.faults import Draw, Fault, Point

STALL_SECONDS = 0.5
IMPATIENT_SECONDS = 0.02
PAUSE_SECONDS = 0.3
TAKEN = frozenset({200, 201, 202})
LATER = frozenset({429, 500, 502, 503, 504})
RUBBISH = b"\xff\xfe\xfd rubbish" * 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is pushed, where to, and what its partner says of it."""

    content: bytes
    path: str = "/v1/submissions"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Push:
    """The answer that was waited for, and how often it took to get it."""

    answer: httpx.Response
    tries: int


class RubbishTaken(Exception):
    """Intake has accepted what no format knows."""


class _HungUp(Exception):
    """The partner itself ends its request."""


class ClumsyPartner:
    """Pushes over one client. Whatever it does wrong first, its payload is taken once."""

    def __init__(self, client: httpx.AsyncClient, *, draw: Draw, patience_seconds: float) -> None:
        self._client = client
        self._draw = draw
        self._patience_seconds = patience_seconds

    async def push(self, payload: Payload) -> Push:
        """Until it is taken, or refused for good; TimeoutError when that takes longer than this partner is patient."""
        async with asyncio.timeout(self._patience_seconds):
            for fault in self._draw.at(Point.PUSH_BEGUN):
                with suppress(httpx.TransportError, TimeoutError, _HungUp):
                    await self._blunder(fault, payload)
            tries = 1
            while (answer := await self._try(payload)) is None:
                tries += 1
                await asyncio.sleep(PAUSE_SECONDS)
        return Push(answer, tries)

    async def _try(self, payload: Payload) -> httpx.Response | None:
        """None for an answer that was lost, or that says to come later."""
        try:
            answer = await self._post(payload, payload.content)
        except httpx.TransportError:
            return None
        return None if answer.status_code in LATER else answer

    async def _blunder(self, fault: Fault, payload: Payload) -> None:
        match fault.name:
            case "partner-hangs-up":
                await self._post(payload, _broken_off(payload.content))
            case "partner-stalls":
                await self._post(payload, _halting(payload.content))
            case "partner-babbles":
                answer = await self._post(payload, RUBBISH)
                if answer.status_code in TAKEN:
                    raise RubbishTaken(answer.text)
            case "partner-is-impatient":
                async with asyncio.timeout(IMPATIENT_SECONDS):
                    await self._post(payload, payload.content)
            case "partner-repeats":
                await asyncio.gather(*(self._post(payload, payload.content) for _ in range(2)))

    async def _post(self, payload: Payload, content: bytes | AsyncIterator[bytes]) -> httpx.Response:
        return await self._client.post(payload.path, params=payload.params, headers=payload.headers, content=content)


async def _broken_off(content: bytes) -> AsyncIterator[bytes]:
    yield content[: len(content) // 2]
    raise _HungUp


async def _halting(content: bytes) -> AsyncIterator[bytes]:
    middle = len(content) // 2
    yield content[:middle]
    await asyncio.sleep(STALL_SECONDS)
    yield content[middle:]
