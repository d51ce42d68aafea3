"""A run: push a feed while a plan strikes, let all settle, and prove that every record is where it belongs."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka.errors import KafkaError

from bench.feed import feed
from deploy.local.books import reconcile
from libs.common.faults import AT_PARTNERS, AT_THE_RELAY, LOSES_AN_ANSWER, Tally, evenly, written
from tests.chaos import ledger, waiting
from tests.chaos.arena import SMTP_CONNECTIONS, Arena, all_ready, arena, environment, plan_settings
from tests.chaos.doubters import FIRST_DOUBTED, Doubter, admit_doubters, find_the_same
from tests.chaos.listener import repeats, untold
from tests.chaos.owners import HANDED_OVER_NETWORKS, OWNERS
from tests.chaos.partner import Partner, Pushed, expected_outcomes
from tests.chaos.plan import Act, Blow, Plan
from tests.chaos.ways import FIRST_OBJECT, OBJECTS, Doors, doors_of

PIECE_RECORDS = 1000
MOST_PIECES = 12
PARALLEL_PUSHES = 3
RECONCILED_SECONDS = 60.0
SETTLED_WITHIN_SECONDS = 900.0
"""As long as anything moves: how fast is not what a run is to prove."""

PARTNER_RATE = 0.05
STUCK_SECONDS = 150.0
"""Longer than a session of consumers and a lease of the notifier, after which work changes hands; and than three leases
of a webhook, as intake may die that often with the same event in hand.
"""
DOUBTFUL = ("notifier", "mail", "postgres")
"""Parts whose end can leave mails in doubt: the sender, the relay, and where the answer is written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to, with what was counted on its system so far. Sound if nothing is wrong."""

    plan: Plan
    wrong: Sequence[str]
    seconds: Mapping[str, float]
    counts: Mapping[str, Counter[str]]

    def __str__(self) -> str:
        end = ("WRONG:", *self.wrong) if self.wrong else ("sound",)
        return "\n".join((str(self.plan), f"seconds: {dict(self.seconds)}", said(self.counts), *end))


def said(counts: Mapping[str, Counter[str]]) -> str:
    return "\n".join(f"{what}: {dict(found)}" for what, found in counts.items())


async def run(plan: Plan, *, records: int, home: Path) -> Verdict:
    """A whole run on a system of its own."""
    async with arena(home, owners=OWNERS) as made:
        return await Trial(made).bear(plan, records=records)


class Trial:
    """What one system bears, a plan after another. What is examined is everything that was ever pushed to it."""

    def __init__(self, made: Arena) -> None:
        self._made = made
        self._doors: Doors | None = None
        self._records = 0
        self._objects: list[int] = []
        self._pushed: list[Pushed] = []
        self._doubters: tuple[Doubter, ...] = ()
        self._found_twice: list[int] = []
        self._doubted: dict[UUID, int] = {}
        self._orderly_ends = 0

    async def bear(self, plan: Plan, *, records: int) -> Verdict:
        """One plan, and so many records more. One that can't be finished says its plan too."""
        try:
            return await self._bear(plan, records=records)
        except Exception as error:
            error.add_note(f"The plan was:\n{plan}")
            raise

    async def _bear(self, plan: Plan, *, records: int) -> Verdict:
        """The services are armed by a clean start, and disarmed by one to settle."""
        made, times = self._made, {"began": time.monotonic()}
        self._doors = self._doors or await _doors_of(made)
        self._doubters = self._doubters or await _doubters_of(made)
        await made.relay.start(seed=plan.seed, faults=written(evenly(AT_THE_RELAY, rate=plan.relay_rate)))
        with environment(plan_settings(plan)):
            await made.restart_services()
            times["armed"] = time.monotonic()
            await self._under_blows(plan, self._doors, records=records)
            times["struck"] = time.monotonic()
        await made.restart_services()
        left = await settle(made)
        times["settled"] = time.monotonic()
        wrong, counts = await self._examine()
        return Verdict(plan=plan, wrong=[*left, *wrong], seconds=_spans(times), counts=counts)

    async def _under_blows(self, plan: Plan, doors: Doors, *, records: int) -> None:
        first, self._records = self._records, self._records + records
        self._objects += range(FIRST_OBJECT + first, FIRST_OBJECT + first + OBJECTS)
        self._found_twice += range(FIRST_DOUBTED + first, FIRST_DOUBTED + first + OBJECTS)
        self._orderly_ends += 1  # a sender may die while it drains to be disarmed
        self._orderly_ends += sum(blow.part in DOUBTFUL and blow.act is not Act.KILL for blow in plan.blows)
        faults = written(evenly(AT_PARTNERS, rate=PARTNER_RATE))
        async with self._made.client("intake") as client:
            partner = Partner(client, doors, first=first, faults=faults)
            async with asyncio.TaskGroup() as group:
                group.create_task(_push_all(partner, plan, first=first, records=records))
                group.create_task(partner.push_objects())
                doubted = group.create_task(
                    find_the_same(
                        self._doubters,
                        self._made.intake_with,
                        first=FIRST_DOUBTED + first,
                        seed=plan.seed,
                        seconds=plan.seconds * 2 / 3,
                        faults=faults,
                    )
                )
                for blow in plan.blows:
                    group.create_task(_strike_in_time(self._made, blow))
        self._pushed += partner.pushed
        self._doubted |= doubted.result()

    async def _examine(self) -> tuple[list[str], dict[str, Counter[str]]]:
        made = self._made
        books = await books_of(made, with_mails=True)
        strikes, faults, deaths = Tally(made.relay.strikes).counts(), made.faults_struck(), made.deaths()
        explained = self._doubts_explained(deaths, lost=strikes + faults)
        pushed = {push.submission_id: push.records for push in self._pushed}
        wrong = ledger.faults_in(
            books,
            pushed=pushed | self._doubted,
            expected=expected_outcomes(
                range(self._records),
                objects=self._objects,
                found_twice=self._found_twice,
                handed_over=HANDED_OVER_NETWORKS,
            ),
            doubts_at_most=explained,
        )
        wrong += untold(made.listener.told, pushed)
        wrong += await _what_partner_and_operator_see(made, self._pushed)
        return wrong, {
            "outcomes": Counter(books.outcomes),
            "pushes": Counter(answered=len(self._pushed), tried=sum(push.tries for push in self._pushed)),
            "ways": Counter(str(push.way) for push in self._pushed),
            "webhook": Counter(told=len(made.listener.told), again=repeats(made.listener.told)),
            "mails": Counter(
                {
                    "in the Maildir": sum(map(len, books.mails.values())),
                    "in doubt": books.doubts,
                    "second copies": books.copies,
                    "refused, asked for another contact": books.bounced,
                    "to another contact": books.to_others,
                    "explained doubts at most": explained,
                }
            ),
            "teams": Counter(
                {
                    "copies": len(books.copies_made),
                    "copies that arrived": sum(copy.target_id in books.reported for copy in books.copies_made),
                    "handed over": len(books.handed_over),
                    "taken over": len(books.taken_over),
                }
            ),
            "doubters": Counter({"held and released": books.sums["released"], "found": len(self._found_twice)}),
            "deaths": deaths,
            "faults": faults,
            "relay": strikes,
        }

    def _doubts_explained(self, deaths: Mapping[str, int], *, lost: Mapping[str, int]) -> int:
        """As many as there were connections: two claims for each end or pause of a part, one for each lost answer."""
        ends = self._orderly_ends + sum(deaths.get(part, 0) for part in DOUBTFUL)
        return SMTP_CONNECTIONS * ends + sum(lost.get(fault, 0) for fault in LOSES_AN_ANSWER)


