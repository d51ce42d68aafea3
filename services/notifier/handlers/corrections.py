"""A threat was none after all: its mail does not go out, or its recipient hears that it was wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from libs.common.contracts import IndicatorSettled, ThreatWithdrawn
from libs.common.db import Transaction
from libs.common.metrics import NOTIFICATIONS
from services.notifier.domain.notification import State
from services.notifier.domain.withdrawal import Corrected, correction_id_of, to_correct
from services.notifier.handlers.planning import free_references
from services.notifier.handlers.withdrawing import take_out
from services.notifier.store import corrections, withdrawals


async def heed_withdrawals(
    events: Sequence[ThreatWithdrawn], *, tx: Transaction, now: datetime, window: timedelta, reference_key: bytes
) -> Sequence[IndicatorSettled]:
    """Take withdrawn threats out of what has not gone out, and plan a correction of what has, or may have.

    The outcomes leave through the outbox. What comes again changes nothing. A mail under way is left alone: should it
    come back undelivered, the sender finds the withdrawal before it takes the mail up again.
    """
    await withdrawals.wait_for_planning(tx)
    await withdrawals.record_withdrawals(tx, events)
    mails = await withdrawals.lock_mails_about(tx, {event.threat_id for event in events})
    found = await withdrawals.withdrawn_in(tx, mails)

    await take_out(tx, found, now=now)
    await _correct(tx, to_correct(found), due_at=now + window, reference_key=reference_key, now=now)
    return ()


async def _correct(
    tx: Transaction,
    wrong: Mapping[UUID, Sequence[Corrected]],
    *,
    due_at: datetime,
    reference_key: bytes,
    now: datetime,
) -> None:
    """One correction for each notification; what is withdrawn within the window joins the one that is open."""
    if not wrong:
        return
    opened = await corrections.open_corrections(tx, wrong)
    new = {correction_id_of(first): original for original, (first, *_) in wrong.items() if original not in opened}
    references = await free_references(tx, new, key=reference_key)
    await corrections.add_corrections(tx, new, references=references, due_at=due_at, now=now)
    joining = opened | {original: correction_id for correction_id, original in new.items()}
    await corrections.note_corrected(tx, [each for parts in wrong.values() for each in parts], corrections=joining)
    tx.after_commit(partial(NOTIFICATIONS.labels(State.PLANNED).inc, len(new)))
