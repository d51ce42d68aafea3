"""Which of the mails that are due may go now, which go together, and which wait for another hour or day."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from services.notifier.domain.amount.caps import Asked, Freed, counts_of, let_go
from services.notifier.domain.amount.policy import ROUNDED_UP, AmountPolicy, Slot, Subject, slot_to_plan
from services.notifier.domain.amount.waits import Wait
from services.notifier.domain.notification import URGENCY, Notification, State
from services.notifier.domain.outcome import BY
from services.notifier.domain.planning import CAP, domain_of
from services.notifier.handlers.withdrawing import take_back
from services.notifier.store import amounts, together

LOW = min(map(URGENCY.index, ROUNDED_UP))
TARGETS_IN_ROUND_UP = 2000
YET_TO_GO = (State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED)
GOES_AGAIN = (State.SENDING, State.DEFERRED, State.IN_DOUBT)
DAYS_KEPT = timedelta(days=7)
PLANNER_TAKES = timedelta(seconds=2)
"""It looks four times a second."""


class Parcel(msgspec.Struct, frozen=True):
    """What goes in one mail: one notification, or several of low severity to one recipient."""

    members: tuple[Notification, ...]

    @property
    def head(self) -> Notification:
        return self.members[0]

    @property
    def mail_id(self) -> UUID | None:
        """What its mail is named after, if that is not the notification that it carries alone."""
        return self.head.mail_id or (self.head.id if len(self.members) > 1 else None)

    @property
    def was_let_go(self) -> bool:
        return self.head.let_go_at is not None

    def only(self, ids: Collection[UUID]) -> "Parcel":
        return Parcel(tuple(member for member in self.members if member.id in ids))


def subject_of(notification: Notification) -> Subject:
    return Subject(
        recipient_key=notification.recipient.key,
        domain=domain_of(notification.recipient.key),
        severity=notification.severity,
        kind=notification.kind,
    )


async def parcels_of(
    tx: Transaction, due: Sequence[Notification], *, policy: AmountPolicy, now: datetime
) -> list[Parcel]:
    """These, which are due and locked, with all that goes in the same mails.

    A mail that was tried before goes as it was: unless all that is left of it is to be had, it is left to whoever has
    the rest.
    """
    low = [item for item in due if _mail_of(item, policy) != item.id]
    if not low:
        return [Parcel((item,)) for item in due]
    recipients = sorted({item.recipient.key for item in low})
    found = await amounts.low_ones_due(tx, recipients, least_urgency=LOW, now=now)
    gathered: dict[object, list[Notification]] = defaultdict(list)
    for item in found:
        gathered[_mail_of(item, policy)].append(item)
    tried = [item.mail_id for item in found if item.mail_id is not None]
    left = await amounts.left_of_mails(tx, tried, now=now) if tried else {}
    parcels: dict[object, tuple[Notification, ...]] = {_mail_of(item, policy): (item,) for item in due}
    for mail in parcels.keys() & gathered.keys():
        members = gathered[mail]
        is_whole = members[0].mail_id is None or len(members) == left.get(members[0].mail_id, 0)
        parcels[mail] = _within_bounds(members) if is_whole else ()
    return [Parcel(members) for members in parcels.values() if members]


def _mail_of(item: Notification, policy: AmountPolicy) -> object:
    """The same for all that go in one mail; its own id for what goes alone."""
    if item.mail_id is not None:
        return item.mail_id
    return item.recipient.key if item.let_go_at is None and policy.rounds_up(subject_of(item)) else item.id


def _within_bounds(members: Sequence[Notification]) -> tuple[Notification, ...]:
    """As many as one mail can hold; the others go on another day. What was in one mail before is within them."""
    before = accumulate((member.targets_total for member in members), initial=0)
    return tuple(
        member for member, sum_before in zip(members, before, strict=False) if sum_before < TARGETS_IN_ROUND_UP
    )


async def parcel_with(
    tx: Transaction, item: Notification, *, policy: AmountPolicy, approval_confidence: float, now: datetime
) -> Parcel:
    """All that goes in the mail of this one, or went: as far as it can be known now. Nothing is locked or changed."""
    if item.mail_id is not None:
        return Parcel(await _gone_with(tx, item))
    subject = subject_of(item)
    if item.state not in YET_TO_GO or item.let_go_at is not None or not policy.rounds_up(subject):
        return Parcel((item,))
    goes_at = item.due_at if item.state is State.PLANNED else item.next_attempt_at
    waiting = await together.waiting_with(
        tx,
        item,
        until=max(now, goes_at or slot_to_plan(subject, now, policy).at),
        least_urgency=LOW,
        least_confidence=approval_confidence,
    )
    return Parcel(_one_mail_with(item, [each for each in waiting if policy.rounds_up(subject_of(each))]))


def _one_mail_with(item: Notification, waiting: Sequence[Notification]) -> tuple[Notification, ...]:
    """As many as go in one mail with this one: where there are too many, it may be a later mail."""
    members = _within_bounds(waiting)
    while all(each.id != item.id for each in members):
        waiting = waiting[len(members) :]
        members = _within_bounds(waiting)
    return members


async def _gone_with(tx: Transaction, item: Notification) -> tuple[Notification, ...]:
    """Of one that may go once more: what is left of its mail."""
    if item.state is State.CANCELLED:
        return (item,)
    found = await together.all_in_mail(tx, item.mail_id) if item.mail_id is not None else [item]
    may_go = item.state in GOES_AGAIN
    return tuple(each for each in found if each.state is not State.CANCELLED and (each.state in GOES_AGAIN) == may_go)


async def free(tx: Transaction, parcels: Sequence[Parcel], *, policy: AmountPolicy, now: datetime) -> list[Parcel]:
    """Those that go now, counted for today; the others wait, or are given up after they have waited for long."""
    held = await _until_all_is_there(tx, parcels, policy=policy, now=now)
    asking = [parcel for parcel in parcels if not parcel.was_let_go and parcel.head.id not in held]
    if asking:
        held |= await _held_back(tx, asking, policy=policy, now=now)
    await _hold(tx, held, policy=policy, now=now)
    return [parcel for parcel in parcels if parcel.head.id not in held]


async def _until_all_is_there(
    tx: Transaction, parcels: Sequence[Parcel], *, policy: AmountPolicy, now: datetime
) -> dict[UUID, Slot]:
    """A round-up waits for the planner, which may be closing the rest of it: what comes later goes on another day."""
    new = [each for each in parcels if not each.was_let_go and policy.rounds_up(subject_of(each.head))]
    if not new:
        return {}
    recipients = sorted({parcel.head.recipient.key for parcel in new})
    more = await amounts.with_more_to_come(tx, recipients, least_urgency=LOW, now=now)
    slot = Slot(now + PLANNER_TAKES, Wait.ROUND_UP)
    return {member.id: slot for parcel in new if parcel.head.recipient.key in more for member in parcel.members}


async def _held_back(
    tx: Transaction, asking: Sequence[Parcel], *, policy: AmountPolicy, now: datetime
) -> dict[UUID, Slot]:
    """Which of these wait, and until when; the others are counted."""
    asked = [_asked(parcel, policy) for parcel in asking]
    day = policy.calendars.day_of(now)
    counts = [count for each in asked for count in counts_of(each, policy.caps)]
    used = await amounts.used_on(tx, day, counts)
    verdicts = let_go(asked, used=used, policy=policy, now=now)
    freed = [verdict for verdict in verdicts if isinstance(verdict, Freed)]
    await amounts.count_mails(tx, day, [count for verdict in freed for count in verdict.counts])
    return {
        member.id: verdict
        for parcel, verdict in zip(asking, verdicts, strict=True)
        if isinstance(verdict, Slot)
        for member in parcel.members
    }


def _asked(parcel: Parcel, policy: AmountPolicy) -> Asked:
    subject = subject_of(parcel.head)
    return Asked(
        subject=subject,
        incidents=tuple(dict.fromkeys(member.incident for member in parcel.members)),
        is_round_up=policy.rounds_up(subject),
    )


async def _hold(tx: Transaction, held: dict[UUID, Slot], *, policy: AmountPolicy, now: datetime) -> None:
    if not held:
        return
    lost = await amounts.held_too_long(tx, list(held), since=now - policy.longest_wait)
    await take_back(tx, lost, reason=CAP, by=BY, now=now)
    await amounts.hold(tx, {key: slot for key, slot in held.items() if key not in set(lost)}, now=now)


async def put_off_full(tx: Transaction, *, policy: AmountPolicy, now: datetime, limit: int) -> None:
    """Whoever has had as many mails today as it gets is written to tomorrow, of all that has come until then."""
    if policy.caps.recipient is None:
        return
    day, tomorrow = policy.calendars.day_of(now), policy.calendars.day_after(now)
    full = await amounts.planned_for_full_recipients(tx, day, most=policy.caps.recipient, now=now, limit=limit)
    if full:
        slots = {item.id: slot_to_plan(subject_of(item), tomorrow, policy).at for item in full}
        await amounts.put_off(tx, {key: Slot(at, Wait.RECIPIENT_CAP) for key, at in slots.items()}, now=now)


async def forget_old_days(tx: Transaction, *, policy: AmountPolicy, now: datetime) -> None:
    await amounts.forget_days_before(tx, policy.calendars.day_of(now - DAYS_KEPT))


def members_of(parcels: Iterable[Parcel]) -> list[Notification]:
    return [member for parcel in parcels for member in parcel.members]
