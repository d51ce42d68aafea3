"""The services' databases on a workbench: made, copied as a whole, brought back."""

from dataclasses import dataclass

import asyncpg

from deploy.local.databases import create_databases
from deploy.local.keys import Keys
from deploy.local.layout import Layout
from deploy.local.migrations import migrate
from deploy.local.postgres import database_url, superuser_url


@dataclass(frozen=True, slots=True)
class Databases:
    """A service's own has its name; copies of it have another. Nobody may be connected to what is copied."""

    layout: Layout
    keys: Keys

    async def make(self, *services: str) -> None:
        """Databases with the newest tables and nothing in them."""
        await create_databases(superuser_url(self.layout, self.keys), services=services, keys=self.keys)
        await migrate(services, layout=self.layout, keys=self.keys)

    async def keep(self, service: str) -> None:
        """Remember what a service's database holds now."""
        await self.copy(service, source=service, target=_kept(service))

    async def restore(self, service: str) -> None:
        """Bring back what was kept."""
        await self._execute(f"DROP DATABASE {service}")
        await self.copy(service, source=_kept(service), target=service)
        await self._execute("CHECKPOINT")

    async def copy(self, service: str, *, source: str, target: str) -> None:
        await self._execute(f"CREATE DATABASE {target} TEMPLATE {source} OWNER {service}")

    def url(self, service: str, *, name: str | None = None) -> str:
        """As the service's role, of its own database or of a copy."""
        own = database_url(self.layout, self.keys, service=service)
        return f"{own.rpartition('/')[0]}/{name or service}"

    def superuser_url(self, name: str) -> str:
        return f"{superuser_url(self.layout, self.keys).rpartition('/')[0]}/{name}"

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(superuser_url(self.layout, self.keys))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _kept(service: str) -> str:
    return f"{service}_kept"
