"""One database and one role per service; a role enters its own database and no other."""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg

from deploy.local.keys import Keys
from deploy.local.layout import HOST
from deploy.local.reachability import accepts_connections


async def server_answers(superuser_url: str) -> bool:
    """Whether the server takes sessions: its port opens before recovery is through."""
    address = urlsplit(superuser_url)
    if not await accepts_connections(address.hostname or HOST, address.port or 5432):
        return False
    with suppress(OSError, TimeoutError, asyncpg.PostgresError):
        connection = await asyncpg.connect(superuser_url, timeout=1)
        await connection.close()
        return True
    return False


async def create_databases(superuser_url: str, *, services: Iterable[str], keys: Keys) -> None:
    """Make what is missing; passwords are set anew each time, so that they follow `.local/secrets`."""
    connection = await asyncpg.connect(superuser_url)
    try:
        for service in services:
            await _create_role(connection, service, password=keys.database_password(service))
            await _create_database(connection, service)
    finally:
        await connection.close()


async def close_maintenance_databases(superuser_url: str) -> None:
    """Let nobody but the superuser into the databases that every server has. For a server that is ours alone."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    finally:
        await connection.close()


async def _create_role(connection: "asyncpg.Connection[asyncpg.Record]", role: str, *, password: str) -> None:
    present = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    # Neither statement takes parameters; role names come from our own list, passwords are URL-safe base64.
    verb = "ALTER" if present else "CREATE"
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{password}'")


async def _create_database(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    await connection.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
