"""`/v1/attributions`: what was decided of one indicator, and on what evidence."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs.common.db import Database
from libs.common.security import Role, operator
from libs.common.vocabulary import Outcome
from services.attribution.api.views import EvidenceView, RecipientView, evidence_view, recipient_view
from services.attribution.domain.attributions import Attribution, target_id_of
from services.attribution.domain.ladder import Attributed, Route
from services.attribution.handlers import attribution_of


class AttributionView(BaseModel):
    """Either a recipient, or an outcome with its reason."""

    indicator_id: UUID
    target_id: UUID
    route: Route
    recipient: RecipientView | None = None
    confidence: float = 0.0
    outcome: Outcome | None = None
    reason: str | None = None
    message: str | None = None
    evidence: list[EvidenceView]
    decided_at: datetime


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/attributions", tags=["attributions"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("/{indicator_id}")
    async def read_attribution(indicator_id: UUID) -> AttributionView:
        """To whom an indicator was attributed, or why to nobody, and each step of the way there."""
        async with database.transaction() as tx:
            standing = await attribution_of(tx, indicator_id)
        return _view(standing)

    return router


def _view(standing: Attribution) -> AttributionView:
    decision = standing.decision
    evidence = [evidence_view(step) for step in decision.evidence]
    target_id = target_id_of(standing.indicator_id)
    if isinstance(decision, Attributed):
        return AttributionView(
            indicator_id=standing.indicator_id,
            target_id=target_id,
            route=decision.route,
            recipient=recipient_view(decision.recipient),
            confidence=decision.confidence,
            evidence=evidence,
            decided_at=standing.decided_at,
        )
    return AttributionView(
        indicator_id=standing.indicator_id,
        target_id=target_id,
        route=decision.route,
        outcome=decision.outcome,
        reason=decision.reason,
        message=decision.message,
        evidence=evidence,
        decided_at=standing.decided_at,
    )
