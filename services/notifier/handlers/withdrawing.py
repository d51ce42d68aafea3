"""Taking back what has not gone out: a recipient opts out, an incident closes, a person says no."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.vocabulary import Outcome
from services.notifier.domain.grouping import Waiting
from services.notifier.domain.notification import Notification
from services.notifier.domain.outcome import BY, settled_targets
from services.notifier.domain.planning import (
    INCIDENT_CLOSED,
    MESSAGES,
    Suppression,
    SuppressionList,
    SuppressionReason,
)
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
    """Take back the targets that wait and the mails that have not gone out, and say so to the partners.

    A mail under way is left alone. Doing it twice says nothing twice.
    """
    waiting = await targets.waiting_targets(tx, recipient=recipient, incidents=about)
    await _suppress(tx, waiting, reason=reason, now=now)
    # Only now: who was making mails of these targets has committed them.
    unsent = await notifications.open_notifications(tx, recipient=recipient, incidents=about)
    await _cancel(tx, unsent, reason=reason, by=by, now=now)


async def mailable_targets(tx: Transaction, due: Sequence[Waiting], *, now: datetime) -> list[Waiting]:
    """What may still be mailed of these; what a suppression covers that came after the planning is taken back."""
    reasons = await _covered(tx, {item.target_id: (item.recipient.key, item.incident) for item in due})
    for reason in sorted(set(reasons.values())):
        await _suppress(tx, [key for key, why in reasons.items() if why is reason], reason=reason, now=now)
    return [item for item in due if item.target_id not in reasons]


async def mailable_notifications(tx: Transaction, due: Sequence[Notification], *, now: datetime) -> list[UUID]:
    """What may still go out of these; what a suppression covers that came while it was under way is taken back."""
    reasons = await _covered(tx, {item.id: (item.recipient.key, item.incident) for item in due})
    for reason in sorted(set(reasons.values())):
        await _cancel(tx, [key for key, why in reasons.items() if why is reason], reason=reason, by=BY, now=now)
    return [item.id for item in due if item.id not in reasons]


async def _covered(tx: Transaction, addressed: Mapping[UUID, tuple[str, str]]) -> dict[UUID, SuppressionReason]:
    """Which of these, by recipient and incident, must not be mailed, and why."""
    silent = SuppressionList(await orders.suppressions_of(tx, {recipient for recipient, _ in addressed.values()}))
    found = {key: silent.covering(recipient, incident) for key, (recipient, incident) in addressed.items()}
    return {key: suppression.reason for key, suppression in found.items() if suppression is not None}


async def _suppress(tx: Transaction, target_ids: Sequence[UUID], *, reason: str, now: datetime) -> None:
    suppressed = await targets.suppress_targets(tx, target_ids, reason=reason, message=MESSAGES[reason], now=now)
    await _say(tx, suppressed, reason=reason, now=now)


async def _cancel(tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, by: str, now: datetime) -> None:
    unsaid = await notifications.cancel_notifications(tx, notification_ids, reason=reason, by=by, now=now)
    for carried in (await targets.targets_of(tx, unsaid)).values():
        await _say(tx, carried, reason=reason, now=now)


async def _say(tx: Transaction, withdrawn: Iterable[Target], *, reason: str, now: datetime) -> None:
    settled = settled_targets(withdrawn, outcome=Outcome.SUPPRESSED, reason=reason, message=MESSAGES[reason], now=now)
    await enqueue(tx, settled)
