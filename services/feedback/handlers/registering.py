"""An organisation registers by itself: asked for, confirmed, changed, followed, withdrawn, forgotten."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec

from libs.common.contracts import ClaimedAsset, Event, RegistrationFollowed
from libs.common.db import Database, Transaction
from libs.common.ids import new_id
from libs.common.metrics import REGISTRATIONS
from libs.common.outbox import enqueue
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.feedback.domain.registration.assets import Flaw, read_assets
from services.feedback.domain.registration.form import Flawed, RegistrationForm, cleaned, read_form, typed_assets
from services.feedback.domain.registration.policy import RegistrationPolicy
from services.feedback.domain.registration.registration import (
    Registration,
    as_confirmed,
    asked,
    asset_key,
    confirmed,
    is_another_try,
    is_of_the_same,
    is_the_same,
    mailbox_of,
    may_change,
    merged,
    to_confirm,
    with_assets,
    withdrawn,
)
from services.feedback.store import registrations

ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""A second press of the button is no second mail; a mail that has not come by then is asked for again."""

MOST_UNANSWERED = 5
"""Mails in a week to a mailbox of which nothing stands: whoever has not answered these did not ask for them."""

FORGET_SECONDS = 3600.0


class Seen(msgspec.Struct, frozen=True):
    """A registration as its owner sees it now: what was just done to it, or what is wrong with what was to be done."""

    registration: Registration
    done: str = ""
    flaws: tuple[Flaw, ...] = ()


async def register(
    tx: Transaction, form: RegistrationForm, *, policy: RegistrationPolicy, now: datetime
) -> Flawed | None:
    """Ask whoever reads the address whether it is right. The answer is the same whoever is known to us already.

    A mailbox that had its mails today, or answers none, gets no other, which is not told either: it is nobody else's
    business.
    """
    wanted = read_form(cleaned(form), policy)
    if isinstance(wanted, Flawed):
        return wanted
    mailbox, today = mailbox_of(wanted.email), now.date()
    mails, mails_to_it = await registrations.mails_of_today(tx, mailbox, today=today)
    if mails >= policy.mails_a_day:
        return Flawed((Flaw("", "full"),))
    known = await registrations.of_mailbox(tx, mailbox, now=now)
    before = next((each for each in known if each.confirmed_at is None and is_the_same(each, wanted)), None)
    has_just_come = before is not None and now < before.asked_at + ASKED_AGAIN_AFTER
    if has_just_come or mails_to_it >= policy.mails_to_one_a_day:
        return None
    unanswered = 0 if any(each.stands for each in known) else await registrations.mails_lately(tx, mailbox, today=today)
    if unanswered >= MOST_UNANSWERED:
        return None
    registration_id = new_id() if before is None else before.registration_id
    registration = asked(wanted, registration_id=registration_id, policy=policy, now=now)
    await registrations.count_mail(tx, mailbox, today=today)
    await _keep(tx, registration, to_confirm(registration), what="asked")
    return None


async def registration_at(tx: Transaction, registration_id: UUID, *, now: datetime) -> Registration | None:
    """The one that a link leads to; None for what is forgotten. Changes nothing."""
    found = await registrations.one(tx, registration_id, now=now)
    if found is None or found.merged_into is None:
        return found
    return await registrations.one(tx, found.merged_into, now=now)


async def confirm(tx: Transaction, registration_id: UUID, *, policy: RegistrationPolicy, now: datetime) -> Seen | None:
    """Attribution is told. What the same mailbox has registered for the same organisation before gets these assets too.

    Two of one organisation would contest each other's assets, and nobody would be warned.
    """
    found = await registration_at(tx, registration_id, now=now)
    if found is None or found.confirmed_at is not None:
        return Seen(found) if found is not None else None
    of_mailbox = await registrations.of_mailbox(tx, mailbox_of(found.email), now=now)
    ours = {each.registration_id: each for each in of_mailbox}
    fresh = ours.get(registration_id)
    if fresh is None or fresh.confirmed_at is not None:
        found = await registration_at(tx, registration_id, now=now)
        return Seen(found) if found is not None else None
    standing = [each for each in ours.values() if each.stands and is_of_the_same(each, fresh)]
    assets = tuple(asset for asset in fresh.assets if not any(asset in each.assets for each in standing))
    room = [each for each in standing if _has_room(each, assets, policy=policy, now=now)]
    if not room:
        return await _told(tx, confirmed(fresh, assets=assets, now=now), done="confirmed", now=now)
    await registrations.save(tx, merged(fresh, into=room[0], now=now))
    changed = with_assets(room[0], (*room[0].assets, *assets), now=now)
    is_another = is_another_try(room[0], fresh.assets) and may_change(room[0], policy=policy, now=now)
    return await _told(tx, changed, done="confirmed", now=now) if assets or is_another else Seen(room[0], "confirmed")


