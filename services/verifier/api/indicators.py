"""`/v1/indicators`: the verdict on one indicator, with all its reasons."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.security import Role, operator
from services.verifier import handlers
from services.verifier.api.views import VerdictView, verdict_view
from services.verifier.domain.review import Decision, PastDecision


class DecisionView(BaseModel):
    """What a person decided of an indicator that was held."""

    decision: Decision
    note: str
    decided_by: str
    decided_at: datetime
    remembered_until: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    undo_note: str | None


class Decisions(BaseModel):
    """Oldest first."""

    items: list[DecisionView]


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/indicators", tags=["indicators"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("/{indicator_id}/decisions")
    async def list_decisions(indicator_id: UUID) -> Decisions:
        """Who decided what of it and why, and who took it back; oldest first."""
        async with database.transaction() as tx:
            found = await handlers.decisions_on(tx, indicator_id)
        return Decisions(items=[_view(decision) for decision in found])

    @router.get("/{indicator_id}")
    async def read_verdict(indicator_id: UUID) -> VerdictView:
        """What was decided of one record, and every check that had a say."""
        async with database.transaction() as tx:
            return verdict_view(await handlers.verdict_of(tx, indicator_id))

    return router


def _view(decision: PastDecision) -> DecisionView:
    return DecisionView(**{name: getattr(decision, name) for name in DecisionView.model_fields})
