"""A verifier with its API and its database, and how these tests speak to it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, Event, IndicatorSettled, RawIndicator
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from tests.unit.verifier.builders import raw

TODAY = datetime.now(UTC)
FRESH = TODAY - timedelta(hours=1)


def records(*assets: Asset, partner: str = "demo", identifier: str = "open-smb") -> list[RawIndicator]:
    """New ones, seen just now."""
    return [
        msgspec.structs.replace(
            raw(asset=asset, seen_at=FRESH, partner=partner, identifier=identifier), indicator_id=uuid4()
        )
        for asset in assets
    ]


HOSTS = [Asset(ip=f"145.10.20.{number}", port=445) for number in range(1, 11)]


@dataclass(frozen=True, slots=True)
class Desk:
    """The service, and how to speak to its API."""

    service: Service
    key: Ed25519PrivateKey

    def client(self, role: Role, *, name: str = "anna") -> httpx.AsyncClient:
        now = datetime.now(UTC)
        token = sign_operator_token(self.key, operator=Operator(name, role), now=now, expires=now + timedelta(hours=1))
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.api),
            base_url="http://desk",
            headers={"Authorization": f"Bearer {token}"},
        )


async def rules_other_than(desk: Desk, version: str | None) -> str:
    """The version in force, once it is another."""
    async with asyncio.timeout(30), desk.client(Role.VIEWER) as viewer:
        while (answer := await viewer.get("/v1/rules")).status_code != 200 or answer.json()["version"] == version:
            await asyncio.sleep(0.02)
    return str(answer.json()["version"])


async def outcomes(desk: Desk, events: Sequence[RawIndicator]) -> Counter[str]:
    """What becomes of records that come now."""
    return Counter(
        event.outcome.value if isinstance(event, IndicatorSettled) else "verified" for event in await hear(desk, events)
    )


async def hear(desk: Desk, events: Sequence[RawIndicator]) -> Sequence[Event]:
    """Let the verifier judge records that come now; what it says of them."""
    async with desk.service.database.transaction() as tx:
        return await desk.service.subscriptions[RawIndicator](events, tx=tx, now=desk.service.database.now())
