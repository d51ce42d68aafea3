"""A payload file as records: unpacked, recognised, parsed, a slice at a time and beside the event loop."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.intake.domain.formats import (
    FORMATS,
    Format,
    ParseOptions,
    charset_of,
    parts_of,
    recognise_parts,
    records_of,
)
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.slices import Slice, next_slice
from services.intake.domain.submissions import Submission
from services.intake.handlers.means import Means
from services.intake.store.payloads import opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a partner says of a payload, beside the bytes."""

    format_name: str | None = None
    report_type: str | None = None
    file_name: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload that has been recognised, ready to be read."""

    format: str
    report_type: str | None
    records: Iterator[Record]


def weight_bytes(path: Path, hints: Hints, *, means: Means) -> int:
    """How much room a payload takes once it is unpacked; counted no further than to more than there is on all desks.

    What is wrong with it is no matter here: who reads it is told.
    """
    weight = 0
    with opened(path) as body, suppress(PayloadError):
        for part in parts_of(body, encoding=hints.content_encoding, limits=means.bounds.limits):
            for chunk in part.read():
                weight += len(chunk)
                if weight > means.desks.room_bytes:
                    return weight
    return max(weight, path.stat().st_size)


def open_payload(path: Path, hints: Hints, *, means: Means, now: datetime) -> Opened:
    """Find out what a payload is; raises `PayloadError` if that can't be, or if its beginning is refused."""
    with opened(path) as body:
        recognised = recognise_parts(
            parts_of(body, encoding=hints.content_encoding, limits=means.bounds.limits),
            content_type=hints.content_type,
            file_name=hints.file_name,
            format_name=hints.format_name,
            report_type=hints.report_type,
        )
    options = ParseOptions(recognised.report_type, now, charset=charset_of(hints.content_type))
    return Opened(
        recognised.format.name,
        recognised.report_type,
        _records(path, recognised.format, options, hints, means=means),
    )


def read_again(submission: Submission, *, means: Means) -> Iterator[Record]:
    """The records of a stored payload, the same at every reading: what was recognised the first time holds."""
    path = means.payloads.path(submission.id)
    options = ParseOptions(submission.report_type, submission.received_at, charset=charset_of(submission.content_type))
    hints = Hints(file_name=submission.file_name, content_encoding=submission.content_encoding)
    return _records(path, FORMATS[submission.format], options, hints, means=means)


def _records(path: Path, form: Format, options: ParseOptions, hints: Hints, *, means: Means) -> Iterator[Record]:
    with opened(path) as body:
        parts = parts_of(body, encoding=hints.content_encoding, limits=means.bounds.limits)
        yield from records_of(parts, form, options, file_name=hints.file_name)


async def slices(records: Iterator[Record], *, size: int) -> AsyncGenerator[Slice]:
    """All slices of a payload. One is parsed in a thread while the one before it is worked on; no more than that."""
    ahead = asyncio.create_task(asyncio.to_thread(next_slice, records, size))
    try:
        while not (piece := await ahead).is_last:
            ahead = asyncio.create_task(asyncio.to_thread(next_slice, records, size))
            yield piece
        yield piece
    finally:
        ahead.cancel()
