"""The database has no connection left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from deploy.local.keys import Keys
from deploy.local.layout import SERVICES
from deploy.local.postgres import database_url
from tests.integration.fullness.conftest import Ward, expected, says_when_to_come_back

CONNECTIONS = 3
LISTS = {
    "intake": "/v1/submissions",
    "verifier": "/v1/incidents",
    "attribution": "/v1/organisations",
    "notifier": "/v1/notifications",
    "feedback": "/v1/feedback",
}


@asynccontextmanager
async def crowd(ward: Ward) -> AsyncIterator[None]:
    """As many idle connections as each role may have, and none of them a service's."""
    superuser = await asyncpg.connect(ward.stack.endpoints.postgres)
    idle: list[asyncpg.Connection] = []
    try:
        for role in SERVICES:
            await superuser.execute(f"ALTER ROLE {role} CONNECTION LIMIT {CONNECTIONS}")
            for _ in range(CONNECTIONS):
                idle.append(await _squeeze_in(ward, role, superuser=superuser, idle=idle))
        yield
    finally:
        for connection in idle:
            await connection.close()
        for role in SERVICES:
            await superuser.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        await superuser.close()


async def _squeeze_in(
    ward: Ward, role: str, *, superuser: asyncpg.Connection, idle: list[asyncpg.Connection]
) -> asyncpg.Connection:
    """Take a connection before the service does; it may be faster, so try until it is not."""
    url = database_url(ward.layout, Keys(ward.layout.secrets), service=role)
    while True:
        with suppress(asyncpg.TooManyConnectionsError):
            return await asyncpg.connect(url)
        ours = [connection.get_server_pid() for connection in idle]
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> ALL($2::int[])",
            role,
            ours,
        )


def test_every_service_says_so_refuses_in_words_and_goes_on_by_itself(ward: Ward) -> None:
    receipt = ward.push().json()

    with ward.portal.wrap_async_context_manager(crowd(ward)):
        ward.stack.kill("verifier")
        for service in SERVICES:
            ward.until_says(service, "database", "the database has no connection left for us")
            with ward.operator(service) as client:
                answer = client.get(LISTS[service])
            assert answer.status_code == 503
            assert says_when_to_come_back(answer, code="not-available-now")
        refused = ward.push()
        with ward.operator("feedback") as client:
            page = client.get("/", headers={"Accept": "text/html"})

    assert refused.status_code == 503
    assert says_when_to_come_back(refused, code="not-available-now")
    assert page.status_code == 503
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["retry-after"]
    ward.until_all_ready()
    assert ward.settled(receipt) == expected()
