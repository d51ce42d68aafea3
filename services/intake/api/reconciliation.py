"""`GET /v1/reconciliation`: intake's sums, and what the last comparison with all other services came to."""

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.security import Role, operator
from services.intake.domain.reconciliation.differences import Difference
from services.intake.domain.reconciliation.report import Reconciliation, Sums
from services.intake.domain.reconciliation.words import sentence
from services.intake.handlers.reconciliation import last_run, sums


class DifferenceView(BaseModel):
    """Two numbers of different books that must be the same, also as a sentence."""

    kind: str
    submission_id: UUID | None
    day: date | None
    border: str
    outcome: str
    expected: int
    found: int
    message: str


class RunView(BaseModel):
    """One comparison of the books of all services."""

    began_at: datetime
    ended_at: datetime
    sound: bool | None = Field(description="null: it came to no verdict, and `no_verdict` says why")
    no_verdict: str | None
    submissions: int
    outcomes: dict[str, int]
    waiting: dict[str, int] = Field(description="Records that waited at the notifier, by state")
    under_way: dict[str, int] = Field(description="Records that had not come to rest, by where they were missing")
    differences_total: int
    differences: list[DifferenceView] = Field(description="The first 100")


class ReconciliationView(BaseModel):
    at: datetime
    accepted: int
    rejected: int
    pending: int
    outcomes: dict[str, int] = Field(description="Accepted records by outcome; they sum to `accepted`")
    submissions: dict[str, int] = Field(description="Submissions by status")
    oldest_unsettled_seconds: float
    outcome_conflicts: int
    sound: bool | None = Field(description="What the last run found; null if there was none, or it came to no verdict")
    last_run: RunView | None


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/reconciliation", tags=["books"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def show_reconciliation() -> ReconciliationView:
        """The sums as they are now. The run is made every night, and by `python -m services.intake.jobs reconcile`."""
        async with database.transaction() as tx:
            return _view(await sums(tx, now=database.now()), await last_run(tx))

    return router


def _view(now: Sums, run: Reconciliation | None) -> ReconciliationView:
    return ReconciliationView(
        at=now.at,
        accepted=now.accepted,
        rejected=now.rejected,
        pending=now.pending,
        outcomes=now.outcomes,
        submissions=dict(now.submissions),
        oldest_unsettled_seconds=now.oldest_unsettled_seconds,
        outcome_conflicts=now.outcome_conflicts,
        sound=run.sound if run else None,
        last_run=_run_view(run) if run else None,
    )


def _run_view(run: Reconciliation) -> RunView:
    return RunView(
        began_at=run.began_at,
        ended_at=run.ended_at,
        sound=run.sound,
        no_verdict=run.no_verdict,
        submissions=run.submissions,
        outcomes=dict(run.outcomes),
        waiting=dict(run.waiting),
        under_way=dict(run.under_way),
        differences_total=run.differences_total,
        differences=[_difference_view(each) for each in run.differences],
    )


def _difference_view(difference: Difference) -> DifferenceView:
    return DifferenceView(
        kind=difference.kind,
        submission_id=difference.submission_id,
        day=difference.day,
        border=difference.border,
        outcome=difference.outcome,
        expected=difference.expected,
        found=difference.found,
        message=sentence(difference),
    )
