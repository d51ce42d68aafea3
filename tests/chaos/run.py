"""One run: push a feed while a plan strikes, let all settle, and prove that every record is where it belongs."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import asyncpg
from aiokafka.errors import KafkaError

from bench.feed import feed
from deploy.local.books import reconcile
from libs.common.faults import AT_PARTNERS, AT_THE_RELAY, LOSES_AN_ANSWER, Tally, evenly, written
from tests.chaos import ledger
from tests.chaos.arena import SMTP_CONNECTIONS, Arena, all_ready, arena, environment, plan_settings
from tests.chaos.partner import Partner, expected_outcomes
from tests.chaos.plan import Act, Blow, Plan

PIECE_RECORDS = 1000
MOST_PIECES = 12
PARALLEL_PUSHES = 3
RECONCILED_SECONDS = 60.0
SETTLED_WITHIN_SECONDS = 240.0
PARTNER_RATE = 0.05
STUCK_SECONDS = 45.0
"""Longer than a lease of the notifier and a session of the consumers, after which work changes hands."""
DOUBTFUL = ("notifier", "mail", "postgres")
"""Parts whose end can leave mails in doubt: the sender, the relay, and where the answer is written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to. Sound if nothing is wrong."""

    plan: Plan
    wrong: Sequence[str]
    figures: Mapping[str, object]

    def __str__(self) -> str:
        figures = "\n".join(f"{name}: {value}" for name, value in self.figures.items())
        return "\n".join((str(self.plan), figures, *(("WRONG:", *self.wrong) if self.wrong else ("sound",))))


async def run(plan: Plan, *, records: int, home: Path) -> Verdict:
    """A whole run on a system of its own. One that can't be finished says its plan too."""
    try:
        return await _run(plan, records=records, home=home)
    except Exception as error:
        error.add_note(f"The plan was:\n{plan}")
        raise


async def _run(plan: Plan, *, records: int, home: Path) -> Verdict:
    """The services are armed after a clean start, and disarmed to settle."""
    times = {"began": time.monotonic()}
    relay_faults = written(evenly(AT_THE_RELAY, rate=plan.relay_rate))
    async with arena(home, seed=plan.seed, relay_faults=relay_faults) as made:
        with ExitStack() as armed:
            armed.enter_context(environment(plan_settings(plan)))
            await made.restart_services()
            times["armed"] = time.monotonic()
            partner = await _under_blows(made, plan, records=records)
            times["struck"] = time.monotonic()
            armed.close()
            await made.restart_services()
        left = await settle(made)
        times["settled"] = time.monotonic()
        wrong, figures = await _examine(made, plan, partner, records=records)
        return Verdict(plan=plan, wrong=[*left, *wrong], figures={**figures, "seconds": _spans(times)})


async def _under_blows(made: Arena, plan: Plan, *, records: int) -> Partner:
    async with made.client("intake") as client:
        partner = Partner(client, name=f"chaos-{plan.seed}", faults=written(evenly(AT_PARTNERS, rate=PARTNER_RATE)))
        async with asyncio.TaskGroup() as group:
            group.create_task(_push_all(partner, plan, records=records))
            for blow in plan.blows:
                group.create_task(_strike_in_time(made, blow))
    return partner


async def _strike_in_time(made: Arena, blow: Blow) -> None:
    await asyncio.sleep(blow.at_seconds)
    await made.strike(blow)


async def _push_all(partner: Partner, plan: Plan, *, records: int) -> None:
    """Submissions of one to twelve thousand records, spread over the first two thirds of the plan."""
    sizes = random.Random(plan.seed)
    pieces = _pieces(records)
    slots = asyncio.Semaphore(PARALLEL_PUSHES)
    number = 0
    async with asyncio.TaskGroup() as group:
        while chosen := list(islice(pieces, sizes.randint(1, MOST_PIECES))):
            await slots.acquire()
            task = group.create_task(partner.push(chosen, number=number))
            task.add_done_callback(lambda _: slots.release())
            number += 1
            await asyncio.sleep(plan.seconds * 2 / 3 * len(chosen) * PIECE_RECORDS / records)


