"""Reverse proxies in front of a service: whose word on who is asking counts, and whose does not."""

from typing import Annotated

from pydantic import AfterValidator
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from libs.common.addresses import canonical_network

_FROM_PROXY = "tocsin.from_proxy"


def _networks(text: str) -> str:
    wrong = [part for part in text.split(",") if text and canonical_network(part.strip()) is None]
    if wrong:
        raise ValueError(f"no addresses or networks: {', '.join(wrong)}")
    return text


Proxies = Annotated[str, AfterValidator(_networks)]
"""Addresses or networks, separated by commas; empty: nobody."""


class BehindProxies:
    """An API whose requests come from whom a trusted proxy says (`X-Forwarded-For`, `X-Forwarded-Proto`).

    Of several addresses it is the last that is no trusted proxy's: what stands before it, anybody can have written.
    """

    def __init__(self, api: ASGIApp, *, trusted: str) -> None:
        # Any ASGI application will do; uvicorn's types are its own.
        self._app = ProxyHeadersMiddleware(api, trusted_hosts=trusted)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        scope[_FROM_PROXY] = peer is not None and peer[0] in self._app.trusted_hosts
        await self._app(scope, receive, send)  # type: ignore[arg-type]  # the same


def is_from_proxy(request: HTTPConnection) -> bool:
    """Whether a trusted proxy brought the request, so that the headers count which it sets."""
    return bool(request.scope.get(_FROM_PROXY, False))
