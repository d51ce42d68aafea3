"""A verifier's database, and its desk."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.db import Database
from libs.common.security import Operator, Role, sign_operator_token
from services.verifier.handlers import (
    RulesInForce,
)
from tests.conftest import Kafka
from tests.databases import make_tables
from tests.integration.test_verifier import rules_in_force
from tests.integration.threats.lives import (
    DAY,
    Desk,
    Life,
    serving,
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(make_tables, "verifier", database_url)
    database = Database(database_url, pool_size=4, statement_timeout_seconds=10)
    yield database
    await database.close()


@pytest.fixture
async def rules(database: Database) -> RulesInForce:
    return await rules_in_force(database)


@pytest.fixture
async def desk(
    kafka: Kafka, database: Database, database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[Desk]:
    today = datetime.now(UTC)
    token = sign_operator_token(operator_key, operator=Operator("anna", Role.VIEWER), now=today, expires=today + DAY)
    headers = {"Authorization": f"Bearer {token}"}
    async with serving(kafka, database_url, operator_public_key) as service:
        transport = httpx.ASGITransport(service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            yield Desk(service, client)


@pytest.fixture
def life(database: Database, rules: RulesInForce) -> Life:
    return Life(database, rules)
