"""Sending in three steps: claim what is due, write and deliver each mail, record the answers."""

import random
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial, wraps
from itertools import accumulate
from secrets import token_bytes
from typing import ParamSpec
from uuid import UUID

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import is_team
from libs.common.db import Transaction
from libs.common.errors import Permanent
from libs.common.links import NONCE_BYTES, Links
from libs.common.outbox import enqueue
from libs.common.vocabulary import Language, NotificationKind
from services.notifier.domain.corrections.letter import correction_of
from services.notifier.domain.digests.digest import Digest
from services.notifier.domain.digests.letter import digest_letter_of
from services.notifier.domain.digests.message import digest_mail_of
from services.notifier.domain.house import House
from services.notifier.domain.lanes import Lanes
from services.notifier.domain.letter import Tokens, letter_of
from services.notifier.domain.message import Mail, is_writable, mail_of
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.outcome import change_of, events_of
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import (
    Failed,
    Patience,
    Reply,
    Result,
    RetryPolicy,
    Unwritable,
    after_loss,
    result_of,
)
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import Relay
from services.notifier.handlers.withdrawing import mailable_notifications, silence
from services.notifier.store import corrections, incidents, introductions, notifications, orders, targets

TARGETS_AT_ONCE = 2000
"""Mails that are under way have at most twice as many targets together, and those that are answered and not recorded
as many again; each target takes some 10 KiB of memory."""


P = ParamSpec("P")

FREE = Lanes(per_domain=sys.maxsize, under_way={})


class Delivered(msgspec.Struct, frozen=True):
    """A consignment and what became of it; `subject` is None when no mail was written."""

    consignment: Consignment
    result: Result
    subject: str | None = None


async def claim(
    tx: Transaction, *, now: datetime, lease: timedelta, limit: int, lanes: Lanes = FREE
) -> Sequence[Consignment]:
    """Take what may go out now, most urgent first. Committed before the first mail leaves: intent before act.

    At most `limit` mails, as many to a domain as its lane has room for, and no further one once there are
    `TARGETS_AT_ONCE`.
    """
    if not limit:
        return ()
    due = lanes.admit(await notifications.due_notifications(tx, now=now, limit=limit, but_to=lanes.full))
    if not due:
        return ()
    carried = accumulate((item.targets_total for item in due), initial=0)
    light = [item for item, before in zip(due, carried, strict=False) if before < TARGETS_AT_ONCE]
    mailable = await mailable_notifications(tx, light, now=now)
    claimed = await notifications.claim_notifications(tx, mailable, now=now, lease_until=now + lease)
    return await consignments_of(tx, claimed)


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
    """What each of these notifications is made of: three questions for all, three more where there are corrections."""
    if not claimed:
        return []
    known = await incidents.incidents_named(tx, {item.incident for item in claimed})
    carried = await carried_by(tx, claimed)
    strangers = await introductions.first_mails(tx, claimed)
    wrong = {item.corrects for item in claimed if item.corrects is not None}
    originals = await notifications.notifications_with_ids(tx, wrong) if wrong else {}
    in_part = await corrections.holding_in_part(tx, wrong) if wrong else set()
    return [
        Consignment(
            notification=item,
            incident=known[item.incident],
            targets=carried.get(item.id, ()),
            original=originals[item.corrects] if item.corrects else None,
            rest_holds=item.corrects in in_part,
            is_first_to_recipient=item.id in strangers,
        )
        for item in claimed
    ]


