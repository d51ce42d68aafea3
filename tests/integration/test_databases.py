"""What tests get instead of migrations is what migrations make, and nobody finds there what another has left."""

import asyncio

import asyncpg
import pytest

from deploy.local.background import BackgroundStack
from deploy.local.layout import SERVICES
from libs.common.revisions import newest_revision
from tests.databases import make_tables, new_database
from tests.integration.test_migrations import differences


@pytest.mark.parametrize("service", SERVICES)
async def test_a_copy_has_the_tables_of_the_code(service: str, database_url: str) -> None:
    await asyncio.to_thread(make_tables, service, database_url)

    assert await differences(service, database_url) == []


async def test_nothing_of_one_test_is_left_for_the_next(infrastructure: BackgroundStack) -> None:
    for _ in range(2):
        async with new_database(infrastructure.endpoints.postgres) as url:
            assert await tables(url) == 0
            await asyncio.to_thread(make_tables, "feedback", url)
            assert await rows(url, "outbox") == 0
            await execute(url, "INSERT INTO outbox (events) VALUES ('')")
            assert await rows(url, "outbox") == 1


async def test_a_database_that_has_tables_is_brought_to_the_newest_version(database_url: str) -> None:
    await asyncio.to_thread(make_tables, "feedback", database_url)
    await execute(database_url, "CREATE TABLE kept ()")

    await asyncio.to_thread(make_tables, "feedback", database_url)

    assert await rows(database_url, "kept") == 0
    assert await value(database_url, "SELECT version_num FROM alembic_version") == newest_revision("feedback")


async def tables(url: str) -> object:
    return await value(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")


async def rows(url: str, table: str) -> object:
    return await value(url, f"SELECT count(*) FROM {table}")


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    found: object = await connection.fetchval(query)
    await connection.close()
    return found


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
