"""The way out: connections that go only to public addresses, and answers that end.

A name is resolved here, every address of it is judged, and the connection goes to one that was judged: a name that
leads elsewhere a second later leads nowhere. TLS is still that of the name. That holds for each request, so for each
redirect as well. No proxy of the environment is used, no cookie kept, nothing unpacked.
"""

import codecs
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import msgspec

from libs.common.addresses import IPAddress, is_public, parse_ip
from libs.common.dns import Dns

HTTPS = 443
MOST_ADDRESSES = 3
"""Of a name with more addresses the first ones are tried, until one takes the connection."""
INWARD = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home.arpa", ".onion", ".invalid")
"""Endings of names that are nobody's on the internet."""

Document = Mapping[str, Any]  # JSON of others

NOT_AN_ANSWER = (httpx.HTTPError, httpx.InvalidURL, ValueError)
"""What a request ends with where the other side does not keep to HTTP: a `ValueError` where it refers us to an address
that nobody can read."""


class Refused(httpx.TransportError):
    """We don't go there; the message says why, and holds nothing that the other side has sent."""


class TooLarge(httpx.TransportError):
    """The answer goes on for longer than any real one."""


class PublicTransport(httpx.AsyncBaseTransport):
    """Sends each request to a public address of its host.

    `may_reach` and `insecure` are for tests, whose servers are on this machine: which addresses are taken for public,
    and whether plain HTTP and any port may be used.
    """

    def __init__(
        self,
        dns: Dns,
        *,
        most_bytes: int,
        tls: ssl.SSLContext | None = None,
        may_reach: Callable[[IPAddress], bool] = is_public,
        insecure: bool = False,
    ) -> None:
        self._dns = dns
        self._most_bytes = most_bytes
        self._may_reach = may_reach
        self._insecure = insecure
        verify = tls or httpx.create_ssl_context(trust_env=False)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, retries=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        addresses = await self._addresses(request.url)
        failure: httpx.TransportError = Refused("the host has no address")
        for address in addresses[:MOST_ADDRESSES]:
            try:
                response = await self._inner.handle_async_request(_pinned(request, address))
            except httpx.ConnectError as error:
                failure = error
                continue
            body = _Bounded(response.stream, self._most_bytes)
            return httpx.Response(response.status_code, headers=response.headers, stream=body, request=request)
        raise failure

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """Of all addresses a single one that is not public is too many: which one is taken is up to the resolver."""
        if not self._insecure and (url.scheme != "https" or url.port not in (None, HTTPS)):
            raise Refused("only https at its own port is asked")
        host = url.raw_host.decode("ascii")
        literal = parse_ip(host)
        if literal is None and ("." not in host or f".{host}".endswith(INWARD)):
            raise Refused("the host is no name on the internet")
        addresses = [host] if literal is not None else list(await self._dns.addresses(host))
        for text in addresses:
            ip = parse_ip(text)
            if ip is None or not self._may_reach(ip):
                raise Refused("the host is at an address that is not a public one")
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    """A body that is broken off where it gets too long."""

    def __init__(self, inner: httpx.AsyncByteStream | httpx.SyncByteStream, most_bytes: int) -> None:
        if not isinstance(inner, httpx.AsyncByteStream):
            raise TypeError("an asynchronous transport gives asynchronous bodies")
        self._inner, self._left = inner, most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            self._left -= len(part)
            if self._left < 0:
                raise TooLarge("the answer is larger than any real one")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to this address; `Host` and TLS go by the name."""
    url = request.url.copy_with(host=address)
    extensions = {**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")}
    return httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)


def client_of(transport: PublicTransport, *, seconds: float, contact: str) -> httpx.AsyncClient:
    """`contact` tells whoever reads their log who was there, and why."""
    about = f"; +{contact}" if contact else ""
    return httpx.AsyncClient(
        transport=transport,
        timeout=seconds,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": f"Tocsin/1 (warns of exposed systems{about})", "Accept-Encoding": "identity"},
    )


def document_of(content: bytes) -> Document | None:
    """The JSON object in an answer, None for anything else. Every text in it is one that can be kept: half of a pair of
    UTF-16 is none.
    """
    try:
        document = msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def seconds_to_wait(response: httpx.Response) -> float:
    """How long the other side wants to be left alone; 0 where it does not say so in digits."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else 0.0


def in_a_word(error: Exception) -> str:
    """What went wrong, for the evidence; never what the other side has sent."""
    match error:
        case Refused() | TooLarge():
            return str(error)
        case httpx.TimeoutException() | TimeoutError():
            return "it took too long"
        case httpx.ConnectError() if _is_of_tls(error):
            return "its certificate is not right"
        case httpx.ConnectError():
            return "it takes no connection"
        case httpx.RemoteProtocolError() | httpx.DecodingError() | httpx.ReadError():
            return "it broke off or does not speak HTTP"
        case httpx.InvalidURL() | ValueError():
            return "it refers to an address that nobody can read"
        case _:
            return type(error).__name__


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
