"""Reading a payload to its end: a slice of records is parsed, stored with its progress, and published, then the next.

Rows are committed before their events leave. Whatever is interrupted begins again at the start of the payload, which
gives the same records and the same ids: what is stored is not stored again, and what may not have been published is
published once more. Many transactions, so this loop commits by itself, like the consumer's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from libs.common import faults
from libs.common.db import Transaction
from libs.common.errors import Fatal, Transient
from libs.common.ids import new_id
from libs.common.metrics import RECORDS_ACCEPTED, RECORDS_REJECTED
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.slices import Slice
from services.intake.domain.submissions import (
    Receipt,
    Status,
    Submission,
    Tally,
    Violation,
    events,
    refusal,
    rows,
    unreadable,
)
from services.intake.handlers.arrivals import note_arrival
from services.intake.handlers.means import Means
from services.intake.handlers.reading import contents_again, read_again, slices
from services.intake.store import records as record_rows
from services.intake.store import submissions
from services.intake.store.submissions import Order
from services.intake.store.webhooks import events as webhook_events

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.25
MAX_ATTEMPTS = 8
"""Without any progress, each with a longer lease: some ten minutes, as ten bad ones of ours are no payload's fault."""

GIVEN_UP = Violation(code="processing-failed", message="we could not process this payload; an operator looks at it")


