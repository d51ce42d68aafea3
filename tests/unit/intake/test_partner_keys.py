"""What an operator is told who asks for an address where no mail is taken."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.http_api import new_api
from libs.common.security import Operator, Role, sign_operator_token
from services.intake.api import partners
from services.intake.handlers.means import Means


async def test_there_are_no_addresses_without_a_domain(
    means: Means, operator_key: Ed25519PrivateKey, operator_public_key: str
) -> None:
    now = datetime.now(UTC)
    token = sign_operator_token(
        operator_key, operator=Operator("ann", Role.ADMIN), now=now, expires=now + timedelta(hours=1)
    )
    api = new_api(
        title="Intake",
        description="",
        routers=[partners.routes(means.database, mail_domain="")],
        operator_public_key=operator_public_key,
    )

    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://desk") as desk:
        answer = await desk.post(
            f"/v1/partners/{UUID(int=1)}/keys", json={"kind": "mail"}, headers={"Authorization": f"Bearer {token}"}
        )

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/mail-not-taken"
