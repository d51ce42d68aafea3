"""Partners' webhooks: one POST to an address that was judged a moment before, of whose answer only the status counts.

The name is resolved here and the connection goes to the address that was judged, so a name that leads elsewhere a
second later leads nowhere. TLS is still that of the name. Redirects are not followed, proxies of the environment not
used, no connection is kept for the next webhook, and the answer's body is not read.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import httpx

from services.intake.domain.webhooks.deliveries import Answer
from services.intake.domain.webhooks.targets import Refusal, Rules, Target, address_refusals, target_of

RESOLVING_THREADS = 8
MOST_ADDRESSES = 3
"""Of a name with more addresses the first ones are tried, until one takes the connection."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name; raises `OSError` for one that has none."""


class WebhookDoor(Protocol):
    """The way out to webhooks."""

    async def refusals(self, url: str) -> Sequence[Refusal]:
        """Everything for which this URL is not taken, its addresses of this moment included."""
        ...

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt, over within bounded time; all that can go wrong outside is an answer."""
        ...


class Resolver:
    """The machine's resolver, in threads of its own: a name whose servers are slow holds up nothing but webhooks."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, thread_name_prefix="webhook-names")

    async def __call__(self, name: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, socket.getaddrinfo, name, port, 0, socket.SOCK_STREAM)
        return list(dict.fromkeys(str(place[0]) for *_, place in found))


class HttpWebhooks:
    """Webhooks over HTTP/1.1."""

    def __init__(
        self, *, rules: Rules, seconds: float, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._rules = rules
        self._seconds = seconds
        self._resolve = resolve or Resolver()
        self._tls = tls or httpx.create_ssl_context(trust_env=False)

    async def refusals(self, url: str) -> Sequence[Refusal]:
        target = target_of(url, self._rules)
        if not isinstance(target, Target):
            return target
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await self._addresses(target)
        except (OSError, TimeoutError):
            return (Refusal("webhook-name", "its host name can't be resolved"),)
        return address_refusals(addresses, self._rules)

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, headers=headers, body=body)
        except TimeoutError:
            return Answer(error="timeout")

    async def _post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        target = target_of(url, self._rules)
        if not isinstance(target, Target):
            return Answer(error=target[0].code)
        try:
            addresses = await self._addresses(target)
        except OSError:
            return Answer(error="webhook-name")
        if refusals := address_refusals(addresses, self._rules):
            return Answer(error=refusals[0].code)
        answer = Answer(error="no-connection")
        for address in addresses[:MOST_ADDRESSES]:
            answer = await self._post_to(address, target, headers=headers, body=body)
            if answer.error != "no-connection":
                break
        return answer

    async def _addresses(self, target: Target) -> Sequence[str]:
        return await self._resolve(target.host, target.port) if target.is_named else (target.host,)

    async def _post_to(self, address: str, target: Target, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Host and TLS go by the name, the connection by the address. A client of its own: no connection is shared."""
        async with httpx.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds
        ) as client:
            request = client.build_request(
                "POST",
                target.at(address),
                headers={
                    "Host": target.authority,
                    "User-Agent": "Tocsin-Webhooks/1",
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    **headers,
                },
                content=body,
                extensions={"sni_hostname": target.host} if target.is_named else {},
            )
            try:
                response = await client.send(request, stream=True)
            except httpx.TransportError as error:
                return Answer(error=_word(error))
            await response.aclose()
            return Answer(status=response.status_code)


def _word(error: httpx.TransportError) -> str:
    """Whose fault it is, in a word; the error's own text may hold what the receiver sent."""
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    if isinstance(error, httpx.ConnectError):
        return "tls" if _is_of_tls(error) else "no-connection"
    return "broken-answer"


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
