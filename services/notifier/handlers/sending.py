"""Sending in three steps: claim what is due, write and deliver each mail, record the answers."""

import asyncio
import random
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Protocol
from uuid import UUID

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import is_team
from libs.common.db import Transaction
from libs.common.errors import Permanent
from libs.common.outbox import enqueue
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.lanes import Lanes
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.outcome import change_of, events_of
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import (
    Failed,
    Patience,
    Reply,
    Result,
    RetryPolicy,
    TooLarge,
    Unwritable,
    after_loss,
    result_of,
)
from services.notifier.gateway.relay import Relay
from services.notifier.handlers.amount import Parcel, free, members_of, parcels_of
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.withdrawing import mailable_notifications, silence
from services.notifier.store import corrections, incidents, notifications, orders, targets

TARGETS_AT_ONCE = 2000
"""No further mail is taken up while those under way have so many targets together: the last of them may have more. Each
target takes some 5 KiB of memory."""

LARGE_MAIL_TARGETS = 500
"""Writing one with more takes longer than others should wait: it is done in a thread."""

ROOM_TO_SPARE = 0.95
"""A mail that is written once more, smaller, comes out as large as it may be by estimate."""

UNBOUND = AmountPolicy()
FREE = Lanes(per_domain=sys.maxsize, under_way={})


class Delivered(msgspec.Struct, frozen=True):
    """A consignment and what became of it; `subject` is None when no mail was written."""

    consignment: Consignment
    result: Result
    subject: str | None = None

    @property
    def parts(self) -> Sequence["Delivered"]:
        """The same of each notification that the mail carried."""
        return [msgspec.structs.replace(self, consignment=part) for part in self.consignment.parts]


async def claim(
    tx: Transaction,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    lanes: Lanes = FREE,
    amounts: AmountPolicy = UNBOUND,
) -> Sequence[Consignment]:
    """Take what may go out now, most urgent first. Committed before the first mail leaves: intent before act.

    At most `limit` mails, as many to a domain as its lane has room for, and no further one once there are
    `TARGETS_AT_ONCE`. What `amounts` keeps back asks again later.
    """
    if not limit:
        return ()
    due = lanes.admit(await notifications.due_notifications(tx, now=now, limit=limit, but_to=lanes.full))
    if not due:
        return ()
    carried = accumulate((item.targets_total for item in due), initial=0)
    light = [item for item, before in zip(due, carried, strict=False) if before < TARGETS_AT_ONCE]
    parcels = await parcels_of(tx, light, policy=amounts, now=now)
    mailable = set(await mailable_notifications(tx, members_of(parcels), now=now))
    left = [part for parcel in parcels if (part := parcel.only(mailable)).members]
    going = await free(tx, left, policy=amounts, now=now)
    mails = {member.id: parcel.mail_id for parcel in going for member in parcel.members}
    claimed = await notifications.claim_notifications(tx, mails, now=now, lease_until=now + lease)
    return packed(await consignments_of(tx, claimed), going)


def packed(consignments: Sequence[Consignment], parcels: Sequence[Parcel]) -> list[Consignment]:
    """One for each mail: that of its head, with the others as its companions."""
    by_id = {consignment.notification.id: consignment for consignment in consignments}
    return [
        msgspec.structs.replace(by_id[parcel.head.id], companions=tuple(by_id[each.id] for each in parcel.members[1:]))
        for parcel in parcels
    ]


async def doubt_lost(tx: Transaction, *, now: datetime, limit: int, held: Collection[UUID] = ()) -> Sequence[Delivered]:
    """Find the mails whose sender died: each goes out once more, marked, or fails when that happened before.

    Who asks is alive: the mails that are `held` by it are not lost, however late their answers are.
    """
    lost = await consignments_of(tx, await notifications.lost_notifications(tx, now=now, limit=limit, held=held))
    detail = "the notifier stopped before the relay's answer was stored"
    delivered = [
        Delivered(item, after_loss(item.notification.doubts, detail=detail, next_attempt_at=now)) for item in lost
    ]
    await record(tx, delivered, now=now)
    return delivered


async def consignments_of(tx: Transaction, claimed: Sequence[Notification]) -> list[Consignment]:
    """What each of these notifications is made of: two questions for all, some more where there are earlier ones."""
    if not claimed:
        return []
    known = await incidents.incidents_named(tx, {item.incident for item in claimed})
    carried = await carried_by(tx, claimed)
    wrong = {item.corrects for item in claimed if item.corrects is not None}
    earlier = wrong | {item.reminder.first for item in claimed if item.reminder is not None}
    originals = await notifications.notifications_with_ids(tx, earlier) if earlier else {}
    in_part = await corrections.holding_in_part(tx, wrong) if wrong else set()
    return [
        Consignment(
            notification=item,
            incident=known[item.incident],
            targets=carried.get(item.id, ()),
            original=originals.get(item.corrects or (item.reminder.first if item.reminder else item.id)),
            rest_holds=item.corrects in in_part,
        )
        for item in claimed
    ]


