"""Every state has a greatest age: the watch that every service keeps over what waits in it, and how it tells.

Every replica looks by itself: a look is a few reads of an index, and whoever scrapes any one of them sees the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.books import Backlog
from libs.common.consumer import Subscriptions
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import OLDEST_SECONDS, OVERDUE
from libs.common.rounds import go_round
from libs.common.security import Role, operator
from libs.common.settings import ServiceSettings
from libs.common.shutdown import Shutdown
from libs.common.topics import Lying, TopicReader

COUNTED_TO = 10_000
IDS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A state, how long something may be in it, and the rows that are.

    `rows` is a query with the columns id (text) and since (when it entered the state, or should have left it: what lies
    ahead does not wait yet). It is narrowed and ordered by `since`, so an index has to lead there.
    """

    state: str
    greatest_age: timedelta
    rows: str


OUTBOX = (
    Watched(
        state="outbox",
        greatest_age=timedelta(minutes=1),
        rows="SELECT position::text AS id, enqueued_at AS since FROM outbox WHERE refused_at IS NULL",
    ),
    Watched(
        state="outbox-refused",
        greatest_age=timedelta(0),
        rows="SELECT position::text AS id, refused_at AS since FROM outbox WHERE refused_at IS NOT NULL",
    ),
)
"""The relay takes what is in it within a second, so a minute means that it does not run or that Kafka is away. What was
refused never leaves by itself. No index: the table is empty but for trouble, and small in trouble."""

UNREAD_AGE = timedelta(minutes=15)
"""A feed of a million records takes minutes; a service that is behind for longer does not keep up, or does not run."""

DEAD_LETTER_AGE = timedelta(hours=1)
"""A dead letter waits for a person, and so does its record."""


class StateView(BaseModel):
    """What is in a state now. Counts stop at 10,000."""

    state: str
    greatest_age_seconds: float
    waiting: int
    overdue: int = Field(description="Those that have been in it for longer than that")
    oldest_at: datetime | None
    oldest_ids: list[str] = Field(description="Some to look at, the oldest first")


class OverdueView(BaseModel):
    """Every state of the service, whether something is in it or not."""

    service: str
    at: datetime
    overdue: int
    items: list[StateView]
    not_looked_at: dict[str, str] = Field(description="States that could not be looked at, and why")


class ReadingView(BaseModel):
    """How far one partition is read."""

    topic: str
    partition: int
    read: int
    end: int


class BacklogView(BaseModel):
    """Positions, so that whoever asks twice sees whether what there was the first time is dealt with."""

    unread: dict[str, int] = Field(
        description="Messages that the replicas of this service have still to read, by topic"
    )
    readings: list[ReadingView]
    outbox_first: int | None
    outbox_last: int | None


class Watch:
    """Looks every few seconds at what waits in the service, and sets the metrics of it."""

    def __init__(
        self,
        *,
        service: str,
        database: Database,
        topics: TopicReader,
        states: Sequence[Watched],
        refresh_seconds: float,
    ) -> None:
        self._service = service
        self._database = database
        self._topics = topics
        self._states = (*states, *OUTBOX)
        self._refresh_seconds = refresh_seconds

    async def run(self, shutdown: Shutdown) -> None:
        in_trouble = "what waits was not looked at"
        await go_round(self._round, shutdown, in_trouble=in_trouble, pause_seconds=self._refresh_seconds)

    async def _round(self) -> None:
        self._report(await self.look())

    async def look(self) -> OverdueView:
        """All states as they are now, those on topics while the broker answers. `Transient`: the database is away."""
        async with self._database.transaction() as tx:
            now = self._database.now()
            items = [await _state_in_table(tx, watched, now=now) for watched in self._states]
        trouble = {}
        try:
            left_over = await self._topics.left_over()
        except Transient as error:
            trouble = dict.fromkeys(("unread", "dead-letter"), str(error))
        else:
            items.append(_state_on_topics("unread", left_over.unread, greatest_age=UNREAD_AGE, now=now))
            items.append(_state_on_topics("dead-letter", left_over.dead_letters, greatest_age=DEAD_LETTER_AGE, now=now))
        overdue = sum(item.overdue for item in items)
        return OverdueView(service=self._service, at=now, overdue=overdue, items=items, not_looked_at=trouble)

    async def backlog(self) -> Backlog:
        return await backlog_of(self._database, self._topics)

    def _report(self, found: OverdueView) -> None:
        for state in found.items:
            age = (found.at - state.oldest_at).total_seconds() if state.oldest_at else 0.0
            OVERDUE.labels(self._service, state.state).set(state.overdue)
            OLDEST_SECONDS.labels(self._service, state.state).set(max(age, 0.0))


