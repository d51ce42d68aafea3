"""Services that are built and do not run, so that what waits in their tables goes on waiting."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Column, Table, insert

from deploy.tools.generated import settings_of
from libs.common.ids import new_id
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from tests.architecture.test_edges import REQUIRED
from tests.databases import make_tables

NO_BROKER = "127.0.0.1:1"

BLANKS: Mapping[str, Callable[[], object]] = {
    "UUID": new_id,
    "Text": lambda: "x",
    "Date": lambda: datetime.now(UTC).date(),
    "DateTime": lambda: datetime.now(UTC),
    "LargeBinary": lambda: b"{}",
    "Float": float,
    "Double": float,
    "Integer": int,
    "SmallInteger": int,
    "BigInteger": int,
    "Boolean": bool,
    "ARRAY": list,
    "JSONB": dict,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. What has to be filled and is not given is filled with something."""

    table: str
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """A service, and a viewer who asks it."""

    service: Service
    client: httpx.AsyncClient

    async def put(self, *rows: Row) -> None:
        tables = importlib.import_module(f"services.{self.service.name}.store.tables").metadata.tables
        async with self.service.database.transaction() as tx:
            for row in rows:
                await tx.execute(insert(tables[row.table]).values(_filled(tables[row.table], row.given)))

    async def clear(self) -> None:
        """Take everything away again."""
        tables = importlib.import_module(f"services.{self.service.name}.store.tables").metadata.tables
        async with self.service.database.transaction() as tx:
            await tx.fetch(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")

    async def look(self) -> dict[str, Any]:  # Any: JSON
        answer = await self.client.get("/v1/overdue")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def state(self, name: str) -> dict[str, Any]:  # Any: JSON
        """One of the states that the service tells of."""
        found: list[dict[str, Any]] = (await self.look())["items"]  # Any: JSON
        return next(item for item in found if item["state"] == name)


def _filled(table: Table, given: Mapping[str, object]) -> dict[str, object]:
    wanted: list[Column[object]] = [column for column in table.columns if not column.nullable]
    return {
        column.name: BLANKS[type(column.type).__name__]()
        for column in wanted
        if column.server_default is None and column.identity is None
    } | dict(given)


DeskOf = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def desk_of(database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str) -> DeskOf:
    """A service on a database of its own, without a broker unless one is named."""

    @asynccontextmanager
    async def open_desk(name: str, *, kafka: str = NO_BROKER) -> AsyncIterator[Desk]:
        await asyncio.to_thread(make_tables, name, database_url)
        given = {
            "database_url": database_url,
            "kafka_bootstrap": kafka,
            "operator_public_key": operator_public_key,
            "overdue_refresh_seconds": 0.1,
        }
        settings_class = settings_of(name)
        chosen = {key: value for key, value in (REQUIRED | given).items() if key in settings_class.model_fields}
        settings = settings_class(**chosen)  # type: ignore[arg-type]  # each field checks its own value
        service: Service = importlib.import_module(f"services.{name}.app").build(settings)
        now = datetime.now(UTC)
        viewer = Operator("sanne", Role.VIEWER)
        token = sign_operator_token(operator_key, operator=viewer, now=now, expires=now + timedelta(hours=1))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=service.api),
            base_url=f"http://{name}",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            yield Desk(service, client)
        await service.database.close()

    return open_desk
