"""The sender: keeps as many mails under way as there are connections, and claims another for each that is answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from libs.common import faults
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import (
    DRY_RUN,
    MAIL_SECONDS,
    MAILS_REFUSED_FOR_US,
    NOTIFICATIONS,
    NOTIFICATIONS_IN_DOUBT,
    RECORD_TO_MAIL_SECONDS,
)
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown
from libs.common.simulator import is_simulated
from libs.common.vocabulary import NotificationKind
from services.notifier.domain.amount.policy import FREE, AmountPolicy
from services.notifier.domain.lanes import Lanes
from services.notifier.domain.meanings import Meaning
from services.notifier.domain.notification import Brake, Consignment, Notification
from services.notifier.domain.outcome import BY, change_of
from services.notifier.domain.planning import domain_of
from services.notifier.domain.refusals import Refusals, Refusing
from services.notifier.domain.replies import Failed, InDoubt, Released, RetryPolicy, Sent
from services.notifier.gateway.relay import Relay, RelayAway, RelayRefusesUs
from services.notifier.handlers.commands import set_brake
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sealing import Sealer
from services.notifier.handlers.sending import TARGETS_AT_ONCE, Delivered, claim, deliver, doubt_lost, record

log = structlog.get_logger(__name__)

RELAY_PAUSE_LONGEST_SECONDS = 60.0
LOG_IN_PAUSE_LONGEST_SECONDS = 900.0
LOOK_FOR_LOST_SECONDS = 1.0
REFUSED_FOR_US = "One mail after another was refused for policy or spam: see the attempts of those that failed"
COLLECTING_SECONDS = 0.01
"""A first answer waits so long for others: a transaction costs the database a millisecond, whatever is in it."""


class SenderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, and how long. The lease outlives every time limit of one dialogue with the relay.

    No more mails than `connections` are claimed and not recorded, so no more can be in doubt after a crash. A mail that
    is claimed but not begun within `start` goes back: an engaged brake takes effect within that time. Of the
    connections, at most `per_domain` are for recipients of one domain. A domain that refuses so many mails in a row
    because of us as `refusals` says gets a brake of its own.
    """

    connections: int
    start: timedelta
    lease: timedelta
    pause_seconds: float
    per_domain: int = 200
    refusals: int = 10
    is_dry: bool = False
    amounts: AmountPolicy = FREE


