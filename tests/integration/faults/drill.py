"""A drill: faults are armed, a partner pushes until each of them has struck, all settles, and all is written down.

The drills beat one system, one after the other, so what is written down is about everything that was pushed so far.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from bench.feed import feed
from deploy.doubles.partner import ClumsyPartner, Payload
from deploy.local.layout import SERVICES
from libs.common.faults import AT_PARTNERS, LOSES_AN_ANSWER, Tally, draw_of
from tests.chaos import ledger
from tests.chaos.arena import SMALL_BATCHES, SMTP_CONNECTIONS, Arena, all_ready, environment
from tests.chaos.listener import Told, untold
from tests.chaos.partner import expected_outcomes
from tests.chaos.run import books_of, settle
from tests.integration.faults.outside import NAMES_AT_ONCE, Outside

SETTINGS = {
    **SMALL_BATCHES,
    "TOCSIN_INTAKE_IMMEDIATE_MAX_BYTES": "20000",
    **{f"TOCSIN_{service.upper()}_STATEMENT_TIMEOUT_SECONDS": "3" for service in SERVICES},
}
"""So that a push is read after its answer as well as before it, and a silent database is not waited for for long."""

SIZES = (60, 300)
"""Records of a push: one is read before its answer, the other after it."""

BETWEEN_PUSHES_SECONDS = 1.0
NAMES_AFTER = frozenset({"crash-before-publish", "crash-after-publish", "crash-before-offsets"})
"""Strike before names are pushed: who dies of one question after the other has no time for what others wait for."""

NEED_NO_MORE = frozenset({"crash-webhook-told"})
"""Strikes when something that was pushed has come to its end: to push more would only put that off."""

STRUCK_WITHIN_SECONDS = 300.0
PUSHED_WITHIN_SECONDS = 90.0
BACK_WITHIN_SECONDS = 60.0
PARTNERS, RELAY = "partners", "relay"
NOT_NOW = ("first_seen_at", "last_seen_at", "seen_at", "expires_at", "made_on", "give_up_at", "good_until")
"""Columns whose times partners, people and registries have said, and two that are days ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was left of a drill.

    `unstruck` are the armed faults that did not strike, `struck` those that did, by who had them. `lives`: how often
    each service began to live while it was armed. `told`: the events that came to the partner's webhook so far.
    `answers`: status and `Retry-After` of all that the partner pushed, its blunders included. `times`: the earliest and
    the latest that any service has stored. `asked`: how often the source outside was, by the name. `strays`: new
    payload files without a submission; `lost`: submissions without a payload file.
    """

    began_at: datetime
    ended_at: datetime
    told: Sequence[Told]
    unstruck: frozenset[str]
    struck: Mapping[str, Mapping[str, int]]
    lives: Mapping[str, int]
    books: ledger.Books
    wrong: Sequence[str]
    answers: Sequence[tuple[int, str]]
    times: tuple[datetime, datetime]
    asked: Mapping[str, int]
    strays: int
    lost: int


class Ground:
    """The system under drill, and what was pushed to it."""

    def __init__(self, arena: Arena, outside: Outside, *, began_at: datetime) -> None:
        self._arena = arena
        self._outside = outside
        self._began_at = began_at
        self._numbers = count()
        self._sizes = cycle(SIZES)
        self._records = 0
        self._pushed: dict[UUID, int] = {}
        self._strays: set[str] = set()

    async def hold(self, armed: Mapping[str, str]) -> Evidence:
        """One drill. `armed`: the faults of each service, of partners, and of the relay, which has its own already."""
        folder = self._arena.stack.layout.home / f"drill-{next(self._numbers)}"
        folder.mkdir()
        marks = {service: len(self._log(service)) for service in SERVICES}
        reported = len(self._outside.names)
        answers: list[tuple[int, str]] = []
        with environment(_settings(armed, folder)):
            if not armed.keys() <= {PARTNERS, RELAY}:
                await self._arena.restart_services()
            unstruck = await self._push_until_struck(armed, folder, answers)
            stuck = await settle(self._arena)
            await self._all_live()
        lives = {service: self._log(service)[mark:].count("faults are armed") for service, mark in marks.items()}
        struck = self._struck(folder)
        asked = self._outside.asked(since=reported)
        return await self._write_down(
            unstruck=unstruck, struck=struck, lives=lives, answers=answers, asked=asked, stuck=stuck
        )

    async def _all_live(self) -> None:
        """The last crash of a drill can be later than all of its work: whoever died then is to be back."""
        give_up = time.monotonic() + BACK_WITHIN_SECONDS
        while not await all_ready(self._arena) and time.monotonic() < give_up:
            await asyncio.sleep(0.2)

    def _log(self, service: str) -> str:
        return (self._arena.stack.layout.logs / f"{service}.log").read_text()

    async def _push_until_struck(
        self, armed: Mapping[str, str], folder: Path, answers: list[tuple[int, str]]
    ) -> frozenset[str]:
        """Returns those that did not strike although there was time."""
        wanted = frozenset(item.partition(":")[0] for faults in armed.values() for item in faults.split(","))
        draw = draw_of(armed.get(PARTNERS, ""), known=AT_PARTNERS, seed=0, tally=folder / PARTNERS)
        give_up = time.monotonic() + STRUCK_WITHIN_SECONDS

        async def note(answer: httpx.Response) -> None:
            answers.append((answer.status_code, answer.headers.get("Retry-After", "")))

        async with self._arena.client("intake") as client:
            client.event_hooks["response"].append(note)
            partner = ClumsyPartner(client, draw=draw, patience_seconds=PUSHED_WITHIN_SECONDS)
            while (unstruck := wanted - _names(self._struck(folder))) and time.monotonic() < give_up:
                if unstruck - NEED_NO_MORE:
                    await self._push(partner, with_names=not unstruck & NAMES_AFTER)
                await asyncio.sleep(BETWEEN_PUSHES_SECONDS)
        return unstruck

    async def _push(self, partner: ClumsyPartner, *, with_names: bool) -> None:
        """The next records of the feed, and the next names."""
        records, now = next(self._sizes), datetime.now(UTC)
        content = b"".join(feed(records, now=now, first=self._records))
        self._records += records
        await self._push_one(partner, content, records=records, report_type="scan_smb")
        if with_names:
            report = self._outside.report(now=now)
            await self._push_one(partner, report, records=NAMES_AT_ONCE, format="tocsin-csv")

    async def _push_one(self, partner: ClumsyPartner, content: bytes, *, records: int, **query: str) -> None:
        """Under a key of its own."""
        headers = {"Idempotency-Key": f"drill-{len(self._pushed)}"}
        push = await partner.push(Payload(content=content, params=query, headers=headers))
        self._pushed[UUID(push.answer.raise_for_status().json()["id"])] = records

    def _struck(self, folder: Path) -> dict[str, Counter[str]]:
        return {file.name: Tally(file).counts() for file in (*folder.iterdir(), self._arena.relay.strikes)}

    async def _write_down(
        self,
        *,
        unstruck: frozenset[str],
        struck: Mapping[str, Counter[str]],
        lives: Mapping[str, int],
        answers: Sequence[tuple[int, str]],
        asked: Mapping[str, int],
        stuck: Sequence[str],
    ) -> Evidence:
        books = await books_of(self._arena, with_mails=True)
        wrong = ledger.faults_in(
            books,
            pushed=self._pushed,
            expected=expected_outcomes(range(self._records), objects=range(len(self._outside.names))),
            doubts_at_most=self._doubts_explained(),
        )
        files = await asyncio.to_thread(_files, self._arena.stack.layout.payloads)
        known = {str(each) for each in books.submissions}
        strays, self._strays = files - known - self._strays, files - known
        return Evidence(
            began_at=self._began_at,
            ended_at=datetime.now(UTC),
            told=list(self._arena.listener.told),
            unstruck=unstruck,
            struck=struck,
            lives=lives,
            books=books,
            wrong=[*stuck, *wrong, *untold(self._arena.listener.told, self._pushed)],
            answers=answers,
            times=await _times(self._arena.stack.endpoints.postgres),
            asked=asked,
            strays=len(strays),
            lost=len(known - files),
        )

    def _doubts_explained(self) -> int:
        """Of all drills: two claims for each death of the sender, one mail for each answer that was lost."""
        lost = self._arena.faults_struck() + Tally(self._arena.relay.strikes).counts()
        return SMTP_CONNECTIONS * self._arena.deaths()["notifier"] + sum(lost[fault] for fault in LOSES_AN_ANSWER)


def _names(struck: Mapping[str, Counter[str]]) -> set[str]:
    return {name for counts in struck.values() for name in counts}


def _settings(armed: Mapping[str, str], folder: Path) -> dict[str, str]:
    services = {service: faults for service, faults in armed.items() if service in SERVICES}
    return {
        name: value
        for service, faults in services.items()
        for name, value in (
            (f"TOCSIN_{service.upper()}_FAULTS", faults),
            (f"TOCSIN_{service.upper()}_FAULTS_TALLY", str(folder / service)),
        )
    }


def _files(payloads: Path) -> set[str]:
    return {path.name for path in payloads.rglob("*") if path.is_file()}


async def _times(postgres: str) -> tuple[datetime, datetime]:
    """The earliest and the latest in any column that has a time by a service's clock."""
    found = [moment for service in SERVICES for moment in await _times_of(ledger.database_of(postgres, service))]
    return min(found), max(found)


async def _times_of(url: str) -> list[datetime]:
    connection = await asyncpg.connect(url)
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'timestamp with time zone' AND column_name <> ALL($1)",
            NOT_NOW,
        )
        ends = [
            await connection.fetchrow(f'SELECT min("{column}"), max("{column}") FROM "{table}"')
            for table, column in columns
        ]
    finally:
        await connection.close()
    return list(_known(ends))


def _known(ends: Sequence[asyncpg.Record]) -> Iterator[datetime]:
    yield from (moment for pair in ends for moment in pair if moment is not None)
