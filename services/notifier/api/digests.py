"""`/v1/digests`: the mails to partners about their own records, and how each fared."""

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
from libs.common.vocabulary import DigestCadence, Language
from services.notifier.api.previews import Form, rendered, unwritable
from services.notifier.api.views import AttemptView, attempt_view, place_of
from services.notifier.domain.digests.digest import Digest, WantedDigests
from services.notifier.domain.notification import State
from services.notifier.handlers.digests import attempts_at, digest_with_id, newest_digests
from services.notifier.handlers.scribe import Scribe


class DigestSummary(BaseModel):
    id: UUID
    partner: str
    email: str
    language: Language
    digest: DigestCadence
    since: datetime
    until: datetime
    records: int
    state: State
    reason: str
    subject: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None


class DigestDetail(DigestSummary):
    attempts: list[AttemptView]


def routes(database: Database, scribe: Scribe) -> APIRouter:
    router = APIRouter(prefix="/v1/digests", tags=["digests"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("")
    async def list_digests(
        state: State | None = None,
        partner: Annotated[str | None, Query(max_length=50, description="The partner's slug")] = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[DigestSummary]:
        """Newest first."""
        async with database.transaction() as tx:
            return await _page(tx, WantedDigests(state=state, partner=partner), cursor=cursor, limit=limit)

    @router.get("/{digest_id}")
    async def read_digest(digest_id: UUID) -> DigestDetail:
        """With every attempt, oldest first."""
        async with database.transaction() as tx:
            digest = await _named(tx, digest_id)
            attempts = await attempts_at(tx, digest)
        return DigestDetail(**_summary(digest).model_dump(), attempts=[attempt_view(attempt) for attempt in attempts])

    @router.get("/{digest_id}/preview")
    async def preview_digest(digest_id: UUID, form: Annotated[Form, Query(alias="as")] = Form.HTML) -> Response:
        """The mail as it goes out, or went."""
        async with database.transaction() as tx:
            digest = await _named(tx, digest_id)
        try:
            mail = scribe.write_digest(digest, now=database.now())
        except Permanent as error:
            raise unwritable(error) from error
        return rendered(mail, form)

    return router


async def _named(tx: Transaction, digest_id: UUID) -> Digest:
    digest = await digest_with_id(tx, digest_id)
    if digest is None:
        raise not_found("digest")
    return digest


async def _page(tx: Transaction, wanted: WantedDigests, *, cursor: str | None, limit: int) -> Page[DigestSummary]:
    before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    found = await newest_digests(tx, wanted, before=before, limit=limit + 1)
    return page_of(found, limit, view=_summary, place=place_of)


def _summary(digest: Digest) -> DigestSummary:
    due = digest.due
    return DigestSummary(
        id=digest.id,
        partner=due.partner,
        email=due.email,
        language=due.language,
        digest=due.cadence,
        since=due.since,
        until=due.until,
        records=sum(due.outcomes.values()),
        state=digest.state,
        reason=digest.reason,
        subject=digest.subject,
        created_at=digest.created_at,
        next_attempt_at=digest.next_attempt_at,
        sent_at=digest.sent_at,
    )
