"""What people at the desk order: approve, cancel, resend, brake, suppress."""

from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.outbox import enqueue
from libs.common.problems import Problem
from libs.common.vocabulary import Outcome
from services.notifier.domain.brakes.decisions import Action, Decision
from services.notifier.domain.notification import Brake, Command, Notification, State, after_command
from services.notifier.domain.outcome import settled_targets
from services.notifier.domain.planning import StoredSuppression, Suppression, SuppressionList, covering_of
from services.notifier.handlers.withdrawing import silence
from services.notifier.store import brake_decisions, brakes, notifications, orders, targets

CANCELLED = "An operator decided not to send this notification."


async def command_notification(
    tx: Transaction, notification_id: UUID, command: Command, *, note: str, by: str, now: datetime
) -> Notification | None:
    """Carry out a command; answers the notification after it, or None if its state does not allow the command.

    What has bounced can be sent again once its outcome is said: until then it goes on to another contact.
    Raises `LookupError` for a notification that does not exist, and a `Problem` where it would be sent to somebody who
    is not written to. Who cancels settles its targets as suppressed.
    """
    notification = await notifications.notification_with_id(tx, notification_id, lock=True)
    if notification is None:
        raise LookupError(notification_id)

    state = after_command(notification.state, command)
    goes_on = notification.state is State.BOUNCED and not notification.settled
    if state is None or goes_on:
        return None
    if command is Command.RESEND:
        await _require_that_it_may_be_written_to(tx, notification, now=now)

    reason = "cancelled" if state is State.CANCELLED else ""
    await notifications.decide_notification(tx, notification_id, state=state, reason=reason, note=note, by=by, now=now)
    if state is State.CANCELLED and not notification.settled:
        carried = await targets.targets_of(tx, [notification_id])
        settled = settled_targets(
            carried.get(notification_id, ()), outcome=Outcome.SUPPRESSED, reason=reason, message=CANCELLED, now=now
        )
        await enqueue(tx, settled)
    return await notifications.notification_with_id(tx, notification_id)


def cannot_follow(why: str) -> Problem:
    return Problem(409, "wrong-state", "The notification can't follow this now", why)


async def _require_that_it_may_be_written_to(tx: Transaction, notification: Notification, *, now: datetime) -> None:
    """What is sent again to whom nobody writes would be taken back at once, and its end would be lost."""
    recipient = notification.recipient
    found = await orders.suppressions_of(tx, [(recipient.key, recipient.organisation_id)], now=now)
    if (suppression := covering_of(SuppressionList(found), recipient, notification.incident)) is not None:
        why = f"Nobody is written to there ({suppression.reason}): end the suppression first, or let it `continue`."
        raise cannot_follow(why)


async def suppress(
    tx: Transaction, suppression: Suppression, *, note: str, by: str, now: datetime
) -> StoredSuppression:
    """Write no more to an address or a domain, and take back what waits for it."""
    stored = await orders.record_suppressions(tx, [suppression], note=note, by=by, now=now)
    await silence(tx, suppression, by=by, now=now)
    return stored[0]


async def set_brake(tx: Transaction, brake: Brake) -> list[Brake]:
    """Engage or release a brake; answers all of them. The sender looks before it takes up a mail."""
    await brakes.record_brake(tx, brake)
    await brake_decisions.record_decision(
        tx,
        Decision(
            id=new_id(),
            at=brake.changed_at,
            by=brake.changed_by,
            action=Action.ENGAGED if brake.engaged else Action.LIFTED,
            scope=brake.scope,
            value=brake.value,
            note=brake.reason,
        ),
    )
    return await brakes.all_brakes(tx)
