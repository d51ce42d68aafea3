"""Digests: what a partner wants, and the making of one when its period is over."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

import structlog

from libs.common.contracts import DigestDue
from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, Transient
from libs.common.metrics import DIGESTS_DUE
from libs.common.outbox import enqueue
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import DigestCadence, Language
from services.intake.domain.digests.periods import Period, last_end, next_end, period_until
from services.intake.domain.digests.summing import Standing, digest_of
from services.intake.domain.partners import Partner
from services.intake.store import digests, partners
from services.intake.store.digest_fates import fates_of
from services.intake.store.digests import Done
from services.intake.store.webhooks import registered

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
SETTLING = timedelta(minutes=5)
"""After the end of a period, so that what was being kept at that moment can be read."""

PASSED_OVER_SECONDS = 600.0
"""A partner whose digest could not be made is tried again after that, and holds up no other meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What making digests takes. `public_url` is where partners reach intake; empty: nobody has said."""

    database: Database
    hour: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What a partner wants, and the last period that is done."""

    partner: Partner
    last: Done | None


class NoDigest(Enum):
    """Why none is made at once."""

    NO_PARTNER = auto()
    NOT_WANTED = auto()
    NOTHING_TO_TELL = auto()


async def subscription_of(tx: Transaction, partner_id: UUID) -> Subscribed | None:
    """None if there is no such partner."""
    partner = await partners.partner(tx, partner_id)
    return Subscribed(partner, await digests.last_done(tx, partner_id)) if partner else None


async def subscribe(
    tx: Transaction, office: Office, partner_id: UUID, *, cadence: DigestCadence, language: Language | None = None
) -> Subscribed | None:
    """Let the next digest come when the period that runs now ends; none at all with `NONE`. None: no such partner."""
    changes: dict[str, object] = {"digest": cadence.value}
    if language is not None:
        changes["digest_language"] = language.value
    await partners.change_partner(tx, partner_id, timed(changes, office))
    return await subscription_of(tx, partner_id)


def timed(changes: dict[str, object], office: Office) -> dict[str, object]:
    """Changes of a partner, with the time of its next digest where they say how often it wants one."""
    if "digest" not in changes:
        return changes
    cadence = DigestCadence(str(changes["digest"]))
    return changes | {"digest_due_at": next_end(cadence, hour=office.hour, now=office.database.now())}


async def make_digest(tx: Transaction, office: Office, partner: Partner, *, until: datetime) -> DigestDue | None:
    """Tell of the period that ends then, and write down that it is done; None if there is nothing, or it was done.

    Whoever calls holds the partner.
    """
    now = office.database.now()
    last = await digests.last_done(tx, partner.id)
    period = period_until(until, cadence=partner.digest, told_until=last.until if last else None)
    if period is None:
        return None
    told = last.open_submissions if last else {}
    fates = await fates_of(tx, partner.id, period, told=told)
    digest = digest_of(
        partner,
        period,
        fates,
        reasons=await digests.reasons_of(tx, partner.id, period),
        standing=await _standing(tx, partner.id),
        public_url=office.public_url,
        now=now,
    )
    if not await digests.record_done(tx, partner.id, period, digest=digest, still_open=fates.still_open, now=now):
        return None
    await enqueue(tx, [digest] if digest else [])
    _tell(tx, partner, period, digest)
    return digest


async def _standing(tx: Transaction, partner_id: UUID) -> Standing:
    return Standing(keys=await partners.keys_of(tx, partner_id), webhook=await registered.webhook(tx, partner_id))


def _tell(tx: Transaction, partner: Partner, period: Period, digest: DigestDue | None) -> None:
    def tell() -> None:
        DIGESTS_DUE.labels("told" if digest else "empty").inc()
        log.info(
            "a period of a partner is done", partner=partner.slug, until=period.until.isoformat(), told=bool(digest)
        )

    tx.after_commit(tell)


async def make_now(office: Office, slug: str) -> DigestDue | NoDigest:
    """The digest of all that was not told yet, at once; the next one begins where it ends."""
    async with office.database.transaction() as tx:
        until = await digests.all_kept(tx)
    async with office.database.transaction() as tx:
        found = await partners.partner_of_slug(tx, slug)
        if found is None:
            return NoDigest.NO_PARTNER
        await digests.hold(tx, found.id)
        wanted = await partners.partner(tx, found.id)
        if wanted is None or not wanted.enabled or wanted.digest is DigestCadence.NONE:
            return NoDigest.NOT_WANTED
        return await make_digest(tx, office, wanted, until=until) or NoDigest.NOTHING_TO_TELL


class Digests:
    """Makes what is due, one partner at a time, as long as the service does. Replicas share the work."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._passed_over: dict[UUID, float] = {}

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(
            self.make_next,
            shutdown,
            in_trouble="digests wait",
            pause_seconds=LOOK_SECONDS,
            troubles=(Transient, Permanent),
        )

    async def make_next(self) -> bool:
        """Whether there was one to make. What can't be made is passed over for a while."""
        database, taken = self._office.database, None
        self._forget_old()
        try:
            async with database.transaction() as tx:
                now = database.now() - SETTLING
                taken = await digests.take_due(tx, now=now, passed_over=self._passed_over)
                if taken is not None:
                    await self._make(tx, taken, now=now)
        except (Transient, Permanent):
            if taken is None:
                raise
            log.exception("a digest could not be made", partner=str(taken))
            self._passed_over[taken] = time.monotonic() + PASSED_OVER_SECONDS
        return taken is not None

    async def _make(self, tx: Transaction, partner_id: UUID, *, now: datetime) -> None:
        partner = await partners.partner(tx, partner_id)
        if partner is None:
            return
        until = last_end(partner.digest, hour=self._office.hour, now=now)
        await make_digest(tx, self._office, partner, until=until)
        await digests.set_due(tx, partner_id, due_at=next_end(partner.digest, hour=self._office.hour, now=now))

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._passed_over = {partner_id: until for partner_id, until in self._passed_over.items() if until > now}
