"""Digests and other side mails: taken up from intake and attribution, and sent; registrations' are taken up elsewhere.

They have a small sender of their own, and share with the notifications' one what a mail is handed over by, what an
answer means, and how often it is tried again. That one is made for hundreds of mails a second: it claims in the
transaction that records, by urgency and incident, and bounds what is in doubt by its connections. A digest in between
would take a place from a warning; there are a few of these a day.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from libs.common import faults
from libs.common.contracts import ClaimToConfirm, DigestDue, Event
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.metrics import CLAIM_MAILS, DIGESTS, REGISTRATION_MAILS
from libs.common.retry import Backoff
from libs.common.shutdown import Shutdown
from services.notifier.domain.digests.digest import (
    FINAL,
    AnySideMail,
    ClaimMail,
    Digest,
    RegistrationMail,
    RegistrationNews,
    WantedDigests,
)
from services.notifier.domain.notification import Attempt, State
from services.notifier.domain.outcome import change_after
from services.notifier.domain.planning import SuppressionList
from services.notifier.domain.registrations.following import silences_a_question
from services.notifier.domain.replies import Patience, Released, Result, RetryPolicy, after_loss
from services.notifier.gateway.relay import Relay, RelayAway, RelayRefusesUs
from services.notifier.handlers.registration_mails import OVERTAKEN, as_things_stand
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sending import bury_dead_addresses, hand_over
from services.notifier.store import claim_mails, digests, orders

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0
RELAY_PAUSE_LONGEST_SECONDS = 60.0
LOG_IN_PAUSE_SECONDS = 900.0
EVERY_INCIDENT = ""
EXPIRED = "expired"

COUNTERS = {
    Digest: DIGESTS,
    ClaimMail: CLAIM_MAILS,
    RegistrationMail: REGISTRATION_MAILS,
    RegistrationNews: REGISTRATION_MAILS,
}


async def take_up_digests(events: Sequence[DigestDue], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Keep what is to be mailed; one that comes again changes nothing."""
    unique = {event.digest_id: event for event in events}
    added = await digests.add_digests(tx, list(unique.values()), now=now)
    tx.after_commit(partial(DIGESTS.labels(State.QUEUED).inc, added))
    return ()


