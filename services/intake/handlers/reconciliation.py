"""Whether the sums hold."""

from datetime import datetime

from libs.common.db import Transaction
from services.intake.domain.reconciliation import Reconciliation
from services.intake.store import reconciliation as store


async def reconcile(tx: Transaction, *, now: datetime) -> Reconciliation:
    """Sums from the counts, and the counts against the records themselves: that part reads every record."""
    return Reconciliation(
        at=now,
        totals=await store.totals(tx),
        submissions=await store.submissions_by_status(tx),
        oldest_pending_received_at=await store.oldest_pending(tx),
        outcome_conflicts=await store.conflicts(tx),
        mismatches=tuple(await store.mismatches(tx)),
    )
