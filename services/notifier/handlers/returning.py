"""Mails come back: an address is dead, a recipient complains, and what did not arrive goes on to the next contact."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from libs.common.contracts import IndicatorSettled, MailReturned
from libs.common.db import Transaction
from libs.common.metrics import NOTIFICATIONS
from libs.common.outbox import enqueue
from services.notifier.domain.notification import Notification, State
from services.notifier.domain.outcome import unreachable
from services.notifier.domain.planning import Suppression
from services.notifier.domain.returns import SOFT_BOUNCES_WITHIN, Return, verdict_on
from services.notifier.handlers.withdrawing import silence
from services.notifier.store import notifications, orders, returns, targets

BY = "feedback"
AT_ONCE = 100


async def heed_returns(events: Sequence[MailReturned], *, tx: Transaction, now: datetime) -> Sequence[IndicatorSettled]:
    """Keep what came back, and let it take effect. What names no notification of ours is passed over."""
    await returns.record_returns(tx, events)
    await apply_returns(tx, now=now)
    return ()


async def apply_returns(tx: Transaction, *, now: datetime) -> int:
    """Let what came back take effect, where its mail has come to rest; how many.

    The planner calls it too: a bounce can be here before the relay's yes is stored.
    """
    waiting = await returns.returns_to_heed(tx, limit=AT_ONCE)
    for returned in waiting:
        notification = await notifications.notification_with_id(tx, returned.notification_id, lock=True)
        if notification is not None:
            together = await notifications.others_in_mail(tx, notification.id) if notification.mail_id else []
            for each in (notification, *together):
                await _apply(tx, returned, each, now=now)
    if waiting:
        await returns.mark_heeded(tx, [returned.return_id for returned in waiting], now=now)
    return len(waiting)


async def _apply(tx: Transaction, returned: Return, notification: Notification, *, now: datetime) -> None:
    """A mail that carried several comes back for each of them."""
    key = notification.recipient.key
    soft = await returns.soft_bounces_of(tx, key, now=now, within=SOFT_BOUNCES_WITHIN)
    verdict = verdict_on(returned, notification, soft_bounces=soft)
    if verdict.bounces:
        reason = returned.permanence or ""
        await returns.mark_bounced(tx, notification.id, reason=reason, gone_on_at=now if verdict.goes_on else None)
        tx.after_commit(partial(NOTIFICATIONS.labels(State.BOUNCED).inc, 1))
    if verdict.suppresses is not None:
        suppression = Suppression(value=key, reason=verdict.suppresses)
        [standing] = await orders.record_suppressions(tx, [suppression], note=_note(returned), by=BY, now=now)
        await silence(tx, standing.suppression, by=BY, now=now)
    if verdict.goes_on:
        carried = (await targets.targets_of(tx, [notification.id])).get(notification.id, ())
        reason = returned.code or returned.permanence or ""
        await enqueue(tx, unreachable(notification, carried, reason=reason, now=now))


def _note(returned: Return) -> str:
    return " ".join(filter(None, (returned.kind, returned.code, returned.detail)))[:500]
