"""A push: taken in, recognised, and kept before it is answered; a small one is also read and published before that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from libs.common import faults
from libs.common.ids import new_id
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.submissions import Receipt, Submission, Tally, unreadable
from services.intake.handlers.accepting import Accepted, Push, Refused, Taken, accept_read, accept_unread
from services.intake.handlers.means import Means
from services.intake.handlers.reading import Opened, open_payload, slices
from services.intake.store.payloads import Draft, Received


@dataclass(frozen=True, slots=True)
class _Opening:
    """The beginning of a payload, and whether it is all of it."""

    records: tuple[Record, ...]
    tally: Tally
    is_whole: bool
    refusal: PayloadError | None


async def receive(body: AsyncIterator[bytes], push: Push, *, means: Means, now: datetime) -> Accepted | Refused:
    """Take in one payload. Nothing is left of one that is refused, repeated, only tried, or broken off."""
    submission_id = new_id()
    try:
        async with means.payloads.draft(submission_id) as draft:
            await faults.reach(faults.Point.PAYLOAD_DRAFTED)
            received = await _take_in(body, draft, means=means)
            opened = await asyncio.to_thread(open_payload, draft.path, push.hints, means=means, now=now)
            submission = _submission(submission_id, push, received, opened, now=now)
            small = received.size_bytes <= means.bounds.immediate_max_bytes
            limit = None if push.dry_run else _opening_records(means, small=small)
            opening = await _read_opening(opened, limit=limit, means=means)
            if refused := _refused(opening):
                return refused
            if push.dry_run:
                return _tried(submission, opening)
            await means.payloads.keep(draft, submission_id)
            await faults.reach(faults.Point.PAYLOAD_KEPT)
    except PayloadError as error:
        return Refused(error)
    if small and opening.is_whole:
        return await accept_read(submission, opening.records, opening.tally, push, means=means)
    return await accept_unread(submission, push, means=means)


async def _take_in(body: AsyncIterator[bytes], draft: Draft, *, means: Means) -> Received:
    async for chunk in _unhurried(body, idle_seconds=means.bounds.body_idle_seconds):
        if draft.received_bytes + len(chunk) > means.bounds.max_body_bytes:
            raise too_large(means)
        await draft.write(chunk)
    if not draft.received_bytes:
        raise PayloadError(422, "empty-payload", "the body is empty")
    return await draft.finish()


def too_large(means: Means) -> PayloadError:
    return PayloadError(413, "payload-too-large", f"the body is larger than {means.bounds.max_body_bytes} bytes")


async def _unhurried(body: AsyncIterator[bytes], *, idle_seconds: float) -> AsyncIterator[bytes]:
    """The chunks of a body, as long as there is never too long a pause between two."""
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                chunk = await anext(body)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise PayloadError(408, "body-too-slow", f"nothing came for {idle_seconds:.0f} seconds") from error
        yield chunk


def _submission(submission_id: UUID, push: Push, received: Received, opened: Opened, *, now: datetime) -> Submission:
    return Submission(
        id=submission_id,
        partner_id=push.partner.id,
        partner=push.partner.slug,
        reliability=push.partner.reliability,
        format=opened.format,
        report_type=opened.report_type,
        file_name=push.hints.file_name,
        content_type=push.hints.content_type,
        content_encoding=push.hints.content_encoding,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        traceparent=push.traceparent,
        received_at=now,
    )


def _opening_records(means: Means, *, small: bool) -> int:
    """How many records are read before the answer. Of a large payload enough to know that it can be read at all."""
    return means.bounds.immediate_max_records if small else means.bounds.slice_records


async def _read_opening(opened: Opened, *, limit: int | None, means: Means) -> _Opening:
    """Read up to `limit` records, and keep them; without a limit, read all and keep none, only their sums."""
    kept: list[Record] = []
    tally = Tally()
    async with aclosing(slices(opened.records, size=means.bounds.slice_records)) as pieces:
        async for piece in pieces:
            tally.add(piece.records)
            kept.extend(piece.records if limit else ())
            if limit and len(kept) >= limit:
                break
    return _Opening(tuple(kept), tally, piece.is_last, piece.refusal)


def _refused(opening: _Opening) -> Refused | None:
    """A payload that breaks within its opening, or of which nothing can be read, is not kept."""
    error = opening.refusal or (unreadable(opening.tally) if opening.is_whole else None)
    return Refused(error, opening.tally.errors) if error else None


def _tried(submission: Submission, opening: _Opening) -> Accepted:
    tried = replace(submission, errors=opening.tally.errors, warnings=opening.tally.warnings)
    return Accepted(Receipt(submission=tried, counts=opening.tally.counts), Taken.TRIED)
