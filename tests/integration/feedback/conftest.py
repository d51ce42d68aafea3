"""The feedback service on a real database, asked over HTTP without a socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from deploy.local.background import BackgroundStack
from libs.common.contracts import Event, FeedbackReceived, IncidentChanged, NotificationSent, RegistrationFollowed
from libs.common.db import Database
from libs.common.links import Links
from libs.common.outbox import waiting_events
from libs.common.security import Operator, Role, sign_operator_token
from services.feedback import handlers
from services.feedback.app import build
from services.feedback.settings import FeedbackSettings
from services.feedback.store.tables import metadata
from tests.databases import make_tables

DATABASE = "test_feedback"
LINK_KEY = "a key of sixteen or more characters"
NOW = datetime(2026, 5, 9, 10, 42, 7, 123456, tzinfo=UTC)
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}

E = TypeVar("E", bound=Event)


@pytest.fixture
def links() -> Links:
    return Links(LINK_KEY.encode())


class Running:
    """The service, and what its tables hold."""

    def __init__(self, database: Database, browser: httpx.AsyncClient) -> None:
        self.database = database
        self.browser = browser

    async def hear(self, *events: NotificationSent | IncidentChanged | RegistrationFollowed) -> None:
        """Let events arrive, as one batch."""
        sent = [event for event in events if isinstance(event, NotificationSent)]
        changed = [event for event in events if isinstance(event, IncidentChanged)]
        followed = [event for event in events if isinstance(event, RegistrationFollowed)]
        async with self.database.transaction() as tx:
            if changed:
                await handlers.note_incidents(changed, tx=tx, now=NOW)
            if sent:
                await handlers.note_notifications(sent, tx=tx, now=NOW)
            if followed:
                await handlers.follow_registrations(followed, tx=tx, now=NOW)

    async def rows(self, sql: str) -> Sequence[dict[str, object]]:
        async with self.database.transaction() as tx:
            return [dict(row) for row in await tx.fetch(sql)]

    async def said(self) -> Sequence[FeedbackReceived]:
        """The answers that wait in the outbox."""
        return await self.told(FeedbackReceived)

    async def told(self, event_class: type[E]) -> Sequence[E]:
        """The events of a kind that wait in the outbox."""
        async with self.database.transaction() as tx:
            return [event for event in await waiting_events(tx) if isinstance(event, event_class)]


@pytest.fixture(scope="session")
def migrated(infrastructure: BackgroundStack) -> str:
    """The address of a database with the service's tables, made once: a test empties them, which is quicker."""
    superuser = infrastructure.endpoints.postgres
    asyncio.run(_create_database(superuser))
    url = superuser.rsplit("/", 1)[0] + f"/{DATABASE}"
    make_tables("feedback", url)
    return url


async def _create_database(superuser: str) -> None:
    connection = await asyncpg.connect(superuser)
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()


@pytest.fixture
def settings(migrated: str, operator_public_key: str) -> FeedbackSettings:
    return FeedbackSettings(
        http_port=8105,
        database_url=migrated,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        link_key=LINK_KEY,
        public_url="https://warned.example",
        verify_burst=10,
        register_burst=20,
        register_changes_a_day=4,
        allow_documentation_ranges=True,
    )


@pytest.fixture
async def running(settings: FeedbackSettings) -> AsyncIterator[Running]:
    service = build(settings)
    async with service.database.transaction() as tx:
        await tx.execute(text(f"TRUNCATE {', '.join(metadata.tables)}"))
    transport = httpx.ASGITransport(service.api, raise_app_exceptions=False, client=("203.0.113.9", 4711))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://warned.example", headers=BROWSER, follow_redirects=True
    ) as browser:
        yield Running(service.database, browser)
    await service.database.close()


@pytest.fixture
async def other(running: Running, migrated: str) -> AsyncIterator[Database]:
    """The second replica's way to the same database."""
    database = Database(migrated, pool_size=4, statement_timeout_seconds=30)
    yield database
    await database.close()


@pytest.fixture
def viewer(operator_key: Ed25519PrivateKey) -> dict[str, str]:
    """Headers of an operator who may read."""
    soon = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    token = sign_operator_token(
        operator_key, operator=Operator("ada", Role.VIEWER), now=datetime.now(UTC), expires=soon
    )
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}
