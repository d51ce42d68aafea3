"""The notifier dies again and again while it mails to a real Postfix: `python -m tests.chaos.killed_sender`.

    python -m tests.chaos.killed_sender --mails 5000 --deaths 60   # what the release is held to; some minutes
    python -m tests.chaos.killed_sender --seed 4711   # those deaths once more

A `kill -9` ends every fourth after a number of mails that chance chooses; the others die at the points that the
registry of faults names, each in its turn. Then one notifier is left to finish, and what Postfix has delivered is held
against what was kept. Postfix takes root. Exit code 1 when something is wrong.
"""

import argparse
import asyncio
import base64
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.topics import Topics, topics_at
from deploy.local.background import throwaway_stack
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.services import AT_ANY_HOUR
from libs.common.contracts import TargetAttributed
from libs.common.migrations import migrate
from libs.common.vocabulary import Severity
from tests.chaos.copies import CONNECTIONS, Kept, Life, copies_in, wrong_with
from tests.chaos.deaths import NAMED_DEATHS, Death, deaths_of, share_of_a_life
from tests.databases import new_database
from tests.integration.postfix.server import BOUNCES, Postfix, postfix
from tests.unit.notifier.builders import incident, recipient, target

INCIDENT = "killed-sender"
BEGINS_WITHIN_SECONDS = 120.0
"""A start, on a machine that has much else to do: a sender that begins nothing in that time is kept from it."""

LONGEST_LIFE_SECONDS = 12.0
"""Of a notifier that is to die, from its first mail on: one whose fault does not strike is killed then."""

LEASES_END_WITHIN = timedelta(seconds=6)
FINISHED_WITHIN_SECONDS = 1200.0
MAILBOX = "bounces"
"""Where this Postfix puts all that comes for `BOUNCES`."""

KILLED = "kill -9"
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
        facts = ", ".join(f"{name} {value:,}" for name, value in self.figures.items())
        head = f"seed {self.seed}: {self.mails:,} mails, {len(self.lives)} deaths: {facts}"
        return "\n".join((head, *(f"  {life}" for life in self.lives), *(f"WRONG: {each}" for each in self.wrong)))


class Yard:
    """Broker, database and Postfix, and one notifier at a time."""

    def __init__(self, *, database_url: str, connection: asyncpg.Connection, topics: Topics, relay: Postfix) -> None:
        self._topics = topics
        self._brought = 0
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
            "KAFKA_BOOTSTRAP": self._topics.bootstrap,
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
            "VOLUME_STOPS": "false",  # so many mails at once are what is to be seen
            "FAULTS": faults,
            "FAULTS_SEED": str(seed),
            "LOG_FORMAT": "json",
        }
        environment = {f"TOCSIN_NOTIFIER_{name}": value for name, value in own.items()}
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.notifier", env={**os.environ, **environment}, stdout=log, stderr=log
            )

    async def bring(self, mails: int) -> None:
        """What it is to mail: so many all together."""
        await self._topics.fill(_targets(range(self._brought, mails)))
        self._brought = mails

    async def tried(self) -> int:
        """Attempts that were begun so far."""
        count: int = await self.connection.fetchval("SELECT count(*) FROM attempts")
        return count

    async def lose(self) -> int:
        """Who claimed these mails is dead: its lease ends in some seconds, not minutes, and its session with the
        broker at once. How many they are.
        """
        status: str = await self.connection.execute(
            """UPDATE notifications SET lease_until = now() + random() * $1::interval
               WHERE state = 'sending' AND lease_until > now() + $1::interval""",
            LEASES_END_WITHIN,
        )
        await self._topics.dismiss("notifier")
        return int(status.split()[-1])

    async def are_final(self) -> bool:
        """Whether nothing is left to do of what was brought."""
        final: int = await self.connection.fetchval(
            "SELECT count(*) FROM notifications WHERE state = ANY($1::text[]) AND settled", list(FINAL)
        )
        return final >= self._brought

    async def kept(self) -> list[Kept]:
        rows = await self.connection.fetch("SELECT reference, state, doubts, tries, reason FROM notifications")
        return [Kept(**dict(row)) for row in rows]

    def last_words(self) -> str:
        return self._log.read_text()[-3000:]


