"""`/f/{token}`: was the mail useful, was it clear? Anonymous: nothing of the request but the form is looked at."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse

from libs.common.db import Database
from libs.common.forms import form_body, form_of
from libs.common.links import Links, RatingLink
from libs.common.problems import not_found
from libs.common.security import public
from services.feedback import handlers
from services.feedback.api.pages import Pages
from services.feedback.domain.rating import MARKS, TEXT_CHARACTERS, Incomplete, RatingForm

Token = Annotated[str, Path(max_length=300, description="As the mail has it")]


def routes(*, database: Database, links: Links, pages: Pages) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/f/{token}")
    async def ask_rating(request: Request, token: Token) -> HTMLResponse:
        """The rating page. Changes nothing."""
        link = _link(links, token)
        async with database.transaction() as tx:
            rated = await handlers.is_rated(tx, link)
        return pages.message(request, "already_rated") if rated else _page(pages, request, RatingForm())

    @router.post(
        "/f/{token}",
        openapi_extra=form_body(useful="From 1 (not at all) to 5 (very)", clear="The same", text="In own words"),
    )
    async def take_rating(request: Request, token: Token) -> HTMLResponse:
        """Takes `useful`, `clear` (1-5) and `text`. A token counts once."""
        link = _link(links, token)
        sent = await form_of(request)
        form = RatingForm(useful=sent.first("useful"), clear=sent.first("clear"), text=sent.first("text"))
        async with database.transaction() as tx:
            result = await handlers.take_rating(tx, link, form, now=database.now())
        if isinstance(result, Incomplete):
            return _page(pages, request, form, lacking=result.fields)
        section = "test" if link.is_test else "rated" if result.first else "already_rated"
        return pages.message(request, section)

    return router


def _link(links: Links, token: str) -> RatingLink:
    link = links.read_rating_token(token)
    if link is None:
        raise not_found("link")
    return link


def _page(pages: Pages, request: Request, form: RatingForm, *, lacking: tuple[str, ...] = ()) -> HTMLResponse:
    return pages.page(
        request,
        "rating.html",
        status=422 if lacking else 200,
        form=form,
        lacking=lacking,
        marks=MARKS,
        text_characters=TEXT_CHARACTERS,
    )
