"""The notifier dies again and again while it mails to a real Postfix: `python -m tests.chaos.killed_sender`.

    python -m tests.chaos.killed_sender --mails 5000 --deaths 60   # what the release is held to; some minutes
    python -m tests.chaos.killed_sender --seed 4711   # those deaths once more

Every other death is a `kill -9` after a number of mails that chance chooses; the rest are those that the registry of
faults names. Then one notifier is left to finish, and what Postfix has delivered is held against what was kept.
Postfix takes root. Exit code 1 when something is wrong.
"""

import argparse
import asyncio
import base64
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.topics import topics_at
from deploy.local.background import throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.services import AT_ANY_HOUR
from libs.common.contracts import TargetAttributed
from libs.common.faults import AT_NOTIFIER, EVERYWHERE, Kind, Point
from libs.common.migrations import migrate
from libs.common.vocabulary import Severity
from tests.chaos.copies import CONNECTIONS, Kept, Life, copies_in, wrong_with
from tests.databases import new_database
from tests.integration.postfix.server import BOUNCES, Postfix, postfix
from tests.unit.notifier.builders import incident, recipient, target

INCIDENT = "killed-sender"
LINGERS_SECONDS = 1.0
BEGINS_WITHIN_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 12.0
"""Of a notifier that is to die, from its first mail on: one whose fault does not strike is killed then."""

LEASES_END_WITHIN = timedelta(seconds=6)
FINISHED_WITHIN_SECONDS = 1200.0
MAILBOX = "bounces"
"""Where this Postfix puts all that comes for `BOUNCES`."""

NAMED_DEATHS = [
    fault for fault in (*AT_NOTIFIER.values(), *EVERYWHERE.values()) if fault.kind in (Kind.CRASH, Kind.CRASH_SOON)
]
WITH_AN_ANSWER = "crash-after-data"
FOR_EACH_MAIL = (Point.MAIL_ADDRESSED, Point.MAIL_ANSWERED)
FINAL = ("sent", "failed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. `wrong` is empty when every promise was kept."""

    seed: int
    mails: int
    lives: Sequence[Life]
    figures: dict[str, int] = field(default_factory=dict)
    wrong: Sequence[str] = ()

    def __str__(self) -> str:
        named = sum(life.died_by != "kill -9" for life in self.lives)
        facts = ", ".join(f"{name} {value:,}" for name, value in self.figures.items())
        head = f"seed {self.seed}: {self.mails:,} mails, {len(self.lives)} deaths ({named} at named points): {facts}"
        return "\n".join((head, *(f"  {life}" for life in self.lives), *(f"WRONG: {each}" for each in self.wrong)))


class Yard:
    """Broker, database and Postfix, and one notifier at a time."""

    def __init__(self, *, database_url: str, connection: asyncpg.Connection, bootstrap: str, relay: Postfix) -> None:
        self._bootstrap = bootstrap
        self._database_url = database_url
        self.connection = connection
        self.relay = relay
        self._log = relay.folder / "notifier.log"
        public = Ed25519PrivateKey.generate().public_key()
        self._operator_key = base64.b64encode(public.public_bytes_raw()).decode()

    async def start(self, *, faults: str = "", seed: int = 0) -> asyncio.subprocess.Process:
        """A notifier, which dies with us."""
        own = {
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(free_port_base()),
            "DATABASE_URL": self._database_url,
            "KAFKA_BOOTSTRAP": self._bootstrap,
            "OPERATOR_PUBLIC_KEY": self._operator_key,
            "PUBLIC_URL": "https://tocsin.example",
            "LINK_KEY": "link key of the tests",
            "SMTP_PORT": str(self.relay.port),
            "SMTP_SECURITY": "required",
            "SMTP_CA_FILE": str(self.relay.ca_file),
            "SMTP_CONNECTIONS": str(CONNECTIONS),
            "SMTP_CONNECTIONS_PER_DOMAIN": str(CONNECTIONS),
            "WINDOW_HIGH_SECONDS": "1",
            **AT_ANY_HOUR,
            "FAULTS": faults,
            "FAULTS_SEED": str(seed),
            "LOG_FORMAT": "json",
        }
        environment = {f"TOCSIN_NOTIFIER_{name}": value for name, value in own.items()}
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.notifier", env={**os.environ, **environment}, stdout=log, stderr=log
            )

    async def tried(self) -> int:
        """Attempts that were begun so far."""
        count: int = await self.connection.fetchval("SELECT count(*) FROM attempts")
        return count

    async def lose(self) -> int:
        """Who claimed these mails is dead: its lease ends in some seconds, not minutes. How many they are."""
        status: str = await self.connection.execute(
            """UPDATE notifications SET lease_until = now() + random() * $1::interval
               WHERE state = 'sending' AND lease_until > now() + $1::interval""",
            LEASES_END_WITHIN,
        )
        return int(status.split()[-1])

    async def are_final(self, mails: int) -> bool:
        final: int = await self.connection.fetchval(
            "SELECT count(*) FROM notifications WHERE state = ANY($1::text[]) AND settled", list(FINAL)
        )
        return final >= mails

    async def kept(self) -> list[Kept]:
        rows = await self.connection.fetch("SELECT reference, state, doubts, tries, reason FROM notifications")
        return [Kept(**dict(row)) for row in rows]

    def last_words(self) -> str:
        return self._log.read_text()[-3000:]


