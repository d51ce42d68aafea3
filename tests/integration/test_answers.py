"""What recipients answer is kept once: for the timeline, for the figures, and for replicas that know two tables.

A replica of before is what it says to the database: its statements are here as they were before migration 0012.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from alembic import command
from alembic.config import Config

from libs.common.contracts import FeedbackReceived, MailReturned
from libs.common.db import Database
from libs.common.ids import derived_id, new_id
from libs.common.migrations import migrate
from libs.common.revisions import migrations_of
from libs.common.vocabulary import FeedbackKind, Permanence, ReturnKind, Trust
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.release import Figures
from services.notifier.domain.notification import BrakeScope, Wanted
from services.notifier.handlers.keeping import ANSWERS_KEPT, forget
from services.notifier.handlers.looking import dossier_of, notification_named
from services.notifier.handlers.planning import heed_feedback, take_up_incidents
from services.notifier.handlers.returning import heed_returns
from services.notifier.store import figures, lists
from tests.integration.test_notifier import database, plan
from tests.unit.notifier.builders import NOW, incident, target

__all__ = ["database"]

BEFORE = "0011"

NOTIFICATION_OF_BEFORE = """
    INSERT INTO notifications (id, reference, recipient_key, recipient_domain, recipient, recipient_confidence,
                               incident, severity, urgency, confidence, state, partners, targets_total, created_at,
                               due_at)
    VALUES ($1, 'TOC-0000000000', 'info@jansen.example', 'jansen.example', $2, 0.9, 'open-smb', 'high', 1, 0.9,
            'planned', '{demo}', 1, $3, $3)
"""

RETURN_OF_BEFORE = """
    INSERT INTO returns (return_id, notification_id, kind, trust, permanence, code, detail, address, at, heeded_at)
    SELECT given.* FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                               $8::text[], $9::timestamptz[], $10::timestamptz[])
      AS given (return_id, notification_id, kind, trust, permanence, code, detail, address, at, heeded_at)
    WHERE EXISTS (SELECT FROM notifications n WHERE n.id = given.notification_id)
    ON CONFLICT DO NOTHING RETURNING return_id
"""
ANSWER_OF_BEFORE = """
    INSERT INTO answers (feedback_id, incident, notification_id, kind, useful, clear, at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::smallint[], $6::smallint[],
                         $7::timestamptz[])
    ON CONFLICT DO NOTHING
"""
FIGURES_OF_BEFORE = """
    SELECT count(*) FILTER (WHERE a.kind = $3) AS ratings, avg(a.useful)::float8 AS useful,
           avg(a.clear)::float8 AS clear, count(*) FILTER (WHERE a.kind = $4) AS wrong,
           count(*) FILTER (WHERE a.kind = $5) AS not_ours, count(*) FILTER (WHERE a.kind = $6) AS questions,
           count(*) FILTER (WHERE a.kind = $7) AS fixed, count(*) FILTER (WHERE a.kind = $8) AS opt_outs
    FROM answers a WHERE a.incident = $1 AND a.at >= $2
"""
TIMELINE_OF_BEFORE = """
    SELECT r.return_id, r.notification_id, r.kind, r.trust, r.permanence, r.code, r.detail, r.address, r.at
    FROM returns r WHERE r.notification_id = $1 ORDER BY r.at, r.return_id LIMIT 500
