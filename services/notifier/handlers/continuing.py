"""A person has another contact asked for, of what could not be delivered: the contact was mended meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.contracts import IndicatorSettled, RecipientsExhausted
from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.problems import not_found
from libs.common.vocabulary import IncidentState, Outcome
from services.notifier.domain.continuing import Why, to_ask_again
from services.notifier.domain.notification import Notification
from services.notifier.domain.outcome import settled_targets, unreachable
from services.notifier.domain.proofs import NOBODY_KNOWN, PROOF_LOST
from services.notifier.handlers.commands import cannot_follow
from services.notifier.store import continuing, incidents, notifications, proofs

UNREACHABLE = "unreachable"
NOBODY_ELSE = "The recipient's address does not take mail, and nobody else is known who could be told."
BY_A_PERSON = "asked-again"


async def give_up(
    events: Sequence[RecipientsExhausted], *, tx: Transaction, now: datetime
) -> Sequence[IndicatorSettled]:
    """Nobody else can be told: the outcome is that it failed, unless one was said. The word leaves by the outbox.

    Where nobody was tried, since the asset was not proven, it is that there is nobody to warn.
    """
    left = await continuing.give_up(tx, events, now=now)
    await enqueue(tx, settled_targets(left, outcome=Outcome.FAILED, reason=UNREACHABLE, message=NOBODY_ELSE, now=now))
    unproven = await proofs.give_up(tx, events, now=now)
    said = settled_targets(unproven, outcome=Outcome.UNATTRIBUTABLE, reason=PROOF_LOST, message=NOBODY_KNOWN, now=now)
    await enqueue(tx, said)
    return ()


async def ask_again(tx: Transaction, notification_id: UUID, *, note: str, by: str, now: datetime) -> Notification:
    """Ask attribution who else can be told of what nobody was told of; its mail goes out under the same reference.

    No outcome changes by it: it was said. Raises a `Problem` where there is nothing to ask.
    """
    notification = await notifications.notification_with_id(tx, notification_id, lock=True)
    if notification is None:
        raise not_found("notification")
    states = await incidents.states_of(tx, {notification.incident})

    asking = to_ask_again(
        notification,
        await continuing.sought_for(tx, notification_id),
        is_closed=states.get(notification.incident) is IncidentState.CLOSED,
        is_gathering=await continuing.is_gathering(tx, notification_id),
    )
    if isinstance(asking, Why):
        raise cannot_follow(asking)

    target_ids = [each.target.target_id for each in asking]
    await continuing.ask_again(tx, notification_id, target_ids, note=note, by=by, now=now)
    asked = [
        unreachable(notification, [each.target], reason=BY_A_PERSON, now=now, asked_again=each.asked_again + 1)
        for each in asking
    ]
    await enqueue(tx, [question for questions in asked for question in questions])
    changed = await notifications.notification_with_id(tx, notification_id)
    if changed is None:
        raise not_found("notification")
    return changed
