"""`/v1/registration-mails`: what organisations that register by themselves were asked and told, and how that fared."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel

from libs.common.db import Database, Transaction
from libs.common.errors import Permanent
from libs.common.paging import Page, PageCursor, PageLimit, page_of, read_cursor
from libs.common.problems import not_found
from libs.common.security import Role, operator
from libs.common.vocabulary import Language
from services.notifier.api.previews import Form, rendered, unwritable
from services.notifier.api.views import AttemptView, attempt_view, place_of
from services.notifier.domain.digests.digest import AnyRegistrationMail, RegistrationMail, SideMailKind
from services.notifier.domain.notification import State
from services.notifier.handlers.digests import attempts_at
from services.notifier.handlers.registration_mails import newest_registration_mails, registration_mail_with_id
from services.notifier.handlers.scribe import INERT, Scribe


class RegistrationMailSummary(BaseModel):
    """Of a question (`registration`) `about` holds all that was filled in, of `registration-news` what it tells of."""

    id: UUID
    registration_id: UUID
    kind: SideMailKind
    organisation: str
    email: str
    language: Language
    about: list[str]
    state: State
    reason: str
    subject: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None


class RegistrationMailDetail(RegistrationMailSummary):
    attempts: list[AttemptView]


def routes(database: Database, scribe: Scribe) -> APIRouter:
    router = APIRouter(
        prefix="/v1/registration-mails", tags=["registrations"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("")
    async def list_registration_mails(
        state: State | None = None, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[RegistrationMailSummary]:
        """Newest first. Questions are forgotten when their link is over."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_registration_mails(tx, state, before=before, limit=limit + 1)
        return page_of(found, limit, view=_summary, place=place_of)

    @router.get("/{mail_id}")
    async def read_registration_mail(mail_id: UUID) -> RegistrationMailDetail:
        """With every attempt, oldest first."""
        async with database.transaction() as tx:
            mail = await _named(tx, mail_id)
            attempts = await attempts_at(tx, mail)
        return RegistrationMailDetail(
            **_summary(mail).model_dump(), attempts=[attempt_view(attempt) for attempt in attempts]
        )

    @router.get("/{mail_id}/preview")
    async def preview_registration_mail(
        mail_id: UUID, form: Annotated[Form, Query(alias="as")] = Form.HTML
    ) -> Response:
        """The mail as it goes out, or went. Its link leads nowhere: who may look may not act for the organisation."""
        async with database.transaction() as tx:
            mail = await _named(tx, mail_id)
        try:
            written = scribe.write_registration(mail, token=INERT.recipient, now=database.now())
        except Permanent as error:
            raise unwritable(error) from error
        return rendered(written, form)

    return router


async def _named(tx: Transaction, mail_id: UUID) -> AnyRegistrationMail:
    mail = await registration_mail_with_id(tx, mail_id)
    if mail is None:
        raise not_found("registration mail")
    return mail


def _summary(mail: AnyRegistrationMail) -> RegistrationMailSummary:
    is_question = isinstance(mail, RegistrationMail)
    event = mail.asked if isinstance(mail, RegistrationMail) else mail.followed
    about = [asset.value for asset in mail.asked.assets] if isinstance(mail, RegistrationMail) else mail.followed.news
    return RegistrationMailSummary(
        id=mail.id,
        registration_id=mail.registration_id,
        kind=SideMailKind.REGISTRATION if is_question else SideMailKind.REGISTRATION_NEWS,
        organisation=event.organisation,
        email=mail.email,
        language=event.language,
        about=list(about),
        state=mail.state,
        reason=mail.reason,
        subject=mail.subject,
        created_at=mail.created_at,
        next_attempt_at=mail.next_attempt_at,
        sent_at=mail.sent_at,
    )
