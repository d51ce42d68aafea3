"""A system to be beaten: a stack of its own, a relay that misbehaves, and hands to kill, pause, restart and double."""

import asyncio
import re
import shutil
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType

import asyncpg
import httpx
import psutil
import pytest

from bench.feed import ripe_dump
from deploy.local import complaints
from deploy.local.accounts import remove_cluster
from deploy.local.complaints import Complaint
from deploy.local.layout import HOST, Layout, service_of
from deploy.local.ports import PORTS_OF_A_STACK, free_port_base
from deploy.local.process import Process, last_lines
from deploy.local.reachability import NOBODY_IS_TRUSTED, says_ready
from deploy.local.register import read_register
from deploy.local.services import service_part
from deploy.local.stack import Stack, running_stack
from tests.chaos.listener import Listener
from tests.chaos.owners import Owner, dead_addresses, register, settings_of
from tests.chaos.plan import SERVICES, Act, Blow, Plan
from tests.chaos.relay import MAIL_RELAY, Relay

SMTP_CONNECTIONS = 16
SETTINGS = {
    **{f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "1" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")},
    "TOCSIN_NOTIFIER_WINDOW_CONTINUATION_SECONDS": "1",
    "TOCSIN_NOTIFIER_SMTP_TIMEOUT_SECONDS": "1.5",
    "TOCSIN_NOTIFIER_RETRY_SHORTEST_MINUTES": "0.02",
    "TOCSIN_NOTIFIER_RETRY_LONGEST_MINUTES": "0.1",
    "TOCSIN_NOTIFIER_SMTP_CONNECTIONS": str(SMTP_CONNECTIONS),
    "TOCSIN_INTAKE_LEASE_SECONDS": "5",
    "TOCSIN_INTAKE_WEBHOOK_INSECURE": "true",
    "TOCSIN_INTAKE_WEBHOOK_SECONDS": "5",
    **{f"TOCSIN_{service.upper()}_RETRY_MAX_SECONDS": "2" for service in SERVICES},
}
"""Short waits: what takes minutes in production, so as not to be rude, would only make a run long."""

SMALL_BATCHES = {
    **{f"TOCSIN_{service.upper()}_BATCH_MAX_RECORDS": "500" for service in SERVICES},
    "TOCSIN_INTAKE_SLICE_RECORDS": "1000",
}
"""The edges of a batch are where things go wrong, so a run is to have many."""

RESTART_TRIES = 5
WORK_WITHIN_SECONDS = 10.0
NO_ANSWER = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
WRITERS = "SELECT client_port FROM pg_stat_activity WHERE datname = $1 AND backend_xid IS NOT NULL"
"""A transaction has an id from its first write on."""
FAULT = re.compile(r'"name": "([a-z-]+)"[^{}]*"event": "fault"')


class Arena:
    """The system under blows, with a partner that listens. Blows to one part come one after the other."""

    def __init__(self, stack: Stack, relay: Relay, listener: Listener) -> None:
        self.stack = stack
        self.relay = relay
        self.listener = listener
        self._replicas: list[Process] = []
        self._joined: set[tuple[str, int]] = set()
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def client(self, service: str) -> httpx.AsyncClient:
        endpoints = self.stack.endpoints
        token = endpoints.partner_key if service == "intake" else endpoints.admin_token
        return self._client(service, token)

    def operator(self, service: str) -> httpx.AsyncClient:
        return self._client(service, self.stack.endpoints.admin_token)

    def intake_with(self, key: str) -> httpx.AsyncClient:
        """As another partner than the ready-made one."""
        return self._client("intake", key)

    def _client(self, service: str, token: str) -> httpx.AsyncClient:
        url = self.stack.endpoints.services[service]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, verify=NOBODY_IS_TRUSTED, trust_env=False)

    async def strike(self, blow: Blow) -> None:
        """Give one blow; returns when a pause or a replica has ended."""
        if blow.act is Act.JOIN:
            await self._join(blow.part, seconds=blow.seconds)
            return
        async with self._turns[blow.part]:
            match blow.act:
                case Act.KILL:
                    self._signal(blow.part, signal.SIGKILL)
                case Act.PAUSE:
                    await self._pause(blow.part, seconds=blow.seconds)
                case Act.RESTART:
                    await self._restart(blow.part)

    async def restart_services(self) -> None:
        """All at once, in an orderly way."""
        await asyncio.gather(*(self._restart(service) for service in SERVICES))

    async def _restart(self, part: str) -> None:
        """SIGTERM, drain, start; once more where a fault strikes during the start."""
        if part == MAIL_RELAY:
            self._signal(part, signal.SIGTERM)
            return
        for attempt in range(RESTART_TRIES):
            try:
                await self.stack.restart(part)
            except Complaint:
                if attempt == RESTART_TRIES - 1:
                    raise
            else:
                return

    async def _pause(self, part: str, *, seconds: float) -> None:
        if part in SERVICES:
            await self._until_it_has_written(part)
        self._signal(part, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._signal(part, signal.SIGCONT)

    def deaths(self) -> Counter[str]:
        """How often each part came back after it had died, and how many replicas there were (they all die)."""
        found: Counter[str] = Counter()
        for entry in read_register(self.stack.layout.processes):
            found[service_of(entry.name)] += entry.restarts
        found.update(service_of(replica.part.name) for replica in self._replicas)
        found[MAIL_RELAY] = self.relay.restarts
        return found

    def require_all_kept(self) -> None:
        """Raise `Complaint`, with the last lines of its log, if a part is not started again any more."""
        given_up = [*self.stack.given_up, *([MAIL_RELAY] if self.relay.has_given_up else [])]
        if given_up:
            log = self.stack.layout.logs / f"{given_up[0]}.log"
            raise complaints.given_up(given_up[0], last_lines=last_lines(log))

    def faults_struck(self) -> Counter[str]:
        """By name; a fault says in the log of its service that it strikes. Who was killed may have left half a line."""
        lines = (line for log in self.stack.layout.logs.glob("*.log") for line in log.read_text().splitlines())
        return Counter(struck[1] for line in lines if (struck := FAULT.search(line)))

    def _signal(self, part: str, number: signal.Signals) -> None:
        """To the part and its children: PostgreSQL is one process for each connection."""
        pid = self.relay.pid if part == MAIL_RELAY else self.stack.pid(part)
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid or 0)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)

    async def _until_it_has_written(self, service: str) -> None:
        """So that it stands still with work, its own, that is not committed: if it has any soon and we can ask."""
        with suppress(OSError, TimeoutError, *NO_ANSWER):
            async with asyncio.timeout(WORK_WITHIN_SECONDS):
                connection = await asyncpg.connect(self.stack.endpoints.postgres)
                try:
                    writers: set[int] = set()
                    while writers.isdisjoint(self._ports_of(service)):
                        writers = {row["client_port"] for row in await connection.fetch(WRITERS, service)}
                finally:
                    connection.terminate()

    def _ports_of(self, part: str) -> set[int]:
        """From which it speaks to others, as long as it lives."""
        with suppress(psutil.NoSuchProcess):
            return {line.laddr.port for line in psutil.Process(self.stack.pid(part) or 0).net_connections("tcp")}
        return set()

    async def _join(self, service: str, *, seconds: float) -> None:
        """A second replica works for a while and then dies."""
        layout = self.stack.layout
        number = next(number for number in count(layout.replicas + 1) if (service, number) not in self._joined)
        self._joined.add((service, number))
        part = service_part(service, layout=layout, keys=self.stack.keys, replica=number)
        process = await Process.start(part, logs=layout.logs)
        self._replicas.append(process)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.kill()
            await process.ended()
            self._joined.remove((service, number))


