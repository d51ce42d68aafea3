"""`/v1/feeds`: what each partner pushes, how often and how much, and what is unusual about it now."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import not_found
from libs.common.security import Operator, Role, operator
from libs.common.text import plain
from services.intake.api.doors import Doors, PartnerOrOperator
from services.intake.domain.feeds.anomalies import Anomaly, Kind
from services.intake.domain.feeds.days import Day
from services.intake.domain.feeds.judging import State
from services.intake.handlers import feeds
from services.intake.handlers.feeds import FIRST, Judged, Place
from services.intake.handlers.receipts import EVERYBODY, Viewer

log = structlog.get_logger(__name__)

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
MAX_EXPECTED_HOURS = 24 * 31
MAX_REASON_CHARS = 500
HOUR = timedelta(hours=1)


class AnomalyView(BaseModel):
    """One thing that is unusual: since when, in words, and the figures behind the words."""

    kind: Kind
    since: datetime
    message: str
    figures: dict[str, float]
    new_columns: list[str]
    gone_columns: list[str]


class DismissalView(BaseModel):
    kind: Kind
    at: datetime
    by: str
    reason: str


class FeedView(BaseModel):
    """What one partner pushes in one format, of one report type."""

    id: UUID
    partner: str
    format: str
    report_type: str | None
    state: State
    anomalies: list[AnomalyView]
    last_at: datetime | None = Field(description="When something came last that was taken")
    due_at: datetime | None = Field(description="It is late from then on; null while nothing says how often it comes")
    interval_hours: float | None = Field(description="The longest silence that is usual, or what is expected")
    expected_interval_hours: float | None = Field(description="As an operator has set it; null: it is learnt")
    usual_rows: float | None = Field(description="Of a day on which it comes; null while too few have passed")
    columns: list[str] = Field(description="Columns of the header, or keys of the objects, on the last day")
    dismissals: list[DismissalView] = Field(description="For operators: what they no longer want to be told of")


class FeedDayView(BaseModel):
    """What came on one day (UTC)."""

    day: date
    arrivals: int
    accepted: int
    rejected: int
    refused: int = Field(description="Pushes that were refused as a whole")
    first_at: datetime | None
    last_at: datetime | None


class FeedWithDaysView(FeedView):
    days: list[FeedDayView] = Field(description="Of the last 90 those on which something came, the newest first")


def _reason(text: str) -> str:
    reason = plain(text, MAX_REASON_CHARS)
    if not reason:
        raise ValueError("say why, for whoever looks at the feed next")
    return reason


class DismissBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS), AfterValidator(_reason)]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=len(Kind))] | None = Field(
        None, description="null: all that is unusual now"
    )


class FeedChanges(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expected_interval_hours: float | None = Field(gt=0, le=MAX_EXPECTED_HOURS, description="null: learn it")


StateName = Annotated[State | None, Query(description="Only feeds in this state")]


def routes(database: Database, doors: Doors) -> APIRouter:
    router = APIRouter(prefix="/v1/feeds", tags=["feeds"])
    known_viewer = Depends(PartnerOrOperator(doors))

    @router.get("")
    async def list_feeds(
        viewer: Annotated[Viewer, known_viewer],
        state: StateName = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[FeedView]:
        """By partner, format and report type. What came in this moment counts already."""
        after: Place = read_cursor(cursor, tuple[str, str, str]) if cursor else FIRST
        await feeds.fold(database)
        found = await feeds.judged_after(database, after, viewer=viewer, state=state, limit=limit + 1)
        following = encode_cursor(*feeds.place_of(found[limit - 1].feed)) if len(found) > limit else None
        return Page(items=[_view(each, viewer) for each in found[:limit]], next=following)

    @router.get("/{feed_id}")
    async def show_feed(feed_id: UUID, viewer: Annotated[Viewer, known_viewer]) -> FeedWithDaysView:
        """With what it brought day by day."""
        await feeds.fold(database)
        async with database.transaction() as tx:
            found = await feeds.judged_feed(tx, feed_id, viewer=viewer)
        if found is None:
            raise not_found("feed")
        days = [_day_view(day) for day in reversed(found.feed.days)]
        return FeedWithDaysView(**_view(found, viewer).model_dump(), days=days)

    _add_commands(router, database)
    return router


def _add_commands(router: APIRouter, database: Database) -> None:
    @router.post("/{feed_id}/dismiss")
    async def dismiss(feed_id: UUID, body: DismissBody, by: Analyst) -> FeedView:
        """Be told no longer of what is unusual now. What begins later is told of again."""
        async with database.transaction() as tx:
            found = await feeds.dismiss(tx, feed_id, kinds=body.kinds, by=by.name, reason=body.reason)
        if found is None:
            raise not_found("feed")
        log.info("feed dismissed", feed=str(feed_id), kinds=body.kinds, by=by.name)
        return _view(found)

    @router.patch("/{feed_id}")
    async def change_feed(feed_id: UUID, body: FeedChanges, by: Analyst) -> FeedView:
        """Say how often it is to come, instead of what was learnt."""
        hours = body.expected_interval_hours
        async with database.transaction() as tx:
            found = await feeds.expect(tx, feed_id, hours * HOUR if hours else None)
        if found is None:
            raise not_found("feed")
        log.info("feed changed", feed=str(feed_id), expected_interval_hours=hours, by=by.name)
        return _view(found)


def _view(judged: Judged, viewer: Viewer = EVERYBODY) -> FeedView:
    feed, judgement = judged.feed, judged.judgement
    is_operator = viewer == EVERYBODY
    return FeedView(
        id=feed.id,
        partner=feed.partner,
        format=feed.format,
        report_type=feed.report_type or None,
        state=judgement.state,
        anomalies=[_anomaly_view(anomaly) for anomaly in judgement.anomalies],
        last_at=feed.last_at,
        due_at=judgement.due_at,
        interval_hours=judgement.rhythm.usual / HOUR if judgement.rhythm else None,
        expected_interval_hours=feed.expected / HOUR if feed.expected else None,
        usual_rows=judgement.usual_rows,
        columns=sorted(feed.taken[-1].columns) if feed.taken else [],
        dismissals=[
            DismissalView(kind=kind, at=dismissal.at, by=dismissal.by, reason=dismissal.reason)
            for kind, dismissal in sorted(feed.dismissals.items())
            if is_operator
        ],
    )


def _anomaly_view(anomaly: Anomaly) -> AnomalyView:
    return AnomalyView(
        kind=anomaly.kind,
        since=anomaly.since,
        message=anomaly.message,
        figures=dict(anomaly.figures),
        new_columns=list(anomaly.new_columns),
        gone_columns=list(anomaly.gone_columns),
    )


def _day_view(day: Day) -> FeedDayView:
    return FeedDayView(
        day=day.day,
        arrivals=day.arrivals,
        accepted=day.accepted,
        rejected=day.rejected,
        refused=day.refusals,
        first_at=day.came.first if day.came else None,
        last_at=day.came.last if day.came else None,
    )
