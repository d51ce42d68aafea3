"""Taking back what has not gone out: a recipient opts out, an incident closes, a threat is none, a proof is lost."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from libs.common.db import Transaction
from libs.common.metrics import NOTIFICATIONS
from libs.common.outbox import enqueue
from libs.common.vocabulary import NotificationKind, Outcome
from services.notifier.domain.grouping import sum_of
from services.notifier.domain.notification import Notification, State
from services.notifier.domain.outcome import BY, may_go_on, settled_targets, unreachable
from services.notifier.domain.planning import (
    DEAD,
    INCIDENT_CLOSED,
    MESSAGES,
    Suppression,
    SuppressionList,
    SuppressionReason,
    covering_of,
)
from services.notifier.domain.proofs import PROOF_LOST, Unproven, attribute_anew, fates_of
from services.notifier.domain.withdrawal import WITHDRAWN, Fate, Withdrawn, fate_of
from services.notifier.store import continuing, groups, incidents, notifications, orders, proofs, targets, withdrawals


async def silence(tx: Transaction, suppression: Suppression, *, by: str, now: datetime) -> None:
    """Take back what waits for a recipient who is no longer written to; what is for a team, if a person said so.

    What waits for an address that is dead goes on to the next contact.
    """
    about = [suppression.incident] if suppression.incident else None
    await _withdraw(
        tx,
        recipient=suppression.value or None,
        spares_teams=suppression.reason is not SuppressionReason.OPERATOR,
        about=about,
        reason=suppression.reason,
        by=by,
        now=now,
    )


async def withdraw_closed(tx: Transaction, *, by: str, now: datetime) -> None:
    """Take back all warnings left of closed incidents, also what was under way or being planned when they closed."""
    closed = await incidents.closed_with_mail_left(tx)
    if closed:
        await _withdraw(tx, about=closed, kind=NotificationKind.WARNING, reason=INCIDENT_CLOSED, by=by, now=now)


async def _withdraw(
    tx: Transaction,
    *,
    recipient: str | None = None,
    spares_teams: bool = False,
    about: Sequence[str] | None = None,
    kind: NotificationKind | None = None,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Take back the mails that have not gone out, and say so to the partners.

    A mail under way is left alone. Doing it twice says nothing twice.
    """
    unsent = await notifications.open_notifications(
        tx, recipient=recipient, spares_teams=spares_teams, incidents=about, kind=kind
    )
    await _take_back_or_pass_on(tx, unsent, reason=reason, by=by, now=now)


async def _take_back_or_pass_on(
    tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, by: str, now: datetime
) -> None:
    going_on = await pass_on(tx, notification_ids, reason=reason, now=now) if reason in DEAD else set()
    left = [each for each in notification_ids if each not in going_on]
    await take_back(tx, left, reason=reason, by=by, now=now)


async def pass_on(tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, now: datetime) -> set[UUID]:
    """Ask for another contact for each of these, which are locked and whose address is dead, as far as one may be.

    Answers those that go on, each under its own reference. Doing it twice asks nothing twice.
    """
    known = await notifications.notifications_with_ids(tx, notification_ids)
    going_on = [each for each in known.values() if may_go_on(each)]
    carried = await targets.targets_of(tx, [each.id for each in going_on])
    await continuing.pass_on(tx, carried, reason=reason, now=now)
    asked = [unreachable(each, carried.get(each.id, ()), reason=reason, now=now) for each in going_on]
    await enqueue(tx, [question for questions in asked for question in questions])
    tx.after_commit(partial(NOTIFICATIONS.labels(State.BOUNCED).inc, len(carried)))
    return set(carried)


