"""`GET /v1/reconciliation`: whether the sums hold."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.security import Role, operator
from services.intake.domain.reconciliation import Reconciliation
from services.intake.handlers.reconciliation import reconcile

MAX_SHOWN = 100


class MismatchView(BaseModel):
    """A submission whose count of an outcome is not what its records say."""

    submission_id: UUID
    outcome: str
    counted: int
    kept: int


class ReconciliationView(BaseModel):
    at: datetime
    sound: bool = Field(description="Counts agree with records, and no record got two final outcomes")
    accepted: int
    rejected: int
    pending: int
    outcomes: dict[str, int] = Field(description="Accepted records by outcome; they sum to `accepted`")
    submissions: dict[str, int] = Field(description="Submissions by status")
    oldest_pending_seconds: float
    outcome_conflicts: int
    mismatched: int
    mismatches: list[MismatchView] = Field(description="The first 100")


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/reconciliation", tags=["reconciliation"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def show_reconciliation() -> ReconciliationView:
        """Reads every record, so it takes seconds where there are millions."""
        async with database.transaction() as tx:
            return reconciliation_view(await reconcile(tx, now=database.now()))

    return router


def reconciliation_view(found: Reconciliation) -> ReconciliationView:
    return ReconciliationView(
        at=found.at,
        sound=found.is_sound,
        accepted=found.accepted,
        rejected=found.rejected,
        pending=found.pending,
        outcomes=found.outcomes,
        submissions=dict(found.submissions),
        oldest_pending_seconds=found.oldest_pending_seconds,
        outcome_conflicts=found.outcome_conflicts,
        mismatched=len({mismatch.submission_id for mismatch in found.mismatches}),
        mismatches=[
            MismatchView(
                submission_id=mismatch.submission_id,
                outcome=mismatch.outcome,
                counted=mismatch.counted,
                kept=mismatch.kept,
            )
            for mismatch in found.mismatches[:MAX_SHOWN]
        ],
    )
