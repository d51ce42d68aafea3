"""Mails as they would look: of a notification, or of an incident with made-up findings."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from libs.common.db import Transaction
from libs.common.errors import Permanent
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.planning import SuppressionList, covering_of
from services.notifier.domain.samples.making import sample_consignment
from services.notifier.domain.samples.wish import Misfit, Wish, misfits
from services.notifier.handlers.amount import Parcel, parcel_with
from services.notifier.handlers.scribe import Scribe, inert
from services.notifier.handlers.sending import consignments_of, packed
from services.notifier.store.incidents import incidents_named
from services.notifier.store.orders import suppressions_of
from services.notifier.store.together import firsts_to_recipients


def preview(consignment: Consignment, *, scribe: Scribe, now: datetime) -> Mail:
    """The mail, with links that lead nowhere. Raises `Permanent` if it can't be written."""
    return scribe.compose(consignment, tokens=inert, now=now)


async def consignment_with(
    tx: Transaction, notification: Notification, *, amounts: AmountPolicy, approval_confidence: float, now: datetime
) -> Consignment:
    """All that goes in the mail of this notification, or went: as the sender would take it up. Nothing is changed.

    Raises `Permanent` where that can't be known yet.
    """
    if not await incidents_named(tx, {notification.incident}):
        raise Permanent(f"nothing is known yet of the incident {notification.incident}")
    parcel = await parcel_with(tx, notification, policy=amounts, approval_confidence=approval_confidence, now=now)
    members = await _as_first(tx, await _not_silenced(tx, parcel.members, but=notification, now=now))
    (consignment,) = packed(await consignments_of(tx, members), [Parcel(members)])
    return consignment


async def _not_silenced(
    tx: Transaction, members: Sequence[Notification], *, but: Notification, now: datetime
) -> list[Notification]:
    """Without what the sender would take back; whoever looks at one sees that one."""
    recipients = {(each.recipient.key, each.recipient.organisation_id) for each in members}
    silent = SuppressionList(await suppressions_of(tx, recipients, now=now))
    return [
        each
        for each in members
        if each.id == but.id or each.tries or covering_of(silent, each.recipient, each.incident) is None
    ]


async def _as_first(tx: Transaction, members: Sequence[Notification]) -> tuple[Notification, ...]:
    """With what is decided anew when they are first taken up: whether one is the first to its recipient."""
    firsts = await firsts_to_recipients(tx, [each.id for each in members if not each.tries])
    return tuple(
        each if each.tries else msgspec.structs.replace(each, is_first_to_recipient=each.id in firsts)
        for each in members
    )


async def sample_wanted(
    tx: Transaction, wish: Wish, *, scribe: Scribe, now: datetime
) -> Consignment | Sequence[Misfit] | None:
    """The mail with made-up findings that somebody wants to see; what of it does not fit; None without its incident."""
    known = await incidents_named(tx, {wish.incident, *wish.others})
    if (incident := known.get(wish.incident)) is None:
        return None
    if wrong := misfits(wish, known, sources=scribe.evidence_sources(wish.language)):
        return wrong
    others = [known[slug] for slug in wish.others]
    return sample_consignment(wish, incident, others, name=scribe.sample_name(wish.language), now=now)
