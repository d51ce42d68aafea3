"""What partners and operators see of submissions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.db import Transaction
from services.intake.domain.submissions import Receipt, RecordRow, Status, Submission
from services.intake.store import records, submissions

NEWEST = UUID(int=2**128 - 1)
"""Where a list that begins with the newest begins."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose submissions may be seen: one partner's, or everybody's."""

    partner_id: UUID | None


EVERYBODY = Viewer(None)


async def receipt_of(tx: Transaction, submission_id: UUID, *, viewer: Viewer = EVERYBODY) -> Receipt | None:
    """None for what is not there and for what is another's."""
    found = await submissions.submission(tx, submission_id, partner_id=viewer.partner_id)
    return (await _receipts(tx, [found]))[0] if found else None


async def receipts_of(tx: Transaction, submission_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
    """Of those that are there."""
    found = await submissions.submissions_of(tx, submission_ids)
    return {receipt.submission.id: receipt for receipt in await _receipts(tx, found)}


async def receipts_before(
    tx: Transaction, before: UUID, *, viewer: Viewer, status: Status | None, is_test: bool | None = None, limit: int
) -> list[Receipt]:
    """The newest first; None of any kind."""
    found = await submissions.submissions_before(
        tx, before, partner_id=viewer.partner_id, status=status, is_test=is_test, limit=limit
    )
    return await _receipts(tx, found)


async def _receipts(tx: Transaction, found: Sequence[Submission]) -> list[Receipt]:
    counts = await records.counts_of(tx, [submission.id for submission in found])
    return [Receipt(submission=submission, counts=counts[submission.id]) for submission in found]


async def submission_of(tx: Transaction, submission_id: UUID, *, viewer: Viewer) -> Submission | None:
    return await submissions.submission(tx, submission_id, partner_id=viewer.partner_id)


async def records_after(
    tx: Transaction, submission_id: UUID, record: int, *, viewer: Viewer, outcome: str | None, limit: int
) -> list[RecordRow] | None:
    """In the order of the payload; None for a submission that is not there or is another's."""
    if await submission_of(tx, submission_id, viewer=viewer) is None:
        return None
    return await records.records_after(tx, submission_id, record, outcome=outcome, limit=limit)
