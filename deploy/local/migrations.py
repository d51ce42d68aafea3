"""Brings the tables of services to the version of their code, before the services start.

`python -m deploy.local.migrations intake verifier` is what does it: one process for all, as it costs a second of CPU to
load what migrations need, and next to nothing to run them.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress

import asyncpg

from deploy.local.keys import Keys
from deploy.local.layout import PROJECT, Layout
from deploy.local.process import run_or_complain
from deploy.local.services import service_command, service_environment
from libs.common.revisions import newest_revision


async def migrate(services: Iterable[str], *, layout: Layout, keys: Keys) -> None:
    """Run the migrations of those services whose tables are not at the newest version.

    The question is worth it: to answer it costs next to nothing, a process that starts only to find nothing to do costs
    a second of CPU at every start. A service whose database the user names runs its migrations itself.
    """
    behind: dict[str, str] = {}
    for service in services:
        environment, name = service_environment(service, layout=layout, keys=keys), _variable(service)
        if name not in environment:
            command = service_command(service, "--migrate")
            await run_or_complain(command, what=f"The migration of {service}", folder=PROJECT, environment=environment)
        elif await _revision(environment[name]) != newest_revision(service):
            behind[service] = environment[name]
    if behind:
        await run_or_complain(
            (sys.executable, "-m", "deploy.local.migrations", *behind),
            what=f"The migration of {', '.join(behind)}",
            folder=PROJECT,
            environment={_variable(service): url for service, url in behind.items()},
        )


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


def _variable(service: str) -> str:
    return f"TOCSIN_{service.upper()}_DATABASE_URL"


def _run(services: Iterable[str]) -> None:
    from libs.common.migrations import migrate as run_migrations  # only here: a stack does without Alembic

    for service in services:
        run_migrations(service, os.environ[_variable(service)])


if __name__ == "__main__":
    _run(sys.argv[1:])