"""
FORGET_OF_BEFORE = "DELETE FROM answers WHERE at < $1"

KINDS = (
    FeedbackKind.RATING,
    FeedbackKind.FALSE_POSITIVE,
    FeedbackKind.NOT_OURS,
    FeedbackKind.QUESTION,
    FeedbackKind.FIXED,
    FeedbackKind.OPT_OUT,
)
ANSWERED = ("ratings", "useful", "clear", "wrong", "not_ours", "questions", "fixed", "opt_outs")

Row = dict[str, Any]  # Any: a row of the database


def rating(name: str, *, useful: int, at: datetime = NOW) -> FeedbackReceived:
    return FeedbackReceived(
        feedback_id=derived_id("rating", name),
        kind=FeedbackKind.RATING,
        incident="open-smb",
        at=at,
        useful=useful,
        clear=3,
        text="not for the notifier to keep",
    )


def question(name: str, notification_id: UUID, *, at: datetime = NOW) -> FeedbackReceived:
    return FeedbackReceived(
        feedback_id=derived_id("question", name),
        kind=FeedbackKind.QUESTION,
        incident="open-smb",
        at=at,
        text=f"Is it real, asks {name}?",
        notification_id=notification_id,
        recipient_key="info@jansen.example",
    )


def bounce(notification_id: UUID) -> MailReturned:
    return MailReturned(
        return_id=derived_id("bounce", notification_id),
        notification_id=notification_id,
        kind=ReturnKind.BOUNCE,
        trust=Trust.TOKEN,
        permanence=Permanence.TEMPORARY,
        code="4.4.1",
        at=NOW,
    )


@dataclass(frozen=True, slots=True)
class Before:
    """A replica of before, whose statements were prepared before the tables changed."""

    connection: asyncpg.Connection

    async def plans(self) -> UUID:
        notification_id = new_id()
        recipient = target().recipient
        await self.connection.execute(NOTIFICATION_OF_BEFORE, notification_id, msgspec.json.encode(recipient), NOW)
        return notification_id

    async def hears_of(self, returned: MailReturned, *, now: datetime = NOW) -> None:
        fields = (
            *(returned.return_id, returned.notification_id, returned.kind, returned.trust, returned.permanence),
            *(returned.code, returned.detail, returned.address, returned.at, now),
        )
        await self.connection.fetch(RETURN_OF_BEFORE, *([field] for field in fields))

    async def heeds(self, *events: FeedbackReceived, now: datetime = NOW) -> None:
        tied = [event for event in events if event.notification_id is not None]
        async with self.connection.transaction():
            await self.connection.fetch(
                RETURN_OF_BEFORE,
                [event.feedback_id for event in tied],
                [event.notification_id for event in tied],
                [event.kind for event in tied],
                [Trust.TOKEN for _ in tied],
                [None for _ in tied],
                ["" for _ in tied],
                [event.text[:500] for event in tied],
                ["" for _ in tied],
                [event.at for event in tied],
                [now for _ in tied],
            )
            await self.connection.fetch(
                ANSWER_OF_BEFORE,
                [event.feedback_id for event in events],
                [event.incident for event in events],
                [event.notification_id for event in events],
                [event.kind for event in events],
                [event.useful for event in events],
                [event.clear for event in events],
                [event.at for event in events],
            )

    async def figures(self, *, since: datetime) -> Row:
        return dict(await self.connection.fetchrow(FIGURES_OF_BEFORE, "open-smb", since, *KINDS))

    async def timeline(self, notification_id: UUID) -> list[Row]:
        return [dict(row) for row in await self.connection.fetch(TIMELINE_OF_BEFORE, notification_id)]

    async def forgets(self, before: datetime) -> None:
        await self.connection.fetch(FORGET_OF_BEFORE, before)


async def figures_in(database: Database, *, since: datetime = NOW, kind: HoldKind = HoldKind.UNUSUAL_VOLUME) -> Row:
    hold = Hold(
        id=new_id(),
        kind=kind,
        scope=BrakeScope.INCIDENT,
        value="open-smb",
        state=HoldState.STANDING,
        reason="",
        since=since,
    )
    async with database.transaction() as tx:
        found: Figures = await figures.figures_of(tx, hold, since=since)
    return {name: getattr(found, name) for name in ANSWERED}


async def happenings(database: Database, notification_id: UUID) -> list[tuple[str, str]]:
    async with database.transaction() as tx:
        notification = await notification_named(tx, str(notification_id))
        assert notification is not None
        dossier = await dossier_of(tx, notification)
    return [(each.what, each.detail) for each in dossier.timeline if each.what not in ("planned", "queued")]


async def one_notification(database: Database) -> UUID:
    await plan(database, target())
    async with database.transaction() as tx:
        (found,) = await lists.newest_notifications(tx, Wanted(), before=None, limit=5)
    return found.id


async def heed(database: Database, *events: FeedbackReceived, now: datetime = NOW) -> None:
    async with database.transaction() as tx:
        await heed_feedback(events, tx=tx, now=now)


async def rows(database: Database, sql: str) -> Sequence[Row]:
    async with database.transaction() as tx:
        return [dict(row) for row in await tx.fetch(sql)]


def _migrate_to(revision: str, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_of("notifier")))
    config.attributes["url"] = url
    command.upgrade(config, revision)


@pytest.fixture
async def before(database_url: str) -> AsyncIterator[Before]:
    """A replica of before, on its own tables."""
    await asyncio.to_thread(_migrate_to, BEFORE, database_url)
    connection = await asyncpg.connect(database_url)
    yield Before(connection)
    await connection.close()


@pytest.fixture
async def after(before: Before, database_url: str) -> AsyncIterator[Database]:
    """The way of a replica of today to the same database, which is not migrated yet."""
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    async with database.transaction() as tx:
        await take_up_incidents([incident()], tx=tx, now=NOW)
    yield database
    await database.close()


async def test_what_there_was_is_carried_over_and_figures_and_timeline_stay_as_they_were(
    before: Before, after: Database, database_url: str
) -> None:
    notification_id = await before.plans()
    unknown = new_id()
    await before.heeds(rating("ada", useful=5), rating("bob", useful=2), question("ada", notification_id))
    await before.heeds(question("nobody", unknown), question("old", notification_id, at=NOW - timedelta(days=60)))
    await before.forgets(NOW - timedelta(days=30))
    await before.hears_of(bounce(notification_id))
    seen = await before.figures(since=NOW), await before.timeline(notification_id)
    assert seen[0] == {
        "ratings": 2, "useful": 3.5, "clear": 3.0, "wrong": 0, "not_ours": 0, "questions": 2, "fixed": 0, "opt_outs": 0
    }  # fmt: skip
    assert sorted(row["kind"] for row in seen[1]) == ["bounce", "question", "question"]

    await asyncio.to_thread(migrate, "notifier", database_url)

    assert await figures_in(after) == seen[0]
    assert await figures_in(after, kind=HoldKind.FIRST_WAVE) == seen[0], "what was forgotten stays so"
    assert await before.timeline(notification_id) == seen[1]
    assert sorted(await happenings(after, notification_id)) == [
        ("bounce", "temporary 4.4.1"),
        ("question", "Is it real, asks ada?"),
        ("question", "Is it real, asks old?"),
    ]


async def test_replicas_of_before_and_of_today_hear_the_same_answers_and_each_counts_once(
    before: Before, after: Database, database_url: str
) -> None:
    notification_id = await before.plans()
    await before.heeds(rating("first", useful=1), question("first", notification_id))
    await before.figures(since=NOW)
    await before.forgets(NOW - ANSWERS_KEPT)
    await asyncio.to_thread(migrate, "notifier", database_url)

    await before.heeds(rating("ada", useful=5), question("ada", notification_id))
    await heed(after, rating("bob", useful=3), question("bob", notification_id))
    for again in (rating("ada", useful=5), rating("bob", useful=3), question("ada", notification_id)):
        await before.heeds(again)
        await heed(after, again)
    await before.heeds(question("bob", notification_id))

    expected = {"ratings": 3, "useful": 3.0, "clear": 3.0, "questions": 3}
    assert {name: (await figures_in(after))[name] for name in expected} == expected
    assert await before.figures(since=NOW) == await figures_in(after)
    said = {("question", f"Is it real, asks {name}?") for name in ("first", "ada", "bob")}
    assert set(await happenings(after, notification_id)) == said
    assert len(await before.timeline(notification_id)) == 3


async def test_what_a_replica_of_before_forgets_stays_in_the_timeline(
    before: Before, after: Database, database_url: str
) -> None:
    notification_id = await before.plans()
    await asyncio.to_thread(migrate, "notifier", database_url)
    await before.heeds(question("ada", notification_id))

    await before.forgets(NOW + timedelta(days=1))

    assert await happenings(after, notification_id) == [("question", "Is it real, asks ada?")]


async def test_old_answers_leave_the_figures_and_those_that_name_a_notification_stay_in_its_timeline(
    database: Database,
) -> None:
    notification_id = await one_notification(database)
    await heed(database, rating("ada", useful=5), question("ada", notification_id))
    late = NOW + ANSWERS_KEPT + timedelta(seconds=1)
    await heed(database, rating("bob", useful=1, at=late), question("bob", notification_id, at=late), now=late)

    async with database.transaction() as tx:
        await forget(tx, now=late)

    left = await figures_in(database, kind=HoldKind.FIRST_WAVE)
    assert (left["ratings"], left["useful"], left["questions"]) == (1, 1.0, 1)
    assert [each.removeprefix("Is it real, asks ") for _, each in await happenings(database, notification_id)] == [
        "ada?",
        "bob?",
    ]
    assert [row["useful"] for row in await rows(database, "SELECT useful FROM returns WHERE kind = 'rating'")] == [1]


async def test_a_rating_says_no_more_than_its_event_not_even_when_it_was_heard(database: Database) -> None:
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    await heed(database, rating("ada", useful=5, at=hour), now=NOW + timedelta(minutes=7))

    (kept,) = await rows(database, "SELECT * FROM returns")

    said = {name: value for name, value in kept.items() if value not in (None, "")}
    assert said == {
        "return_id": derived_id("rating", "ada"),
        "kind": "rating",
        "trust": "none",
        "at": hour,
        "heeded_at": hour,
        "incident": "open-smb",
        "useful": 5,
        "clear": 3,
    }


async def test_what_is_answered_on_a_page_waits_for_nothing_and_is_no_bounce(database: Database) -> None:
    notification_id = await one_notification(database)
    await heed(database, question("ada", notification_id), rating("ada", useful=5))
    async with database.transaction() as tx:
        await heed_returns([bounce(new_id())], tx=tx, now=NOW)

    assert await rows(database, "SELECT kind FROM returns WHERE heeded_at IS NULL OR kind = 'bounce'") == []