class LeaseLost(Transient):
    """Another worker has the submission by now; whatever we would write is theirs to write."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(f"submission {submission.id} has gone to another worker")


class Processing:
    """Works on what is `processing`, one submission at a time, as long as the service runs."""

    def __init__(self, means: Means, *, order: Order, retry_max_seconds: float) -> None:
        self._means = means
        self._order = order
        self._retry_max_seconds = retry_max_seconds

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(
            partial(self._work_on_next, shutdown),
            shutdown,
            in_trouble="processing waits",
            pause_seconds=IDLE_SECONDS,
            longest_wait_seconds=self._retry_max_seconds,
        )

    async def _work_on_next(self, shutdown: Shutdown) -> bool:
        means = self._means
        now = means.database.now()
        async with means.database.transaction() as tx:
            submission = await submissions.take_next(
                tx, order=self._order, lease=new_id(), now=now, until=lease_end(means, now)
            )
        if submission is None:
            return False
        if submission.attempts > MAX_ATTEMPTS:
            await give_up(submission, means=means)
        else:
            await self._supervise(submission, shutdown)
        return True

    async def _supervise(self, submission: Submission, shutdown: Shutdown) -> None:
        """Work in a task of its own: a payload that brings our code to fall must not take the service with it."""
        work = asyncio.create_task(process(submission, means=self._means, shutdown=shutdown))
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()
        error = work.exception()
        if error is None:
            return
        if isinstance(error, Transient):
            await release(submission, means=self._means)
        if isinstance(error, Transient | Fatal):
            raise error
        log.error("a payload could not be processed", submission=str(submission.id), exc_info=error)
        await give_up(submission, means=self._means)


async def process(submission: Submission, *, means: Means, shutdown: Shutdown) -> None:
    """Take a leased submission to its end, or as far as it gets until shutdown."""
    tally = Tally(contents=await asyncio.to_thread(contents_again, submission, means=means))
    log.info(
        "processing", submission=str(submission.id), bytes=submission.size_bytes, resumes=submission.stored_through
    )
    records = read_again(submission, means=means, contents=tally.contents)
    async with aclosing(slices(records, size=means.bounds.slice_records)) as pieces:
        async for piece in pieces:
            await wait_for_room(submission, means=means, shutdown=shutdown)
            submission = await process_slice(submission, piece, tally, means=means)
            if shutdown.requested and not piece.is_last:
                await release(submission, means=means)
                return
    log.info("processed", submission=str(submission.id), accepted=tally.accepted, rejected=tally.rejected)


async def wait_for_room(submission: Submission, *, means: Means, shutdown: Shutdown) -> None:
    """Let the pipeline get through with what it has, and keep the lease meanwhile."""
    seconds = means.bounds.lease_seconds / 3
    while not (shutdown.requested or await means.pressure.wait_for_room(shutdown, at_most_seconds=seconds)):
        await renew(submission, means=means)


async def process_slice(submission: Submission, piece: Slice, tally: Tally, *, means: Means) -> Submission:
    """Store and publish what is new in a slice; with the last one the submission is done, or has failed."""
    new = [record for record in piece.records if record.record > submission.stored_through]
    tally.add(piece.records)
    if new:
        submission = replace(
            submission, stored_through=new[-1].record, errors=tally.errors, warnings=tally.warnings, attempts=1
        )
        async with means.database.transaction() as tx:
            await advance(tx, submission, means=means)
            await store_slice(tx, submission, new)
        await faults.reach(faults.Point.SLICE_STORED)
        count_records(submission, new)
    else:
        await renew(submission, means=means)
    submission = await publish_slice(submission, piece.records, means=means)
    if not piece.is_last:
        return submission
    return await finish(submission, tally, error=piece.refusal or unreadable(tally), means=means)


async def store_slice(tx: Transaction, submission: Submission, new: Sequence[Record]) -> None:
    """One row for each record, and the counts with them."""
    tally = Tally()
    tally.add(new)
    await record_rows.add(tx, submission.id, rows(new, at=submission.received_at))
    growth = {(submission.id, outcome): records for outcome, records in tally.counts.items() if records}
    await record_rows.grow_counts(tx, growth)


async def publish_slice(submission: Submission, records: Sequence[Record], *, means: Means) -> Submission:
    """Publish what may not have been published yet; that it has been is written with the next slice."""
    unpublished = [record for record in records if record.record > submission.published_through]
    if not unpublished:
        return submission
    await means.publisher.publish(events(submission, unpublished))
    means.pressure.added(len(unpublished))
    await faults.reach(faults.Point.SLICE_PUBLISHED)
    return replace(submission, published_through=unpublished[-1].record)


async def finish(submission: Submission, tally: Tally, *, error: PayloadError | None, means: Means) -> Submission:
    """Write the end: `done`, or `failed` with the reason. Records accepted before a failure stay accepted."""
    status = Status.FAILED if error else Status.DONE
    errors = (refusal(error), *submission.errors) if error else submission.errors
    finished = replace(submission, status=status, errors=errors)
    async with means.database.transaction() as tx:
        await advance(tx, finished, means=means)
        await note_arrival(tx, finished, tally)
        await webhook_events.announce_finished(tx, finished.id, now=means.database.now())
    await faults.reach(faults.Point.SUBMISSION_FINISHED)
    return finished


async def advance(tx: Transaction, submission: Submission, *, means: Means) -> None:
    until = lease_end(means, means.database.now())
    if not await submissions.advance(tx, submission, until=until):
        raise LeaseLost(submission)


async def renew(submission: Submission, *, means: Means) -> None:
    """Keep the lease while we read past what is stored already, which can take longer than the lease lasts."""
    now = means.database.now()
    async with means.database.transaction() as tx:
        if not await submissions.renew(tx, submission, now=now, until=lease_end(means, now)):
            raise LeaseLost(submission)


async def release(submission: Submission, *, means: Means) -> None:
    async with means.database.transaction() as tx:
        await submissions.release(tx, submission)


async def give_up(submission: Submission, *, means: Means) -> None:
    """A payload that we fail at again and again: what nobody behind us has heard of waits for a person.

    As of when it was received: what a service behind us says of a record has the last word, since some may have been
    published of which we don't know.
    """
    async with means.database.transaction() as tx:
        current = await submissions.submission(tx, submission.id, partner_id=None)
        if current is None:
            return
        failed = replace(current, status=Status.FAILED, errors=(GIVEN_UP, *current.errors), lease=submission.lease)
        await advance(tx, failed, means=means)
        held = await record_rows.hold_unpublished(
            tx,
            current.id,
            after=current.published_through,
            reason=GIVEN_UP.code,
            message=GIVEN_UP.message,
            at=current.received_at,
        )
        if held:
            await record_rows.grow_counts(tx, {(current.id, "pending"): -held, (current.id, "held"): held})
        await note_arrival(tx, current, await tally_so_far(tx, current))
        await webhook_events.announce_finished(tx, current.id, now=means.database.now())


async def tally_so_far(tx: Transaction, submission: Submission) -> Tally:
    """What is kept of a submission whose reading is over, without its columns."""
    receipt = Receipt(submission=submission, counts=(await record_rows.counts_of(tx, [submission.id]))[submission.id])
    return Tally(accepted=receipt.accepted, rejected=receipt.rejected)


def lease_end(means: Means, now: datetime) -> datetime:
    return now + timedelta(seconds=means.bounds.lease_seconds)


def count_records(submission: Submission, records: Sequence[Record]) -> None:
    tally = Tally()
    tally.add(records)
    RECORDS_ACCEPTED.labels(submission.format).inc(tally.accepted)
    RECORDS_REJECTED.labels(submission.format).inc(tally.rejected)
