"""An intake with an operator who agrees things with partners, on a real database and broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.proxies import BehindProxies
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.intake.app import build
from services.intake.handlers.processing import Processing
from services.intake.settings import IntakeSettings

PROXY = "10.0.0.7"
CERTIFICATE = "X-Client-Certificate"
FINGERPRINT = "ab" * 32
Json = dict[str, Any]  # Any: JSON as it came


@dataclass(slots=True)
class Intake:
    """One replica, called by its proxy and by others."""

    service: Service
    settings: IntakeSettings
    operator_key: Ed25519PrivateKey
    others: list[Service] = field(default_factory=list)

    def client(self, token: str, *, peer: str = "192.0.2.9", service: Service | None = None) -> httpx.AsyncClient:
        api = BehindProxies((service or self.service).api, trusted=PROXY)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(api, client=(peer, 4711)),
            base_url="http://intake",
            headers={"Authorization": f"Bearer {token}"},
        )

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.operator(Role.ADMIN)

    def operator(self, role: Role) -> httpx.AsyncClient:
        now = datetime.now(UTC)
        operator = Operator("sanne", role)
        return self.client(
            sign_operator_token(self.operator_key, operator=operator, now=now, expires=now + timedelta(hours=1))
        )

    def replica(self) -> Service:
        other = build(self.settings)
        self.others.append(other)
        return other

    async def partner(self, slug: str = "acme", **agreed: object) -> Json:
        body = {"slug": slug, "name": slug, "reliability": "B", "contact_email": f"feeds@{slug}.example", **agreed}
        answer = await self.admin.post("/v1/partners", json=body)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    async def key(self, partner: Json, **wanted: object) -> Json:
        answer = await self.admin.post(f"/v1/partners/{partner['id']}/keys", json=wanted)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    async def change(self, partner: Json, **changes: object) -> Json:
        answer = await self.admin.patch(f"/v1/partners/{partner['id']}", json=changes)
        assert answer.status_code == 200, answer.text
        changed: Json = answer.json()
        return changed

    async def sql(self, statement: str, *arguments: object) -> list[Any]:  # Any: rows of any table
        async with self.service.database.transaction() as tx:
            return await tx.fetch(statement, *arguments)


@pytest.fixture
async def intake(intake_settings: IntakeSettings, operator_key: Ed25519PrivateKey) -> AsyncIterator[Intake]:
    changes = {"client_certificate_header": CERTIFICATE, "partner_cache_seconds": 0}
    settings = intake_settings.model_copy(update=changes)
    intake = Intake(build(settings), settings, operator_key)
    yield intake
    for service in (intake.service, *intake.others):
        await service.publisher.close()
        await service.database.close()


def records(*numbers: int, **members: object) -> bytes:
    return b"".join(
        json.dumps(
            {
                "seen_at": f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
                "category": "vulnerable/vulnerable-system",
                "identifier": "open-smb",
                "asset": {"ip": f"192.0.2.{number}"},
                **members,
            }
        ).encode()
        + b"\n"
        for number in numbers
    )


async def push(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post("/v1/submissions?format=tocsin-ndjson", content=body, headers=headers)


def codes(answer: httpx.Response) -> list[str]:
    """The code of a problem, and after it those of its errors."""
    problem = answer.json()
    return [problem["type"].removeprefix("/problems/"), *(error["code"] for error in problem["errors"])]


async def read_to_its_end(service: Service, client: httpx.AsyncClient, path: str) -> Json:
    """Let the workers read what waits, until this submission is done."""
    workers = [task for task in service.tasks if isinstance(getattr(task, "__self__", None), Processing)]
    shutdown = Shutdown()
    working = asyncio.gather(*(work(shutdown) for work in workers))
    try:
        async with asyncio.timeout(20):
            while (receipt := (await client.get(path)).json())["status"] == "processing":
                await asyncio.sleep(0.02)
    finally:
        shutdown.request()
        await working
    done: Json = receipt
    return done