async def take_up_claims(events: Sequence[ClaimToConfirm], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Keep what is to be mailed; one that comes again changes nothing."""
    unique = {event.request_id: event for event in events}
    added = await claim_mails.add_claims(tx, list(unique.values()), now=now)
    tx.after_commit(partial(CLAIM_MAILS.labels(State.QUEUED).inc, added))
    return ()


async def claim(tx: Transaction, *, now: datetime, lease: timedelta) -> AnySideMail | None:
    """Take one that may go out now. Committed before it leaves: intent before act.

    What is addressed to somebody whom we don't write to is taken back instead, and so is what is too old or overtaken.
    """
    while (due := await digests.due_digest(tx, now=now)) is not None:
        reason = await _reason_against(tx, due, now=now)
        if reason is None:
            return await digests.claim_digest(tx, due.id, now=now, lease_until=now + lease)
        await digests.cancel_digest(tx, due.id, reason=reason)
        await _close(tx, due, State.CANCELLED)
    return None


async def _reason_against(tx: Transaction, mail: AnySideMail, *, now: datetime) -> str | None:
    """Why it must not go out any more, if it mustn't. News is brought up to date first."""
    if isinstance(mail, RegistrationNews):
        current = await as_things_stand(tx, mail, now=now)
        if current is None:
            return OVERTAKEN
        mail = current
    recipient_key = mail.email.lower()
    standing = await orders.suppressions_of(tx, [(recipient_key, mail.organisation_id)], now=now)
    if isinstance(mail, RegistrationMail):
        standing = [each for each in standing if silences_a_question(each, recipient_key)]
    suppression = SuppressionList(standing).covering(recipient_key, EVERY_INCIDENT, mail.organisation_id)
    if suppression is not None:
        return suppression.reason
    return EXPIRED if mail.expires_at is not None and now >= mail.expires_at else None


async def doubt_lost(tx: Transaction, *, now: datetime) -> None:
    """Find those whose sender died: each goes out once more, marked, or fails when that happened before."""
    detail = "the notifier stopped before the relay's answer was stored"
    for lost in await digests.lost_digests(tx, now=now):
        await record(tx, lost, after_loss(lost.doubts, detail=detail, next_attempt_at=now), subject=None, now=now)


async def deliver(
    mail: AnySideMail, *, scribe: Scribe, relay: Relay, policy: RetryPolicy, now: datetime
) -> tuple[Result, str | None]:
    """What came of handing it over, and the subject it had. Raises `RelayAway` when nothing was tried."""
    patience = Patience(tries=mail.tries, doubts=mail.doubts, queued_at=mail.created_at)
    write = partial(scribe.write_beside, mail, now=now)
    return await hand_over(write, relay=relay, patience=patience, policy=policy, now=now)


async def record(tx: Transaction, mail: AnySideMail, result: Result, *, subject: str | None, now: datetime) -> None:
    """Store what became of it, unless another sender has taken it over. Nothing is said of it to other services."""
    change = change_after(result, of=mail.id, attempt=mail.tries, subject=subject, now=now)
    if await digests.record_change(tx, change, now=now):
        await bury_dead_addresses(tx, [(mail.email.lower(), result)], now=now)
        await _close(tx, mail, change.state)


async def _close(tx: Transaction, mail: AnySideMail, state: State) -> None:
    """Count it, and forget what nobody may know once it is over."""
    if isinstance(mail, ClaimMail) and state in FINAL:
        await claim_mails.forget_code(tx, mail)
    tx.after_commit(partial(COUNTERS[type(mail)].labels(state).inc, 1))


class DigestSender:
    """Sends what is due, one after the other, as long as the service does. Replicas never take the same one."""

    def __init__(
        self, *, database: Database, relay: Relay, scribe: Scribe, policy: RetryPolicy, lease: timedelta
    ) -> None:
        self._database = database
        self._relay = relay
        self._scribe = scribe
        self._policy = policy
        self._lease = lease
        self._relay_pauses = Backoff(shortest_seconds=PAUSE_SECONDS, longest_seconds=RELAY_PAUSE_LONGEST_SECONDS)
        self._database_pauses = Backoff(longest_seconds=2.0)

    async def run(self, shutdown: Shutdown) -> None:
        """Until shutdown, and then until the answer to what was claimed is stored."""
        try:
            while not shutdown.requested:
                try:
                    pause_seconds = await self.turn()
                except Transient as error:
                    log.warning("digests wait", reason=str(error))
                    pause_seconds = PAUSE_SECONDS
                await shutdown.wait(pause_seconds)
        finally:
            await self._relay.close()

    async def turn(self) -> float:
        """Send one, if one is due; how many seconds may pass before the next."""
        async with self._database.transaction() as tx:
            now = self._database.now()
            await doubt_lost(tx, now=now)
            claimed = await claim(tx, now=now, lease=self._lease)
        if claimed is None:
            return PAUSE_SECONDS
        await faults.reach(faults.Point.CLAIM_COMMITTED)
        try:
            result, subject = await deliver(
                claimed, scribe=self._scribe, relay=self._relay, policy=self._policy, now=self._database.now()
            )
        except RelayAway as error:
            await self._keep(claimed, Released(str(error)), None)
            # Whoever tries to log in again and again is locked out.
            return LOG_IN_PAUSE_SECONDS if isinstance(error, RelayRefusesUs) else self._relay_pauses.next_seconds()
        self._relay_pauses.reset()
        await self._keep(claimed, result, subject)
        return 0.0

    async def _keep(self, claimed: AnySideMail, result: Result, subject: str | None) -> None:
        """An answer that the database does not take now is kept: only the end of the process gives it up."""
        while True:
            try:
                async with self._database.transaction() as tx:
                    await record(tx, claimed, result, subject=subject, now=self._database.now())
            except Transient as error:
                log.warning("the answer to a digest waits", digest=str(claimed.id), reason=str(error))
                await asyncio.sleep(self._database_pauses.next_seconds())
            else:
                self._database_pauses.reset()
                log.info("digest tried", digest=str(claimed.id), result=type(result).__name__.lower())
                return


async def newest_digests(
    tx: Transaction, wanted: WantedDigests, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Digest]:
    """A page of them, newest first."""
    return await digests.newest_digests(tx, wanted, before=before, limit=limit)


async def digest_with_id(tx: Transaction, digest_id: UUID) -> Digest | None:
    return await digests.digest_with_id(tx, digest_id)


async def attempts_at(tx: Transaction, mail: AnySideMail) -> list[Attempt]:
    """Every try, oldest first."""
    return await digests.attempts_at(tx, mail.id)


async def newest_claim_mails(
    tx: Transaction, state: State | None, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[ClaimMail]:
    """A page of them, newest first."""
    return await claim_mails.newest_claim_mails(tx, state, before=before, limit=limit)


async def claim_mail_with_id(tx: Transaction, request_id: UUID) -> ClaimMail | None:
    return await claim_mails.claim_mail_with_id(tx, request_id)