async def carried_by(tx: Transaction, about: Sequence[Notification]) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each of these notifications tells of."""
    warnings = [item.id for item in about if item.corrects is None]
    taking_back = [item.id for item in about if item.corrects is not None]
    carried = await targets.targets_of(tx, warnings) if warnings else {}
    return carried | (await corrections.corrected_targets(tx, taking_back) if taking_back else {})


def whole(write: Callable[P, Mail]) -> Callable[P, Mail]:
    """A mail is written in full or not at all: a word or a template that asks what is not there makes `Permanent`."""

    @wraps(write)
    def written(*args: P.args, **kwargs: P.kwargs) -> Mail:
        try:
            return write(*args, **kwargs)
        except (LookupError, ValueError) as error:
            raise Permanent(f"the words ask for what is not there: {error!r}") from error

    return written


class Scribe:
    """Writes mails: knows the house, its words and its keys.

    `return_address` is where bounces of a notification go; without one, all go to the house's envelope sender.
    """

    def __init__(
        self, *, house: House, press: Press, links: Links, return_address: Callable[[UUID], str] | None = None
    ) -> None:
        self._house = house
        self._press = press
        self._links = links
        self._return_address = return_address

    def sample_name(self, language: Language) -> str:
        """Who is written to in a sample."""
        return self._press.words(language).sample_name

    def write(self, consignment: Consignment, *, now: datetime) -> Mail:
        """Takes half a millisecond, and 20 µs for each target. Raises `Permanent` for what can't be written."""
        notification = consignment.notification
        nonce = token_bytes(NONCE_BYTES)
        tokens = Tokens(
            rating=self._links.rating_token(notification.incident, nonce, is_test=notification.is_test),
            recipient=self._links.recipient_token(notification.id),
        )
        return self.compose(consignment, tokens=tokens, now=now)

    def compose(self, consignment: Consignment, *, tokens: Tokens, now: datetime) -> Mail:
        """The mail with these tokens in its links. Raises `Permanent` for what can't be written."""
        mail = self._compose(consignment, tokens=tokens, now=now)
        if self._return_address is None:
            return mail
        return msgspec.structs.replace(mail, sender=self._return_address(consignment.notification.id))

    @whole
    def _compose(self, consignment: Consignment, *, tokens: Tokens, now: datetime) -> Mail:
        recipient = consignment.notification.recipient
        if not is_writable(recipient.email):
            raise Permanent("the address can't be written to")
        if not consignment.targets:
            raise Permanent("nothing is left to tell of")
        again = consignment.notification.doubts > 0
        common = self._press.words(recipient.language)
        if consignment.notification.kind is NotificationKind.CORRECTION:
            words = self._press.correction_words(recipient.language)
            correction = correction_of(consignment, words=words, common=common, house=self._house, tokens=tokens)
            printed = self._press.print_correction(correction)
            return mail_of(correction, printed, house=self._house, now=now, again=again)
        letter = letter_of(consignment, words=common, house=self._house, tokens=tokens)
        return mail_of(letter, self._press.print(letter), house=self._house, now=now, again=again)

    @whole
    def write_digest(self, digest: Digest, *, now: datetime) -> Mail:
        """The mail of a digest. Raises `Permanent` for what can't be written."""
        due = digest.due
        if not is_writable(due.email):
            raise Permanent("the address can't be written to")
        words, common = self._press.digest_words(due.language), self._press.words(due.language)
        letter = digest_letter_of(due, words=words, common=common, house=self._house)
        printed = self._press.print_digest(letter)
        return digest_mail_of(digest, letter, printed, house=self._house, now=now, again=digest.doubts > 0)


async def deliver(
    consignment: Consignment, *, scribe: Scribe, relay: Relay, policy: RetryPolicy, now: datetime
) -> Delivered:
    """Write one mail and hand it over. Raises `RelayAway` when nothing was tried."""
    notification = consignment.notification
    patience = Patience(
        tries=notification.tries,
        doubts=notification.doubts,
        queued_at=notification.queued_at or notification.created_at,
        severity=notification.severity,
    )
    write = partial(scribe.write, consignment, now=now)
    result, subject = await hand_over(write, relay=relay, patience=patience, policy=policy, now=now)
    return Delivered(consignment, result, subject)


async def hand_over(
    write: Callable[[], Mail], *, relay: Relay, patience: Patience, policy: RetryPolicy, now: datetime
) -> tuple[Result, str | None]:
    """Write any mail and hand it over; what came of it, and the subject it had. `RelayAway`: nothing was tried."""
    reply: Reply
    subject = None
    try:
        mail = write()
    except Permanent as error:
        reply = Unwritable(str(error))
    else:
        subject = mail.subject
        reply = await relay.deliver(mail)
    chance = random.random()  # noqa: S311 - jitter, not a secret
    return result_of(reply, patience=patience, policy=policy, now=now, chance=chance), subject


async def record(tx: Transaction, answered: Sequence[Delivered], *, now: datetime) -> None:
    """Store what became of a batch, say it through the outbox, and write no more to addresses that are dead.

    What comes after another sender has taken a notification over is neither stored nor said.
    """
    if not answered:
        return
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
    """Write no more to the addresses of which the relay said that they take no mail, and take back what waits.

    Not to those of teams: each mail that can't be handed over is a failure that somebody sees, until a person mends it.
    """
    dead = [
        Suppression(value=recipient_key, reason=SuppressionReason.UNDELIVERABLE)
        for recipient_key, result in tried
        if isinstance(result, Failed) and result.dead_address and not is_team(recipient_key)
    ]
    if not dead:
        return
    await orders.record_suppressions(tx, dead, note="the mail relay said so", by="notifier", now=now)
    for suppression in dead:
        await silence(tx, suppression, by="notifier", now=now)
