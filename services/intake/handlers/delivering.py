"""Telling partners by their webhooks: claim what is due, sign and send it, record what came of it.

An event is told at least once: who dies between a receiver's yes and the record of it leaves a lease that ends, and
whoever takes over sends it once more under the same id. Many transactions, so this loop commits by itself.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import structlog

from libs.common import faults
from libs.common.db import Database, Transaction
from libs.common.errors import Fatal, Transient
from libs.common.ids import new_id
from libs.common.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_SECONDS, WEBHOOKS_DISABLED
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.intake.domain.submissions import Receipt
from services.intake.domain.webhooks.deliveries import (
    GONE,
    PATIENCE,
    PING,
    Answer,
    Attempted,
    Claimed,
    Delivery,
    Disabled,
    attempted,
)
from services.intake.domain.webhooks.signatures import signed_headers
from services.intake.gateway.webhooks import WebhookDoor
from services.intake.handlers.receipts import receipts_of
from services.intake.store.webhooks import sending

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
AT_ONCE = 8
"""Deliveries under way to one webhook, for each replica."""

COUNT_SECONDS = 30.0

Write = Callable[[Delivery, Receipt | None], bytes]
"""The body of an event, from the receipt as it stands at this moment; a ping has none."""


class Courier:
    """Attempts claimed deliveries, and records what each came to."""

    def __init__(self, database: Database, door: WebhookDoor, *, write: Write) -> None:
        self._database = database
        self._door = door
        self._write = write

    async def attempt(self, claimed: Sequence[Claimed]) -> None:
        """All at once, to one webhook; recorded in one transaction."""
        receipts = await self._receipts(claimed)
        answers = await asyncio.gather(*(self._send(each, receipts) for each in claimed))
        await faults.reach(faults.Point.WEBHOOK_ANSWERED)
        now = self._database.now()
        attempts = [
            attempted(each, answer, now=now, chance=random.random())  # noqa: S311 - jitter, not a secret
            for each, answer in zip(claimed, answers, strict=True)
        ]
        async with self._database.transaction() as tx:
            await sending.hold(tx, claimed[0].delivery.partner_id)
            await sending.record(tx, attempts)
            await _look_after(tx, attempts, now=now)
        for result, count in Counter(each.state.value for each in attempts).items():
            WEBHOOK_ATTEMPTS.labels(result).inc(count)

    async def _receipts(self, claimed: Sequence[Claimed]) -> dict[UUID, Receipt]:
        wanted = [each.delivery.submission_id for each in claimed if each.delivery.submission_id]
        async with self._database.transaction() as tx:
            return await receipts_of(tx, wanted)

    async def _send(self, claimed: Claimed, receipts: dict[UUID, Receipt]) -> Answer:
        delivery = claimed.delivery
        receipt = receipts[delivery.submission_id] if delivery.submission_id else None
        body = self._write(delivery, receipt)
        headers = signed_headers(str(delivery.id), body, secrets=claimed.secrets, at=self._database.now())
        with WEBHOOK_SECONDS.time():
            return await self._door.post(claimed.url, headers=headers, body=body)


async def _look_after(tx: Transaction, attempts: Sequence[Attempted], *, now: datetime) -> None:
    """How the webhook does: one that has said nothing but no for days, or that it is gone, is disabled."""
    partner_id = attempts[0].claimed.delivery.partner_id
    if any(each.answer.is_yes for each in attempts):
        await sending.succeeded(tx, partner_id, now=now)
        return
    events = [each for each in attempts if each.claimed.delivery.event != PING]
    if not events:
        return
    failing_since = await sending.failed(tx, partner_id, now=now)
    is_gone = any(each.answer.status == GONE for each in events)
    if is_gone or failing_since <= now - PATIENCE:
        reason = Disabled.GONE if is_gone else Disabled.FAILING
        if await sending.disable(tx, partner_id, reason=reason):
            log.warning("a webhook was disabled", partner=str(partner_id), reason=reason.value)


class Delivering:
    """As long as the service runs: a round for each webhook that has something due, each in a task of its own.

    So a receiver that takes its time holds up nobody else's.
    """

    def __init__(self, database: Database, courier: Courier, *, lease: timedelta) -> None:
        self._database = database
        self._courier = courier
        self._lease = lease
        self._rounds: dict[UUID, asyncio.Task[None]] = {}
        self._free = asyncio.Event()

    async def run(self, shutdown: Shutdown) -> None:
        try:
            await go_round(
                self._look, shutdown, in_trouble="webhooks wait", pause_seconds=IDLE_SECONDS, news=self._free
            )
            if self._rounds:
                await asyncio.wait(self._rounds.values())
                self._end_rounds()
        finally:
            for round_ in self._rounds.values():
                round_.cancel()

    async def _look(self) -> None:
        self._end_rounds()
        await self._begin_rounds()

    async def _begin_rounds(self) -> None:
        now = self._database.now()
        async with self._database.transaction() as tx:
            claimed = await sending.claim(
                tx, lease=new_id(), now=now, until=now + self._lease, limit_each=AT_ONCE, busy=self._rounds
            )
        by_partner = sorted(claimed, key=_partner)
        for partner_id, own in groupby(by_partner, key=_partner):
            round_ = asyncio.create_task(self._courier.attempt(list(own)))
            round_.add_done_callback(lambda _: self._free.set())
            self._rounds[partner_id] = round_

    def _end_rounds(self) -> None:
        for partner_id in [partner_id for partner_id, round_ in self._rounds.items() if round_.done()]:
            error = self._rounds.pop(partner_id).exception()
            if isinstance(error, Fatal):
                raise error
            if isinstance(error, Transient):
                log.warning("what became of an event was not recorded; it is sent again", reason=str(error))
            elif error is not None:
                log.error("an event could not be sent", partner=str(partner_id), exc_info=error)


def _partner(claimed: Claimed) -> UUID:
    return claimed.delivery.partner_id


class DisabledCount:
    """How many webhooks have been given up, as a metric: their partners learn nothing until somebody tells them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, shutdown: Shutdown) -> None:
        in_trouble = "disabled webhooks were not counted"
        await go_round(self._count, shutdown, in_trouble=in_trouble, pause_seconds=COUNT_SECONDS)

    async def _count(self) -> None:
        async with self._database.transaction() as tx:
            WEBHOOKS_DISABLED.set(await sending.disabled_by_failure(tx))
