"""Taking back what has not gone out: a recipient opts out, an incident closes, a person says no."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.vocabulary import Outcome
from services.notifier.domain.notification import Notification
from services.notifier.domain.outcome import BY, settled_targets
from services.notifier.domain.planning import INCIDENT_CLOSED, MESSAGES, Suppression, SuppressionList
from services.notifier.store import incidents, notifications, orders, targets


async def silence(tx: Transaction, suppression: Suppression, *, by: str, now: datetime) -> None:
    """Take back what waits for a recipient who is no longer written to."""
    about = [suppression.incident] if suppression.incident else None
    await _withdraw(tx, recipient=suppression.value, about=about, reason=suppression.reason, by=by, now=now)


async def withdraw_closed(tx: Transaction, *, by: str, now: datetime) -> None:
    """Take back all that is left of closed incidents, also what was under way or being planned when they closed."""
    closed = await incidents.closed_with_mail_left(tx)
    if closed:
        await _withdraw(tx, about=closed, reason=INCIDENT_CLOSED, by=by, now=now)


async def _withdraw(
    tx: Transaction,
    *,
    recipient: str | None = None,
    about: Sequence[str] | None = None,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Take back the mails that have not gone out, and say so to the partners.

    A mail under way is left alone. Doing it twice says nothing twice.
    """
    unsent = await notifications.open_notifications(tx, recipient=recipient, incidents=about)
    await _cancel(tx, unsent, reason=reason, by=by, now=now)


async def mailable_notifications(tx: Transaction, due: Sequence[Notification], *, now: datetime) -> list[UUID]:
    """What may still go out of these; what a suppression covers that came too late to find it is taken back."""
    silent = SuppressionList(await orders.suppressions_of(tx, {item.recipient.key for item in due}))
    covering = {item.id: silent.covering(item.recipient.key, item.incident) for item in due}
    reasons = {key: suppression.reason for key, suppression in covering.items() if suppression is not None}
    for reason in sorted(set(reasons.values())):
        await _cancel(tx, [key for key, why in reasons.items() if why is reason], reason=reason, by=BY, now=now)
    return [item.id for item in due if item.id not in reasons]


async def _cancel(tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, by: str, now: datetime) -> None:
    unsaid = await notifications.cancel_notifications(tx, notification_ids, reason=reason, by=by, now=now)
    for carried in (await targets.targets_of(tx, unsaid)).values():
        await enqueue(
            tx, settled_targets(carried, outcome=Outcome.SUPPRESSED, reason=reason, message=MESSAGES[reason], now=now)
        )
