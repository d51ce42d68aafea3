"""The services as their users reach them: over HTTP, with a token; and what is read here of their answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import httpx
import msgspec

from deploy.demo.patience import SECONDS_BETWEEN_LOOKS
from deploy.local.complaints import Complaint
from deploy.local.endpoints import Endpoints
from libs.common.vocabulary import Severity

T = TypeVar("T")

TIMEOUT_SECONDS = 60.0
AWAY = frozenset({429, 502, 503, 504})
AWAY_SECONDS = 30.0
PAGE = 500


class Counts(msgspec.Struct, frozen=True):
    total: int
    accepted: int
    rejected: int


class Receipt(msgspec.Struct, frozen=True):
    """Intake's answer to a push, and what became of it since."""

    id: UUID
    partner: str
    status: str
    received_at: datetime
    records: Counts
    outcomes: dict[str, int]

    @property
    def pending(self) -> int:
        return self.outcomes.get("pending", 0)


class RecordLine(msgspec.Struct, frozen=True):
    """One record of a submission; unreadable ones have no indicator."""

    record: int
    indicator_id: UUID | None
    outcome: str
    reason: str | None
    message: str | None
    at: datetime


class Reason(msgspec.Struct, frozen=True):
    check: str
    result: str
    detail: str


class Verdict(msgspec.Struct, frozen=True):
    """The verifier's answer about one indicator."""

    verdict: str
    grade: str
    severity: Severity
    confidence: float
    reasons: list[Reason]
    threat_id: UUID
    incident_id: str | None


class Threat(msgspec.Struct, frozen=True):
    id: UUID
    state: str
    closed_reason: str | None = None


class Evidence(msgspec.Struct, frozen=True):
    source: str
    asked: str
    answered: str
    confidence: float


class Target(msgspec.Struct, frozen=True):
    """One asset in a notification, with the record that told of it."""

    threat_id: UUID
    submission_id: UUID
    record: int
    asset: str
    port: int | None
    identifier: str
    severity: Severity
    evidence: list[Evidence]


class Recipient(msgspec.Struct, frozen=True):
    name: str
    email: str
    kind: str


class Summary(msgspec.Struct, frozen=True):
    """A notification in a list."""

    id: UUID
    state: str
    reason: str
    recipient: Recipient
    incident: str


class Attempt(msgspec.Struct, frozen=True):
    """One try to hand a mail to the relay."""

    result: str | None


class Notification(msgspec.Struct, frozen=True):
    """A notification with all that it carries."""

    id: UUID
    reference: str
    state: str
    recipient: Recipient
    incident: str
    sent_at: datetime | None
    targets_total: int
    targets: list[Target]
    attempts: list[Attempt] = []

    @property
    def doubts(self) -> int:
        """How often the relay's answer was lost."""
        return sum(attempt.result == "in-doubt" for attempt in self.attempts)


class Verification(msgspec.Struct, frozen=True):
    """What a stranger learns who asks whether a mail is genuine."""

    genuine: bool
    subject: str | None


class _Page(msgspec.Struct, Generic[T], frozen=True):
    items: list[T]
    next: str | None = None


def success(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is one to go on with; else a `Complaint` that says what was asked and answered."""
    if answer.is_success:
        return answer
    request = answer.request
    raise Complaint(f"{request.method} {request.url} was answered {answer.status_code}: {answer.text[:500]}")


class Api:
    """One service, asked by one user. Raises `Complaint` for every answer that is not a success."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, kind: type[T], **parameters: str) -> T:
        return msgspec.json.decode((await self.ask("GET", path, params=parameters)).content, type=kind)

    async def every(self, path: str, kind: type[T], **parameters: str) -> list[T]:
        """All items of a list, page by page."""
        items: list[T] = []
        cursor: str | None = ""
        while cursor is not None:
            asked = {**parameters, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, _Page[kind], **asked)  # type: ignore[valid-type]  # a type made at run time
            items += page.items
            cursor = page.next
        return items

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> httpx.Response:
        return await self.ask("POST", path, json=body or {})

    async def try_post(self, path: str, body: Mapping[str, object]) -> None:
        """Post something that is posted again as long as it has no effect: no answer and a refusal are passed over."""
        with suppress(httpx.TransportError):
            await self._client.post(path, json=body)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        async def request() -> httpx.Response:
            return await self._client.request(method, path, params=params, headers=headers, json=json, content=content)

        return success(await (_patiently(request) if method == "GET" else request()))


async def _patiently(request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The answer of a service that may be away for a moment; the last that there was when it stays away."""
    give_up = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            answer = await request()
            if answer.status_code not in AWAY or time.monotonic() > give_up:
                return answer
        except httpx.TransportError:
            if time.monotonic() > give_up:
                raise
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """The services as an operator reaches them. Feedback's pages are public."""

    intake: Api
    verifier: Api
    attribution: Api
    notifier: Api
    feedback: Api


@asynccontextmanager
async def apis_of(endpoints: Endpoints) -> AsyncIterator[Apis]:
    async with AsyncExitStack() as clients:
        opened = {
            name: await clients.enter_async_context(api_at(url, token=endpoints.admin_token))
            for name, url in endpoints.services.items()
        }
        yield Apis(**opened)


@asynccontextmanager
async def api_at(url: str, *, token: str = "") -> AsyncIterator[Api]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
        yield Api(client)