class Sender:
    """Sends what may be sent. One transaction records the answers that have come and claims as many mails anew.

    `news` wakes it: a mail was queued, or the relay has answered.
    """

    def __init__(
        self,
        *,
        database: Database,
        relay: Relay,
        scribe: Scribe,
        policy: RetryPolicy,
        limits: SenderLimits,
        news: asyncio.Event,
        sealer: Sealer | None = None,
    ) -> None:
        self._database = database
        self._relay = relay
        self._sealer = sealer
        self._scribe = scribe
        self._policy = policy
        self._limits = limits
        self._news = news
        self._held: dict[UUID, Consignment] = {}
        self._answered: list[Delivered] = []
        self._trouble: RelayAway | None = None
        self._refusals = Refusals(limits.refusals)
        self._relay_backoff = Backoff(shortest_seconds=0.5, longest_seconds=RELAY_PAUSE_LONGEST_SECONDS)
        self._database_backoff = Backoff(longest_seconds=2.0)
        self._log_in_backoff = Backoff(shortest_seconds=30.0, longest_seconds=LOG_IN_PAUSE_LONGEST_SECONDS)
        self._looked_for_lost_at = float("-inf")
        DRY_RUN.set(limits.is_dry)

    @property
    def under_way(self) -> Sequence[Notification]:
        """Claimed, and not answered by the relay."""
        answered = {item.consignment.notification.id for item in self._answered}
        return [held.notification for key, held in self._held.items() if key not in answered]

    async def check(self) -> str | None:
        """Raise `Transient` while the relay is away; readiness shows it, and whether this is a dry run."""
        if self._trouble is not None:
            raise Transient(str(self._trouble))
        return "dry run, no mail leaves" if self._limits.is_dry else None

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown, and then until what was claimed is sent and recorded."""
        try:
            async with asyncio.TaskGroup() as mails:
                while not shutdown.requested:
                    await self._turn(mails, room=self._room())
                    await self._rest(shutdown)
                while self._held:
                    await self._turn(mails, room=0)
                    if self._held:
                        await self._news.wait()
        finally:
            await self._relay.close()

    def _room(self) -> int:
        """How many mails may be claimed, once the answers that have come are recorded.

        While the relay is away one at a time tries whether it is back.
        """
        if self._trouble is not None:
            return 0 if self._held else 1
        under_way = self.under_way
        if sum(notification.targets_total for notification in under_way) >= TARGETS_AT_ONCE:
            return 0
        if self._answered and self._targets_held >= 2 * TARGETS_AT_ONCE:
            # What is answered is let go of before as much is taken up.
            return 0
        return self._limits.connections - len(under_way)

    @property
    def _targets_held(self) -> int:
        return sum(len(part.targets) for held in self._held.values() for part in (held, *held.companions))

    async def _rest(self, shutdown: Shutdown) -> None:
        if self._trouble is not None and not self._held:
            log.warning("the relay is away", reason=str(self._trouble))
            # Whoever tries to log in again and again is locked out.
            is_unwelcome = isinstance(self._trouble, RelayRefusesUs)
            backoff = self._log_in_backoff if is_unwelcome else self._relay_backoff
            await shutdown.wait(backoff.next_seconds())
        else:
            await shutdown.wait_or(self._news, self._limits.pause_seconds)
        if 0 < len(self._answered) < len(self._held) / 2:
            await asyncio.sleep(COLLECTING_SECONDS)

    async def _turn(self, mails: asyncio.TaskGroup, *, room: int) -> None:
        """Record and claim, if there is something to record or room to claim; then send what was claimed."""
        self._news.clear()
        if not self._answered and not room:
            return
        try:
            claimed = await self._exchange(room)
        except Transient as error:
            log.warning("sending waits", reason=str(error), answers=len(self._answered))
            await asyncio.sleep(self._database_backoff.next_seconds())
            self._news.set()
            return
        self._database_backoff.reset()
        start_by = time.monotonic() + self._limits.start.total_seconds()
        if claimed:
            await faults.reach(faults.Point.CLAIM_COMMITTED)
        for consignment in claimed:
            mails.create_task(self._send(consignment, start_by))

    async def _exchange(self, room: int) -> Sequence[Consignment]:
        """Answers that the database does not take now are kept: only the end of the process gives them up."""
        answered, self._answered = self._answered, []
        refusing = self._refusals.too_many
        now = self._database.now()
        try:
            async with self._database.transaction() as tx:
                await record(tx, answered, now=now)
                await _engage_brakes(tx, refusing, now=now)
                if answered:
                    await faults.reach(faults.Point.ANSWERS_WRITTEN)
                lost = await self._doubt_lost(tx, now=now)
                claimed = await claim(
                    tx,
                    now=now,
                    lease=self._limits.lease,
                    limit=room,
                    lanes=self._lanes(),
                    amounts=self._limits.amounts,
                )
                if claimed:
                    await faults.reach(faults.Point.CLAIM_MADE)
        except Transient:
            self._answered = answered + self._answered
            raise
        self._refusals.forget(refusing)
        for item in answered:
            del self._held[item.consignment.notification.id]
        self._held |= {consignment.notification.id: consignment for consignment in claimed}
        _count((*answered, *lost), now=now)
        if answered:
            log.info("sent", mails=sum(isinstance(item.result, Sent) for item in answered), tried=len(answered))
            await faults.reach(faults.Point.ANSWERS_COMMITTED)
        return claimed

    def _lanes(self) -> Lanes:
        """What the recipients' domains have room for, once the answers that have come are recorded."""
        return Lanes(self._limits.per_domain, Counter(domain_of(each.recipient.key) for each in self.under_way))

    async def _doubt_lost(self, tx: Transaction, *, now: datetime) -> Sequence[Delivered]:
        if time.monotonic() - self._looked_for_lost_at < LOOK_FOR_LOST_SECONDS:
            return ()
        held = [part.notification.id for mail in self._held.values() for part in mail.parts]
        lost = await doubt_lost(tx, now=now, limit=self._limits.connections, held=held)
        self._looked_for_lost_at = time.monotonic()
        return lost

    async def _send(self, consignment: Consignment, start_by: float) -> None:
        delivered = await self._deliver(consignment, start_by)
        self._refusals.heed(domain_of(consignment.notification.recipient.key), delivered.result)
        # Only now: the list is another one after each exchange.
        self._answered.append(delivered)
        self._news.set()

    async def _deliver(self, consignment: Consignment, start_by: float) -> Delivered:
        if time.monotonic() > start_by:
            return Delivered(consignment, Released("not begun in time"))
        relay = self._sealer.before(self._relay, consignment) if self._sealer else self._relay
        try:
            with MAIL_SECONDS.time():
                delivered = await deliver(
                    consignment, scribe=self._scribe, relay=relay, policy=self._policy, now=self._database.now()
                )
        except RelayAway as error:
            self._trouble = error
            return Delivered(consignment, Released(str(error)))
        except Transient as error:
            log.warning("a mail waits, how it is sealed can't be kept", reason=str(error))
            return Delivered(consignment, Released(str(error)))
        if not isinstance(delivered.result, Released) and not is_simulated(consignment.notification.recipient.email):
            self._trouble = None
            self._relay_backoff.reset()
            self._log_in_backoff.reset()
        return delivered


async def _engage_brakes(tx: Transaction, refusing: Sequence[Refusing], *, now: datetime) -> None:
    """Write no more where one mail after another is refused because of us, until a person has looked."""
    for scope, value in refusing:
        log.error("mails are refused because of us, the brake is engaged", scope=scope, value=value)
        brake = Brake(scope=scope, value=value, engaged=True, reason=REFUSED_FOR_US, changed_at=now, changed_by=BY)
        await set_brake(tx, brake)


def _count(delivered: Sequence[Delivered], *, now: datetime) -> None:
    for item in (part for mail in delivered for part in mail.parts):
        NOTIFICATIONS.labels(change_of(item.consignment, item.result, subject=None, now=now).state).inc()
        if isinstance(item.result, InDoubt):
            NOTIFICATIONS_IN_DOUBT.inc()
        if isinstance(item.result, Failed) and item.result.reason == Meaning.POLICY:
            MAILS_REFUSED_FOR_US.inc()
        is_warning = item.consignment.notification.kind is NotificationKind.WARNING
        if isinstance(item.result, Sent) and is_warning:
            for target in item.consignment.targets:
                RECORD_TO_MAIL_SECONDS.labels(target.severity).observe((now - target.received_at).total_seconds())
