"""`/register`: an organisation registers by itself; `/register/{token}`: its own page, to which only the mail leads."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from libs.common.db import Database, Transaction
from libs.common.forms import Form, form_body, form_of
from libs.common.links import Links
from libs.common.openapi import refusals
from libs.common.problems import Problem, not_found
from libs.common.security import public
from libs.common.vocabulary import Language
from services.feedback import handlers
from services.feedback.api.pages import Pages
from services.feedback.api.registration_pages import RegistrationPages
from services.feedback.api.turns import Turns
from services.feedback.domain.registration.form import RegistrationForm
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.handlers import Seen

DONE = ("confirmed", "added", "taken_back")
STEPS = ("confirm", "add", "take-back", "withdraw", "withdraw-surely")

Token = Annotated[str, Path(max_length=300, description="As the mail has it")]
Done = Annotated[str, Query(max_length=20, description="What was just done, which the page says")]

ASSET_FIELDS = {
    "domains": "Names of domains, one a line",
    "ranges": "IP addresses, CIDR blocks or `first - last`, one a line",
    "asns": "AS numbers, one a line",
}


def routes(*, database: Database, links: Links, pages: Pages, turns: Turns, policy: RegistrationPolicy) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["pages"], default_response_class=HTMLResponse)
    view = RegistrationPages(pages, policy)
    if pages.house.takes_registrations:
        _add_form(router, database=database, pages=pages, view=view, turns=turns, policy=policy)

    @router.get("/register/{token}")
    async def show_registration(request: Request, token: Token, done: Done = "") -> HTMLResponse:
        """What was registered, and how far the proofs are. Changes nothing: mail scanners follow every link."""
        registration_id = _registration_id(links, token)
        async with database.transaction() as tx:
            found = await handlers.registration_at(tx, registration_id, now=database.now())
        if found is None:
            return view.own(request, None)
        return view.own(request, Seen(found, done if done in DONE and found.stands else ""))

    @router.post(
        "/register/{token}",
        responses={303: {"description": "Done, as that page says"}, **refusals(429)},
        openapi_extra=form_body(
            do="One of " + ", ".join(STEPS), asset="With `take-back`: which, any number", **ASSET_FIELDS
        ),
    )
    async def change_registration(request: Request, token: Token) -> Response:
        """Takes `do`: what is to be done. What was done before is not done again.

        What is done is shown at an address of its own: whoever looks again there sends nothing a second time.
        """
        registration_id = _registration_id(links, token)
        turns.take(request)
        sent = await form_of(request)
        step = sent.first("do")
        if step not in STEPS:
            raise Problem(422, "no-answer-given", "This says nothing that is done here", "Send `do` as the page does.")
        async with database.transaction() as tx:
            seen = await _do(tx, registration_id, sent, step=step, policy=policy, now=database.now())
        if step == "withdraw" and seen is not None and seen.registration.stands:
            return view.withdrawing(request, seen.registration)
        if seen is not None and seen.done in DONE:
            query = request.url.include_query_params(done=seen.done).query
            return Response(status_code=303, headers={"Location": f"?{query}"})
        return view.own(request, seen, _form(sent))

    return router


def _add_form(
    router: APIRouter,
    *,
    database: Database,
    pages: Pages,
    view: RegistrationPages,
    turns: Turns,
    policy: RegistrationPolicy,
) -> None:
    """The way in. Without it what is registered already goes on."""

    @router.get("/register")
    async def ask_registration(request: Request) -> HTMLResponse:
        """The form by which an organisation asks to be warned."""
        return view.form(request, RegistrationForm(language=pages.wording(request).language))

    @router.post(
        "/register",
        responses=refusals(429),
        openapi_extra=form_body(
            organisation="Its name",
            kvk_number="Its number in the Dutch company register, if it has one",
            email="Where it wants to be warned; asked first whether this is right",
            language="One of " + ", ".join(Language),
            **ASSET_FIELDS,
        ),
    )
    async def take_registration(request: Request) -> HTMLResponse:
        """Asks that address whether it is right. The answer tells nothing of who has registered already."""
        turns.take(request)
        form = _form(await form_of(request))
        async with database.transaction() as tx:
            flawed = await handlers.register(tx, form, policy=policy, now=database.now())
        return view.form(request, form, flawed) if flawed is not None else view.asked(request, form)


async def _do(
    tx: Transaction, registration_id: UUID, sent: Form, *, step: str, policy: RegistrationPolicy, now: datetime
) -> Seen | None:
    match step:
        case "confirm":
            return await handlers.confirm(tx, registration_id, policy=policy, now=now)
        case "add":
            return await handlers.add_assets(tx, registration_id, _form(sent), policy=policy, now=now)
        case "take-back":
            return await handlers.take_back(tx, registration_id, sent.all("asset"), policy=policy, now=now)
        case "withdraw-surely":
            return await handlers.withdraw(tx, registration_id, policy=policy, now=now)
        case _:
            found = await handlers.registration_at(tx, registration_id, now=now)
            return Seen(found) if found is not None else None


def _form(sent: Form) -> RegistrationForm:
    return RegistrationForm(**{name: sent.first(name) for name in RegistrationForm.__struct_fields__})


def _registration_id(links: Links, token: str) -> UUID:
    registration_id = links.read_registration_token(token)
    if registration_id is None:
        raise not_found("link")
    return registration_id
