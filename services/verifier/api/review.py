"""`/v1/review`: what waits for a person, and what that person decides."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from services.verifier import handlers
from services.verifier.api.views import VerdictView, verdict_view
from services.verifier.domain import Judgement
from services.verifier.handlers import Decision, RulesInForce

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
Text = Annotated[str | None, Query(max_length=200)]


class ReviewDecision(BaseModel):
    """What is decided, and why."""

    decision: Decision
    note: str = Field("", max_length=2000)


class BulkReview(ReviewDecision):
    """Decide all that match; an empty filter matches everything that waits."""

    identifier: str | None = Field(None, max_length=200)
    partner: str | None = Field(None, max_length=200)
    reason: str | None = Field(None, max_length=200)


class BulkReviewed(BaseModel):
    """How many were decided; at most 5,000 a call, so call again while `more` is true."""

    decided: int
    more: bool


def routes(database: Database, rules: RulesInForce) -> APIRouter:
    router = APIRouter(prefix="/v1/review", tags=["review"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_held(
        identifier: Text = None,
        partner: Text = None,
        reason: Text = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[VerdictView]:
        """What waits for a person, the longest waiting first."""
        async with database.transaction() as tx:
            held = await handlers.held_page(
                tx, identifier=identifier, partner=partner, reason=reason, after=_place(cursor), limit=limit
            )
        following = _cursor(held[limit - 1]) if len(held) > limit else None
        return Page(items=[verdict_view(judgement) for judgement in held[:limit]], next=following)

    @router.post("/{indicator_id}", responses=refusals(409))
    async def decide(indicator_id: UUID, decision: ReviewDecision, analyst: Analyst) -> VerdictView:
        """Decide one that is held; verified, it goes on to whom it hits."""
        async with database.transaction() as tx:
            decided = await handlers.review_indicators(
                tx,
                [indicator_id],
                decision=decision.decision,
                note=decision.note,
                by=analyst.name,
                rules=rules.current,
                now=database.now(),
            )
        return verdict_view(decided[0])

    @router.post("", responses=refusals(409))
    async def decide_in_bulk(review: BulkReview, analyst: Analyst) -> BulkReviewed:
        """Decide all that match the filter; all that waits where it is empty."""
        async with database.transaction() as tx:
            decided, more = await handlers.review_matching(
                tx,
                identifier=review.identifier,
                partner=review.partner,
                reason=review.reason,
                decision=review.decision,
                note=review.note,
                by=analyst.name,
                rules=rules.current,
                now=database.now(),
            )
        return BulkReviewed(decided=decided, more=more)

    return router


def _cursor(judgement: Judgement) -> str:
    return encode_cursor(judgement.at.isoformat(), judgement.indicator.indicator_id)


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    return read_cursor(cursor, tuple[datetime, UUID])
