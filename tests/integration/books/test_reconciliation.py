"""The books of all services agree, and whoever takes one row out of any of them is found out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from libs.common.books import Backlog, Reading
from libs.common.db import Database
from libs.common.shutdown import Shutdown
from services.intake.domain.reconciliation.report import Reconciliation
from services.intake.domain.reconciliation.timetable import Timetable
from services.intake.domain.reconciliation.words import sentence
from services.intake.gateway.siblings import siblings_of
from services.intake.handlers.books import Scope
from services.intake.handlers.nightly import Nightly
from tests.integration.books.conftest import EXPIRED, RECORDS, World

PASSED_ON = "verdict = 'verified' AND outcome IS NULL"
NOTHING_LEFT = Backlog(readings=(), outbox_first=None, outbox_last=None)


def sentences(run: Reconciliation) -> list[str]:
    return [sentence(difference) for difference in run.differences]


async def test_an_operator_reads_that_the_books_agree(world: World) -> None:
    books = await world.compared_by_hand()

    assert books.agree, books.said
    verdict, sums = books.said.splitlines()
    assert verdict == "The books of all services agree."
    assert sums.startswith(f"{RECORDS + 1} records of 2 submissions: ")
    assert f"{EXPIRED} expired" in sums


@dataclass(frozen=True, slots=True)
class Break:
    """A row that somebody tampers with, and words that have to be in what is said of it."""

    service: str
    table: str
    where: str
    change: Mapping[str, object] | None
    said: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service}-{self.table}-{'changed' if self.change else 'gone'}"


BREAKS = (
    Break("verifier", "verdicts", PASSED_ON, None, ("intake handed on 60 records and verifier has 59: 1 missing",)),
    Break(
        "verifier", "verdicts", "outcome = 'held'", None, ("intake handed on 1 records and verifier has 0: 1 missing",)
    ),
    Break("attribution", "attribution", "outcome IS NULL", None, ("attribution has", "1 missing", "1 too many")),
    Break("notifier", "targets", "true", None, ("attribution handed on", "notifier has", "1 missing")),
    Break("notifier", "notifications", "targets_total = 1", None, ("attribution handed on", "1 missing")),
    Break("notifier", "attempts", "result = 'sent'", None, ("ended as notified, the services say",)),
    Break(
        "intake",
        "records",
        "outcome = 'notified'",
        {"outcome": "refuted"},
        ("its receipt counts 0 as refuted, and 1 of its records are", "intake says that 1 ended as refuted"),
    ),
    Break("intake", "records", "outcome = 'notified'", None, ("its receipt counts", "as notified")),
    Break("intake", "submission_counts", "outcome = 'notified'", {"records": 1}, ("its receipt counts 1 as notified",)),
    Break(
        "intake",
        "submissions",
        "format = 'tocsin-json'",
        None,
        ("intake does not know it, and the services have 1 records of it",),
    ),
    Break("feedback", "notifications", "true", None, ("Mails of ", "notifier handed on", "1 missing")),
)


@pytest.mark.parametrize("broken", BREAKS, ids=str)
async def test_a_row_that_is_gone_or_changed_is_named(world: World, broken: Break) -> None:
    async with world.altered(broken.service, broken.table, broken.where, broken.change):
        run = await world.compared()

    said = "\n".join(sentences(run))
    assert run.sound is False
    assert [words for words in broken.said if words not in said] == [], said


async def test_an_operator_reads_what_differs_and_where(world: World) -> None:
    async with world.altered("notifier", "targets", "true", None):
        books = await world.compared_by_hand()

    assert not books.agree
    verdict, first, *_ = books.said.splitlines()
    assert verdict.startswith("The books DIFFER in ")
    assert first.startswith(f"  Submission {await world.submission('shadowserver-csv')}: attribution handed on")


async def test_only_the_submission_that_is_asked_for_is_looked_at(world: World) -> None:
    async with world.altered("verifier", "verdicts", PASSED_ON, None):
        assert (await world.compared(Scope.of(await world.submission("tocsin-json")))).sound
        assert (await world.compared(Scope.of(await world.submission("shadowserver-csv")))).sound is False


async def test_what_was_received_before_a_moment_is_left_out(world: World) -> None:
    run = await world.compared(Scope.received_since(datetime.now(UTC) + timedelta(hours=1)))
    assert (run.submissions, run.sound) == (0, True)


async def news_is_on_its_way(world: World, arrived: AsyncExitStack) -> UUID:
    """As if intake had not heard of one expired record yet; it has, once `arrived` is closed."""
    submission = await world.submission("shadowserver-csv")
    for table, outcome, change in (
        ("records", "expired", {"outcome": "pending"}),
        ("submission_counts", "expired", {"records": EXPIRED - 1}),
        ("submission_counts", "pending", {"records": 1}),
    ):
        where = f"submission_id = '{submission}' AND outcome = '{outcome}'"
        await arrived.enter_async_context(world.altered("intake", table, where, change))
    return submission


async def test_an_outcome_that_does_not_come_to_intake_is_named(world: World) -> None:
    async with AsyncExitStack() as arrived:
        submission = await news_is_on_its_way(world, arrived)
        run = await world.compared(Scope.of(submission))

    said = f"the services say that {EXPIRED} ended as expired, intake has heard of {EXPIRED - 1}: 1 missing."
    assert sentences(run) == [f"Submission {submission}: {said}"]


async def test_what_may_still_lie_on_a_topic_is_not_called_lost(world: World) -> None:
    async def backlog() -> Backlog:
        return Backlog(readings=(Reading("indicator-outcome", 0, 6, 7),), outbox_first=None, outbox_last=None)

    async with AsyncExitStack() as arrived:
        submission = await news_is_on_its_way(world, arrived)
        run = await world.compared(Scope.of(submission), backlog=backlog, wait_seconds=0.3)

    assert (run.sound, run.differences_total, run.under_way) == (None, 0, {"services → intake": 1})
    assert run.no_verdict == "intake did not get through what it had: 1 messages of indicator-outcome not read"


async def test_what_comes_while_we_wait_was_under_way(world: World) -> None:
    async def backlog() -> Backlog:
        await arrived.aclose()
        return NOTHING_LEFT

    async with AsyncExitStack() as arrived:
        submission = await news_is_on_its_way(world, arrived)
        run = await world.compared(Scope.of(submission), backlog=backlog)

    assert (run.sound, run.under_way) == (True, {})


async def runs(database: Database) -> int:
    async with database.transaction() as tx:
        (row,) = await tx.fetch("SELECT count(*) FROM reconciliations")
    found: int = row["count"]
    return found


async def nothing_left() -> Backlog:
    return NOTHING_LEFT


def replica(world: World, database: Database, *, struck: datetime) -> Nightly:
    """One whose hour has just struck."""
    return Nightly(
        database,
        partial(siblings_of, world.settings),
        backlog=nothing_left,
        timetable=Timetable(struck.hour, started_at=struck - timedelta(days=2)),
        reach=timedelta(days=1),
        wait_seconds=20,
    )


async def test_at_night_one_of_the_replicas_compares_and_all_show_what_it_found(world: World) -> None:
    async with world.database("intake") as database:
        async with database.transaction() as tx:
            await tx.fetch("DELETE FROM reconciliations")
        struck = database.now()

        await run_until(lambda: any_run(database), *(replica(world, database, struck=struck) for _ in "ab"))
        assert await runs(database) == 1

        await run_until(lambda: shown_since(struck), replica(world, database, struck=struck))
        assert await runs(database) == 1, "whoever starts now sees that tonight's is made"
    assert REGISTRY.get_sample_value("tocsin_reconciliation_sound") == 1
    assert REGISTRY.get_sample_value("tocsin_reconciliation_differences") == 0


async def run_until(reached: Callable[[], Awaitable[bool]], *replicas: Nightly) -> None:
    shutdown = Shutdown()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for each in replicas:
            group.create_task(each.run(shutdown))
        while not await reached():
            await asyncio.sleep(0.05)
        shutdown.request()


async def any_run(database: Database) -> bool:
    return await runs(database) > 0


async def shown_since(moment: datetime) -> bool:
    shown = REGISTRY.get_sample_value("tocsin_reconciliation_checked_at") or 0.0
    return shown >= moment.timestamp()
