"""Whether a service lives, and whether it can do its work, for those who watch it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from libs.common.errors import Transient
from libs.common.openapi import content
from libs.common.security import public

Check = Callable[[], Awaitable[str | None]]
"""Returns when all is well, perhaps with a remark; raises `Transient` with the reason otherwise."""

OK = "ok"

CHECK_SECONDS = 5.0


class Readiness(BaseModel):
    """`ok`, or `unavailable` where any check is not `ok`, or `ok: ` and a remark."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]


def routes(checks: Mapping[str, Check]) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`."""
    router = APIRouter(dependencies=[Depends(public)], tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Whether the process can serve."""
        return {"status": "ok"}

    @router.get("/health/ready", responses={status: {"model": Readiness} for status in (200, 503)})
    async def ready() -> Response:
        """Whether it can do its work; each check says `ok`, or what is wrong."""
        answers = dict(zip(checks, await asyncio.gather(*map(_answer, checks.values())), strict=True))
        well = all(answer.partition(":")[0] == OK for answer in answers.values())
        body = {"status": "ok" if well else "unavailable", "checks": answers}
        return Response(msgspec.json.encode(body), status_code=200 if well else 503, media_type="application/json")

    @router.get("/metrics", response_class=Response, responses={200: content("text/plain")})
    async def metrics() -> Response:
        """Counters, gauges and histograms, as Prometheus reads them."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _answer(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            remark = await check()
    except Transient as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:.0f} s"
    return f"{OK}: {remark}" if remark else OK
