"""How an API says no where a protocol has a form of its own for that, and how long bodies may be."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from libs.common.errors import Transient
from libs.common.http_api import MAX_BODY_BYTES, new_api
from libs.common.problems import Problem
from libs.common.security import public

PROBLEM = "application/problem+json"
DIALECT = "application/dialect+json"


def in_dialect(problem: Problem) -> Response:
    return JSONResponse({"code": problem.code}, problem.status, headers=problem.headers, media_type=DIALECT)


def routes() -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/own/refuse")
    @router.get("/refuse")
    async def refuse() -> None:
        raise Problem(409, "no", "No", headers={"Retry-After": "7"})

    @router.get("/own/number/{number}")
    async def number(number: int) -> int:
        return number

    @router.get("/own/away")
    async def away() -> None:
        raise Transient("away")

    @router.get("/own/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    @router.post("/own/{name}/body")
    @router.post("/own/{name}/body/other")
    @router.post("/own/{name}/other")
    async def length(request: Request, name: str) -> int:
        return len(await request.body())

    return router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    api = new_api(
        title="Test",
        description="",
        routers=[routes()],
        operator_public_key="A" * 43 + "=",
        streaming_pattern=re.compile(r"/own/[^/]+/body"),
        dialects={"/own": in_dialect},
    )
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/own/refuse", 409, "no"),
        ("/own/nothing", 404, "not-found"),
        ("/own", 404, "not-found"),
        ("/own/number/x", 422, "not-valid"),
        ("/own/away", 503, "not-available-now"),
        ("/own/broken", 500, "unexpected"),
        ("/own/x/body", 405, "method-not-allowed"),
    ],
)
async def test_every_refusal_below_a_path_with_a_dialect_is_in_it(
    path: str, status: int, code: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, DIALECT)
    assert answer.json() == {"code": code}


@pytest.mark.parametrize("path", ["/refuse", "/owner", "/"])
async def test_everywhere_else_a_refusal_is_a_problem(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(path)).headers["content-type"] == PROBLEM


async def test_only_a_path_of_the_pattern_takes_more_than_a_mebibyte(client: httpx.AsyncClient) -> None:
    body = bytes(MAX_BODY_BYTES + 1)

    taken = await client.post("/own/x/body", content=body)
    refused = [await client.post(path, content=body) for path in ("/own/x/other", "/own/x/body/other")]

    assert (taken.status_code, taken.json()) == (200, len(body))
    assert [answer.status_code for answer in refused] == [413, 413]
