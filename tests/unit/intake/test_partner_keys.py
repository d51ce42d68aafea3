"""What an operator is told who asks for an address where no mail is taken."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.http_api import new_api
from libs.common.security import Operator, Role, sign_operator_token
from services.intake.api import keys
from services.intake.api.doors import Doors
from services.intake.domain.rates import Rate
from services.intake.handlers.keys import KeyRing, RateLimits
from services.intake.handlers.means import Means


async def test_there_are_no_addresses_without_a_domain(
    means: Means, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> None:
    now = datetime.now(UTC)
    token = sign_operator_token(
        operator_key, operator=Operator("ann", Role.ADMIN), now=now, expires=now + timedelta(hours=1)
    )
    doors = Doors(KeyRing(means.database, remember_seconds=5), RateLimits(Rate(burst=1, per_second=1)))
    api = new_api(
        title="Intake",
        description="",
        routers=[keys.routes(means.database, doors, mail_domain="")],
        operator_public_key=operator_public_key,
    )

    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://desk") as desk:
        answer = await desk.post(
            f"/v1/partners/{UUID(int=1)}/keys", json={"kind": "mail"}, headers={"Authorization": f"Bearer {token}"}
        )

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/mail-not-taken"
