"""Runs a service: HTTP server, consumer, relay and its own tasks as siblings. One dies, all stop; SIGTERM drains."""

import argparse
import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp

from libs.common import faults, health
from libs.common.consumer import BatchConsumer, Subscriptions
from libs.common.db import Database, require_migrated
from libs.common.errors import Fatal, Transient
from libs.common.outbox import OutboxRelay
from libs.common.proxies import BehindProxies
from libs.common.publisher import Publisher
from libs.common.settings import ServiceSettings, describe, read_settings
from libs.common.shutdown import Shutdown
from libs.common.telemetry import configure_logs, configure_traces

log = structlog.get_logger(__name__)

Task = Callable[[Shutdown], Awaitable[None]]
"""Something that runs as long as the service does, and returns soon after shutdown is requested."""

CANCEL_SECONDS = 5.0

S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is made of. `app.py` of each puts one together."""

    name: str
    settings: ServiceSettings
    api: FastAPI
    database: Database
    publisher: Publisher
    subscriptions: Subscriptions
    tasks: Sequence[Task] = ()
    checks: Mapping[str, health.Check] = field(default_factory=dict)


def run(name: str, settings_class: type[S], build: Callable[[S], Service]) -> NoReturn:
    """The body of every service's `__main__`. Exit code 0 after SIGTERM, 1 after anything else."""
    arguments = _arguments(name)
    if arguments.help_settings:
        sys.stdout.write(describe(settings_class) + "\n")
        sys.exit(0)
    stopped: BaseExceptionGroup[Fatal] | None = None
    try:
        settings = read_settings(settings_class)
        configure_logs(level=settings.log_level, form=settings.log_format)
        if arguments.migrate:
            from libs.common.migrations import migrate  # only here: a running service does without Alembic

            migrate(name, settings.database_url.get_secret_value())
        else:
            faults.arm(settings.faults, seed=settings.faults_seed, tally=settings.faults_tally)
            configure_traces(service=name, otlp_endpoint=settings.otlp_endpoint)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(build, settings))
    except* Fatal as group:
        stopped = group
    if stopped is not None:
        sys.stderr.writelines(f"{name} stops: {error}\n" for error in stopped.exceptions)
    sys.exit(1 if stopped else 0)


def _arguments(name: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}")
    parser.add_argument("--help-settings", action="store_true", help="print the table of settings and exit")
    parser.add_argument("--migrate", action="store_true", help="bring the tables to the newest version and exit")
    return parser.parse_args()


async def _serve(build: Callable[[S], Service], settings: S) -> None:
    service = build(settings)
    calm_garbage_collector()
    shutdown = Shutdown()
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, _finish, shutdown, asked)
    try:
        async with asyncio.TaskGroup() as siblings:
            server, *others = _tasks(service)
            # First of all, so that readiness can say what the rest is waiting for.
            siblings.create_task(_cut_short(server, shutdown, settings.shutdown_seconds))
            await _wait_until_migrated(service, shutdown)
            for task in others:
                siblings.create_task(_cut_short(task, shutdown, settings.shutdown_seconds))
    finally:
        await service.publisher.close()
        await service.database.close()


def _finish(shutdown: Shutdown, asked: signal.Signals) -> None:
    log.info("asked to finish", by=asked.name)
    shutdown.request()


def calm_garbage_collector() -> None:
    """Batches make many objects that die young and none that form rings: look for rings seldom, and not in what stays.

    Measured in attribution: without this, a batch of 2,000 now and then took 60-100 ms longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def _wait_until_migrated(service: Service, shutdown: Shutdown) -> None:
    """A database that is still starting is waited for; one with other tables is fatal."""
    while not shutdown.requested:
        try:
            await require_migrated(service.name, service.database)
        except Transient as error:
            log.warning("waiting", reason=str(error))
            await shutdown.wait(1.0)
        else:
            return


def _tasks(service: Service) -> Iterator[Task]:
    settings = service.settings
    consumer = BatchConsumer(
        service=service.name,
        settings=settings,
        subscriptions=service.subscriptions,
        database=service.database,
        publisher=service.publisher,
    )
    relay = OutboxRelay(
        database=service.database,
        publisher=service.publisher,
        service=service.name,
        retry_max_seconds=settings.retry_max_seconds,
    )
    checks = {
        "database": service.database.ping,
        "kafka": service.publisher.ping,
        "consumer": consumer.check,
        **service.checks,
    }
    service.api.include_router(health.routes(checks))
    api = BehindProxies(service.api, trusted=settings.trusted_proxies)
    yield HttpServer(api, host=settings.http_host, port=settings.http_port).run
    yield consumer.run
    yield relay.run
    yield from service.tasks


async def _cut_short(task: Task, shutdown: Shutdown, seconds: float) -> None:
    """Run a task; after shutdown it may take this long, and what is left then is repeated after the next start."""
    running = asyncio.ensure_future(task(shutdown))
    stopping = asyncio.create_task(shutdown.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=seconds)
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.wait({running}, timeout=CANCEL_SECONDS)
    if not running.cancelled() and running.done():
        running.result()


class HttpServer:
    """uvicorn as one task among siblings: it neither takes the signals nor decides when the process ends."""

    def __init__(self, api: ASGIApp, *, host: str, port: int) -> None:
        self._server = _QuietServer(
            uvicorn.Config(
                api,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=10,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        self._host = host
        self._port = port

    async def run(self, shutdown: Shutdown) -> None:
        listener = _listen(self._host, self._port)
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        stopping = asyncio.create_task(shutdown.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._server.should_exit = True
            stopping.cancel()
            await serving
        if not shutdown.requested:
            raise Fatal("the HTTP server ended by itself")


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise Fatal(f"can't listen on {host}:{port}: {error.strerror}; is another service running there?") from error
    return listener
