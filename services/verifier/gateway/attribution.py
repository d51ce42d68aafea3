"""Attribution, as somebody asks it who wants to know to how many people something would go."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import httpx
import msgspec

from libs.common.contracts import Asset
from libs.common.errors import Permanent, Transient
from libs.common.vocabulary import RecipientKind

ANSWER_SECONDS = 30.0
ASSETS_AT_ONCE = 2000
PATH = "/v1/lookups"


class Path(msgspec.Struct, frozen=True):
    """Which way a warning would go; `recipient` only tells one from another, and is None where nobody is warned."""

    route: str
    kind: RecipientKind | None = None
    recipient: UUID | None = None


class Attribution(Protocol):
    """`Transient` while it does not answer, `Permanent` when it answers what it should not."""

    async def paths(self, assets: Sequence[Asset]) -> list[Path]:
        """Whom a threat to each of these assets would go to now, in their order."""
        ...


class _Answer(msgspec.Struct, frozen=True):
    items: list[Path]


class HttpAttribution:
    """The service at its address, asked with the token of whoever wants to know."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def paths(self, assets: Sequence[Asset]) -> list[Path]:
        found: list[Path] = []
        for start in range(0, len(assets), ASSETS_AT_ONCE):
            found += await self._ask(assets[start : start + ASSETS_AT_ONCE])
        return found

    async def _ask(self, assets: Sequence[Asset]) -> list[Path]:
        try:
            answer = await self._client.post(PATH, json={"assets": [_asked(asset) for asset in assets]})
        except httpx.TransportError as error:
            raise Transient(f"attribution does not answer: {type(error).__name__}") from error
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Transient(f"attribution answers {answer.status_code}: something that it needs is away")
        if not answer.is_success:
            raise Permanent(f"attribution answers {answer.status_code}")
        try:
            items = msgspec.json.decode(answer.content, type=_Answer).items
        except msgspec.DecodeError as error:
            raise Permanent(f"attribution answers something else than it should: {error}") from error
        if len(items) != len(assets):
            raise Permanent(f"attribution answers for {len(items)} of {len(assets)} assets")
        return items


def _asked(asset: Asset) -> dict[str, str]:
    given = {"ip": asset.ip, "domain": asset.domain, "url": asset.url, "asn": asset.asn, "email": asset.email}
    return {name: str(value) for name, value in given.items() if value is not None}


@asynccontextmanager
async def attribution_at(url: str, *, authorization: str) -> AsyncIterator[Attribution]:
    """No proxy stands between services of one house."""
    headers = {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False) as client:
        yield HttpAttribution(client)


@dataclass(frozen=True, slots=True)
class StaticAttribution:
    """For tests: answers as it is told to."""

    answer: Callable[[Asset], Path]

    async def paths(self, assets: Sequence[Asset]) -> list[Path]:
        return [self.answer(asset) for asset in assets]
