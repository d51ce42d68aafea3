"""The databases of tests: made once and copied, as PostgreSQL copies tables faster than Alembic makes them."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from libs.common.migrations import migrate

_spares: dict[str, list[str]] = defaultdict(list)
"""By server: databases that are empty and wait for the next test."""


async def spare_the_disk(superuser: str) -> None:
    """Let a server not wait for its disk: no test pulls the plug, and what a process has written outlives its end."""
    await _execute(superuser, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")


@asynccontextmanager
async def new_database(superuser: str) -> AsyncIterator[str]:
    """An empty database that nobody else uses; dropped afterwards. `make_tables` gives it tables."""
    server, name = superuser.rsplit("/", 1)[0], f"test_{secrets.token_hex(6)}"
    spares = _spares[server]
    made = f"ALTER DATABASE {spares.pop()} RENAME TO {name}" if spares else f"CREATE DATABASE {name}"
    await _execute(superuser, made)
    yield f"{server}/{name}"
    await _execute(superuser, f"DROP DATABASE {name} WITH (FORCE)")


def make_tables(service: str, url: str) -> None:
    """What `migrate` does; a database that is empty becomes a copy of one that it has done it to."""
    server, name = url.rsplit("/", 1)
    superuser, template, spare = f"{server}/postgres", f"tables_of_{service}", f"spare_{secrets.token_hex(6)}"
    if asyncio.run(_has_tables(url)):
        migrate(service, url)
        return
    if not asyncio.run(_is_there(superuser, template)):
        _make_template(service, superuser=superuser, template=template)
    swap = (f"ALTER DATABASE {name} RENAME TO {spare}", f"CREATE DATABASE {name} TEMPLATE {template}")
    asyncio.run(_execute(superuser, *swap))
    _spares[server].append(spare)


def _make_template(service: str, *, superuser: str, template: str) -> None:
    """Under another name until it is whole."""
    draft = f"{template}_draft"
    asyncio.run(_execute(superuser, f"DROP DATABASE IF EXISTS {draft}", f"CREATE DATABASE {draft}"))
    migrate(service, superuser.rsplit("/", 1)[0] + f"/{draft}")
    asyncio.run(_execute(superuser, f"ALTER DATABASE {draft} RENAME TO {template}"))


async def _is_there(superuser: str, database: str) -> bool:
    connection = await asyncpg.connect(superuser)
    try:
        return bool(await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database))
    finally:
        await connection.close()


async def _has_tables(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"))
    finally:
        await connection.close()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
