"""Mails that wait for an hour, a day or each other, while senders die: what holds whatever happens in which order.

Beside `test_mail_states.py`, which has real connections and no amounts, this has amounts and no connections: a sender
is two transactions with a relay in between, and dies at any point of them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
import pytest
from asyncpg import Record
from hypothesis import strategies as st

from libs.common.contracts import IndicatorSettled
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Database
from libs.common.errors import Permanent
from libs.common.migrations import migrate
from libs.common.outbox import waiting_events
from libs.common.vocabulary import IncidentState, Severity
from services.notifier.domain.amount.calendar import QuietHours
from services.notifier.domain.amount.policy import AmountPolicy, Caps, Subject, slot_for
from services.notifier.domain.notification import Command, Consignment
from services.notifier.domain.replies import Deferred, Result, Sent, after_loss
from services.notifier.handlers import planner
from services.notifier.handlers.commands import command_notification
from services.notifier.handlers.planning import plan_targets, take_up_incidents
from services.notifier.handlers.sending import Delivered, claim, doubt_lost, record
from tests.integration.models.machine import Machine, step, try_plans
from tests.integration.models.post_office import GROUPING, PLANNING
from tests.unit.notifier.builders import incident, recipient, target

START = datetime(2026, 4, 2, 8, 0, tzinfo=UTC)
"""The Thursday before Easter."""

SLUGS = ("open-smb", "open-rdp", "open-dns")
EMAILS = ("info@jansen.nl", "info@bakker.nl")
LEASE = timedelta(minutes=4)
CAP = 2
AMOUNTS = AmountPolicy(
    quiet=QuietHours(time(20), time(7)),
    business_days_for=(Severity.MEDIUM, Severity.LOW, Severity.INFO),
    round_up_at=time(10),
    caps=Caps(recipient=CAP, total=2 * CAP),
    longest_wait=timedelta(days=6),
)
ENDS = {"sent", "failed", "cancelled"}
TABLES = "notifications, targets, attempts, incidents, outbox, daily_mails"


class Death(StrEnum):
    """When a sender dies; whoever does not answers in time."""

    BEFORE_CLAIM = "its claim is not kept"
    AFTER_CLAIM = "nothing was handed over"
    AFTER_RELAY = "the relay has its mails"
    AFTER_RECORD = "its answers are not kept"


class Copy(msgspec.Struct, frozen=True):
    """One notification in one mail that the relay took."""

    notification_id: UUID
    is_marked: bool


arrivals = st.lists(
    st.tuples(st.sampled_from(EMAILS), st.sampled_from(SLUGS), st.sampled_from(Severity)), min_size=1, max_size=4
)
kept = st.sampled_from([True, True, True, False])
choices = st.integers(0, 1000)
limits = st.sampled_from([1, 2, 50])
answers = st.lists(choices, max_size=9)


class AmountStates(Machine):
    """Senders and planners that die, recipients who sleep, and days that are full."""

    def __init__(self, database: Database, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self._database = database
        self._now = START
        self._targets: list[Target] = []
        self._copies: Counter[Copy] = Counter()
        self._orders = 0
        self.run(self._begin())

    async def _begin(self) -> None:
        async with self._database.transaction() as tx:
            await tx.fetch(f"TRUNCATE {TABLES}")
        for slug in SLUGS:
            await self.change_incident(slug, IncidentState.APPROVED)

    @step(weight=5, arrivals=arrivals, is_kept=kept)
    async def plan(self, arrivals: Sequence[tuple[str, str, Severity]], is_kept: bool) -> None:
        batch = [target(to=recipient(email=email), incident=slug, severity=how) for email, slug, how in arrivals]
        planning = msgspec.structs.replace(PLANNING, amounts=AMOUNTS)
        with suppress(Permanent):
            async with self._database.transaction() as tx:
                answers = await plan_targets(
                    batch, tx=tx, now=self._now, policy=planning, grouping=GROUPING, queued=asyncio.Event()
                )
                _keep(is_kept)
            refused = {each.indicator_id for each in answers}
            self._targets += [each for each in batch if each.indicator_id not in refused]
        await self.check()

    @step(weight=6, minutes=st.sampled_from([1, 5, 60, 60, 300, 600, 1440]))
    async def wait(self, minutes: int) -> None:
        self._now += timedelta(minutes=minutes)

    @step(weight=4, is_kept=kept)
    async def close_due(self, is_kept: bool) -> None:
        with suppress(Permanent):
            async with self._database.transaction() as tx:
                await planner.close_due(tx, now=self._now, approval_confidence=0.3, limit=100)
                _keep(is_kept)

    @step(
        weight=8, death=st.sampled_from([None, None, None, *Death]), limit=limits, answers=st.lists(choices, max_size=9)
    )
    async def send(self, death: Death | None, limit: int, answers: Sequence[int]) -> None:
        """A turn of a sender: it looks for what others have lost, claims, hands over, and records."""
        claimed: Sequence[Consignment] = ()
        with suppress(Permanent):
            async with self._database.transaction() as tx:
                await doubt_lost(tx, now=self._now, limit=50)
                found = await claim(tx, now=self._now, lease=LEASE, limit=limit, amounts=AMOUNTS)
                _keep(death is not Death.BEFORE_CLAIM)
            claimed = found
        if death is Death.AFTER_CLAIM:
            return
        delivered = [Delivered(mail, self._handed_over(mail, place, answers)) for place, mail in enumerate(claimed)]
        if death is Death.AFTER_RELAY:
            return
        with suppress(Permanent):
            async with self._database.transaction() as tx:
                await record(tx, delivered, now=self._now)
                _keep(death is not Death.AFTER_RECORD)
        await self.check()

    def _handed_over(self, mail: Consignment, place: int, answers: Sequence[int]) -> Result:
        """What the relay makes of it: every fifth is put off, and of every fifth nobody hears whether it was taken."""
        answer = answers[place % len(answers)] % 5 if answers else 2
        if answer == 0:
            return Deferred(451, "later", self._now + timedelta(minutes=20))
        for part in mail.parts:
            self._copies[Copy(part.notification.id, part.notification.doubts > 0)] += 1
        if answer == 1:
            return after_loss(
                mail.notification.doubts, detail="cut off", next_attempt_at=self._now + timedelta(minutes=20)
            )
        return Sent(250, "ok")

    @step(choice=choices)
    async def cancel(self, choice: int) -> None:
        rows = await self._rows()
        if rows:
            async with self._database.transaction() as tx:
                order = rows[choice % len(rows)]["id"]
                await command_notification(tx, order, Command.CANCEL, note="", by="a person", now=self._now)

    @step(slug=st.sampled_from(SLUGS), state=st.sampled_from([IncidentState.APPROVED, IncidentState.PAUSED]))
    async def change_incident(self, slug: str, state: IncidentState) -> None:
        self._orders += 1
        change = msgspec.structs.replace(incident(slug=slug), revision=self._orders, state=state)
        async with self._database.transaction() as tx:
            await take_up_incidents([change], tx=tx, now=self._now)

    async def settle(self) -> None:
        """From one moment to the next, until each mail has come to its end: none waits for ever."""
        for slug in SLUGS:
            await self.change_incident(slug, IncidentState.APPROVED)
        for _ in range(100):
            waiting = [row for row in await self._rows() if row["state"] not in ENDS]
            if not waiting:
                break
            self._now = max(self._now, min(map(_next_moment, waiting)) + timedelta(seconds=1))
            await self.close_due(is_kept=True)
            await self.send(None, 50, ())
        else:
            raise AssertionError("a mail waits for ever")
        assert self._now < START + timedelta(days=60)
        await self._check_outcomes()

    async def end(self) -> None:
        """Nobody is alive between two steps."""

    async def check(self) -> None:
        rows = await self._rows()
        for copy, copies in self._copies.items():
            assert copies == 1, f"the same news twice: {copy}"
        gone = [row for row in rows if row["let_go_at"] is not None]
        for row in gone:
            assert slot_for(_subject(row), row["let_go_at"], AMOUNTS).at == row["let_go_at"], "at an hour that may be"
        mails = {(row["mail_id"] or row["id"]): row for row in gone}
        by_day = Counter((row["recipient_key"], _day(row)) for row in mails.values() if row["severity"] != "critical")
        assert all(number <= CAP for number in by_day.values()), "no more a day than the cap"
        low = Counter((row["recipient_key"], _day(row)) for row in mails.values() if row["severity"] in ("low", "info"))
        assert all(number == 1 for number in low.values()), "one mail a day with what is of low severity"
        counted = Counter({(row["recipient_key"], _day(row)): 0 for row in mails.values()})
        counted.update((row["recipient_key"], _day(row)) for row in mails.values())
        assert await self._counted() == counted

    async def _counted(self) -> Counter[tuple[str, object]]:
        async with self._database.transaction() as tx:
            rows = await tx.fetch("SELECT * FROM daily_mails WHERE scope = 'recipient-cap' AND mails > 0")
        return Counter({(row["value"], row["day"]): row["mails"] for row in rows})

    async def _rows(self) -> list[Record]:
        async with self._database.transaction() as tx:
            return list(await tx.fetch("SELECT * FROM notifications ORDER BY created_at, id"))

    async def _check_outcomes(self) -> None:
        async with self._database.transaction() as tx:
            said = Counter(each.indicator_id for each in await waiting_events(tx) if isinstance(each, IndicatorSettled))
        assert said == Counter(each.indicator_id for each in self._targets), "each target has one outcome"


def _keep(is_kept: bool) -> None:
    if not is_kept:
        raise Permanent("roll it back")


def _next_moment(row: Record) -> datetime:
    """When somebody can do something about a mail."""
    moments = {"planned": row["due_at"], "sending": row["lease_until"]}
    moment: datetime = moments.get(row["state"], row["next_attempt_at"])
    return moment


def _day(row: Record) -> object:
    return AMOUNTS.calendars.day_of(row["let_go_at"])


def _subject(row: Record) -> Subject:
    return Subject(
        recipient_key=row["recipient_key"], domain=row["recipient_domain"], severity=Severity(row["severity"])
    )


@pytest.fixture
def begin(database_url: str, runner: asyncio.Runner) -> Iterator[Callable[[], AmountStates]]:
    migrate("notifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    yield lambda: AmountStates(database, runner)
    runner.run(database.close())


def test_whoever_dies_no_mail_is_doubled_or_early_no_day_is_overfull_and_none_waits_for_ever(
    begin: Callable[[], AmountStates],
) -> None:
    try_plans(AmountStates, begin, batches=2, steps=25)
