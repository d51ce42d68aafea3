"""How an API says no, also where a protocol has a form of its own for that, and what it takes of bodies and texts."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from libs.common.errors import Transient
from libs.common.http_api import MAX_BODY_BYTES, SAFE_HEADERS, new_api
from libs.common.problems import Problem
from libs.common.security import public

PROBLEM = "application/problem+json"
DIALECT = "application/dialect+json"


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    more: list[Any]  # Any: JSON


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

    @router.post("/named")
    async def named(body: Named) -> str:
        return body.name

    @router.get("/named/{name}")
    async def named_so(name: str, q: str = "") -> str:
        return name

    @router.get("/broken")
    async def broken_as_well() -> None:
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


async def test_an_answer_to_a_bug_has_all_that_others_have(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken", headers={"X-Request-Id": "asked-17"})

    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] == "asked-17"
    assert answer.headers.items() >= {name.lower(): value for name, value in SAFE_HEADERS.items()}.items()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (rb'{"name": "a\u0000b", "more": []}', ["body.name"]),
        (rb'{"name": "a", "more": [{"x": ["", "\u0000"]}, "\u0000"]}', ["body.more.0.x.1", "body.more.1"]),
        (rb'{"name": "a", "more": [{"x\u0000": 1}]}', ["body.more.0"]),
        ('{"name": "\\u0000", "more": []}'.encode("utf-16"), ["body.name"]),
        (rb'{"name": "\u0000", "more": [' + 900 * b"[" + 900 * b"]" + b"]}", ["body.name"]),
    ],
)
async def test_a_nul_in_json_is_refused_with_its_place(
    body: bytes, where: list[str], client: httpx.AsyncClient
) -> None:
    answer = await client.post("/named", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert {error["code"] for error in errors} == {"nul-character"}
    assert sorted(error["where"] for error in errors) == where


@pytest.mark.parametrize(("path", "where"), [("/named/a%00b?q=1", "path.name"), ("/named/a?q=%00", "query.q")])
async def test_a_nul_in_the_address_is_refused_with_its_place(path: str, where: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)

    assert (answer.status_code, [error["where"] for error in answer.json()["errors"]]) == (422, [where])


async def test_a_nul_that_nobody_reads_harms_nobody(client: httpx.AsyncClient) -> None:
    body = rb'{"name": "\\u0000", "more": []}'

    assert (await client.get("/named/a?other=%00")).json() == "a"
    answer = await client.post("/named", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == r"\u0000"


@pytest.mark.parametrize("name", [r"\ud800", r"\u202e", 5000 * "x"])
async def test_a_name_that_is_too_much_is_answered_in_a_form_that_can_be_read(
    name: str, client: httpx.AsyncClient
) -> None:
    body = f'{{"name": "a", "more": [], "{name}": 1}}'

    answer = await client.post("/named", content=body, headers={"Content-Type": "application/json"})

    (error,) = answer.json()["errors"]
    assert answer.status_code == 422
    assert error["where"].isprintable()
    assert len(error["where"]) <= 200
