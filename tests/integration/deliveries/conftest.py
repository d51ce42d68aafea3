"""Databases for the rigs: one for each service, made once a module."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.background import BackgroundStack
from tests.integration.deliveries.rig import Rig

Start = Callable[[str, Rig], AbstractContextManager[Rig]]


@pytest.fixture(scope="session")
def started(
    infrastructure: BackgroundStack, operator_public_key: str, tmp_path_factory: pytest.TempPathFactory
) -> Start:
    """Lets a rig work for a service, on a database of its own."""

    @contextmanager
    def start(name: str, rig: Rig) -> Iterator[Rig]:
        superuser = infrastructure.endpoints.postgres
        database = f"deliveries_{name}"
        asyncio.run(_execute(superuser, f"CREATE DATABASE {database}"))
        rig.start(
            name,
            database_url=superuser.rsplit("/", 1)[0] + f"/{database}",
            operator_public_key=operator_public_key,
            folder=Path(tmp_path_factory.mktemp(name)),
        )
        try:
            yield rig
        finally:
            rig.stop()
            asyncio.run(_execute(superuser, f"DROP DATABASE {database} WITH (FORCE)"))

    return start


async def _execute(superuser: str, statement: str) -> None:
    connection = await asyncpg.connect(superuser)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
