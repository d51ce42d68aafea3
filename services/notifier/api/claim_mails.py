"""`/v1/claim-mails`: claims that were put to registries' contacts, and how each mail fared. Its code is never shown."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, page_of, read_cursor
from libs.common.problems import not_found
from libs.common.security import Role, operator
from libs.common.vocabulary import AssetKind, Language
from services.notifier.api.views import AttemptView, attempt_view, place_of
from services.notifier.domain.digests.digest import ClaimMail
from services.notifier.domain.notification import State
from services.notifier.handlers.digests import attempts_at, claim_mail_with_id, newest_claim_mails


class ClaimMailSummary(BaseModel):
    """`request_id` is attribution's, which has the claim itself."""

    request_id: UUID
    organisation: str
    kind: AssetKind
    value: str
    email: str
    language: Language
    source: str
    state: State
    reason: str
    subject: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None


class ClaimMailDetail(ClaimMailSummary):
    attempts: list[AttemptView]


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/claim-mails", tags=["claims"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("")
    async def list_claim_mails(
        state: State | None = None, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[ClaimMailSummary]:
        """Newest first."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_claim_mails(tx, state, before=before, limit=limit + 1)
        return page_of(found, limit, view=_summary, place=place_of)

    @router.get("/{request_id}")
    async def read_claim_mail(request_id: UUID) -> ClaimMailDetail:
        """With every attempt, oldest first."""
        async with database.transaction() as tx:
            mail = await claim_mail_with_id(tx, request_id)
            if mail is None:
                raise not_found("claim")
            attempts = await attempts_at(tx, mail)
        return ClaimMailDetail(**_summary(mail).model_dump(), attempts=[attempt_view(attempt) for attempt in attempts])

    return router


def _summary(mail: ClaimMail) -> ClaimMailSummary:
    claim = mail.claim
    return ClaimMailSummary(
        request_id=mail.id,
        organisation=claim.organisation,
        kind=claim.kind,
        value=claim.value,
        email=claim.email,
        language=claim.language,
        source=claim.source,
        state=mail.state,
        reason=mail.reason,
        subject=mail.subject,
        created_at=mail.created_at,
        next_attempt_at=mail.next_attempt_at,
        sent_at=mail.sent_at,
    )
