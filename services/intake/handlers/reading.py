"""A payload file as records: unpacked, recognised, parsed, a slice at a time and beside the event loop."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.intake.domain.compression import is_packed
from services.intake.domain.formats import FORMATS, ParseOptions, Recognised, charset_of, decompress, recognise
from services.intake.domain.formats.recognition import HEAD_BYTES
from services.intake.domain.lines import with_head
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import Record
from services.intake.domain.slices import Slice, next_slice
from services.intake.domain.submissions import Submission
from services.intake.handlers.means import Means
from services.intake.store.payloads import chunks


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
    """How much room a small payload takes. A packed one may hold as much as any that is read before the answer."""
    with path.open("rb") as file:
        packed = is_packed(file.read(2), encoding=hints.content_encoding)
    return means.bounds.immediate_max_bytes if packed else path.stat().st_size


def open_payload(
    path: Path, hints: Hints, *, means: Means, now: datetime, assets_are: AssetsAre = AssetsAre.ABUSED
) -> Opened:
    """Find out what a payload is; raises `PayloadError` if that can't be, or if its beginning is refused."""
    unpacked = decompress(chunks(path), encoding=hints.content_encoding, limits=means.bounds.limits)
    head, unpacked = with_head(unpacked, HEAD_BYTES)
    recognised = recognised_by(head, hints)
    options = ParseOptions(
        recognised.report_type,
        now,
        charset=charset_of(hints.content_type),
        assets_are=assets_are,
        limits=means.bounds.limits,
    )
    return Opened(recognised.format.name, recognised.report_type, recognised.format.parse(unpacked, options))


def recognised_by(head: bytes, hints: Hints) -> Recognised:
    """What a payload is that begins so, by what its partner says of it."""
    return recognise(
        head,
        content_type=hints.content_type,
        file_name=hints.file_name,
        format_name=hints.format_name,
        report_type=hints.report_type,
    )


def read_again(submission: Submission, *, means: Means) -> Iterator[Record]:
    """The records of a stored payload, the same at every reading: what was recognised the first time holds."""
    unpacked, options = opened_again(submission, means=means)
    yield from FORMATS[submission.format].parse(unpacked, options)


def opened_again(submission: Submission, *, means: Means) -> tuple[Iterator[bytes], ParseOptions]:
    """The bytes of a stored payload, and what its parser was told beside them."""
    path = means.payloads.path(submission.id)
    unpacked = decompress(chunks(path), encoding=submission.content_encoding, limits=means.bounds.limits)
    options = ParseOptions(
        submission.report_type,
        submission.received_at,
        charset=charset_of(submission.content_type),
        assets_are=submission.assets_are,
        limits=means.bounds.limits,
    )
    return unpacked, options


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
