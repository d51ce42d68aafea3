"""Webhooks as their partners keep them: where one leads, its secret, a ping to try it, and what was sent."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.db import Database, Transaction
from libs.common.ids import new_id
from services.intake.domain.rates import Bucket, Rate, take
from services.intake.domain.webhooks.deliveries import PATIENCE, PING, Delivery, Disabled, State, Webhook
from services.intake.domain.webhooks.signatures import SECRET_BYTES
from services.intake.domain.webhooks.targets import Refusal
from services.intake.gateway.webhooks import WebhookDoor
from services.intake.handlers.delivering import Courier
from services.intake.store import partners
from services.intake.store.webhooks import registered, sending

BOTH_SECRETS_FOR = timedelta(hours=24)
"""How long the old secret signs beside a new one."""

PING_LEASE = timedelta(minutes=2)
PINGS = Rate(burst=5, per_second=0.1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A webhook as it stands now; with its secret where that is new, which is shown this once."""

    webhook: Webhook
    secret: bytes | None = None


class PingLimits:
    """A bucket for each partner, in this process: whoever moves a webhook from place to place is no scanner of ours."""

    MAX_REMEMBERED = 10_000

    def __init__(self, rate: Rate = PINGS) -> None:
        self._rate = rate
        self._buckets: OrderedDict[UUID, Bucket] = OrderedDict()

    def take(self, partner_id: UUID) -> float:
        """Take one ping; the seconds to wait if there is none left, else 0."""
        taken = take(self._buckets.pop(partner_id, None), rate=self._rate, at=time.monotonic())
        self._buckets[partner_id] = taken.bucket
        if len(self._buckets) > self.MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        return taken.wait_seconds


@dataclass(frozen=True, slots=True)
class Office:
    """What keeping webhooks takes."""

    database: Database
    door: WebhookDoor
    courier: Courier
    pings: PingLimits = field(default_factory=PingLimits)


async def put(office: Office, partner_id: UUID, *, url: str) -> Kept | Sequence[Refusal] | None:
    """Set where a partner's webhook leads; one that was disabled starts afresh. None if there is no such partner."""
    database = office.database
    if refusals := await office.door.refusals(url):
        return refusals
    secret = secrets.token_bytes(SECRET_BYTES)
    async with database.transaction() as tx:
        if await partners.partner(tx, partner_id) is None:
            return None
        is_new = await registered.put(tx, partner_id, url=url, secret=secret, now=database.now())
        webhook = await registered.webhook(tx, partner_id)
    return Kept(webhook, secret if is_new else None) if webhook else None


async def webhook_of(tx: Transaction, partner_id: UUID) -> Webhook | None:
    return await registered.webhook(tx, partner_id)


async def disable(tx: Transaction, partner_id: UUID) -> Webhook | None:
    """Send nothing until it is set again; what waits is given up. None if there is none."""
    await sending.disable(tx, partner_id, reason=Disabled.ON_REQUEST)
    return await registered.webhook(tx, partner_id)


async def remove(tx: Transaction, partner_id: UUID) -> bool:
    """False if there is none. What was sent stays in the list; what waits is given up."""
    removed = await registered.remove(tx, partner_id)
    if removed:
        await sending.give_up_waiting(tx, partner_id)
    return removed


async def change_secret(tx: Transaction, partner_id: UUID, *, now: datetime) -> Kept | None:
    """A new secret beside the old one, which signs for a day more. None if there is no webhook."""
    secret = secrets.token_bytes(SECRET_BYTES)
    await registered.change_secret(tx, partner_id, secret=secret, previous_until=now + BOTH_SECRETS_FOR)
    webhook = await registered.webhook(tx, partner_id)
    return Kept(webhook, secret) if webhook else None


async def ping(office: Office, partner_id: UUID) -> Delivery | None:
    """Try it now, also while it is disabled; what came of it. None if there is no webhook."""
    database = office.database
    now = database.now()
    pinged = Delivery(
        id=new_id(),
        partner_id=partner_id,
        event=PING,
        submission_id=None,
        sequence=1,
        state=State.SENDING,
        attempts=1,
        created_at=now,
        due_at=now + PING_LEASE,
        give_up_at=now + PING_LEASE,
        attempted_at=now,
    )
    async with database.transaction() as tx:
        claimed = await sending.add_ping(tx, pinged, lease=new_id())
    if claimed is None:
        return None
    # Recorded also when whoever asked does not wait for the answer.
    await asyncio.shield(office.courier.attempt([claimed]))
    async with database.transaction() as tx:
        return await registered.delivery(tx, partner_id, pinged.id)


async def deliveries_before(
    tx: Transaction, partner_id: UUID, before: UUID, *, state: State | None, limit: int
) -> list[Delivery]:
    """The newest first."""
    return await registered.deliveries_before(tx, partner_id, before, state=state, limit=limit)


async def send_again(tx: Transaction, partner_id: UUID, delivery_id: UUID, *, now: datetime) -> Delivery | None:
    """Send what has ended once more, under its old id; what is on its way stays so. None if there is none."""
    await registered.send_again(tx, partner_id, delivery_id, now=now, give_up_at=now + PATIENCE)
    return await registered.delivery(tx, partner_id, delivery_id)
