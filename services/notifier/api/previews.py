"""What a mail looks like before it goes out, or would look like."""

from email import message_from_bytes, policy
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel

from libs.common import clock
from libs.common.db import Database
from libs.common.errors import Permanent
from libs.common.ids import new_id
from libs.common.openapi import Json, content, refusals
from libs.common.problems import Problem, not_found
from libs.common.security import Operator, Role, operator
from libs.common.text import plain
from services.notifier.api.samples import Sample, SampleOrder, SideSample, required, side_wish_of, wish_of
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment
from services.notifier.domain.samples.beside import sample_beside
from services.notifier.domain.samples.making import addressed
from services.notifier.handlers.looking import notification_named
from services.notifier.handlers.previewing import consignment_with, preview, sample_wanted
from services.notifier.handlers.sampling import Desk, require_no_brake, send_sample
from services.notifier.handlers.scribe import Scribe

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]

LONGEST_DETAIL = 500
NOTHING_ACTIVE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


ANSWERS: dict[int | str, Json] = {200: content("text/plain", "text/html", "message/rfc822")}


class Form(StrEnum):
    """How a preview is answered: one part of the mail, or all of it as it would travel."""

    TEXT = "text"
    HTML = "html"
    EML = "eml"


class SampleView(BaseModel):
    """What became of it. `detail` is what the relay said."""

    to: str
    subject: str
    state: Literal["sent", "rehearsed", "refused", "in-doubt"]
    smtp_code: int | None
    detail: str


class Foresight(msgspec.Struct, frozen=True, kw_only=True):
    """The settings by which the sender decides what goes together."""

    amounts: AmountPolicy
    approval_confidence: float


def routes(database: Database, scribe: Scribe, desk: Desk, foresight: Foresight) -> APIRouter:
    router = APIRouter(tags=["previews"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/notifications/{name}/preview", response_class=Response, responses=ANSWERS)
    async def preview_notification(name: str, form: Annotated[Form, Query(alias="as")] = Form.HTML) -> Response:
        """The mail that a notification goes in, or went in: with all that goes in the same one, as a round-up, as a
        reminder, a correction or a hand-over, before it is signed and encrypted. Its links lead nowhere: looking at a
        mail is not answering it.
        """
        async with database.transaction() as tx:
            notification = await notification_named(tx, name)
            if notification is None:
                raise not_found("notification")
            try:
                consignment = await consignment_with(
                    tx,
                    notification,
                    amounts=foresight.amounts,
                    approval_confidence=foresight.approval_confidence,
                    now=database.now(),
                )
            except Permanent as error:
                raise unwritable(error) from error
        return _answer(consignment, scribe, form)

    @router.post("/v1/preview", response_class=Response, responses={**ANSWERS, **refusals(404)})
    async def preview_sample(sample: Sample, form: Annotated[Form, Query(alias="as")] = Form.HTML) -> Response:
        """A mail about any incident, approved or not, with made-up findings: of each kind and shape that there is. What
        does not go together is refused, with what would fit.
        """
        async with database.transaction() as tx:
            made_up = required(await sample_wanted(tx, wish_of(sample), scribe=scribe, now=database.now()))
        return _answer(made_up, scribe, form)

    @router.post("/v1/preview/side-mail", response_class=Response, responses=ANSWERS)
    async def preview_side_mail(sample: SideSample, form: Annotated[Form, Query(alias="as")] = Form.HTML) -> Response:
        """A mail that is no notification, about things made up: a digest to a partner, a claim that is put to a
        registry's contact, and what an organisation that registers by itself is asked (`registration`) and told
        (`registration-news`: what proves each asset, and what became of it).
        """
        wish, now = side_wish_of(sample), database.now()
        mail = sample_beside(wish, name=scribe.sample_name(wish.language), now=now)
        try:
            return rendered(scribe.write_sample_beside(mail, now=now), form)
        except Permanent as error:
            raise unwritable(error) from error

    @router.post("/v1/preview/send", responses=refusals(404, 409, 503))
    async def post_sample(order: SampleOrder, by: Analyst) -> SampleView:
        """Send such a mail to yourself, as it would travel: by the relay, signed, marked as a test of yours."""
        email, now = desk.address_of(order.to), database.now()
        async with database.transaction() as tx:
            made_up = required(await sample_wanted(tx, wish_of(order), scribe=scribe, now=now))
            for slug in (order.incident, *order.others):
                await require_no_brake(tx, incident=slug, email=email)
        mail = addressed(made_up, email=email, by=by.name, id_=new_id())
        try:
            outcome = await send_sample(mail, desk=desk, scribe=scribe, by=by.name, now=now)
        except Permanent as error:
            raise unwritable(error) from error
        return SampleView(
            to=email,
            subject=outcome.mail.subject,
            state=outcome.state,
            smtp_code=outcome.smtp_code,
            detail=plain(outcome.detail, LONGEST_DETAIL),
        )

    return router


def _answer(consignment: Consignment, scribe: Scribe, form: Form) -> Response:
    try:
        mail = preview(consignment, scribe=scribe, now=clock.now())
    except Permanent as error:
        raise unwritable(error) from error
    return rendered(mail, form)


def unwritable(error: Permanent) -> Problem:
    return Problem(422, "unwritable", "This mail can't be written", str(error))


def rendered(mail: Mail, form: Form) -> Response:
    """One part of a mail, or all of it, as a page in which nothing is active."""
    if form is Form.EML:
        return Response(mail.content, media_type="message/rfc822")
    part = message_from_bytes(mail.content, policy=policy.default).get_body(("html" if form is Form.HTML else "plain",))
    text = part.get_content() if part is not None else ""
    if form is Form.HTML:
        return Response(text, media_type="text/html", headers={"Content-Security-Policy": NOTHING_ACTIVE})
    return Response(text, media_type="text/plain")
