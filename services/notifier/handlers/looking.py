"""Questions of people: which notifications there are, what one is made of, what is ordered."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from libs.common.contracts import IncidentChanged
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from libs.common.references import is_reference, normalise_reference
from services.notifier.domain.brakes.holds import held_of, keeping_back
from services.notifier.domain.notification import Attempt, Notification
from services.notifier.domain.sealing.sealed import Sealed
from services.notifier.domain.timeline import Happening, timeline_of
from services.notifier.handlers.holding import SHOWN
from services.notifier.handlers.sending import carried_by
from services.notifier.store import continuing, holds, incidents, notifications, proofs, returns
from services.notifier.store.brakes import all_brakes
from services.notifier.store.lists import newest_notifications
from services.notifier.store.orders import end_suppression, newest_suppressions
from services.notifier.store.sealed import sealed_mail

__all__ = [
    "Dossier",
    "all_brakes",
    "dossier_of",
    "end_suppression",
    "incident_named",
    "newest_notifications",
    "newest_suppressions",
    "notification_named",
]


TARGETS_SHOWN = 500


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """A notification with all that belongs to it; `held_by` are the holds that it waits for."""

    notification: Notification
    targets: Sequence[Target]
    attempts: Sequence[Attempt]
    timeline: Sequence[Happening]
    sealed: Sealed | None = None
    held_by: Sequence[UUID] = ()


async def notification_named(tx: Transaction, name: str) -> Notification | None:
    """By id, or by a reference in any spelling that people use."""
    try:
        return await notifications.notification_with_id(tx, UUID(name))
    except ValueError:
        reference = normalise_reference(name)
    if not is_reference(reference):
        return None
    notification_id = await notifications.id_of_reference(tx, reference)
    return None if notification_id is None else await notifications.notification_with_id(tx, notification_id)


async def dossier_of(tx: Transaction, notification: Notification) -> Dossier:
    """Its first targets and its attempts, oldest first, and all that happened to it."""
    carried = await carried_by(tx, [notification], most=TARGETS_SHOWN)
    attempts = await notifications.attempts_of(tx, notification.id)
    timeline = timeline_of(
        notification,
        attempts=attempts,
        returns=await returns.returns_of(tx, notification.mail_id or notification.id),
        followers=await returns.followers_of(tx, notification.id),
        sought=await continuing.sought_for(tx, notification.id) if notification.gone_on_at is not None else (),
        taken=await proofs.taken_from(tx, notification.id),
    )
    standing = await holds.standing_holds(tx) if notification.state in SHOWN else []
    return Dossier(
        notification=notification,
        targets=carried.get(notification.id, ()),
        attempts=attempts,
        timeline=timeline,
        sealed=await sealed_mail(tx, notification.id),
        held_by=[hold.id for hold in keeping_back(held_of(notification), standing)],
    )


async def incident_named(tx: Transaction, slug: str) -> IncidentChanged | None:
    """The incident as the verifier last told it."""
    return (await incidents.incidents_named(tx, {slug})).get(slug)
