"""`/v1/review`: what waits for a person, and what that person decides."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator, require
from services.verifier import handlers
from services.verifier.api.views import VerdictView, verdict_view
from services.verifier.domain import Judgement
from services.verifier.domain.review import Decision
from services.verifier.handlers import HeldFilter, RulesInForce, Said, Undoing

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
Text = Annotated[str | None, Query(max_length=200)]
Name = Annotated[str | None, Field(max_length=200)]


class Remember(BaseModel):
    """The same finding at the same asset is decided in the same way, for so many days."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(90, ge=1, le=365)


class ReviewDecision(BaseModel):
    """What is decided, why, and whether it counts for the next ones too."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    note: str = Field("", max_length=2000)
    remember: Remember | None = None

    def said(self, by: str) -> Said:
        remember = timedelta(days=self.remember.days) if self.remember else None
        return Said(decision=self.decision, note=self.note, by=by, remember=remember)


class BulkReview(ReviewDecision):
    """Decide all that match; an empty filter matches everything that waits, an empty incident what belongs to none."""

    identifier: Name = None
    partner: Name = None
    reason: Name = None
    incident: Name = None

    @property
    def wanted(self) -> HeldFilter:
        return HeldFilter(self.identifier, self.partner, self.reason, self.incident)


class BulkReviewed(BaseModel):
    """How many were decided; at most 5,000 a call, so call again while `more` is true."""

    decided: int
    more: bool


class Undo(BaseModel):
    """Why a decision is taken back, and whether those who were told of a threat hear that it was wrong (approver)."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=2000)
    correct: bool = False

    def said(self, analyst: Operator) -> Undoing:
        """Raises the 403 problem for a correction by somebody who may not send one."""
        if self.correct:
            require(analyst, Role.APPROVER)
        return Undoing(by=analyst.name, note=self.note, corrects=self.correct)


class BulkUndone(BaseModel):
    """How many were taken back, and how many were not: those were sightings of threats that were known."""

    undone: int
    gone_on: int


class GroupView(BaseModel):
    """Records that wait for the same reason. The filter of `POST /v1/review` takes the first four as they are."""

    reason: str
    incident: str
    identifier: str
    partner: str
    records: int
    threats: int
    oldest_at: datetime
    newest_at: datetime
    example: str
    samples: list[UUID]


class Groups(BaseModel):
    """The most numerous first."""

    items: list[GroupView]


def routes(database: Database, rules: RulesInForce) -> APIRouter:
    router = APIRouter(prefix="/v1/review", tags=["review"])
    readers = [Depends(operator(at_least=Role.VIEWER))]

    @router.get("", dependencies=readers)
    async def list_held(
        identifier: Text = None,
        partner: Text = None,
        reason: Text = None,
        incident: Text = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[VerdictView]:
        """What waits for a person, the longest waiting first."""
        wanted = HeldFilter(identifier, partner, reason, incident)
        async with database.transaction() as tx:
            held = await handlers.held_page(tx, wanted, after=_place(cursor), limit=limit)
        following = _cursor(held[limit - 1]) if len(held) > limit else None
        return Page(items=[verdict_view(judgement) for judgement in held[:limit]], next=following)

    @router.get("/groups", dependencies=readers)
    async def list_groups(
        identifier: Text = None,
        partner: Text = None,
        reason: Text = None,
        incident: Text = None,
        limit: PageLimit = 50,
    ) -> Groups:
        """The same by what they have in common, each with an example: decide a group with `POST /v1/review`."""
        wanted = HeldFilter(identifier, partner, reason, incident)
        async with database.transaction() as tx:
            groups = await handlers.held_groups(tx, wanted, limit=limit)
        return Groups(
            items=[GroupView(**{**msgspec.structs.asdict(group), "incident": group.incident or ""}) for group in groups]
        )

    @router.post("/{indicator_id}", responses=refusals(409))
    async def decide(indicator_id: UUID, decision: ReviewDecision, analyst: Analyst) -> VerdictView:
        """Decide one that is held; verified, it goes on to whom it hits. What is decided already says by whom."""
        async with database.transaction() as tx:
            decided = await handlers.review_indicators(
                tx, [indicator_id], said=decision.said(analyst.name), rules=rules.current, now=database.now()
            )
        return verdict_view(decided[0])

    @router.post("/{indicator_id}/undo", responses=refusals(409))
    async def undo(indicator_id: UUID, analyst: Analyst, why: Undo | None = None) -> VerdictView:
        """Take back what was decided, and what was remembered with it.

        After a "no" the record waits again. After a "yes" its threat is withdrawn, and not mailed if it was not yet.
        """
        said = (why or Undo()).said(analyst)
        async with database.transaction() as tx:
            left = await handlers.undo_review(tx, indicator_id, said, rules=rules.current, now=database.now())
        return verdict_view(left)

    @router.post("/{indicator_id}/undo/all", responses=refusals(409))
    async def undo_all(indicator_id: UUID, analyst: Analyst, why: Undo | None = None) -> BulkUndone:
        """Take back all that was decided in the same go as this one; what was taken back before stays."""
        said = (why or Undo()).said(analyst)
        async with database.transaction() as tx:
            undone, gone_on = await handlers.undo_all_decided_with(
                tx, indicator_id, said, rules=rules.current, now=database.now()
            )
        return BulkUndone(undone=undone, gone_on=gone_on)

    @router.post("", responses=refusals(409))
    async def decide_in_bulk(review: BulkReview, analyst: Analyst) -> BulkReviewed:
        """Decide all that match the filter; all that waits where it is empty."""
        async with database.transaction() as tx:
            decided, more = await handlers.review_matching(
                tx, review.wanted, said=review.said(analyst.name), rules=rules.current, now=database.now()
            )
        return BulkReviewed(decided=decided, more=more)

    return router


def _cursor(judgement: Judgement) -> str:
    return encode_cursor(judgement.at.isoformat(), judgement.indicator.indicator_id)


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    return read_cursor(cursor, tuple[datetime, UUID])
