"""Migrations make exactly the tables that the code describes."""

import asyncio
import importlib
import os
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.layout import SERVICES
from libs.common.db import Database, require_migrated, sqlalchemy_url
from libs.common.errors import Fatal
from libs.common.migrations import migrate
from libs.common.revisions import migrations_of, newest_revision


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


@pytest.mark.parametrize("service", SERVICES)
def test_the_name_of_the_newest_migration_begins_with_its_version(service: str) -> None:
    assert newest_revision(service) == ScriptDirectory(str(migrations_of(service))).get_current_head()


async def test_a_service_that_runs_does_without_alembic() -> None:
    loaded = "import sys, services.verifier.app; sys.exit('alembic' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", loaded)
    assert await process.wait() == 0


async def test_a_service_refuses_tables_of_another_version(database_url: str) -> None:
    database = Database(database_url, pool_size=2, statement_timeout_seconds=5)
    with pytest.raises(Fatal, match="--migrate"):
        await require_migrated("verifier", database)
    await database.close()
