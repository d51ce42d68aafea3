"""`/v1/conflicts`: two organisations claim what can't be both of theirs, and a person decides."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from services.attribution.api.assets import AssetView, Note, asset_view
from services.attribution.api.views import refuse
from services.attribution.domain.conflicts import Keep, Relation
from services.attribution.handlers import Refusal, Sides, conflicts_page, decide_conflict
from services.attribution.handlers.conflicts import Side

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


class DecisionBody(BaseModel):
    """`first` or `second`: the other one's claim is revoked. `both`: both have it; of equal assets the one proven last
    is warned.
    """

    model_config = ConfigDict(extra="forbid")

    keep: Keep
    note: Note = Field("", description="Why; kept in the log of changes")


class ClaimView(BaseModel):
    organisation_name: str
    asset: AssetView


class ConflictView(BaseModel):
    """`first` was registered first. `relation` says how the two overlap."""

    conflict_id: UUID
    relation: Relation
    found_at: datetime
    first: ClaimView
    second: ClaimView
    keep: Keep | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/conflicts", tags=["conflicts"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_conflicts(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[ConflictView]:
        """Those that wait for a person, the longest waiting first."""
        after = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await conflicts_page(tx, after=after, limit=limit)
        last = found[limit - 1].conflict if len(found) > limit else None
        following = encode_cursor(last.found_at.isoformat(), last.conflict_id) if last is not None else None
        return Page(items=[_view(sides) for sides in found[:limit]], next=following)

    @router.post("/{conflict_id}", responses=refusals(409))
    async def post_decision(conflict_id: UUID, body: DecisionBody, analyst: Analyst) -> ConflictView:
        """Say whose claim holds. It stands until the one who lost proves the asset once more."""
        async with database.transaction() as tx:
            sides = await decide_conflict(
                conflict_id, body.keep, note=body.note, by=analyst.name, tx=tx, now=database.now()
            )
            if isinstance(sides, Refusal):
                refuse(sides, what="conflict")
        return _view(sides)

    return router


def _view(sides: Sides) -> ConflictView:
    conflict = sides.conflict
    return ConflictView(
        conflict_id=conflict.conflict_id,
        relation=conflict.relation,
        found_at=conflict.found_at,
        first=_claim_view(sides.first),
        second=_claim_view(sides.second),
        keep=conflict.keep,
        note=conflict.note,
        decided_by=conflict.decided_by,
        decided_at=conflict.decided_at,
    )


def _claim_view(side: Side) -> ClaimView:
    return ClaimView(organisation_name=side.organisation.profile.name, asset=asset_view(side.asset))
