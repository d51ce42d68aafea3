"""A whole system whose work is done, so that a test can take a row out of it and see who misses it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import asyncpg
import httpx
import pytest

from bench.feed import feed, ripe_dump
from deploy.local.background import BackgroundStack, throwaway_stack
from deploy.local.books import Books, reconcile
from deploy.local.keys import Keys
from deploy.local.layout import Layout
from deploy.local.ports import free_port_base
from deploy.local.reachability import NOBODY_IS_TRUSTED
from deploy.local.services import service_environment
from libs.common.books import Backlog
from libs.common.db import Database
from libs.common.overdue import backlog_of
from libs.common.topics import TopicReader
from services.intake.domain.reconciliation.report import Reconciliation
from services.intake.gateway.siblings import siblings_of
from services.intake.handlers.books import Scope
from services.intake.handlers.reconciling import Reconciler
from services.intake.settings import IntakeSettings

RECORDS = 60
EXPIRED = 3
"""Of a feed of so many."""

HELD = {"asset": {"ip": "2001:db8::1"}, "category": "vulnerable/vulnerable-system", "identifier": "nobody-knows-this"}
EVERYTHING = Scope.received_since(datetime(1970, 1, 1, tzinfo=UTC))
AT_ONCE = {f"TOCSIN_NOTIFIER_WINDOW_{severity}_SECONDS": "0" for severity in ("HIGH", "MEDIUM", "LOW", "INFO")}
PREFIX = "TOCSIN_INTAKE_"


@dataclass(frozen=True, slots=True)
class World:
    """The running system, and the eyes and hands of its superuser."""

    stack: BackgroundStack
    layout: Layout
    settings: IntakeSettings

    def client(self, service: str) -> httpx.AsyncClient:
        """An administrator; at intake the partner."""
        endpoints = self.stack.endpoints
        token = endpoints.partner_key if service == "intake" else endpoints.admin_token
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(
            base_url=endpoints.services[service], headers=headers, timeout=60, verify=NOBODY_IS_TRUSTED
        )

    async def submission(self, form: str) -> UUID:
        """The one in this format."""
        async with self.client("intake") as intake:
            items = (await intake.get("/v1/submissions")).raise_for_status().json()["items"]
        return next(UUID(item["id"]) for item in items if item["format"] == form)

    async def compared_by_hand(self) -> Books:
        """By the job, as an operator runs it."""
        return await asyncio.to_thread(reconcile, self.layout, wait_seconds=20)

    async def compared(
        self,
        scope: Scope = EVERYTHING,
        *,
        backlog: Callable[[], Awaitable[Backlog]] | None = None,
        wait_seconds: float = 20,
    ) -> Reconciliation:
        """By the reconciler alone; `backlog` is intake's, if it is not to be the real one."""
        async with self.database("intake") as database, siblings_of(self.settings) as siblings:
            topics = TopicReader(self.settings, service="intake", topics={"indicator-outcome"})
            own = backlog or partial(backlog_of, database, topics)
            return await Reconciler(database, siblings, backlog=own, wait_seconds=wait_seconds).run(scope)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        database = Database(self._url(service), pool_size=3, statement_timeout_seconds=20)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def altered(
        self, service: str, table: str, where: str, change: Mapping[str, object] | None
    ) -> AsyncIterator[None]:
        """One row of a service changed, or taken away where there is no change; put back afterwards."""
        connection = await asyncpg.connect(self._url(service))
        try:
            (row,) = await connection.fetch(f"SELECT ctid, * FROM {table} WHERE {where} LIMIT 1")
            content = {name: value for name, value in row.items() if name != "ctid"}
            await connection.execute(f"DELETE FROM {table} WHERE ctid = $1", row["ctid"])
            changed = None if change is None else {**content, **change}
            try:
                await _insert(connection, table, changed)
                yield
            finally:
                if changed is not None:
                    same = " AND ".join(f"{name} IS NOT DISTINCT FROM ${n}" for n, name in enumerate(changed, 1))
                    await connection.execute(f"DELETE FROM {table} WHERE {same}", *changed.values())
                await _insert(connection, table, content)
        finally:
            await connection.close()

    def _url(self, service: str) -> str:
        return self.stack.endpoints.postgres.rsplit("/", 1)[0] + f"/{service}"


async def _insert(connection: asyncpg.Connection, table: str, row: Mapping[str, object] | None) -> None:
    if row is not None:
        await connection.copy_records_to_table(table, columns=list(row), records=[tuple(row.values())])


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    layout = Layout(
        home=tmp_path_factory.mktemp("books"),
        cache=Layout.from_environment().cache,
        port_base=free_port_base(),
        partitions=2,
        settings=AT_ONCE,
    )
    with throwaway_stack(layout) as stack:
        world = World(stack, layout, _settings(layout))
        asyncio.run(_work(world))
        yield world


def _settings(layout: Layout) -> IntakeSettings:
    told = service_environment("intake", layout=layout, keys=Keys(layout.secrets), chosen={})
    given = {name.removeprefix(PREFIX).lower(): value for name, value in told.items() if name.startswith(PREFIX)}
    return IntakeSettings(**given)  # type: ignore[arg-type]  # each field reads its own text


async def _work(world: World) -> None:
    """Two submissions come in and are settled: one of a feed, and one that waits for a person."""
    async with world.client("attribution") as attribution, world.client("intake") as intake, asyncio.timeout(90):
        (await attribution.post("/v1/imports/ripe", content=ripe_dump(range(60)))).raise_for_status()
        while (await attribution.get("/v1/lookup", params={"ip": "2001:db8::1"})).json()["recipient"] is None:
            await asyncio.sleep(0.1)
        now = datetime.now(UTC)
        await _push(intake, b"".join(feed(RECORDS, now=now)), report_type="scan_smb")
        await _push(intake, json.dumps([HELD | {"seen_at": now.isoformat()}]).encode(), format="tocsin-json")
        while any(receipt["outcomes"].get("pending") for receipt in (await _receipts(intake))):
            await asyncio.sleep(0.1)


async def _push(intake: httpx.AsyncClient, payload: bytes, **query: str) -> None:
    answer = await intake.post("/v1/submissions", params=query, content=payload)
    assert answer.status_code == 201, answer.text


async def _receipts(intake: httpx.AsyncClient) -> list[dict[str, dict[str, int]]]:
    items: list[dict[str, dict[str, int]]] = (await intake.get("/v1/submissions")).raise_for_status().json()["items"]
    return items