async def backlog_of(database: Database, topics: TopicReader) -> Backlog:
    """Messages first, then the outbox: what is read by then is in one of them, or has left."""
    readings = await topics.readings()
    async with database.transaction() as tx:
        (row,) = await tx.fetch(
            "SELECT min(position) AS first, max(position) AS last FROM outbox WHERE refused_at IS NULL"
        )
    return Backlog(readings=readings, outbox_first=row["first"], outbox_last=row["last"])


def watch_of(
    service: str,
    settings: ServiceSettings,
    *,
    database: Database,
    subscriptions: Subscriptions,
    states: Sequence[Watched] = (),
) -> Watch:
    """The watch over a service's own states, its outbox, and the topics that it hears."""
    topics = {event_class.topic for event_class in subscriptions}
    return Watch(
        service=service,
        database=database,
        topics=TopicReader(settings, service=service, topics=topics),
        states=states,
        refresh_seconds=settings.overdue_refresh_seconds,
    )


async def _state_in_table(tx: Transaction, watched: Watched, *, now: datetime) -> StateView:
    waiting = f"SELECT id, since FROM ({watched.rows}) AS rows WHERE since <= $1"  # noqa: S608 - constants only
    oldest = await tx.fetch(f"{waiting} ORDER BY since LIMIT {IDS_SHOWN}", now)
    return StateView(
        state=watched.state,
        greatest_age_seconds=watched.greatest_age.total_seconds(),
        waiting=await _count(tx, waiting, now),
        overdue=await _count(tx, waiting, now - watched.greatest_age),
        oldest_at=oldest[0]["since"] if oldest else None,
        oldest_ids=[row["id"] for row in oldest],
    )


async def _count(tx: Transaction, waiting: str, since: datetime) -> int:
    (row,) = await tx.fetch(f"SELECT count(*) FROM ({waiting} LIMIT {COUNTED_TO}) AS counted", since)  # noqa: S608
    count: int = row["count"]
    return count


def _state_on_topics(state: str, lying: Sequence[Lying], *, greatest_age: timedelta, now: datetime) -> StateView:
    oldest = sorted(lying, key=lambda each: each.since)
    return StateView(
        state=state,
        greatest_age_seconds=greatest_age.total_seconds(),
        waiting=sum(each.messages for each in lying),
        overdue=sum(each.messages for each in lying if each.since <= now - greatest_age),
        oldest_at=oldest[0].since if oldest else None,
        oldest_ids=[each.place for each in oldest[:IDS_SHOWN]],
    )


def routes(watch: Watch) -> APIRouter:
    """What waits, and what is left to do: the same for every service."""
    router = APIRouter(prefix="/v1", tags=["books"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/overdue")
    async def show_overdue() -> OverdueView:
        """What waits in every state, and for how long already."""
        return await watch.look()

    @router.get("/backlog")
    async def show_backlog() -> BacklogView:
        """What all replicas of this service together have still to read and to publish."""
        backlog = await watch.backlog()
        readings = [ReadingView(**msgspec.structs.asdict(each)) for each in backlog.readings]
        return BacklogView(
            unread=dict(backlog.unread),
            readings=readings,
            outbox_first=backlog.outbox_first,
            outbox_last=backlog.outbox_last,
        )

    return router
