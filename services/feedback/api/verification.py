"""`/verify`: was this mail really from us? Yes or no, a date and a subject, and nothing else."""

import math
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from libs.common import clock
from libs.common.db import Database
from libs.common.openapi import content, refusals
from libs.common.problems import Problem
from libs.common.security import public
from services.feedback import handlers
from services.feedback.api.pages import Pages
from services.feedback.domain.allowance import Allowance, asker_of
from services.feedback.domain.notification import Verification

Typed = Annotated[str, Path(max_length=100, description="In any spelling")]
TypedInForm = Annotated[str, Query(max_length=100, description="In any spelling")]


class VerificationAnswer(BaseModel):
    """The same fields whether yes or no, so that its shape tells nothing. The subject of a test says that it is one."""

    genuine: bool
    date: date | None
    subject: str | None


def routes(*, database: Database, pages: Pages, allowance: Allowance) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"])

    @router.get("/verify", response_class=HTMLResponse, responses=refusals(429))
    async def ask_reference(request: Request, reference: TypedInForm = "") -> Response:
        """The form; with `reference` its answer."""
        if not reference.strip():
            return pages.page(request, "verify.html", typed="", answer=None)
        return await answer(request, reference)

    @router.get(
        "/verify/{reference}",
        response_model=VerificationAnswer,
        responses={200: content("text/html"), **refusals(429)},
    )
    async def verify(request: Request, reference: Typed) -> Response:
        """A page, or JSON for `Accept: application/json`."""
        return await answer(request, reference)

    async def answer(request: Request, typed: str) -> Response:
        _take_turn(allowance, request)
        async with database.transaction() as tx:
            found = await handlers.verify(tx, typed)
        if _wants_json(request):
            return JSONResponse(_json(found))
        return pages.page(request, "verify.html", typed=typed, answer=found)

    return router


def _take_turn(allowance: Allowance, request: Request) -> None:
    """Raise a 429 problem for an address that asks too fast."""
    host = request.client.host if request.client else ""
    seconds = math.ceil(allowance.take(asker_of(host), now=clock.now()))
    if seconds:
        raise Problem(
            429,
            "too-many-requests",
            "Too many references from your address",
            f"Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds), "RateLimit": f'"verify";r=0;t={seconds}'},
        )


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _json(found: Verification) -> dict[str, object]:
    return VerificationAnswer(genuine=found.genuine, date=found.sent_on, subject=found.subject).model_dump(mode="json")
