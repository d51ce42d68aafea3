"""Whoever asks outside sources dies at each of its named points; the next one goes on from there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from libs.common.contracts import Asset, TargetAttributed, ThreatVerified
from libs.common.db import Database
from libs.common.faults import AT_ATTRIBUTION, Point
from libs.common.outbox import waiting_events
from libs.common.shutdown import Shutdown
from services.attribution.domain.enquiries import Patience
from services.attribution.handlers import Decider, Enquirer, LiveDirectory, ladder_of
from services.attribution.handlers.threats import attribute_threats
from tests.databases import make_tables
from tests.integration.attribution.outside import WITH_ROLE_NAMES, Internet, internet
from tests.integration.models.conftest import runner
from tests.integration.models.lives import Blow, Fate, Life, until, wait_for_backends
from tests.unit.attribution.builders import a_threat
from tests.unit.attribution.outside.test_sources import REGISTRY

__all__ = ["runner"]

SOURCES = 3
"""A record asks so many, one after the other: each is silent but the last."""

POINTS = sorted({fault.point for fault in AT_ATTRIBUTION.values()})
UNANSWERED = {Point.SOURCE_ANSWERED, Point.SOURCE_ANSWER_WRITTEN}
"""Who dies there has been answered and has not kept it: it is the one question that has to be asked again."""

FATES = [
    *(
        Fate(point, Blow.CRASH, nth=1 + place % SOURCES)
        for place, point in enumerate(POINTS)
        if point not in UNANSWERED
    ),
    *(Fate(point, Blow.CRASH, nth=nth) for point in sorted(UNANSWERED) for nth in range(1, SOURCES + 1)),
]
"""At each point once, at one source after the other; at those where the source matters at each source."""

CLAIMED = {Point.QUESTIONS_COMMITTED, Point.QUESTION_BEGUN, *UNANSWERED}
"""Who dies there has claimed a question, which nobody else asks before the claim has run its time."""

OURS = timedelta(minutes=1)


@dataclass
class Office:
    """A database of attribution, whom its lives ask, and what they decide by."""

    database: Database
    database_url: str
    outside: Internet
    decider: Decider

    async def report(self, host: str) -> ThreatVerified:
        threat = a_threat(Asset(domain=host))
        async with self.database.transaction() as tx:
            said = await attribute_threats(
                [threat], tx=tx, now=self.database.now(), decider=self.decider, asked=asyncio.Event()
            )
        assert said == []
        return threat

    async def live(self) -> None:
        """What a process has for itself: its connections, and what it knows of its sources."""
        database = Database(self.database_url, pool_size=4, statement_timeout_seconds=10)
        await Enquirer(database, self.outside.sources(), self.decider, lease=OURS).run(Shutdown())

    async def bury(self, life: Life) -> None:
        await life.buried()
        await wait_for_backends(self.database, life)

    async def let_claims_end(self) -> int:
        """As if the time of whoever asked were over; how many there were."""
        async with self.database.transaction() as tx:
            return len(await tx.fetch("UPDATE enquiry SET next_try_at = now() WHERE next_try_at > now() RETURNING 1"))

    async def said_of(self, threat: ThreatVerified) -> list[str]:
        """Whom the events about it lead to."""
        async with self.database.transaction() as tx:
            events = await waiting_events(tx)
        return [
            event.recipient.email or ""
            for event in events
            if isinstance(event, TargetAttributed) and event.indicator_id == threat.indicator_id
        ]

    async def is_at_rest(self) -> bool:
        """No threat waits, no question, and nobody for one."""
        async with self.database.transaction() as tx:
            waiting = "SELECT FROM pending_threat UNION ALL SELECT FROM pending_question UNION ALL SELECT FROM enquiry"
            return not await tx.fetch(f"{waiting} LIMIT 1")

    def asked_about(self, host: str) -> list[int]:
        """How often each source was asked, in their order."""
        web, names = self.outside.web.visited, self.outside.names.asked
        return [web[f"{host}/.well-known/security.txt"], web[f"{REGISTRY}/domain/{host}"], names[host, "MX"]]


@asynccontextmanager
async def opened(database_url: str, folder: Path) -> AsyncIterator[Office]:
    await asyncio.to_thread(make_tables, "attribution", database_url)
    (folder / "ladder.toml").write_text(WITH_ROLE_NAMES)
    hosts = [host_of(number) for number in range(len(FATES))]
    zone = {(host, "MX"): (f"10 mail.{host}.",) for host in hosts}
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    async with internet(folder, hosts=hosts, pages={}, zone=zone) as outside:
        directory = LiveDirectory(database, refresh_seconds=60)
        await directory.refresh()
        ladder = ladder_of(folder / "ladder.toml", constituency=frozenset({"NL"}))
        patience = Patience(critical=timedelta(hours=1), other=timedelta(hours=1))
        sources = outside.sources()
        decider = Decider(directory, ladder=ladder, online=sources.enabled, patience=patience)
        await sources.close()
        yield Office(database, database_url, outside, decider)
    await database.close()


def host_of(number: int) -> str:
    return f"bakery{number}.nl"


async def bear(office: Office, fate: Fate, host: str) -> None:
    """One dies of it, and another one comes."""
    threat = await office.report(host)
    first, second = Life(f"first for {host}"), Life(f"second for {host}")

    async def has_struck() -> bool:
        return first.is_dead

    first.doom(fate)
    first.begin(office.live())
    await until(has_struck)
    await office.bury(first)
    assert await office.let_claims_end() == (fate.point in CLAIMED), f"{fate}: what is left to who died"

    second.begin(office.live())
    await until(office.is_at_rest)
    second.die()
    await office.bury(second)

    assert office.asked_about(host) == [
        2 if fate.point in UNANSWERED and fate.nth == place else 1 for place in range(1, SOURCES + 1)
    ], f"{fate}: what is asked again"
    assert await office.said_of(threat) == [f"security@{host}"], f"{fate}: what is said, once"


def test_whoever_asks_can_die_at_each_point_and_what_was_not_kept_is_asked_again_and_nothing_else(
    runner: asyncio.Runner, database_url: str, tmp_path: Path
) -> None:
    async def bear_all() -> None:
        async with opened(database_url, tmp_path) as office:
            for number, fate in enumerate(FATES):
                await bear(office, fate, host_of(number))

    runner.run(bear_all())
