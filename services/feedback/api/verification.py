"""`/verify`: was this mail really from us? Yes or no, a date and a subject, and nothing else."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.openapi import content, refusals
from libs.common.security import public
from services.feedback import handlers
from services.feedback.api.pages import Pages
from services.feedback.api.turns import Turns
from services.feedback.domain.notification import Verification

Typed = Annotated[str, Path(max_length=100, description="In any spelling")]
TypedInForm = Annotated[str, Query(max_length=100, description="In any spelling")]


class VerificationAnswer(BaseModel):
    """The same fields whether yes or no, so that its shape tells nothing. The subject of a test says that it is one."""

    genuine: bool
    date: date | None
    subject: str | None


def routes(*, database: Database, pages: Pages, turns: Turns) -> APIRouter:
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
        turns.take(request)
        async with database.transaction() as tx:
            found = await handlers.verify(tx, typed)
        if _wants_json(request):
            return JSONResponse(_json(found))
        return pages.page(request, "verify.html", typed=typed, answer=found)

    return router


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _json(found: Verification) -> dict[str, object]:
    return VerificationAnswer(genuine=found.genuine, date=found.sent_on, subject=found.subject).model_dump(mode="json")
