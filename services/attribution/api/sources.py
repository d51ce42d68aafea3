"""`/v1/sources`: what look-ups stand on, and how old it is."""

from datetime import date, datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.security import Role, operator
from services.attribution.domain.sources import Ages, SourceState
from services.attribution.handlers import source_states


class SourceView(BaseModel):
    """A source; without `made_on` it was never brought in."""

    source: str
    made_on: date | None = Field(description="The day that its data is of; of several parts the oldest")
    imported_at: datetime | None
    age_days: int | None
    greatest_age_days: int | None = Field(
        description="Older than that it answers nothing; null where it has no such age"
    )
    overdue_after_days: int | None = Field(description="From then on it is overdue, while it still answers")
    stale: bool
    counts: dict[str, int] = Field(description="Records, by kind")


class SourcesView(BaseModel):
    """All of them, in the order in which their word counts."""

    items: list[SourceView]


def routes(database: Database, *, ages: Ages) -> APIRouter:
    router = APIRouter(tags=["imports"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/sources")
    async def read_sources() -> SourcesView:
        """Every source, of which day it is, and whether it is too old to be believed."""
        async with database.transaction() as tx:
            states = await source_states(tx, ages=ages, now=database.now())
        return SourcesView(items=[_view(state) for state in states])

    return router


def _view(state: SourceState) -> SourceView:
    return SourceView(
        source=state.source,
        made_on=state.made_on,
        imported_at=state.imported_at,
        age_days=state.age_days,
        greatest_age_days=state.greatest_age_days,
        overdue_after_days=state.overdue_after_days,
        stale=state.is_stale,
        counts=dict(state.counts),
    )
