"""`/v1/enquiries`: what outside sources have been asked and have not answered yet."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Role, operator
from services.attribution.domain.answers import Source
from services.attribution.domain.enquiries import OpenEnquiry
from services.attribution.handlers import open_enquiries_page


class EnquiryView(BaseModel):
    """A question without an answer. Threats that wait for it are decided without when their time is over."""

    source: Source
    subject: str
    wanted_since: datetime
    next_try_at: datetime
    tries: int
    threats: int = Field(description="How many threats wait for it")
    failure: str = Field(description="What came of the last try; empty where it has not failed")


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/enquiries", tags=["enquiries"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("")
    async def list_enquiries(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[EnquiryView]:
        """The oldest first."""
        after = read_cursor(cursor, tuple[datetime, str, str]) if cursor else None
        async with database.transaction() as tx:
            found = await open_enquiries_page(tx, after=after, limit=limit)
        return Page(
            items=[_view(each) for each in found[:limit]],
            next=_cursor(found[limit - 1]) if len(found) > limit else None,
        )

    return router


def _cursor(last: OpenEnquiry) -> str:
    return encode_cursor(last.wanted_since.isoformat(), last.enquiry.source, last.enquiry.subject)


def _view(each: OpenEnquiry) -> EnquiryView:
    return EnquiryView(
        source=each.enquiry.source,
        subject=each.enquiry.subject,
        wanted_since=each.wanted_since,
        next_try_at=each.next_try_at,
        tries=each.tries,
        threats=each.threats,
        failure=each.failure,
    )
