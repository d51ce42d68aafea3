"""Taking back what has not gone out: a recipient opts out, an incident closes, a person says no."""

from datetime import datetime

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.vocabulary import Outcome
from services.notifier.domain.outcome import settled_targets
from services.notifier.domain.planning import MESSAGES, Suppression
from services.notifier.store import notifications, targets


async def silence(tx: Transaction, suppression: Suppression, *, by: str, now: datetime) -> None:
    """Take back what waits for a recipient who is no longer written to."""
    await withdraw(
        tx,
        recipient=suppression.value,
        incident=suppression.incident or None,
        reason=suppression.reason,
        message=MESSAGES[suppression.reason],
        by=by,
        now=now,
    )


async def withdraw(
    tx: Transaction,
    *,
    recipient: str | None = None,
    incident: str | None = None,
    reason: str,
    message: str,
    by: str,
    now: datetime,
) -> None:
    """Take back the targets that wait and the mails that have not gone out, and say so to the partners.

    A mail under way is left alone. Doing it twice says nothing twice.
    """
    waiting = await targets.suppress_waiting(
        tx, recipient=recipient, incident=incident, reason=reason, message=message, now=now
    )
    cancelled = await notifications.cancel_open(
        tx, recipient=recipient, incident=incident, reason=reason, by=by, now=now
    )
    carried = await targets.targets_of(tx, cancelled)
    for group in (waiting, *carried.values()):
        settled = settled_targets(group, outcome=Outcome.SUPPRESSED, reason=reason, message=message, now=now)
        await enqueue(tx, settled)
