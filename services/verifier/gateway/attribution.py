"""Attribution, as somebody asks it who wants to know to how many people something would go."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import httpx
import msgspec

from libs.common.contracts import ListedOperator
from libs.common.errors import Permanent, Transient
from libs.common.vocabulary import RecipientKind
from services.verifier.domain.what_if import Told

ANSWER_SECONDS = 30.0
ASKED_AT_ONCE = 2000
BYTES_AT_ONCE = 900_000
"""Less than attribution takes, which 2,000 long URLs are not."""

LONGEST_NAME = 253
PATH = "/v1/lookups"


class Receiver(msgspec.Struct, frozen=True):
    """Somebody who would get a mail; `recipient` only tells one from another."""

    kind: RecipientKind
    recipient: UUID


class Path(msgspec.Struct, frozen=True):
    """Which way a warning would go; `recipient` is None where nobody is warned. `copies` are mails beside it."""

    route: str
    kind: RecipientKind | None = None
    recipient: UUID | None = None
    copies: tuple[Receiver, ...] = ()

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """All who would get a mail."""
        if self.kind is None or self.recipient is None:
            return ()
        return (Receiver(self.kind, self.recipient), *self.copies)


class Attribution(Protocol):
    """`Transient` while it does not answer, `Permanent` when it answers what it should not."""

    async def paths(self, told: Sequence[Told]) -> list[Path]:
        """Whom each of these threats would go to now, in their order."""
        ...


class _Answer(msgspec.Struct, frozen=True):
    items: list[Path]


class HttpAttribution:
    """The service at its address, asked with the token of whoever wants to know."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def paths(self, told: Sequence[Told]) -> list[Path]:
        found: list[Path] = []
        for portion in _portions(map(_asked, told)):
            found += await self._ask(portion)
        return found

    async def _ask(self, asked: Sequence[bytes]) -> list[Path]:
        body = b'{"assets":[' + b",".join(asked) + b"]}"
        try:
            answer = await self._client.post(PATH, content=body, headers={"Content-Type": "application/json"})
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
        if len(items) != len(asked):
            raise Permanent(f"attribution answers for {len(items)} of {len(asked)} assets")
        return items


def _portions(asked: Iterable[bytes]) -> Iterator[list[bytes]]:
    """As many at once as attribution takes in one body."""
    portion: list[bytes] = []
    size = 0
    for each in asked:
        if portion and (len(portion) == ASKED_AT_ONCE or size + len(each) >= BYTES_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(each)
        size += len(each) + 1
    if portion:
        yield portion


class _Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One of them, as attribution reads it."""

    ip: str | None = None
    domain: str | None = None
    url: str | None = None
    asn: str | None = None
    email: str | None = None
    hostname: str | None = None
    certificate_name: str | None = None
    network_asn: int | None = None
    country: str | None = None
    category: str = ""
    listed: ListedOperator | None = None


def _asked(told: Told) -> bytes:
    asset, certificate_name = told.asset, told.certificate_name
    return msgspec.json.encode(
        _Asked(
            ip=asset.ip,
            domain=asset.domain,
            url=asset.url,
            asn=str(asset.asn) if asset.asn is not None else None,
            email=asset.email,
            hostname=asset.hostname,
            certificate_name=certificate_name if certificate_name and len(certificate_name) <= LONGEST_NAME else None,
            network_asn=told.asn,
            country=told.country,
            category=told.category,
            listed=told.listed,
        )
    )


@asynccontextmanager
async def attribution_at(url: str, *, authorization: str) -> AsyncIterator[Attribution]:
    """No proxy stands between services of one house."""
    headers = {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False) as client:
        yield HttpAttribution(client)


@dataclass(frozen=True, slots=True)
class StaticAttribution:
    """For tests: answers as it is told to."""

    answer: Callable[[Told], Path]

    async def paths(self, told: Sequence[Told]) -> list[Path]:
        return [self.answer(each) for each in told]