async def _doors_of(made: Arena) -> Doors:
    async with made.client("intake") as client, made.operator("intake") as operator:
        return await doors_of(client, operator=operator, mail_door=made.stack.endpoints.intake_lmtp)


async def _doubters_of(made: Arena) -> tuple[Doubter, ...]:
    async with made.operator("intake") as operator:
        return await admit_doubters(operator, made.intake_with)


async def _strike_in_time(made: Arena, blow: Blow) -> None:
    await asyncio.sleep(blow.at_seconds)
    await made.strike(blow)


async def _push_all(partner: Partner, plan: Plan, *, first: int, records: int) -> None:
    """Submissions of one to twelve thousand records, spread over the first two thirds of the plan."""
    sizes = random.Random(plan.seed)
    pieces = _pieces(first, records)
    slots = asyncio.Semaphore(PARALLEL_PUSHES)
    number = 0
    async with asyncio.TaskGroup() as group:
        while chosen := list(islice(pieces, sizes.randint(1, MOST_PIECES))):
            await slots.acquire()
            task = group.create_task(partner.push(chosen, number=number))
            task.add_done_callback(lambda _: slots.release())
            number += 1
            await asyncio.sleep(plan.seconds * 2 / 3 * len(chosen) * PIECE_RECORDS / records)