def _pieces(records: int) -> Iterator[bytes]:
    """A thousand lines each, without the header."""
    pieces = feed(records, now=datetime.now(UTC))
    next(pieces)
    return pieces


async def settle(made: Arena) -> list[str]:
    """Wait until nothing is left to do; what is, when the time for it is over or nothing moves any more."""
    began = moved = time.monotonic()
    left = await _left(made)
    while left and time.monotonic() < min(began + SETTLED_WITHIN_SECONDS, moved + STUCK_SECONDS):
        await asyncio.sleep(1)
        before, left = left, await _left(made)
        moved = moved if left == before else time.monotonic()
    return [f"not settled after {time.monotonic() - began:.0f} s: {'; '.join(left)}"] if left else []


async def _left(made: Arena) -> list[str]:
    try:
        return ledger.unsettled(await books_of(made, with_mails=False))
    except (OSError, KafkaError, asyncpg.PostgresError) as error:
        return [f"the books can't be read: {type(error).__name__}"]


async def books_of(made: Arena, *, with_mails: bool) -> ledger.Books:
    endpoints = made.stack.endpoints
    maildir = made.stack.layout.mail if with_mails else None
    return await ledger.open_books(postgres=endpoints.postgres, kafka=endpoints.kafka, maildir=maildir)


async def _examine(made: Arena, plan: Plan, partner: Partner, *, records: int) -> tuple[list[str], dict[str, object]]:
    books = await books_of(made, with_mails=True)
    strikes = Tally(made.strikes).counts()
    explained = _doubts_explained(made, plan, strikes)
    wrong = ledger.faults_in(
        books,
        pushed={push.submission_id: push.records for push in partner.pushed},
        expected=expected_outcomes(range(records)),
        doubts_at_most=explained,
    )
    wrong += await _what_partner_and_operator_see(made, partner)
    figures: dict[str, object] = {
        "outcomes": dict(books.outcomes),
        "mails": sum(map(len, books.mails.values())),
        "in doubt": f"{books.doubts} of at most {explained}; {books.copies} second copies",
        "relay": dict(strikes),
        "faults": dict(made.faults_struck()),
        "deaths": made.deaths(),
        "pushes": f"{len(partner.pushed)}, tried {sum(push.tries for push in partner.pushed)} times",
    }
    return wrong, figures


def _doubts_explained(made: Arena, plan: Plan, strikes: Mapping[str, int]) -> int:
    """As many as there were connections: two claims for each end or pause of a part, one for each lost answer."""
    ends = 1 + sum(made.deaths().get(part, 0) for part in DOUBTFUL)  # 1: it may die while it drains to be disarmed
    ends += sum(blow.part in DOUBTFUL and blow.act is not Act.KILL for blow in plan.blows)
    lost = Counter(strikes) + made.faults_struck()
    return SMTP_CONNECTIONS * ends + sum(lost[fault] for fault in LOSES_AN_ANSWER)


async def _what_partner_and_operator_see(made: Arena, partner: Partner) -> list[str]:
    wrong = [] if await all_ready(made) else ["not all services are ready"]
    async with made.client("intake") as client, made.operator("intake") as operator:
        books = await asyncio.to_thread(reconcile, made.stack.layout, wait_seconds=RECONCILED_SECONDS)
        if not books.agree:
            wrong.append(books.said)
        sums = (await operator.get("/v1/reconciliation")).raise_for_status().json()
        if sums["pending"]:
            wrong.append(f"intake says that {sums['pending']} records are pending")
        for push in partner.pushed:
            receipt = (await client.get(f"/v1/submissions/{push.submission_id}")).raise_for_status().json()
            if receipt["records"]["accepted"] != push.records or sum(receipt["outcomes"].values()) != push.records:
                wrong.append(f"{push.records} were pushed, and the receipt says {receipt}")
    return wrong


def _spans(times: Mapping[str, float]) -> dict[str, float]:
    """How long it took to come to each mark from the one before."""
    marks = list(times.items())
    return {name: round(at - marks[place][1], 1) for place, (name, at) in enumerate(marks[1:])}