async def mailable_notifications(tx: Transaction, due: Sequence[Notification], *, now: datetime) -> list[UUID]:
    """What may still go out of these; what a suppression covers that came too late to find it does not."""
    recipients = {(item.recipient.key, item.recipient.organisation_id) for item in due}
    silent = SuppressionList(await orders.suppressions_of(tx, recipients, now=now))
    covering = {item.id: covering_of(silent, item.recipient, item.incident) for item in due}
    reasons = {key: suppression.reason for key, suppression in covering.items() if suppression is not None}
    for reason in sorted(set(reasons.values())):
        about = [key for key, why in reasons.items() if why is reason]
        await _take_back_or_pass_on(tx, about, reason=reason, by=BY, now=now)
    left = [item.id for item in due if item.id not in reasons]
    emptied = await take_out(tx, await withdrawals.withdrawn_in(tx, left), now=now)
    emptied |= await take_out_unproven(tx, await proofs.unproven_in(tx, left), now=now)
    return [notification_id for notification_id in left if notification_id not in emptied]


async def take_out(tx: Transaction, withdrawn: Sequence[Withdrawn], *, now: datetime) -> set[UUID]:
    """Take withdrawn targets out of mails that have not gone out, and say so; what becomes empty is cancelled.

    Answers the notifications that became so. Doing it twice says nothing twice.
    """
    fates = [(each, fate) for each in withdrawn if (fate := fate_of(each)) is not Fate.KEPT]
    if not fates:
        return set()
    taken = [each for each, fate in fates if fate is Fate.TAKEN_OUT]
    left_out = [each.target.target_id for each, fate in fates if fate is Fate.LEFT_OUT]
    message = MESSAGES[WITHDRAWN]
    carried_by = {each.target.target_id: each.notification_id for each in taken}
    await withdrawals.take_out(tx, carried_by, reason=WITHDRAWN, message=message, now=now)
    await withdrawals.leave_out(tx, left_out, now=now)
    told = [each.target for each in taken]
    await enqueue(tx, settled_targets(told, outcome=Outcome.SUPPRESSED, reason=WITHDRAWN, message=message, now=now))
    return await _shrink(tx, {each.notification_id: each.by for each, _ in fates}, reason=WITHDRAWN, now=now)


async def take_out_unproven(tx: Transaction, unproven: Sequence[Unproven], *, now: datetime) -> set[UUID]:
    """Take targets out of mails, which are locked, to whoever can't prove the asset any more; ask anew who is told.

    Answers the notifications that became empty, and are cancelled. Of a copy nobody is asked: the answer has its own.
    Doing it twice asks nothing twice.
    """
    fates = fates_of(unproven)
    if not fates:
        return set()
    taken = [each for each, fate in fates if fate is Fate.TAKEN_OUT]
    await proofs.take_out(tx, taken, reason=PROOF_LOST, now=now)
    left_out = [each.target.target_id for each, fate in fates if fate is Fate.LEFT_OUT]
    await withdrawals.leave_out(tx, left_out, now=now)
    await enqueue(tx, [attribute_anew(each, now=now) for each in taken if each.target.copy_of is None])
    return await _shrink(tx, {each.notification_id: BY for each, _ in fates}, reason=PROOF_LOST, now=now)


async def _shrink(tx: Transaction, by: Mapping[UUID, str], *, reason: str, now: datetime) -> set[UUID]:
    """Make these notifications what their targets are now; cancel those that have none, by the word of whom."""
    shares = await groups.shares_left(tx, list(by))
    await groups.shrink_groups(tx, {key: sum_of(left) for key, left in shares.items()})
    emptied = by.keys() - shares.keys()
    await groups.empty_groups(tx, emptied)
    for name in sorted({by[key] for key in emptied}):
        await notifications.cancel_notifications(
            tx, [key for key in emptied if by[key] == name], reason=reason, by=name, now=now
        )
    return emptied


async def take_back(
    tx: Transaction, notification_ids: Sequence[UUID], *, reason: str, by: str, now: datetime, message: str = ""
) -> None:
    """Cancel these, which are locked, and say so to the partners, in the usual words for the reason or in others."""
    if not notification_ids:
        return
    words = message or MESSAGES[reason]
    unsaid = await notifications.cancel_notifications(tx, notification_ids, reason=reason, by=by, now=now)
    for carried in (await targets.targets_of(tx, unsaid)).values():
        await enqueue(tx, settled_targets(carried, outcome=Outcome.SUPPRESSED, reason=reason, message=words, now=now))
