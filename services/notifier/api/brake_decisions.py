"""`/v1/brake-decisions`: who has decided what about mails that wait, and why."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, page_of, read_cursor
from libs.common.security import Role, operator
from services.notifier.domain.brakes.decisions import Action, Decision
from services.notifier.domain.notification import BrakeScope
from services.notifier.handlers.holding import newest_decisions


class DecisionView(BaseModel):
    """`note` is why. While it `is_open`, it has not reached all of its mails."""

    id: UUID
    at: datetime
    by: str
    action: Action
    scope: BrakeScope
    value: str
    note: str
    hold_id: UUID | None
    mails: int | None = Field(description="How many there were when it was decided")
    done: int = Field(description="How many it has reached, of what is done one by one")
    is_open: bool


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/brake-decisions", tags=["brake"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_decisions(
        hold: Annotated[UUID | None, Query(description="Only about this hold")] = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[DecisionView]:
        """Newest first, those of the notifier itself among them."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_decisions(tx, hold_id=hold, before=before, limit=limit + 1)
        return page_of(found, limit, view=decision_view, place=lambda decision: (decision.at.isoformat(), decision.id))

    return router


def decision_view(decision: Decision) -> DecisionView:
    return DecisionView(**msgspec.structs.asdict(decision))
