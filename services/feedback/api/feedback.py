"""`/v1/feedback`: what came back, for the desk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import FeedbackKind
from services.feedback import handlers
from services.feedback.domain.feedback import Feedback, Place

IncidentFilter = Annotated[str | None, Query(max_length=200, description="An incident's slug")]


class FeedbackAnswer(BaseModel):
    """A rating, which names nobody, or an answer, which names its notification."""

    model_config = ConfigDict(from_attributes=True)

    feedback_id: UUID
    kind: FeedbackKind
    incident: str
    at: datetime = Field(description="Of a rating: the hour")
    useful: int | None
    clear: int | None
    text: str = Field(description="As the recipient wrote it: untrusted, escape it where you show it")
    notification_id: UUID | None
    reference: str | None
    threat_ids: tuple[UUID, ...]


def routes(*, database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/feedback", tags=["feedback"])

    @router.get("")
    async def list_feedback(
        _: Annotated[Operator, Depends(operator(at_least=Role.VIEWER))],
        kind: FeedbackKind | None = None,
        incident: IncidentFilter = None,
        is_test: Annotated[bool, Query(alias="test", description="What came to tests, instead of in earnest")] = False,
        cursor: PageCursor = None,
        limit: PageLimit = 50,
    ) -> Page[FeedbackAnswer]:
        """Newest first."""
        before = _place(cursor) if cursor else None
        async with database.transaction() as tx:
            found = await handlers.list_feedback(
                tx, kind=kind, incident=incident, is_test=is_test, before=before, limit=limit + 1
            )
        return _page(found, limit=limit)

    return router


def _page(found: Sequence[Feedback], *, limit: int) -> Page[FeedbackAnswer]:
    """`found` holds one more than the page, if there is more."""
    items = [FeedbackAnswer.model_validate(each) for each in found[:limit]]
    more = encode_cursor(items[-1].at.isoformat(), items[-1].feedback_id) if len(found) > limit else None
    return Page(items=items, next=more)


def _place(cursor: str) -> Place:
    at, feedback_id = read_cursor(cursor, tuple[datetime, UUID])
    return Place(at=at, feedback_id=feedback_id)
