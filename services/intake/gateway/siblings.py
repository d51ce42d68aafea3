"""The other services as the reconciliation asks them. Nothing else does: no event waits for the answer of a sibling."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import httpx
import msgspec

from libs.common.books import Backlog, SubmissionCounts
from libs.common.errors import Permanent, Transient
from services.intake.settings import IntakeSettings

ANSWER_SECONDS = 120.0
"""A service counts a payload of millions of records in a dozen seconds."""
PAGE = 500

T = TypeVar("T")


class Sibling(Protocol):
    """One service's books. `Transient` while it does not answer, `Permanent` when it answers what it should not."""

    async def counts(self, *, after: UUID, through: UUID) -> Mapping[UUID, SubmissionCounts]:
        """Of the submissions above `after` up to `through` that it has heard of."""
        ...

    async def sent(self, *, since: date) -> Mapping[date, int]:
        """Mails that have left, by day; of the notifier and feedback."""
        ...

    async def backlog(self) -> Backlog:
        """What it has still to read and to publish."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Siblings:
    """All that intake's records pass through."""

    verifier: Sibling
    attribution: Sibling
    notifier: Sibling
    feedback: Sibling

    def downstream(self) -> Sequence[tuple[str, Sibling]]:
        """In the order in which a record passes them."""
        return (
            ("verifier", self.verifier),
            ("attribution", self.attribution),
            ("notifier", self.notifier),
            ("feedback", self.feedback),
        )


class _Day(msgspec.Struct, frozen=True):
    day: date
    sent: int


class _Page(msgspec.Struct, Generic[T], frozen=True):
    items: list[T]
    next: str | None


class HttpSibling:
    """A service at its address."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def counts(self, *, after: UUID, through: UUID) -> Mapping[UUID, SubmissionCounts]:
        asked = {"after": str(after), "through": str(through)}
        return {each.submission_id: each async for each in self._items("/v1/counts", SubmissionCounts, asked)}

    async def sent(self, *, since: date) -> Mapping[date, int]:
        return {each.day: each.sent async for each in self._items("/v1/sent", _Day, {"since": since.isoformat()})}

    async def backlog(self) -> Backlog:
        return await self._ask("/v1/backlog", Backlog, {})

    async def _items(self, path: str, kind: type[T], asked: Mapping[str, str]) -> AsyncIterator[T]:
        cursor: str | None = ""
        while cursor is not None:
            page = await self._ask(
                path,
                _Page[kind],  # type: ignore[valid-type]  # a type made at run time
                {**asked, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})},
            )
            for item in page.items:
                yield item
            cursor = page.next

    async def _ask(self, path: str, kind: type[T], asked: Mapping[str, str]) -> T:
        place = f"{self._client.base_url}".rstrip("/") + path
        try:
            answer = await self._client.get(path, params=asked)
        except httpx.TransportError as error:
            raise Transient(f"{place} does not answer: {type(error).__name__}") from error
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Transient(f"{place} answers {answer.status_code}: something that it needs is away")
        if not answer.is_success:
            raise Permanent(f"{place} answers {answer.status_code}: is TOCSIN_INTAKE_AUDITOR_TOKEN still good?")
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise Permanent(f"{place} answers something else than a service of ours: {error}") from error


def addresses(settings: IntakeSettings) -> Mapping[str, str]:
    """Where each sibling is; empty where the settings don't say."""
    names = (each.name for each in fields(Siblings))
    return {name: getattr(settings, f"{name}_url") for name in names}


@asynccontextmanager
async def siblings_of(settings: IntakeSettings) -> AsyncIterator[Siblings]:
    """The siblings that the settings name. Raises `Permanent` if they don't name all."""
    urls = addresses(settings)
    if unknown := [f"TOCSIN_INTAKE_{name.upper()}_URL" for name, url in urls.items() if not url]:
        raise Permanent(f"nobody can be asked: {', '.join(unknown)} not set")
    headers = {"Authorization": f"Bearer {settings.auditor_token.get_secret_value()}"}
    async with AsyncExitStack() as stack:
        # No proxy stands between services of one house.
        clients = {
            name: await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False)
            )
            for name, url in urls.items()
        }
        yield Siblings(**{name: HttpSibling(client) for name, client in clients.items()})


@dataclass(slots=True)
class StaticSibling:
    """For tests: says what it was told to say."""

    known: Sequence[SubmissionCounts] = ()
    days: Mapping[date, int] = field(default_factory=dict)
    left: Backlog = field(default_factory=lambda: Backlog(readings=(), outbox_first=None, outbox_last=None))

    async def counts(self, *, after: UUID, through: UUID) -> Mapping[UUID, SubmissionCounts]:
        return {each.submission_id: each for each in self.known if after < each.submission_id <= through}

    async def sent(self, *, since: date) -> Mapping[date, int]:
        return {day: sent for day, sent in self.days.items() if day >= since}

    async def backlog(self) -> Backlog:
        return self.left
