"""Sending in three steps: claim what is due, write and deliver each mail, record the answers."""

import random
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from secrets import token_bytes
from uuid import UUID

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import is_team
from libs.common.db import Transaction
from libs.common.errors import Permanent
from libs.common.links import NONCE_BYTES, Links
from libs.common.outbox import enqueue
from libs.common.vocabulary import Language, NotificationKind
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.amount.reminding import as_reminder
from services.notifier.domain.amount.round_up import round_up_of
from services.notifier.domain.claims.letter import claim_letter_of
from services.notifier.domain.claims.message import claim_mail_of
from services.notifier.domain.corrections.letter import correction_of
from services.notifier.domain.digests.digest import AnySideMail, ClaimMail, Digest
from services.notifier.domain.digests.letter import digest_letter_of
from services.notifier.domain.digests.message import digest_mail_of
from services.notifier.domain.house import House
from services.notifier.domain.lanes import Lanes
from services.notifier.domain.letter import Letter, Tokens, letter_of
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
from services.notifier.handlers.amount import Parcel, free, members_of, parcels_of
from services.notifier.handlers.withdrawing import mailable_notifications, silence
from services.notifier.store import corrections, incidents, notifications, orders, targets

TARGETS_AT_ONCE = 2000
"""Mails that are under way have at most twice as many targets together, and those that are answered and not recorded
as many again; each target takes some 10 KiB of memory."""


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


async def carried_by(tx: Transaction, about: Sequence[Notification]) -> dict[UUID, tuple[Target, ...]]:
    """The targets that each of these notifications tells of."""
    warnings = [item.id for item in about if item.corrects is None]
    taking_back = [item.id for item in about if item.corrects is not None]
    carried = await targets.targets_of(tx, warnings) if warnings else {}
    return carried | (await corrections.corrected_targets(tx, taking_back) if taking_back else {})


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
        return self.compose(consignment, tokens=self._tokens(consignment.notification), now=now)

    def _tokens(self, notification: Notification) -> Tokens:
        nonce = token_bytes(NONCE_BYTES)
        return Tokens(
            rating=self._links.rating_token(notification.incident, nonce, is_test=notification.is_test),
            recipient=self._links.recipient_token(notification.id),
        )

    def compose(self, consignment: Consignment, *, tokens: Tokens, now: datetime) -> Mail:
        """The mail with these tokens in its links. Raises `Permanent` for what can't be written."""
        mail = self._compose(consignment, tokens=tokens, now=now)
        if self._return_address is None:
            return mail
        return msgspec.structs.replace(mail, sender=self._return_address(consignment.notification.id))

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
        letter = self._letter(consignment, tokens=tokens)
        if not consignment.companions:
            return mail_of(letter, self._press.print(letter), house=self._house, now=now, again=again)
        others = [self._letter(each, tokens=self._tokens(each.notification)) for each in consignment.companions]
        round_up = round_up_of([letter, *others], words=self._press.amount_words(recipient.language), common=common)
        return mail_of(round_up, self._press.print_round_up(round_up), house=self._house, now=now, again=again)

    def _letter(self, consignment: Consignment, *, tokens: Tokens) -> Letter:
        language = consignment.notification.recipient.language
        common, words = self._press.words(language), self._press.amount_words(language)
        letter = letter_of(consignment, words=common, house=self._house, tokens=tokens)
        return as_reminder(letter, consignment, words=words.reminder, common=common)

    def write_beside(self, mail: AnySideMail, *, now: datetime) -> Mail:
        """One that is no notification. Raises `Permanent` for what can't be written."""
        return self.write_digest(mail, now=now) if isinstance(mail, Digest) else self.write_claim(mail, now=now)

    def write_claim(self, mail: ClaimMail, *, now: datetime) -> Mail:
        """What a registry's contact reads of a claim. Raises `Permanent` for what can't be written."""
        claim = mail.claim
        if not is_writable(claim.email):
            raise Permanent("the address can't be written to")
        words, common = self._press.claim_words(claim.language), self._press.words(claim.language)
        letter = claim_letter_of(claim, words=words, common=common, house=self._house)
        printed = self._press.print_claim(letter)
        return claim_mail_of(mail, letter, printed, house=self._house, now=now, again=mail.doubts > 0)

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
        queued_at=max(filter(None, (notification.queued_at, notification.let_go_at, notification.created_at))),
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