def plan_settings(plan: Plan) -> Mapping[str, str]:
    """The faults of a plan as the environment of the services."""
    return {
        name: value
        for service, faults in plan.faults.items()
        for name, value in (
            (f"TOCSIN_{service.upper()}_FAULTS", faults),
            (f"TOCSIN_{service.upper()}_FAULTS_SEED", str(plan.seed)),
        )
    }


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """What the stack hands on to every process that it starts meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@asynccontextmanager
async def arena(
    home: Path,
    *,
    relay_faults: str = "",
    ruthless: bool = True,
    partitions: int = 4,
    settings: Mapping[str, str] = MappingProxyType(SMALL_BATCHES),
    owners: Sequence[Owner] = (),
) -> AsyncIterator[Arena]:
    """A system that is ready and knows the networks of `bench.feed`, and these `owners`; all of it is gone afterwards.

    `settings` are variables for its services, beside `SETTINGS`. A ruthless relay may lose the answer to one mail
    twice, after which that mail fails.
    """
    base = free_port_base()
    layout = Layout(
        home=home,
        cache=Layout.from_environment().cache,
        port_base=base,
        partitions=partitions,
        external_smtp=f"{HOST}:{base + PORTS_OF_A_STACK - 1}",
        settings={**SETTINGS, **settings, **settings_of(owners, home)},
    )
    relay = Relay(layout, ruthless=ruthless, nobody_at=dead_addresses(owners))
    listener = Listener(seed=1)
    try:
        await relay.start(seed=1, faults=relay_faults)
        async with running_stack(layout, drill=True) as stack:
            made = Arena(stack, relay, listener)
            await _know_the_networks(made, owners)
            await _listen(made)
            yield made
    finally:
        listener.stop()
        await relay.stop()


def clear_away(home: Path) -> None:
    """Remove what a system left, its database too, which lies elsewhere when we are root."""
    remove_cluster(Layout(home=home, cache=Layout.from_environment().cache))
    shutil.rmtree(home)


async def _know_the_networks(made: Arena, owners: Sequence[Owner]) -> None:
    async with made.operator("attribution") as api:
        (await api.post("/v1/imports/ripe", content=ripe_dump())).raise_for_status()
        while (await api.get("/v1/lookup", params={"ip": "2001:db8::1"})).raise_for_status().json()[
            "recipient"
        ] is None:
            await asyncio.sleep(0.2)
        for owner in owners:
            if owner.criticality:
                await register(api, owner)


async def _listen(made: Arena) -> None:
    async with made.client("intake") as api:
        answer = await api.put("/v1/partners/me/webhook", json={"url": made.listener.start()})
    made.listener.secret = answer.raise_for_status().json()["secret"]


async def all_ready(made: Arena) -> bool:
    layout = made.stack.layout
    return all([await says_ready(HOST, layout.port(service)) for service in layout.services])
