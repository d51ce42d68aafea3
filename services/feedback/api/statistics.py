"""`/` and `/v1/statistics`: what everybody may know, as a page and as JSON."""

from collections.abc import Mapping

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.security import public
from libs.common.vocabulary import Language
from services.feedback import handlers
from services.feedback.api.charts import bars
from services.feedback.api.pages import Pages
from services.feedback.domain.statistics import Ratings, Shown, Statistics

MONTHS_ON_PAGE = 12
INCIDENTS_ON_PAGE = 12
CATEGORIES_ON_PAGE = 12


class RatingsAnswer(BaseModel):
    """Means are from 1 (not at all) to 5 (very); all null where there are too few."""

    count: int | None
    useful: float | None
    clear: float | None


class StatisticsAnswer(BaseModel):
    """A count of null is below `small_number`, or would give away one that is."""

    notifications_total: int
    handed_over_total: int | None = Field(
        description="Mails to national and sector teams, whose task it was to warn; in no other number here"
    )
    by_month: Shown = Field(description="Months as YYYY-MM, oldest first")
    by_incident: Shown = Field(description="By slug, largest first")
    by_category: Shown = Field(description="RSIT categories, largest first")
    by_recipient_kind: Shown
    ratings: RatingsAnswer
    ratings_by_incident: Mapping[str, RatingsAnswer]
    titles: Mapping[str, Mapping[Language, str]] = Field(description="Titles of the incidents above, by slug")
    small_number: int


def routes(*, database: Database, pages: Pages, small_number: int) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public)], tags=["statistics"])

    @router.get("/", response_class=HTMLResponse)
    async def front_page(request: Request) -> HTMLResponse:
        """The public counters, with charts."""
        return _page(pages, request, await current(), small_number=small_number)

    @router.get("/v1/statistics")
    async def statistics() -> StatisticsAnswer:
        """The public counters, for programs."""
        return _answer(await current(), small_number=small_number)

    async def current() -> Statistics:
        async with database.transaction() as tx:
            return await handlers.public_statistics(tx, small_number=small_number)

    return router


def _answer(now: Statistics, *, small_number: int) -> StatisticsAnswer:
    return StatisticsAnswer(
        notifications_total=now.notifications_total,
        handed_over_total=now.handed_over_total,
        by_month=now.by_month,
        by_incident=now.by_incident,
        by_category=now.by_category,
        by_recipient_kind=now.by_recipient_kind,
        ratings=_ratings(now.ratings),
        ratings_by_incident={incident: _ratings(ratings) for incident, ratings in now.ratings_by_incident.items()},
        titles={incident: now.titles[incident] for incident in now.by_incident if incident in now.titles},
        small_number=small_number,
    )


def _ratings(ratings: Ratings) -> RatingsAnswer:
    return RatingsAnswer(count=ratings.count, useful=ratings.useful, clear=ratings.clear)


def _page(pages: Pages, request: Request, now: Statistics, *, small_number: int) -> HTMLResponse:
    words = pages.wording(request)
    recent = dict(list(now.by_month.items())[-MONTHS_ON_PAGE:])
    return pages.page(
        request,
        "statistics.html",
        total=now.notifications_total,
        handed_over=now.handed_over_total or 0,
        incidents_total=len(now.by_incident),
        months=bars(recent, label_of=words.month, at_most=MONTHS_ON_PAGE),
        incidents=bars(
            now.by_incident, label_of=lambda slug: words.title_of(slug, now.titles), at_most=INCIDENTS_ON_PAGE
        ),
        categories=bars(now.by_category, label_of=words.category, at_most=CATEGORIES_ON_PAGE),
        recipients=bars(now.by_recipient_kind, label_of=lambda kind: words.recipients[kind], at_most=2),
        ratings=now.ratings,
        small_number=small_number,
    )
