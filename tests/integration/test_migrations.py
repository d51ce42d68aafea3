"""Migrations make exactly the tables that the code describes."""

import asyncio
import importlib
import os
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.layout import SERVICES
from libs.common.db import Database, migrate, require_migrated, sqlalchemy_url
from libs.common.errors import Fatal


async def differences(service: str, url: str) -> list[object]:
    metadata = importlib.import_module(f"services.{service}.store.tables").metadata
    engine = create_async_engine(sqlalchemy_url(url))

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    await engine.dispose()
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_and_tables_say_the_same(service: str, database_url: str) -> None:
    await asyncio.to_thread(migrate, service, database_url)
    assert await differences(service, database_url) == []


async def test_two_replicas_that_migrate_at_once_wait_for_each_other(database_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "HTTP_PORT": "1",
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "OPERATOR_PUBLIC_KEY": "AAAA",
    }
    environment = os.environ | {f"TOCSIN_VERIFIER_{name}": value for name, value in settings.items()}
    command = (sys.executable, "-m", "services.verifier", "--migrate")
    replicas = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(2)]
    assert [await replica.wait() for replica in replicas] == [0, 0]
    assert await differences("verifier", database_url) == []


async def test_a_service_refuses_tables_of_another_version(database_url: str) -> None:
    database = Database(database_url, pool_size=2, statement_timeout_seconds=5)
    with pytest.raises(Fatal, match="--migrate"):
        await require_migrated("verifier", database)
    await database.close()
