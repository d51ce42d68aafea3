"""The running stack: brings all parts up in the order of their needs, keeps them running, takes them down.

Tests and the demo use `running_stack`, or `stack_in_thread` where there is no event loop that stays.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from rich.console import Console

from deploy.local.complaints import Complaint
from deploy.local.databases import close_maintenance_databases, create_databases
from deploy.local.endpoints import Endpoints, endpoints_of
from deploy.local.kafka import prepare_kafka
from deploy.local.keeper import Keeper
from deploy.local.keys import Keys
from deploy.local.layout import NAMES, Layout
from deploy.local.locks import sole_holder
from deploy.local.mail import prepare_mail
from deploy.local.migrations import migrate
from deploy.local.names import prepare_names
from deploy.local.parts import Part
from deploy.local.postgres import prepare_postgres, superuser_url
from deploy.local.preflight import make_folders, preflight
from deploy.local.register import Entry, start_time, write_register
from deploy.local.services import service_part
from deploy.local.topics import create_topics

DRILL_SECONDS = 4.0
"""What dies several times within these has another reason than the faults that it was told to have."""

NEEDED_BY_SERVICES = ("mail", NAMES, "kafka", "postgres")


class Stack:
    """What the services need, and the chosen ones of them, each restarted when it dies. Made by `running_stack`."""

    def __init__(self, layout: Layout, *, console: Console, drill: bool = False) -> None:
        self.layout = layout
        self.keys = Keys(layout.secrets)
        self._console = console
        self._drill = drill
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def endpoints(self) -> Endpoints:
        return endpoints_of(self.layout, services=self.layout.services, keys=self.keys, now=datetime.now(UTC))

    async def failure(self) -> None:
        """Wait until a part cannot be kept running; raises its `Complaint`."""
        await asyncio.shield(self._failure)

    async def restart(self, name: str) -> None:
        """Stop one part in an orderly way and start it again; returns when it is ready."""
        await self._let_go(name)
        await self._keepers[name].stop()
        await self._keepers[name].start()
        self._keep(name)

    def kill(self, name: str) -> None:
        """`kill -9` one part. It comes back by itself, as after a crash."""
        self._keepers[name].kill()

    def pid(self, name: str) -> int | None:
        return self._keepers[name].pid

    @property
    def given_up(self) -> list[str]:
        """The parts that are not started again any more, unless somebody restarts them."""
        return [name for name, task in self._tasks.items() if task.done() and not task.cancelled()]

    async def start(self) -> None:
        """Returns when everything is ready and `endpoints.json` is written; raises the first `Complaint`."""
        try:
            async with asyncio.TaskGroup() as group:
                kafka = group.create_task(self._start_kafka())
                postgres = group.create_task(self._start_postgres())
                group.create_task(self._start_mail())
                group.create_task(self._start_names())
                tables = group.create_task(self._make_tables(postgres))
                for service in self.layout.services:
                    group.create_task(self._start_service(service, kafka=kafka, tables=tables))
        except* Complaint as failures:
            raise _first(failures) from None
        self.endpoints.write(self.layout)

    async def stop(self) -> None:
        """Services first, then what they need; what is under way in them is finished."""
        self.layout.endpoints.unlink(missing_ok=True)
        for name in self._tasks:
            await self._let_go(name)
        needed = [self._keepers[name] for name in NEEDED_BY_SERVICES if name in self._keepers]
        await asyncio.gather(*(keeper.stop() for keeper in self._keepers.values() if keeper not in needed))
        for keeper in needed:
            await keeper.stop()
        self.layout.processes.unlink(missing_ok=True)

    async def _start_kafka(self) -> None:
        if not self.layout.external_kafka:
            await self._start_part(await prepare_kafka(self.layout))
        await create_topics(self.layout.kafka_bootstrap, partitions=self.layout.partitions)

    async def _start_postgres(self) -> None:
        if not self.layout.external_postgres:
            await self._start_part(await prepare_postgres(self.layout, keys=self.keys, say=self._console.print))
            await close_maintenance_databases(superuser_url(self.layout, self.keys))
        await create_databases(superuser_url(self.layout, self.keys), services=self.layout.services, keys=self.keys)

    async def _start_mail(self) -> None:
        if not self.layout.external_smtp:
            await self._start_part(prepare_mail(self.layout))

    async def _start_names(self) -> None:
        if NAMES in self.layout.own_parts:
            await self._start_part(prepare_names(self.layout))

    async def _make_tables(self, postgres: Awaitable[None]) -> None:
        await postgres
        await migrate(self.layout.services, layout=self.layout, keys=self.keys)

    async def _start_service(self, service: str, *, kafka: Awaitable[None], tables: Awaitable[None]) -> None:
        await tables
        await kafka
        async with asyncio.TaskGroup() as group:
            for replica in range(1, self.layout.replicas + 1):
                part = service_part(service, layout=self.layout, keys=self.keys, replica=replica)
                group.create_task(self._start_part(part))

    async def _start_part(self, part: Part) -> None:
        self._keepers[part.name] = Keeper(
            part,
            logs=self.layout.logs,
            say=self._say,
            changed=self._write_register,
            within_seconds=DRILL_SECONDS if self._drill else None,
        )
        await self._keepers[part.name].start()
        self._console.print(f"{part.name} is ready on port {part.port}.")
        self._keep(part.name)

    def _say(self, text: str) -> None:
        """In a drill parts die as they are told to: what they said last is no news."""
        self._console.print(text.partition(" Its last lines:")[0] if self._drill else text)

    def _keep(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._report_failure(self._keepers[name].keep()), name=f"keep {name}")

    async def _report_failure(self, keeping: Coroutine[None, None, None]) -> None:
        try:
            await keeping
        except Complaint as complaint:
            if not self._failure.done():
                self._failure.set_exception(complaint)

    async def _let_go(self, name: str) -> None:
        """From now on the part may end."""
        self._tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self._tasks[name]

    def _write_register(self) -> None:
        entries = [
            Entry(
                name=name,
                pid=keeper.pid,
                started_at=start_time(keeper.pid),
                port=keeper.part.port,
                restarts=keeper.restarts,
                stop_signal=keeper.part.stop_signal,
            )
            for name, keeper in self._keepers.items()
            if keeper.pid
        ]
        write_register(self.layout.processes, entries)


@asynccontextmanager
async def running_stack(layout: Layout, *, console: Console | None = None, drill: bool = False) -> AsyncIterator[Stack]:
    """A stack that is ready inside the block and gone after it, however the block is left.

    In a drill parts may die often, and are started again all the same.
    """
    console = console or Console(quiet=True)
    make_folders(layout)
    with sole_holder(layout.lock):
        await preflight(layout, console=console)
        stack = Stack(layout, console=console, drill=drill)
        try:
            await stack.start()
            yield stack
        finally:
            await _to_the_end(stack.stop())


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """A second Ctrl-C is not to interrupt what the first one began."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    await task


def _first(failures: BaseExceptionGroup[Complaint]) -> Complaint:
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
