"""A payload that is on the disk becomes a submission, unless it is one that we have already."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from libs.common import faults
from libs.common.db import Transaction
from libs.common.errors import Permanent, Transient
from libs.common.ids import new_id
from services.intake.domain.hints import Hints
from services.intake.domain.partners import Partner
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.submissions import Receipt, Status, Submission, Tally, Violation
from services.intake.handlers.means import Means
from services.intake.handlers.processing import (
    count_records,
    finish,
    lease_end,
    publish_slice,
    release,
    store_slice,
)
from services.intake.handlers.receipts import receipt_of
from services.intake.store import claims, submissions

Keep = Callable[[Transaction], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a partner asks for. `takes_context` is for clients that send objects one by one, also such as only explain
    others: a payload without any record is no mistake then. `test_mails_to` is that of the key, if it is for tests.
    """

    partner: Partner
    hints: Hints
    idempotency_key: str | None
    dry_run: bool
    traceparent: str
    takes_context: bool = False
    test_mails_to: str | None = None


class Taken(Enum):
    """How a push was taken."""

    READ = auto()
    STORED = auto()
    REPLAYED = auto()
    TRIED = auto()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A push with its receipt."""

    receipt: Receipt
    taken: Taken


@dataclass(frozen=True, slots=True)
class Refused:
    """A push of which nothing was kept, and what was wrong with it."""

    error: PayloadError
    errors: tuple[Violation, ...] = ()


async def accept_unread(submission: Submission, begun: Tally, push: Push, *, means: Means) -> Accepted | Refused:
    """Keep a submission that whoever is free will read, of which `begun` is known so far."""
    return await _accept(submission, push, Taken.STORED, records=begun.accepted, means=means)


async def accept_context(submission: Submission, push: Push, *, means: Means) -> Accepted | Refused:
    """Keep a submission that was read and has no records."""
    return await _accept(replace(submission, status=Status.DONE), push, Taken.READ, records=0, means=means)


async def _accept(
    submission: Submission, push: Push, taken: Taken, *, records: int, means: Means
) -> Accepted | Refused:
    async def keep(tx: Transaction) -> None:
        await submissions.add(tx, submission)

    answered = await _kept(submission, push, keep, records=records, means=means)
    return answered or Accepted(Receipt(submission=submission, counts={}), taken)


async def accept_read(
    submission: Submission, records: Sequence[Record], tally: Tally, push: Push, *, means: Means
) -> Accepted | Refused:
    """Keep a submission with all of its records, and publish them."""
    submission = replace(
        submission,
        stored_through=records[-1].record,
        errors=tally.errors,
        warnings=tally.warnings,
        lease=new_id(),
    )

    async def keep(tx: Transaction) -> None:
        until = lease_end(means, means.database.now())
        await submissions.add(tx, submission, until=until)
        await store_slice(tx, submission, records)

    answered = await _kept(submission, push, keep, records=tally.accepted, means=means)
    if answered is not None:
        return answered
    count_records(submission, records)
    return await _publish(submission, records, tally, means=means)


async def _kept(
    submission: Submission, push: Push, keep: Keep, *, records: int, means: Means
) -> Accepted | Refused | None:
    """Keep what is the first of its kind and within the quota; else there is an answer, and nothing is left of it.

    What is refused by the quota loses its claim with the transaction, so that it can be sent again tomorrow.
    """
    answer: Accepted | Refused | None
    try:
        async with means.database.transaction() as tx:
            answer = await _earlier(tx, submission, push, means=means)
            if answer is None:
                await means.quotas.require_room(tx, push.partner, records=records, now=submission.received_at)
                await keep(tx)
    except PayloadError as error:
        answer = Refused(error)
    await faults.reach(faults.Point.SUBMISSION_STORED)
    if answer is not None:
        means.payloads.remove(submission.id)
    return answer


async def _publish(submission: Submission, records: Sequence[Record], tally: Tally, *, means: Means) -> Accepted:
    """Publish before the answer; where the broker is away or refuses, the answer does not wait for it."""
    taken = Taken.READ
    try:
        async with asyncio.timeout(means.bounds.publish_wait_seconds):
            submission = await publish_slice(submission, records, means=means)
            submission = await finish(submission, tally, error=None, means=means)
    except (Transient, Permanent, TimeoutError):
        taken = Taken.STORED
        with suppress(Transient):
            await release(submission, means=means)
    return Accepted(Receipt(submission=submission, counts=tally.counts), taken)


async def _earlier(tx: Transaction, submission: Submission, push: Push, *, means: Means) -> Accepted | Refused | None:
    """The answer to a push that is not the first of its kind; None for the first, whose claim holds from now on."""
    first = await _claim(tx, submission, push, means=means)
    if first is None:
        return None
    receipt = await receipt_of(tx, first.submission_id)
    if receipt is None or first.fingerprint != submission.fingerprint:
        message = "this Idempotency-Key came with another payload before; a new payload needs a new key"
        return Refused(PayloadError(422, "idempotency-key-reused", message))
    return Accepted(receipt, Taken.REPLAYED)


async def _claim(tx: Transaction, submission: Submission, push: Push, *, means: Means) -> claims.Claim | None:
    """Who pushed this first, if it was not us. A key counts for ever, a bare payload for a day or what is set."""
    expired_before = submission.received_at - timedelta(hours=means.bounds.repeat_window_hours)
    if push.idempotency_key is None:
        return await claims.claim_payload(tx, submission, expired_before=expired_before)
    first = await claims.claim_key(tx, push.idempotency_key, submission)
    if first is None:
        await claims.claim_payload(tx, submission, expired_before=expired_before)
    return first
