"""Whom a service believes when it is told who is asking."""

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from libs.common.proxies import BehindProxies, Proxies, is_from_proxy

PROXY = "10.0.0.7"


async def who(request: Request) -> JSONResponse:
    return JSONResponse([request.client.host if request.client else None, is_from_proxy(request)])


async def asked(peer: str, *forwarded: str, trusted: str = "10.0.0.0/28, 127.0.0.1") -> object:
    api = BehindProxies(Starlette(routes=[Route("/", who)]), trusted=trusted)
    transport = httpx.ASGITransport(api, client=(peer, 4711))
    headers = [("X-Forwarded-For", value) for value in forwarded]
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return (await client.get("/", headers=headers)).json()


async def test_a_trusted_proxy_says_who_is_asking() -> None:
    assert await asked(PROXY, "192.0.2.1") == ["192.0.2.1", True]
    assert await asked(PROXY) == [PROXY, True]


async def test_anybody_else_can_say_what_they_like() -> None:
    assert await asked("198.51.100.1", "192.0.2.1") == ["198.51.100.1", False]
    assert await asked(PROXY, "192.0.2.1", trusted="") == [PROXY, False]


@pytest.mark.parametrize("forwarded", [("192.0.2.66, 198.51.100.1",), ("192.0.2.66", "198.51.100.1, 10.0.0.8")])
async def test_what_a_client_wrote_before_the_proxy_does_not_count(forwarded: tuple[str, ...]) -> None:
    assert await asked(PROXY, *forwarded) == ["198.51.100.1", True]


@pytest.mark.parametrize("text", ["*", "proxy.example", "10.0.0.1/24", "10.0.0.1,,10.0.0.2"])
def test_what_is_no_network_stops_the_start(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Proxies).validate_python(text)