async def run(*, mails: int, deaths: int, seed: int, postgres: str, bootstrap: str, partitions: int) -> Verdict:
    """Mail so many, with so many deaths on the way."""
    with postfix() as relay:
        async with _yard(relay, postgres, bootstrap, mails, partitions) as yard:
            lives = [await _live(yard, plan, mails=mails) for plan in _plans(seed, mails=mails, deaths=deaths)]
            await _finish(yard, mails)
            await asyncio.to_thread(_await_delivered, relay)
            return _judge(seed, mails, lives, await yard.kept(), relay)


def _judge(seed: int, mails: int, lives: Sequence[Life], kept: Sequence[Kept], relay: Postfix) -> Verdict:
    copies = copies_in(relay.mails(MAILBOX))
    figures = {
        "sent": sum(each.state == "sent" for each in kept),
        "failed": sum(each.state == "failed" for each in kept),
        "lost at a death": sum(life.lost for life in lives),
        "most at one": max(life.lost for life in lives),
        "in doubt": sum(each.doubts > 0 for each in kept),
        "delivered": sum(map(len, copies.values())),
        "twice": sum(len(each) > 1 for each in copies.values()),
    }
    return Verdict(seed, mails, lives, figures, wrong_with(kept, copies, lives, mails=mails))


@asynccontextmanager
async def _yard(relay: Postfix, postgres: str, bootstrap: str, mails: int, partitions: int) -> AsyncIterator[Yard]:
    """Everything is there but the notifier, and its topic has what it is to mail."""
    async with new_database(postgres) as url, topics_at(bootstrap, partitions=partitions) as topics:
        await asyncio.to_thread(migrate, "notifier", url)
        await topics.skip_to_end("notifier")
        await topics.fill([msgspec.structs.replace(incident(), slug=INCIDENT)])
        await topics.fill(_targets(mails))
        connection = await asyncpg.connect(url)
        try:
            yield Yard(database_url=url, connection=connection, bootstrap=bootstrap, relay=relay)
        finally:
            await connection.close()


def _targets(mails: int) -> Iterator[TargetAttributed]:
    """Each of a recipient of its own; every other one waits for others for a second, so that the planner has work."""
    now = datetime.now(UTC)
    for number in range(mails):
        made = target(
            to=recipient(name=f"Company {number}", email=f"company{number}@{BOUNCES}"),
            incident=INCIDENT,
            severity=Severity.HIGH if number % 2 else Severity.CRITICAL,
        )
        yield msgspec.structs.replace(made, received_at=now)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one notifier is to die: at a fault, or so long after it has begun so many mails, all of a claim at once."""

    faults: str
    seed: int
    attempts: int
    linger_seconds: float


def _plans(seed: int, *, mails: int, deaths: int) -> Iterator[Plan]:
    """Each name comes up once before one does again; first the one that always leads to a second copy. All deaths
    together come before the last mail.
    """
    chance, share = random.Random(seed), max(1, mails // (deaths + 1))
    names = sorted(chance.sample(NAMED_DEATHS, k=len(NAMED_DEATHS)), key=lambda fault: fault.name != WITH_AN_ANSWER)
    for number in range(deaths):
        attempts, faults = chance.randint(1, share), ""
        if number % 2:
            fault = names[number // 2 % len(names)]
            passes = attempts if fault.point in FOR_EACH_MAIL else max(1, attempts // 20)
            faults, attempts = f"{fault.name}:{min(1.0, 1 / passes):.4f}", 2 * share
        yield Plan(faults, seed + number, attempts, chance.uniform(0, LINGERS_SECONDS))


async def _live(yard: Yard, plan: Plan, *, mails: int) -> Life:
    """One notifier from start to death."""
    before = await yard.tried()
    process = await yard.start(faults=plan.faults, seed=plan.seed)
    ended = asyncio.create_task(process.wait())
    died_by = plan.faults.partition(":")[0]
    until, begun = time.monotonic() + BEGINS_WITHIN_SECONDS, 0
    while not ended.done() and begun < plan.attempts and time.monotonic() < until and not await yard.are_final(mails):
        await asyncio.sleep(0.01)
        if (tried := await yard.tried() - before) > 0 and not begun:
            until = time.monotonic() + LONGEST_LIFE_SECONDS
        begun = tried
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(ended), plan.linger_seconds)
    if not ended.done():
        died_by = "kill -9"
        process.kill()
    await ended
    assert process.returncode not in (0, 1), yard.last_words()
    return Life(died_by, tried=await yard.tried() - before, lost=await yard.lose())


async def _finish(yard: Yard, mails: int) -> None:
    """One that is not killed does the rest."""
    process = await yard.start()
    try:
        async with asyncio.timeout(FINISHED_WITHIN_SECONDS):
            while not await yard.are_final(mails):
                assert process.returncode is None, yard.last_words()
                await asyncio.sleep(0.2)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _await_delivered(relay: Postfix) -> None:
    """Until Postfix has put all that it took into the mailbox."""
    relay.await_idle(seconds=300)


def main() -> int:
    parser = argparse.ArgumentParser(description="The notifier dies again and again while it mails to a real Postfix.")
    parser.add_argument("--mails", type=int, default=5000)
    parser.add_argument("--deaths", type=int, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-killed-sender-") as folder:
        cache = Layout.from_environment().cache
        layout = Layout(home=Path(folder), cache=cache, port_base=free_port_base(), partitions=3, services=())
        with throwaway_stack(layout) as stack:
            verdict = asyncio.run(
                run(
                    mails=given.mails,
                    deaths=given.deaths,
                    seed=given.seed,
                    postgres=stack.endpoints.postgres,
                    bootstrap=stack.endpoints.kafka,
                    partitions=layout.partitions,
                )
            )
    sys.stdout.write(f"{verdict}\n")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