async def add_assets(
    tx: Transaction, registration_id: UUID, form: RegistrationForm, *, policy: RegistrationPolicy, now: datetime
) -> Seen | None:
    """More of what is theirs. What is there already stays as it is; what was not proven in time gets another try."""
    typed = read_assets(typed_assets(cleaned(form)), policy)

    def add(registration: Registration) -> Registration | tuple[Flaw, ...]:
        if typed.flaws:
            return typed.flaws
        if not typed.assets:
            return (Flaw("domains", "no_assets"),)
        assets = tuple(dict.fromkeys((*registration.assets, *typed.assets)))
        if len(assets) > policy.most_assets:
            return (Flaw("domains", "too_many"),)
        has_news = assets != registration.assets or is_another_try(registration, typed.assets)
        return with_assets(registration, assets, now=now) if has_news else registration

    return await _change(tx, registration_id, add, done="added", policy=policy, now=now)


async def take_back(
    tx: Transaction, registration_id: UUID, keys: Collection[str], *, policy: RegistrationPolicy, now: datetime
) -> Seen | None:
    """Some are theirs no more. All of them is to withdraw, which is asked once more."""

    def take(registration: Registration) -> Registration | tuple[Flaw, ...]:
        left = [asset for asset in registration.assets if asset_key(asset.kind, asset.value) not in keys]
        if len(left) == len(registration.assets):
            return (Flaw("asset", "nothing_chosen"),)
        if not left:
            return (Flaw("asset", "all_chosen"),)
        return with_assets(registration, left, now=now)

    return await _change(tx, registration_id, take, done="taken_back", policy=policy, now=now)


async def withdraw(tx: Transaction, registration_id: UUID, *, policy: RegistrationPolicy, now: datetime) -> Seen | None:
    """All of it, whatever was changed today."""
    found = await _to_change(tx, registration_id, now=now)
    if found is None or not found.stands:
        return Seen(found) if found is not None else None
    return await _told(tx, withdrawn(found, policy=policy, now=now), done="withdrawn", now=now)


async def follow_registrations(
    followed: Sequence[RegistrationFollowed], *, tx: Transaction, now: datetime
) -> Sequence[Event]:
    """Keep how far the proofs are, for the pages; the highest revision wins, in whatever order they come."""
    newest = {each.registration_id: each for each in sorted(followed, key=lambda each: each.revision)}
    await registrations.follow(tx, sorted(newest.values(), key=lambda each: each.registration_id))
    return ()


class Forgetter:
    """Takes away what nobody has confirmed, and what was withdrawn, once its time is over. Any replica may."""

    def __init__(self, database: Database, *, pause_seconds: float = FORGET_SECONDS) -> None:
        self._database = database
        self._pause_seconds = pause_seconds

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(
            self._forget, shutdown, in_trouble="registrations not forgotten", pause_seconds=self._pause_seconds
        )

    async def _forget(self) -> bool:
        async with self._database.transaction() as tx:
            forgotten = await registrations.forget(tx, now=self._database.now())
            tx.after_commit(partial(REGISTRATIONS.labels("forgotten").inc, forgotten))
        return False


async def _change(
    tx: Transaction,
    registration_id: UUID,
    change: Callable[[Registration], Registration | tuple[Flaw, ...]],
    *,
    done: str,
    policy: RegistrationPolicy,
    now: datetime,
) -> Seen | None:
    """Change what stands; what is not changed by it is not told."""
    found = await _to_change(tx, registration_id, now=now)
    if found is None or not found.stands:
        return Seen(found) if found is not None else None
    changed = change(found)
    if isinstance(changed, tuple):
        return Seen(found, flaws=changed)
    if changed is found:
        return Seen(found, done)
    if not may_change(found, policy=policy, now=now):
        return Seen(found, flaws=(Flaw("", "too_often"),))
    return await _told(tx, changed, done=done, now=now)


async def _to_change(tx: Transaction, registration_id: UUID, *, now: datetime) -> Registration | None:
    found = await registrations.one(tx, registration_id, now=now, is_to_change=True)
    if found is None or found.merged_into is None:
        return found
    return await registrations.one(tx, found.merged_into, now=now, is_to_change=True)


def _has_room(
    registration: Registration, assets: Sequence[ClaimedAsset], *, policy: RegistrationPolicy, now: datetime
) -> bool:
    fits = len(registration.assets) + len(assets) <= policy.most_assets
    return not assets or (fits and may_change(registration, policy=policy, now=now))


async def _told(tx: Transaction, registration: Registration, *, done: str, now: datetime) -> Seen:
    await _keep(tx, registration, as_confirmed(registration, now=now), what=done.replace("_", "-"))
    return Seen(registration, done)


async def _keep(tx: Transaction, registration: Registration, event: Event, *, what: str) -> None:
    await registrations.save(tx, registration)
    await enqueue(tx, [event])
    tx.after_commit(partial(REGISTRATIONS.labels(what).inc, 1))
