"""Alembic, for those who migrate. Services that run never load it: it would be a tenth of their memory."""

import asyncio

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.db import sqlalchemy_url
from libs.common.revisions import migrations_of

MIGRATION_LOCK = 4_867_366
"""Advisory lock taken while migrating; any constant would do, as each service has a database of its own."""


def migrate(service: str, url: str) -> None:
    """Bring the service's tables to the newest version. Two at once wait for each other."""
    config = Config()
    config.set_main_option("script_location", str(migrations_of(service)))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def run_migrations(metadata: MetaData) -> None:
    """The body of each service's `migrations/env.py`."""
    asyncio.run(_run_migrations(metadata, context.config.attributes["url"]))


async def _run_migrations(metadata: MetaData, url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, metadata)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()
