"""Whether a service lives, and whether it can do its work, for those who watch it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.common.errors import Transient
from libs.common.security import public

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises `Transient` with the reason otherwise."""

CHECK_SECONDS = 5.0


def routes(checks: Mapping[str, Check]) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`."""
    router = APIRouter(dependencies=[Depends(public)], tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/health/ready")
    async def ready() -> Response:
        answers = dict(zip(checks, await asyncio.gather(*map(_answer, checks.values())), strict=True))
        well = set(answers.values()) <= {"ok"}
        body = {"status": "ok" if well else "unavailable", "checks": answers}
        return Response(msgspec.json.encode(body), status_code=200 if well else 503, media_type="application/json")

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _answer(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Transient as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:.0f} s"
    return "ok"