def _pieces(first: int, records: int) -> Iterator[bytes]:
    """A thousand lines each, without the header."""
    pieces = feed(records, first=first, now=datetime.now(UTC))
    next(pieces)
    return pieces


async def settle(made: Arena) -> list[str]:
    """Wait until nothing is left to do; what is, when the time for it is over or nothing moves any more.

    Raises `Complaint` where a part has given up: what it would have done is left for ever.
    """
    began = moved = time.monotonic()
    left = await _left(made)
    while left and time.monotonic() < min(began + SETTLED_WITHIN_SECONDS, moved + STUCK_SECONDS):
        made.require_all_kept()
        await asyncio.sleep(1)
        before, left = left, await _left(made)
        moved = moved if left == before else time.monotonic()
    return [f"not settled after {time.monotonic() - began:.0f} s: {'; '.join(left)}"] if left else []


async def _left(made: Arena) -> list[str]:
    """The books are read once nothing is unfinished."""
    try:
        unfinished = await waiting.unfinished(made.stack.endpoints.postgres)
        return unfinished or ledger.unsettled(await books_of(made, with_mails=False))
    except (OSError, KafkaError, asyncpg.PostgresError) as error:
        return [f"the books can't be read: {type(error).__name__}"]


async def books_of(made: Arena, *, with_mails: bool) -> ledger.Books:
    endpoints = made.stack.endpoints
    maildir = made.stack.layout.mail if with_mails else None
    return await ledger.open_books(postgres=endpoints.postgres, kafka=endpoints.kafka, maildir=maildir)


async def _what_partner_and_operator_see(made: Arena, pushed: Sequence[Pushed]) -> list[str]:
    wrong = [] if await all_ready(made) else ["not all services are ready"]
    async with made.client("intake") as client, made.operator("intake") as operator:
        books = await asyncio.to_thread(reconcile, made.stack.layout, wait_seconds=RECONCILED_SECONDS)
        if not books.agree:
            wrong.append(books.said)
        sums = (await operator.get("/v1/reconciliation")).raise_for_status().json()
        if sums["pending"]:
            wrong.append(f"intake says that {sums['pending']} records are pending")
        for push in pushed:
            receipt = (await client.get(f"/v1/submissions/{push.submission_id}")).raise_for_status().json()
            if receipt["records"]["accepted"] != push.records or sum(receipt["outcomes"].values()) != push.records:
                wrong.append(f"{push.records} were pushed, and the receipt says {receipt}")
    return wrong


def _spans(times: Mapping[str, float]) -> dict[str, float]:
    """How long it took to come to each mark from the one before."""
    marks = list(times.items())
    return {name: round(at - marks[place][1], 1) for place, (name, at) in enumerate(marks[1:])}
