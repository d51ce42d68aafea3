"""A verifier at work on a real database, with a stand-in for attribution."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from libs.common.shutdown import Shutdown
from services.verifier.app import build
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables
from tests.integration.verifier.desk import Desk, rules_other_than


@pytest.fixture
async def attribution_url() -> AsyncIterator[str]:
    """A stand-in for attribution that sends even addresses to one network, and knows nobody for odd ones."""
    api = FastAPI()

    @api.post("/v1/lookups")
    async def read_lookups(asked: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, object]]]:
        even: dict[str, object] = {
            "route": "network-owner",
            "kind": "network-owner",
            "recipient": "0199a1c2-0000-7000-8000-000000000001",
        }
        nobody: dict[str, object] = {"route": "none", "kind": None, "recipient": None}
        return {"items": [even if int(each["ip"].split(".")[-1]) % 2 == 0 else nobody for each in asked["assets"]]}

    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def desk(
    database_url: str, attribution_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> AsyncIterator[Desk]:
    await asyncio.to_thread(make_tables, "verifier", database_url)
    settings = VerifierSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        attribution_url=attribution_url,
        rules_refresh_seconds=0.05,
    )
    service = build(settings)
    shutdown = Shutdown()
    keeping = asyncio.ensure_future(service.tasks[0](shutdown))
    desk = Desk(service, operator_key)
    await rules_other_than(desk, None)
    yield desk
    shutdown.request()
    await keeping
    await service.database.close()
