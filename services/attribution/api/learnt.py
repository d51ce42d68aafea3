"""`/v1/learnt`: what people have taught about assets, and how to take it back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import not_found
from libs.common.security import Role, operator
from services.attribution.api.views import RecipientView, recipient_view
from services.attribution.domain.learnt import Lesson
from services.attribution.handlers import forget, lessons_page

LONGEST_ASSET = 2048


class LessonView(BaseModel):
    """What a person said of an asset: an organisation, a recipient, or (neither) that there is nobody to warn."""

    asset: str
    organisation_id: UUID | None
    recipient: RecipientView | None
    said_by: str
    said_at: datetime
    until: datetime | None = Field(description="It does not count from then on; null: for good")
    note: str


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/learnt", tags=["unattributed"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_lessons(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[LessonView]:
        """In the order of the assets; what has ended is among them."""
        after = read_cursor(cursor, tuple[str])[0] if cursor else None
        async with database.transaction() as tx:
            found = await lessons_page(tx, after=after, limit=limit)
        return Page(
            items=[_view(lesson) for lesson in found[:limit]],
            next=encode_cursor(found[limit - 1].owned_part) if len(found) > limit else None,
        )

    @router.delete(
        "", status_code=204, responses=refusals(404), dependencies=[Depends(operator(at_least=Role.ANALYST))]
    )
    async def delete_lesson(asset: Annotated[str, Query(min_length=1, max_length=LONGEST_ASSET)]) -> None:
        """Forget what was said of an asset. What was decided by it stands."""
        async with database.transaction() as tx:
            if not await forget(tx, asset):
                raise not_found("asset")

    return router


def _view(lesson: Lesson) -> LessonView:
    return LessonView(
        asset=lesson.owned_part,
        organisation_id=lesson.organisation_id,
        recipient=recipient_view(lesson.recipient),
        said_by=lesson.said_by,
        said_at=lesson.said_at,
        until=lesson.until,
        note=lesson.note,
    )
