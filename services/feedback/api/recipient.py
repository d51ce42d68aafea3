"""`/r/{token}`: the recipient's own page, tied to their notification; and `/u/{token}`: no more mails (RFC 8058)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse

from libs.common.db import Database, Transaction
from libs.common.forms import form_body, form_of
from libs.common.links import Links
from libs.common.problems import Problem, not_found
from libs.common.security import public
from services.feedback import handlers
from services.feedback.api.pages import Pages
from services.feedback.domain.answer import CHOICES, AnswerForm, can_opt_out, choices_of
from services.feedback.domain.rating import TEXT_CHARACTERS, Incomplete
from services.feedback.handlers import Correspondence

ASSETS_ON_PAGE = 200
ASSET_CHARACTERS = 60

Token = Annotated[str, Path(max_length=300, description="As the mail has it")]


def routes(*, database: Database, links: Links, pages: Pages) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/r/{token}")
    async def ask_answer(request: Request, token: Token) -> HTMLResponse:
        """The recipient's page. Changes nothing."""
        async with database.transaction() as tx:
            known = await _correspondence(tx, _notification_id(links, token))
        return _answer_page(pages, request, known, AnswerForm())

    @router.post(
        "/r/{token}",
        openapi_extra=form_body(
            kind="One of " + ", ".join(CHOICES), threat="Which; any number, none means all", text="In own words"
        ),
    )
    async def take_answer(request: Request, token: Token) -> HTMLResponse:
        """Takes `kind`, `threat` (any number; none means all) and `text`. The same answer counts once."""
        notification_id = _notification_id(links, token)
        sent = await form_of(request)
        form = AnswerForm(kind=sent.first("kind"), threats=sent.all("threat"), text=sent.first("text"))
        async with database.transaction() as tx:
            known = await _correspondence(tx, notification_id)
            result = await handlers.take_answer(tx, known.notification, form, now=database.now())
        if isinstance(result, Incomplete):
            return _answer_page(pages, request, known, form, lacking=result.fields)
        section = result.kind.replace("-", "_") if result.first else "already_answered"
        section = "test" if known.notification.is_test else section
        return pages.message(request, section, language=known.notification.language)

    @router.get("/u/{token}")
    async def ask_unsubscribe(request: Request, token: Token) -> HTMLResponse:
        """A page with a button. Changes nothing: mail scanners follow every link."""
        async with database.transaction() as tx:
            known = await _correspondence(tx, _notification_id(links, token))
        if not can_opt_out(known.notification):
            return _hand_overs_stay(pages, request, known)
        return pages.page(request, "unsubscribe.html", language=known.notification.language, token=token)

    @router.post("/u/{token}")
    async def unsubscribe(request: Request, token: Token) -> HTMLResponse:
        """One click, by our page's button or by the recipient's mail program.

        The body is not looked at: RFC 8058 lets programs send its only field in either of two encodings, and a POST to
        this address can mean nothing else.
        """
        async with database.transaction() as tx:
            known = await _correspondence(tx, _notification_id(links, token))
            if not can_opt_out(known.notification):
                return _hand_overs_stay(pages, request, known)
            await handlers.take_opt_out(tx, known.notification, now=database.now())
        section = "test" if known.notification.is_test else "opt_out"
        return pages.message(request, section, language=known.notification.language)

    return router


def _notification_id(links: Links, token: str) -> UUID:
    notification_id = links.read_recipient_token(token)
    if notification_id is None:
        raise not_found("link")
    return notification_id


async def _correspondence(tx: Transaction, notification_id: UUID) -> Correspondence:
    """What the token stands for. We signed it, so a notification that we don't know yet is one that we are about to."""
    known = await handlers.correspondence(tx, notification_id)
    if known is None:
        raise Problem(
            503,
            "not-filed-yet",
            "We have not filed this mail yet",
            "Try again in a minute.",
            headers={"Retry-After": "60"},
        )
    return known


def _hand_overs_stay(pages: Pages, request: Request, known: Correspondence) -> HTMLResponse:
    """What a team reads that looks for a button to end its hand-overs."""
    return pages.message(request, "hand_overs_stay", language=known.notification.language, tone="bad")


def _answer_page(
    pages: Pages, request: Request, known: Correspondence, form: AnswerForm, *, lacking: tuple[str, ...] = ()
) -> HTMLResponse:
    assets = known.notification.assets_by_threat
    return pages.page(
        request,
        "recipient.html",
        language=known.notification.language,
        status=422 if lacking else 200,
        notification=known.notification,
        answers=known.answers,
        assets=list(assets.items())[:ASSETS_ON_PAGE],
        assets_total=len(assets),
        asset_characters=ASSET_CHARACTERS,
        choices=choices_of(known.notification),
        can_opt_out=can_opt_out(known.notification),
        form=form,
        lacking=lacking,
        text_characters=TEXT_CHARACTERS,
    )
