"""What there is to tell of intake's sums, and of the last comparison with all other services."""

from datetime import datetime

from libs.common.db import Transaction
from services.intake.domain.reconciliation.report import Reconciliation, Sums
from services.intake.store import reconciliation as store

__all__ = ["last_run", "sums"]


async def sums(tx: Transaction, *, now: datetime) -> Sums:
    """From the counts, without reading a record."""
    return Sums(
        at=now,
        totals=await store.totals(tx),
        submissions=await store.submissions_by_status(tx),
        oldest_unsettled_at=await store.oldest_pending(tx),
        outcome_conflicts=await store.conflicts(tx),
    )


async def last_run(tx: Transaction) -> Reconciliation | None:
    """The newest, whatever it came to."""
    return await store.last_run(tx)