async def run(*, mails: int, deaths: int, seed: int, postgres: str, bootstrap: str, partitions: int) -> Verdict:
    """Mail so many, with so many deaths on the way."""
    with postfix() as relay:
        async with _yard(relay, postgres, bootstrap, partitions) as yard:
            lives = await _lives(yard, seed, mails=mails, deaths=deaths)
            await yard.bring(mails)
            await _finish(yard)
            await asyncio.to_thread(_await_delivered, relay)
            return _judge(seed, mails, lives, await yard.kept(), relay)


async def _lives(yard: Yard, seed: int, *, mails: int, deaths: int) -> list[Life]:
    """Each finds what others have left behind, and something new, as that has points of its own to die at."""
    lives, share = [], share_of_a_life(mails=mails, deaths=deaths)
    for number, death in enumerate(deaths_of(seed, mails=mails, deaths=deaths)):
        await yard.bring(share * (number + 2))
        lives.append(await _live(yard, death))
    return lives


def _judge(seed: int, mails: int, lives: Sequence[Life], kept: Sequence[Kept], relay: Postfix) -> Verdict:
    copies = copies_in(relay.mails(MAILBOX))
    named = [life.died_by for life in lives if life.died_by != KILLED]
    figures = {
        "deaths at named points": len(named),
        f"of {len(NAMED_DEATHS)} such points": len(set(named)),
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
async def _yard(relay: Postfix, postgres: str, bootstrap: str, partitions: int) -> AsyncIterator[Yard]:
    """Everything is there but the notifier, and what it is to mail."""
    async with new_database(postgres) as url, topics_at(bootstrap, partitions=partitions) as topics:
        await asyncio.to_thread(migrate, "notifier", url)
        await topics.skip_to_end("notifier")
        await topics.fill([msgspec.structs.replace(incident(), slug=INCIDENT)])
        connection = await asyncpg.connect(url)
        try:
            yield Yard(database_url=url, connection=connection, topics=topics, relay=relay)
        finally:
            await connection.close()


def _targets(numbers: Iterable[int]) -> Iterator[TargetAttributed]:
    """Each of a recipient of its own; every other one waits for others for a second, so that the planner has work."""
    now = datetime.now(UTC)
    for number in numbers:
        made = target(
            to=recipient(name=f"Company {number}", email=f"company{number}@{BOUNCES}"),
            incident=INCIDENT,
            severity=Severity.HIGH if number % 2 else Severity.CRITICAL,
        )
        yield msgspec.structs.replace(made, received_at=now)


async def _live(yard: Yard, death: Death) -> Life:
    """One notifier from start to death. One whose fault does not strike is killed when there is nothing left to do."""
    before = await yard.tried()
    process = await yard.start(faults=death.faults, seed=death.seed)
    ended = asyncio.create_task(process.wait())
    until, begun = time.monotonic() + BEGINS_WITHIN_SECONDS, 0
    while not ended.done() and time.monotonic() < until and not await yard.are_final():
        await asyncio.sleep(0.01)
        if (tried := await yard.tried() - before) > 0 and not begun:
            until = time.monotonic() + LONGEST_LIFE_SECONDS
        begun = tried
        if not death.fault and begun >= death.attempts:
            break
    assert begun or ended.done() or await yard.are_final(), f"nothing is sent: {yard.last_words()}"
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(ended), death.linger_seconds)
    died_by = death.fault if ended.done() else KILLED
    if not ended.done():
        process.kill()
    await ended
    assert process.returncode not in (0, 1), yard.last_words()
    return Life(died_by, tried=await yard.tried() - before, lost=await yard.lose())


async def _finish(yard: Yard) -> None:
    """One that is not killed does the rest."""
    process = await yard.start()
    try:
        async with asyncio.timeout(FINISHED_WITHIN_SECONDS):
            while not await yard.are_final():
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
