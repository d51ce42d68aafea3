"""The watch over feeds: what came is folded into days, and each feed is judged when asked for, and for the metrics."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import structlog

from libs.common.db import Database, Transaction
from libs.common.metrics import FEED_ANOMALIES, FEEDS
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.intake.domain.feeds.anomalies import Kind
from services.intake.domain.feeds.days import JUDGED_DAYS, KEPT_DAYS, Day, FeedKey
from services.intake.domain.feeds.judging import Dismissal, Feed, Judgement, State, judge
from services.intake.handlers.receipts import EVERYBODY, Viewer
from services.intake.store.feeds import arrivals, kept
from services.intake.store.feeds.kept import FIRST, Place

__all__ = [
    "FIRST",
    "FeedWatch",
    "Judged",
    "Place",
    "dismiss",
    "expect",
    "fold",
    "judged_after",
    "judged_feed",
    "place_of",
]

log = structlog.get_logger(__name__)

FOLDED_AT_ONCE = 10_000
JUDGED_AT_ONCE = 50
MAX_SHOWN_ANOMALIES = 500
"""Series of the metric; whoever looks at the list sees them all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A feed with what is said of it now."""

    feed: Feed
    judgement: Judgement


class FeedWatch:
    """Folds and judges every few seconds, and sets the metrics. Every replica does, and one at a time folds."""

    def __init__(self, database: Database, *, refresh_seconds: float) -> None:
        self._database = database
        self._refresh_seconds = refresh_seconds
        self._forgotten_on: date | None = None

    async def run(self, shutdown: Shutdown) -> None:
        in_trouble = "feeds were not looked at"
        await go_round(self.look, shutdown, in_trouble=in_trouble, pause_seconds=self._refresh_seconds)

    async def look(self) -> None:
        while await fold(self._database) == FOLDED_AT_ONCE:
            pass
        await self._forget()
        states: Counter[State] = Counter()
        found: list[tuple[str, str, str, Kind]] = []
        async for each in _all_judged(self._database):
            states[each.judgement.state] += 1
            found += [(*place_of(each.feed), anomaly.kind) for anomaly in each.judgement.anomalies]
        _show(states, found)

    async def _forget(self) -> None:
        """Once a day."""
        today = self._database.now().date()
        if self._forgotten_on == today:
            return
        async with self._database.transaction() as tx:
            if await arrivals.lead(tx):
                await kept.forget(tx, before=today - timedelta(days=KEPT_DAYS))
                self._forgotten_on = today


def _show(states: Counter[State], found: Sequence[tuple[str, str, str, Kind]]) -> None:
    for state in State:
        FEEDS.labels(state.value).set(states[state])
    FEED_ANOMALIES.clear()
    for partner, format_name, report_type, kind in found[:MAX_SHOWN_ANOMALIES]:
        FEED_ANOMALIES.labels(partner, format_name, report_type, kind.value).set(1)


async def fold(database: Database) -> int:
    """Fold what came into the days of its feeds; how many pushes; 0 while another replica does."""
    async with database.transaction() as tx:
        if not await arrivals.lead(tx):
            return 0
        taken = await arrivals.take(tx, at_most=FOLDED_AT_ONCE)
        if taken:
            await _add_up(tx, taken)
    return sum(day.arrivals + day.refusals for _, day in taken)


async def _add_up(tx: Transaction, taken: Sequence[tuple[FeedKey, Day]]) -> None:
    ids = await _ids_of(tx, taken)
    parts = [(ids[key], day) for key, day in taken if key in ids]
    days = await kept.days_at(tx, {(feed_id, day.day) for feed_id, day in parts})
    for feed_id, day in parts:
        before = days.get((feed_id, day.day))
        days[feed_id, day.day] = day if before is None else before + day
    await kept.put_days(tx, days)


async def _ids_of(tx: Transaction, taken: Sequence[tuple[FeedKey, Day]]) -> dict[FeedKey, UUID]:
    """A push that was refused makes no feed."""
    keys = {key for key, day in taken if day.came}
    ids = await kept.ids_of(tx, {key for key, _ in taken})
    if wanted := keys - ids.keys():
        await kept.add(tx, wanted)
        ids |= await kept.ids_of(tx, wanted)
    if lost := keys - ids.keys():
        log.warning("a partner has too many feeds to watch", partners=sorted({str(key.partner_id) for key in lost}))
    return ids


async def judged_after(
    database: Database, after: Place, *, viewer: Viewer, state: State | None, limit: int
) -> list[Judged]:
    """In the order of their places. Those in one state are looked for among all, a few at a time."""
    found: list[Judged] = []
    async for each in _all_judged(database, after, viewer=viewer):
        if state is None or each.judgement.state is state:
            found.append(each)
        if len(found) == limit:
            break
    return found


async def _all_judged(database: Database, after: Place = FIRST, *, viewer: Viewer = EVERYBODY) -> AsyncIterator[Judged]:
    is_last = False
    while not is_last:
        async with database.transaction() as tx:
            feeds = await kept.feeds_after(
                tx, after, partner_id=viewer.partner_id, limit=JUDGED_AT_ONCE, days=JUDGED_DAYS
            )
        for feed in feeds:
            after = place_of(feed)
            yield Judged(feed, judge(feed, now=database.now()))
        is_last = len(feeds) < JUDGED_AT_ONCE


def place_of(feed: Feed) -> Place:
    return feed.partner, feed.format, feed.report_type


async def judged_feed(tx: Transaction, feed_id: UUID, *, viewer: Viewer = EVERYBODY) -> Judged | None:
    """With all of its days; None for what is not there and for what is another's."""
    feed = await kept.feed(tx, feed_id, partner_id=viewer.partner_id, days=KEPT_DAYS)
    return Judged(feed, judge(feed, now=tx.database.now())) if feed else None


async def dismiss(
    tx: Transaction, feed_id: UUID, *, kinds: Sequence[Kind] | None, by: str, reason: str
) -> Judged | None:
    """Dismiss what is unusual now, of these kinds or of all; None for a feed that is not there.

    What begins later is told of again.
    """
    found = await judged_feed(tx, feed_id)
    if found is None:
        return None
    standing = [each.kind for each in found.judgement.anomalies if kinds is None or each.kind in kinds]
    await kept.dismiss(tx, feed_id, standing, Dismissal(tx.database.now(), by, reason))
    return await judged_feed(tx, feed_id)


async def expect(tx: Transaction, feed_id: UUID, interval: timedelta | None) -> Judged | None:
    """Set how often a feed is to come, or go by what was learnt; None for a feed that is not there."""
    await kept.expect(tx, feed_id, interval)
    return await judged_feed(tx, feed_id)
