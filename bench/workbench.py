"""What a measurement stands on: broker, database and mail counter of its own, and services that are started one by one.

Services run exactly as in the local stack, with its settings; what a scenario sets differently, its page says.
"""

import asyncio
import logging
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from bench.databases import Databases
from bench.partner import Partner
from bench.patience import until
from bench.topics import Topics, topics_at
from deploy.local.accounts import remove_cluster
from deploy.local.complaints import Complaint
from deploy.local.keeper import Keeper
from deploy.local.layout import HOST, PROJECT, SERVICES, Layout
from deploy.local.parts import Part
from deploy.local.ports import free_port_base
from deploy.local.process import last_lines
from deploy.local.reachability import NOBODY_IS_TRUSTED, accepts_connections
from deploy.local.services import service_part
from deploy.local.stack import Stack, running_stack
from libs.common.contracts import IncidentChanged

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_DIE = 10.0


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a service's `/metrics`."""

    name: str
    labels: Mapping[str, str]
    value: float


class Workbench:
    """Broker, database and mail counter are up. Made by `workbench`."""

    def __init__(self, stack: Stack, *, topics: Topics, counter: Keeper, mail_log: Path, console: Console) -> None:
        self.layout = stack.layout
        self.console = console
        self.topics = topics
        self.mail_log = mail_log
        self.databases = Databases(stack.layout, stack.keys)
        self._stack = stack
        self._counter = counter
        self._keepers: dict[str, list[Keeper]] = defaultdict(list)
        self.partner = Partner(self.client("intake"))

    async def start(self, service: str, *, replicas: int = 1, settings: Mapping[str, str] | None = None) -> None:
        """Returns when all are ready and share the partitions. `settings` by name, without the service's prefix."""
        prefix = f"TOCSIN_{service.upper()}_"
        chosen = {prefix + name: value for name, value in (settings or {}).items()}
        for replica in range(1, replicas + 1):
            part = service_part(service, layout=self.layout, keys=self._stack.keys, replica=replica)
            self._keepers[service].append(self._keeper(part, {**part.environment, **chosen}))
        await asyncio.gather(*(keeper.start() for keeper in self._keepers[service]))
        await self.topics.wait_for_members(service, replicas)

    async def start_all(self, settings: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """The five services, on databases that are there; `settings` by service."""
        chosen = settings or {}
        await asyncio.gather(*(self.start(service, settings=chosen.get(service)) for service in SERVICES))

    async def stop(self, *services: str) -> None:
        """In an orderly way: what is under way is finished."""
        keepers = [keeper for service in services for keeper in self._keepers.pop(service, [])]
        await asyncio.gather(*(keeper.stop() for keeper in keepers))

    async def stop_all(self) -> None:
        await self.stop(*self._keepers)

    def client(self, service: str) -> httpx.AsyncClient:
        """As the partner `demo` at intake, as an operator elsewhere."""
        endpoints = self._stack.endpoints
        token = endpoints.partner_key if service == "intake" else endpoints.admin_token
        return httpx.AsyncClient(
            base_url=self.layout.url(service),
            headers={"Authorization": f"Bearer {token}"},
            timeout=600,
            verify=NOBODY_IS_TRUSTED,
            trust_env=False,
        )

    def pids(self) -> dict[str, int]:
        """Of all that runs now, by part."""
        keepers = [self._counter, *(keeper for keepers in self._keepers.values() for keeper in keepers)]
        pids = {keeper.part.name: keeper.pid for keeper in keepers}
        pids |= {part: self._stack.pid(part) for part in ("kafka", "postgres")}
        return {part: pid for part, pid in pids.items() if pid is not None}

    async def batches_taken(self, service: str) -> list[float]:
        """So far, by each replica; one that waits at the door counts."""
        replicas = range(1, len(self._keepers[service]) + 1)
        return [await self.metric(service, "tocsin_batch_records_count", replica=replica) for replica in replicas]

    async def metrics(self, service: str, *, replica: int = 1) -> list[Metric]:
        """All that a replica tells of itself."""
        async with httpx.AsyncClient(verify=NOBODY_IS_TRUSTED, trust_env=False) as client:
            answer = await client.get(f"{self.layout.url(service, replica=replica)}/metrics")
        samples = (sample for family in text_string_to_metric_families(answer.text) for sample in family.samples)
        return [Metric(sample.name, sample.labels, sample.value) for sample in samples]

    async def metric(self, service: str, name: str, *, replica: int = 1, **labels: str) -> float:
        """One of them: the sum over all labels but those given."""
        return sum(
            metric.value
            for metric in await self.metrics(service, replica=replica)
            if metric.name == name and labels.items() <= metric.labels.items()
        )

    async def ship_incidents(self) -> None:
        """Let the verifier tell the others which incidents there are, as it does at its first start."""
        await self.databases.make("verifier")
        await self.start("verifier")

        async def are_told() -> bool:
            async with self.client("verifier") as api:
                known = (await api.get("/v1/incidents", params={"limit": 500})).raise_for_status().json()["items"]
            return bool(known) and await self.topics.count(IncidentChanged.topic) >= len(known)

        await until(are_told, what="the incidents of this release on their topic", seconds=60)
        await self.stop("verifier")

    async def know_the_networks(self, dump: bytes) -> None:
        """Import the networks' owners, and wait until attribution, which runs, looks them up."""
        async with self.client("attribution") as api:
            (await api.post("/v1/imports/ripe", content=dump)).raise_for_status()

            async def are_known() -> bool:
                answer = await api.get("/v1/lookup", params={"ip": "2001:db8::1"})
                return answer.raise_for_status().json()["recipient"] is not None

            await until(are_known, what="the networks' owners known to attribution", seconds=120)

    async def expect_to_live(self) -> None:
        """Raise `Complaint` when a service dies: what is measured after that would say nothing."""
        while True:
            for keeper in [keeper for keepers in self._keepers.values() for keeper in keepers]:
                if keeper.pid is not None and not psutil.pid_exists(keeper.pid):
                    name = keeper.part.name
                    lines = "\n".join(last_lines(self.layout.logs / f"{name}.log"))
                    raise Complaint(f"{name} died while it was measured. Its last lines:\n{lines}")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _keeper(self, part: Part, environment: Mapping[str, str]) -> Keeper:
        return Keeper(
            replace(part, environment=environment),
            logs=self.layout.logs,
            say=self.console.print,
            changed=lambda: None,
        )


@asynccontextmanager
async def workbench(console: Console, *, partitions: int = 6) -> AsyncIterator[Workbench]:
    """Ready inside the block and gone after it. Nothing of it lies in `.local`."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what a client says of a broker that starts or stops
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        layout = _layout(Path(folder), partitions=partitions)
        try:
            async with (
                running_stack(layout, console=console) as stack,
                _mail_counter(layout) as counter,
                topics_at(layout.kafka_bootstrap, partitions=partitions) as topics,
            ):
                made = Workbench(stack, topics=topics, counter=counter, mail_log=_mail_log(layout), console=console)
                async with _services_of(made):
                    yield made
        finally:
            remove_cluster(layout)


@asynccontextmanager
async def _services_of(bench: Workbench) -> AsyncIterator[None]:
    """Ends the block when one of them dies, and all of them with the block."""
    try:
        async with asyncio.TaskGroup() as group:
            guarding = group.create_task(bench.expect_to_live())
            try:
                yield
            except httpx.TransportError:  # a service that is about to die answers no more
                await asyncio.wait([guarding], timeout=SECONDS_TO_DIE)
                raise
            guarding.cancel()
    except* Complaint as complaints:
        raise complaints.exceptions[0] from None
    finally:
        await bench.stop_all()


def _layout(home: Path, *, partitions: int) -> Layout:
    base = free_port_base()
    layout = Layout(
        home=home, cache=Layout.from_environment().cache, port_base=base, partitions=partitions, services=()
    )
    return replace(layout, external_smtp=f"{HOST}:{layout.port('mail')}")


def _mail_log(layout: Layout) -> Path:
    return layout.home / "mails.log"


@asynccontextmanager
async def _mail_counter(layout: Layout) -> AsyncIterator[Keeper]:
    host, port = layout.smtp
    part = Part(
        name="mail",
        command=(
            *(sys.executable, "-m", "bench.mail_counter"),
            *("--port", str(port), "--log", str(_mail_log(layout))),
        ),
        folder=PROJECT,
        port=port,
        is_ready=lambda: accepts_connections(host, port),
    )
    kept = Keeper(part, logs=layout.logs, say=lambda _: None, changed=lambda: None)
    await kept.start()
    try:
        yield kept
    finally:
        await kept.stop()
