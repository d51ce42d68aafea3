"""Brings each service's tables to the version of its code, before the service starts."""

from contextlib import suppress

import asyncpg

from deploy.local.keys import Keys
from deploy.local.layout import PROJECT, Layout
from deploy.local.process import run_or_complain
from deploy.local.services import service_command, service_environment
from libs.common.revisions import newest_revision


async def migrate(service: str, *, layout: Layout, keys: Keys) -> None:
    """Run the service's own migration, unless its tables are at the newest version already.

    The question is worth it: to answer it costs next to nothing, a service that starts only to find nothing to do
    costs a second of CPU, five times, at every start.
    """
    environment = service_environment(service, layout=layout, keys=keys)
    url = environment.get(f"TOCSIN_{service.upper()}_DATABASE_URL")  # absent when the user names a database of his own
    if url and await _revision(url) == newest_revision(service):
        return
    command = service_command(service, "--migrate")
    await run_or_complain(command, what=f"The migration of {service}", folder=PROJECT, environment=environment)


async def _revision(url: str) -> str | None:
    """What Alembic noted in the database; nothing in a new one."""
    connection = await asyncpg.connect(url)
    try:
        with suppress(asyncpg.UndefinedTableError):
            revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
            return revision
        return None
    finally:
        await connection.close()