async def carried_by(
    tx: Transaction, about: Sequence[Notification], *, most: int | None = None
) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each of these notifications tells of; `most`: of warnings no more than the first ones."""
    warnings = [item for item in about if item.corrects is None]
    taking_back = [item.id for item in about if item.corrects is not None]
    large = [item.id for item in warnings if item.targets_total > TARGETS_AT_ONCE and most is None]
    small = [item.id for item in warnings if item.id not in large]
    carried = await targets.targets_of(tx, small, most=most) if small else {}
    carried |= {each: await targets.many_targets_of(tx, each) for each in large}
    return carried | (await corrections.corrected_targets(tx, taking_back) if taking_back else {})


async def deliver(
    consignment: Consignment, *, scribe: Scribe, relay: Relay, policy: RetryPolicy, now: datetime
) -> Delivered:
    """Write one mail and hand it over. Raises `RelayAway` when nothing was tried."""
    notification = consignment.notification
    patience = Patience(
        tries=notification.tries,
        doubts=notification.doubts,
        queued_at=max(filter(None, (notification.queued_at, notification.let_go_at, notification.created_at))),
        severity=notification.severity,
    )
    write = partial(scribe.write, consignment, now=now)
    is_large = sum(len(part.targets) for part in (consignment, *consignment.companions)) > LARGE_MAIL_TARGETS
    result, subject = await hand_over(
        write, relay=relay, patience=patience, policy=policy, now=now, write_within=write, is_large=is_large
    )
    return Delivered(consignment, result, subject)


class WriteWithin(Protocol):
    """Writes a mail that is not larger than this."""

    def __call__(self, *, most_bytes: int) -> Mail: ...


async def hand_over(
    write: Callable[[], Mail],
    *,
    relay: Relay,
    patience: Patience,
    policy: RetryPolicy,
    now: datetime,
    write_within: WriteWithin | None = None,
    is_large: bool = False,
) -> tuple[Result, str | None]:
    """Write any mail and hand it over; what came of it, and the subject it had. `RelayAway`: nothing was tried.

    One that the relay does not take as large as that is written once more, with less in its files.
    """
    reply: Reply
    subject = None
    try:
        mail = await _written(write, is_large=is_large)
        subject = mail.subject
        reply = await relay.deliver(mail)
        if isinstance(reply, TooLarge) and write_within is not None:
            most_bytes = int(len(mail.content) * reply.most_bytes / reply.mail_bytes * ROOM_TO_SPARE)
            mail = await _written(partial(write_within, most_bytes=most_bytes), is_large=is_large)
            reply = await relay.deliver(mail)
    except Permanent as error:
        reply = Unwritable(str(error))
    chance = random.random()  # noqa: S311 - jitter, not a secret
    return result_of(reply, patience=patience, policy=policy, now=now, chance=chance), subject


async def _written(write: Callable[[], Mail], *, is_large: bool) -> Mail:
    return await asyncio.to_thread(write) if is_large else write()


async def record(tx: Transaction, mails: Sequence[Delivered], *, now: datetime) -> None:
    """Store what became of a batch, say it through the outbox, and write no more to addresses that are dead.

    What comes after another sender has taken a notification over is neither stored nor said.
    """
    if not mails:
        return
    answered = [part for mail in mails for part in mail.parts]
    changes = [change_of(item.consignment, item.result, subject=item.subject, now=now) for item in answered]
    changed = await notifications.record_changes(tx, changes, now=now)
    delivered = [item for item in answered if item.consignment.notification.id in changed]
    events = [
        event
        for item in delivered
        for event in events_of(item.consignment, item.result, subject=item.subject or "", now=now)
    ]
    await enqueue(tx, events)
    # What a partner tries out changes nothing for whoever is written to in earnest.
    tried = [
        (item.consignment.notification.recipient.key, item.result)
        for item in delivered
        if not item.consignment.notification.is_test
    ]
    await bury_dead_addresses(tx, tried, now=now)


async def bury_dead_addresses(tx: Transaction, tried: Sequence[tuple[str, Result]], *, now: datetime) -> None:
    """Write no more to the addresses of which the relay said that they take no mail; what waits goes to somebody else.

    Not to those of teams: each mail that can't be handed over is a failure that somebody sees, until a person mends it.
    """
    dead = [
        Suppression(value=recipient_key, reason=SuppressionReason.UNDELIVERABLE)
        for recipient_key, result in tried
        if isinstance(result, Failed) and result.dead_address and not is_team(recipient_key)
    ]
    if not dead:
        return
    standing = await orders.record_suppressions(tx, dead, note="the mail relay said so", by="notifier", now=now)
    for each in standing:
        await silence(tx, each.suppression, by="notifier", now=now)
