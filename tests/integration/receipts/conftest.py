"""Intake on a database of its own, without a broker, and partners whose submissions settle as they are told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import IndicatorSettled
from libs.common.db import Database, Transaction, database_of
from libs.common.ids import new_id
from libs.common.security import Operator, Role, api_key_hash, sign_operator_token
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome, Reliability
from services.intake.app import build, delivering_of, means_of, office_of
from services.intake.domain.partners import Partner, PartnerKey
from services.intake.domain.submissions import RecordRow, Status, Submission, Violation, indicator_id
from services.intake.domain.webhooks.deliveries import Claimed
from services.intake.handlers.means import Means
from services.intake.handlers.outcomes import settle_records
from services.intake.settings import IntakeSettings
from services.intake.store import partners, records, submissions
from services.intake.store.webhooks import sending
from tests.databases import make_tables

RECEIVED_AT = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
LEASE = timedelta(seconds=50)

Json = dict[str, Any]  # Any: JSON as it came


@dataclass(frozen=True, slots=True)
class Known:
    """A partner, and a client that comes with its key."""

    id: UUID
    slug: str
    client: httpx.AsyncClient

    async def set_webhook(self, url: str) -> str:
        """The secret."""
        answer = await self.client.put("/v1/partners/me/webhook", json={"url": url})
        assert answer.status_code == 201, answer.text
        secret: str = answer.json()["secret"]
        return secret

    async def webhook(self) -> Json:
        return await self._get("/v1/partners/me/webhook")

    async def deliveries(self) -> list[Json]:
        """The oldest first."""
        found = await self._get("/v1/partners/me/webhook/deliveries")
        return list(reversed(found["items"]))

    async def receipt(self, submission_id: UUID) -> Json:
        return await self._get(f"/v1/submissions/{submission_id}")

    async def _get(self, path: str) -> Json:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


@dataclass(slots=True)
class Intake:
    """One replica, or several, over the same tables."""

    service: Service
    settings: IntakeSettings
    operator_key: Ed25519PrivateKey
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.service.database

    @property
    def means(self) -> Means:
        return replace(means_of(self.settings), database=self.database)

    async def kept(self, submission_id: UUID) -> Submission:
        async with self.database.transaction() as tx:
            submission = await submissions.submission(tx, submission_id, partner_id=None)
        assert submission is not None
        return submission

    def client(self, token: str = "") -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.service.api),
            base_url="http://intake",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        self.clients.append(client)
        return client

    def operator(self, role: Role) -> httpx.AsyncClient:
        now = datetime.now(UTC)
        operator = Operator("sanne", role)
        return self.client(
            sign_operator_token(self.operator_key, operator=operator, now=now, expires=now + timedelta(hours=1))
        )

    async def partner(self, slug: str) -> Known:
        key = f"tck_{slug:a<43}"
        partner = Partner(
            id=new_id(),
            slug=slug,
            name=slug,
            reliability=Reliability.B,
            contact_email=f"feeds@{slug}.example",
            enabled=True,
            created_at=RECEIVED_AT,
        )
        kept = PartnerKey(
            id=new_id(),
            partner_id=partner.id,
            prefix=key[:12],
            created_at=RECEIVED_AT,
            expires_at=None,
            last_used_at=None,
            revoked_at=None,
        )
        async with self.database.transaction() as tx:
            await partners.add_partner(tx, partner)
            await partners.add_key(tx, kept, api_key_hash(key))
        return Known(partner.id, slug, self.client(key))

    async def submission(self, partner: Known, *, pending: int, status: Status = Status.DONE) -> UUID:
        """One with so many records on their way and one that could not be read."""
        unread = Violation(code="invalid-ip", message="=1 is not an IP address", record=pending + 1, field="ip")
        submission = Submission(
            id=new_id(),
            partner_id=partner.id,
            partner=partner.slug,
            reliability=Reliability.B,
            format="tocsin-ndjson",
            report_type=None,
            file_name=None,
            content_type=None,
            content_encoding=None,
            size_bytes=1,
            sha256=b"\x00" * 32,
            traceparent="",
            received_at=RECEIVED_AT,
            status=status,
            errors=(unread,),
            lease=new_id(),
        )
        rows = [
            *(RecordRow(number, "pending", None, None, RECEIVED_AT, ()) for number in range(1, pending + 1)),
            RecordRow(pending + 1, "rejected", unread.code, unread.message, RECEIVED_AT, (unread,)),
        ]
        async with self.database.transaction() as tx:
            await submissions.add(tx, submission, until=datetime.now(UTC) + timedelta(hours=1))
            await records.add(tx, submission.id, rows)
            await records.grow_counts(tx, {(submission.id, "pending"): pending, (submission.id, "rejected"): 1})
        return submission.id

    async def settle(self, submission_id: UUID, *numbers: int, outcome: Outcome = Outcome.NOTIFIED) -> None:
        async with self.database.transaction() as tx:
            await self.settle_in(tx, submission_id, *numbers, outcome=outcome)

    async def settle_in(
        self, tx: Transaction, submission_id: UUID, *numbers: int, outcome: Outcome = Outcome.NOTIFIED
    ) -> None:
        await settle_records(
            [news(submission_id, number, outcome) for number in numbers], tx=tx, now=self.database.now()
        )

    async def claim(self, *, later: timedelta = timedelta(0)) -> Sequence[Claimed]:
        """Take what is due, as a replica does at that moment."""
        now = self.database.now() + later
        async with self.database.transaction() as tx:
            return await sending.claim(tx, lease=new_id(), now=now, until=now + LEASE, limit_each=8)

    async def attempt(self, claimed: Sequence[Claimed]) -> None:
        await office_of(self.settings, self.database).courier.attempt(claimed)

    async def attempt_due(self) -> None:
        """One round of everything that waits, as if its pauses were over."""
        await self.sql("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'waiting'")
        if claimed := await self.claim():
            await self.attempt(claimed)

    async def sql(self, statement: str, *arguments: object) -> list[Any]:  # Any: rows of any table
        async with self.database.transaction() as tx:
            return await tx.fetch(statement, *arguments)

    @asynccontextmanager
    async def delivering(self, replicas: int = 1) -> AsyncIterator[None]:
        shutdown = Shutdown()
        databases = [database_of(self.settings) for _ in range(replicas)]
        runs = [delivering_of(self.settings, office_of(self.settings, each)).run(shutdown) for each in databases]
        working = asyncio.gather(*runs)
        try:
            yield
        finally:
            shutdown.request()
            await working
            for database in databases:
                await database.close()


def news(submission_id: UUID, number: int, outcome: Outcome) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=indicator_id(submission_id, number),
        submission_id=submission_id,
        record=number,
        outcome=outcome,
        reason="because",
        message="@Because.",
        at=datetime.now(UTC),
        by="verifier",
    )


@pytest.fixture
async def intake(
    database_url: str,
    operator_key: Ed25519PrivateKey,
    operator_public_key: str,
    tmp_path: Path,
) -> AsyncIterator[Intake]:
    await asyncio.to_thread(make_tables, "intake", database_url)
    settings = IntakeSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        payload_dir=tmp_path,
        webhook_insecure=True,
        webhook_seconds=2.0,
        requests_burst=10_000,
    )
    intake = Intake(build(settings), settings, operator_key)
    yield intake
    for client in intake.clients:
        await client.aclose()
    await intake.database.close()
