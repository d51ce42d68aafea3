"""What has become of registered assets is told, whatever made it so."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts import FollowedAsset, RegistrationFollowed
from libs.common.db import Transaction
from libs.common.outbox import enqueue
from services.attribution import store
from services.attribution.domain.self_registrations import (
    News,
    SelfRegistration,
    Wanted,
    followed,
    looked_at_next,
    news_of,
    waits_until,
)

Found = Sequence[tuple[Wanted, FollowedAsset | None]]


async def follow_some(tx: Transaction, *, limit: int, now: datetime) -> int:
    """Tell of some registrations about whose assets something may have changed; answers how many were looked at.

    What is told is kept in the same transaction, so that each change is told once, and none is lost.
    """
    registrations = await store.self_registrations.to_follow(tx, limit=limit, now=now)
    found = await _found(tx, registrations, now=now)
    events: list[RegistrationFollowed] = []
    kept, follow_at = [], []
    for registration, assets in zip(registrations, found, strict=True):
        waits = waits_until(registration, assets, now=now)
        news = News(registration.told, (), is_new=False) if waits else news_of(registration, assets)
        revision = registration.told_revision
        event = _event(registration, news, revision + 1, now) if news.is_new else None
        if event is not None:
            revision += 1
            events.append(event)
        kept.append((registration, news.told, revision))
        follow_at.append(waits or looked_at_next(news.told.assets))
    await enqueue(tx, events)
    await store.self_registrations.keep_told(tx, kept, follow_at=follow_at)
    return len(registrations)


async def _found(tx: Transaction, registrations: Sequence[SelfRegistration], *, now: datetime) -> list[Found]:
    wanted = await store.self_registrations.wanted_of(tx, [each.registration_id for each in registrations])
    every = [each for found in wanted.values() for each in found]
    assets = await store.assets.with_ids(tx, {each.asset_id for each in every if each.asset_id is not None})
    questions = await store.self_registrations.questions_about(tx, every)

    def state(each: Wanted) -> FollowedAsset | None:
        if each.asset_id is None:
            return followed(each, None, None, now=now)
        return followed(each, assets.get(each.asset_id), questions.get(each.asset_id), now=now)

    return [[(each, state(each)) for each in wanted[one.registration_id]] for one in registrations]


def _event(registration: SelfRegistration, news: News, revision: int, now: datetime) -> RegistrationFollowed | None:
    """None of one that was withdrawn before it was ever in place."""
    if registration.organisation_id is None:
        return None
    return RegistrationFollowed(
        registration_id=registration.registration_id,
        revision=revision,
        answers=registration.taken_up,
        organisation_id=registration.organisation_id,
        organisation=registration.organisation,
        email=registration.email,
        language=registration.language,
        assets=news.told.assets,
        at=now,
        news=news.values,
    )
