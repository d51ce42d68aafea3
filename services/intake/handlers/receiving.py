"""A push: taken in, recognised, and kept before it is answered; a small one is also read and published before that."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from libs.common import faults
from libs.common.ids import new_id
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.partners import Partner
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.slices import next_slice
from services.intake.domain.submissions import Receipt, Submission, Tally, unreadable
from services.intake.handlers.accepting import (
    Accepted,
    Push,
    Refused,
    Taken,
    accept_context,
    accept_read,
    accept_unread,
)
from services.intake.handlers.arrivals import note_refusal
from services.intake.handlers.desks import Room
from services.intake.handlers.door import Sighted, admit, sight, without_packing
from services.intake.handlers.means import Means
from services.intake.handlers.reading import Opened, open_payload, weight_bytes
from services.intake.store.payloads import Draft, NoRoom, Received

log = structlog.get_logger(__name__)

NO_ROOM = PayloadError(
    503,
    "no-room",
    "the disk that keeps payloads has no room for this one, so nothing of it was kept; send it again later",
)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A payload that has come in, not yet looked into."""

    submission_id: UUID
    push: Push
    draft: Draft
    received: Received
    at: datetime
    is_redacted: bool


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a payload is, the beginning of its records, and whether that is all of them."""

    submission: Submission
    records: tuple[Record, ...]
    tally: Tally
    is_whole: bool
    refusal: PayloadError | None

    @property
    def is_context(self) -> bool:
        """Whether it was read to its end, with nothing wrong in it and no record either."""
        return self.is_whole and self.refusal is None and not (self.tally.accepted or self.tally.rejected)


async def receive(body: AsyncIterator[bytes], push: Push, *, means: Means, now: datetime) -> Accepted | Refused:
    """Take in one payload. Nothing is left of one that is refused, repeated, only tried, or broken off."""
    submission_id = new_id()
    try:
        async with means.payloads.draft(submission_id) as draft:
            await faults.reach(faults.Point.PAYLOAD_DRAFTED)
            arrival = await _take_in(body, draft, push, means=means, now=now, submission_id=submission_id)
            push = arrival.push
            if push.dry_run:
                return await _try_out(arrival, means=means)
            with await _room_for(arrival, means=means) as has_room:
                if has_room:
                    return await _read_whole(arrival, means=means)
            return await _look_into(arrival, means=means)
    except PayloadError as error:
        return Refused(error)
    except NoRoom as error:
        log.warning("a payload found no room", reason=str(error))
        return Refused(NO_ROOM)


async def _take_in(
    body: AsyncIterator[bytes], draft: Draft, push: Push, *, means: Means, now: datetime, submission_id: UUID
) -> _Arrival:
    """Write what may be kept of a body. The whole of a refused one is awaited, so that its client hears of it."""
    unhurried = _unhurried(body, idle_seconds=means.bounds.body_idle_seconds)
    sighted = await sight(bounded(unhurried, max_bytes=means.bounds.max_body_bytes), push.hints, means=means)
    if not sighted.head:
        raise PayloadError(422, "empty-payload", "the body is empty")
    if sighted.refusal is not None:
        await _let_pass(sighted)
        raise sighted.refusal
    try:
        is_redacted = await admit(sighted, draft, push.hints, means=means)
    except PayloadError:
        await _let_pass(sighted)
        raise
    if is_redacted:
        push = replace(push, hints=without_packing(push.hints))
    return _Arrival(submission_id, push, draft, await draft.finish(), now, is_redacted)


async def _let_pass(sighted: Sighted) -> None:
    async for _ in sighted.rest:
        pass


async def bounded(body: AsyncIterator[bytes], *, max_bytes: int) -> AsyncGenerator[bytes]:
    """The chunks of a body that is not too large."""
    received = 0
    async for chunk in body:
        received += len(chunk)
        if received > max_bytes:
            raise too_large(max_bytes)
        yield chunk


def too_large(max_bytes: int) -> PayloadError:
    return PayloadError(413, "payload-too-large", f"the body is larger than {max_bytes} bytes")


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


async def _room_for(arrival: _Arrival, *, means: Means) -> AbstractContextManager[bool]:
    """Room in memory for the whole of a small payload, if there is some now."""
    if arrival.received.size_bytes > means.bounds.immediate_max_bytes:
        return nullcontext(False)
    desks = means.desks
    weight = await asyncio.to_thread(
        weight_bytes, arrival.draft.path, arrival.push.hints, means=means, at_most=desks.room_bytes
    )
    return desks.hold(weight)


async def _try_out(arrival: _Arrival, *, means: Means) -> Accepted | Refused:
    """Read all, and keep nothing but the sums."""
    async with means.desks.trials:
        opening = await _open(arrival, limit=None, keep=False, room=means.desks.documents_aside, means=means)
    if refused := _refused(opening, arrival.push):
        return refused
    tried = replace(opening.submission, errors=opening.tally.errors, warnings=opening.tally.warnings)
    return Accepted(Receipt(submission=tried, counts=opening.tally.counts), Taken.TRIED)


async def _read_whole(arrival: _Arrival, *, means: Means) -> Accepted | Refused:
    limit = means.bounds.immediate_max_records
    opening = await _open(arrival, limit=limit, keep=True, room=means.desks.documents, means=means)
    return await _answer(arrival, opening, means=means)


async def _look_into(arrival: _Arrival, *, means: Means) -> Accepted | Refused:
    """Read enough to know that it can be read at all; the rest is read after the answer."""
    async with means.desks.openings:
        limit = means.bounds.slice_records
        opening = await _open(arrival, limit=limit, keep=False, room=means.desks.documents, means=means)
    return await _answer(arrival, opening, means=means)


async def _answer(arrival: _Arrival, opening: _Opening, *, means: Means) -> Accepted | Refused:
    """Keep a payload that is not refused, with its records if all of them are in hand."""
    if refused := _refused(opening, arrival.push):
        await note_refusal(opening.submission, opening.tally, refused.error, database=means.database)
        return refused
    await _keep(arrival, means=means)
    if opening.is_context:
        return await accept_context(opening.submission, arrival.push, means=means)
    if opening.is_whole and opening.records:
        return await accept_read(opening.submission, opening.records, opening.tally, arrival.push, means=means)
    return await accept_unread(opening.submission, opening.tally, arrival.push, means=means)


async def _keep(arrival: _Arrival, *, means: Means) -> None:
    await means.payloads.keep(arrival.draft, arrival.submission_id)
    await faults.reach(faults.Point.PAYLOAD_KEPT)


async def _open(arrival: _Arrival, *, limit: int | None, keep: bool, room: Room, means: Means) -> _Opening:
    """Recognise a payload and read up to `limit` records, or all; only their sums are kept if they are not wanted.

    What has to be in memory as a whole waits for `room`; what lies on a desk has its place there, whole as it is.
    """
    hints = arrival.push.hints
    partner = arrival.push.partner
    opened = await asyncio.to_thread(
        open_payload, arrival.draft.path, hints, means=means, now=arrival.at, assets_are=partner.assets_are
    )
    if not partner.may_push(opened.format.name):
        raise _format_not_allowed(opened.format.name, partner)
    kept: list[Record] = []
    tally = Tally(contents=opened.contents)
    has_desk = keep and opened.whole_bytes <= means.desks.room_bytes
    async with room.hold(0 if has_desk else opened.whole_bytes):
        is_enough = False
        while not is_enough:  # not a slice ahead: it would be read for nothing, and by a thread that outlives the room
            piece = await asyncio.to_thread(next_slice, opened.records, means.bounds.slice_records)
            tally.add(piece.records)
            kept.extend(piece.records if keep else ())
            is_enough = piece.is_last or bool(limit and tally.accepted + tally.rejected >= limit)
        return _Opening(_submission(arrival, opened), tuple(kept), tally, piece.is_last, piece.refusal)


def _format_not_allowed(format_name: str, partner: Partner) -> PayloadError:
    allowed = ", ".join(partner.allowed_formats or ())
    return PayloadError(403, "format-not-allowed", f"this is {format_name}; what we take from you is {allowed}")


def _submission(arrival: _Arrival, opened: Opened) -> Submission:
    push, received = arrival.push, arrival.received
    return Submission(
        id=arrival.submission_id,
        partner_id=push.partner.id,
        partner=push.partner.slug,
        reliability=push.partner.reliability,
        format=opened.format.name,
        report_type=opened.report_type,
        file_name=push.hints.file_name,
        content_type=push.hints.content_type,
        content_encoding=push.hints.content_encoding,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        traceparent=push.traceparent,
        received_at=arrival.at,
        payload_redacted=arrival.is_redacted,
        tlp_default=push.partner.tlp_default,
        upstream=push.partner.upstream or opened.format.upstream,
        assets_are=push.partner.assets_are,
        test_mails_to=push.test_mails_to,
        csv_reading=push.hints.csv_reading if opened.format.has_own_columns else CsvReading(),
        csv_said=push.hints.csv_said,
    )


def _refused(opening: _Opening, push: Push) -> Refused | None:
    """A payload that breaks within its opening, or of which nothing can be read, is not kept."""
    if opening.is_context and push.takes_context:
        return None
    error = opening.refusal or (unreadable(opening.tally) if opening.is_whole else None)
    return Refused(error, opening.tally.errors) if error else None
