"""A payload file as records: unpacked, recognised, parsed, a slice at a time and beside the event loop."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from services.intake.domain.archives import MAGIC_BYTES, Part, is_packed
from services.intake.domain.contents import Contents
from services.intake.domain.formats import (
    FORMATS,
    Format,
    Hints,
    Limits,
    ParseOptions,
    Recognised,
    charset_of,
    parts_of,
    recognise_parts,
    records_of,
)
from services.intake.domain.formats.format import Family
from services.intake.domain.formats.names import names_in_sight
from services.intake.domain.formats.recognition import HEAD_BYTES
from services.intake.domain.lines import with_head
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import PayloadError, Record
from services.intake.domain.redaction.tables import may_hold_secrets
from services.intake.domain.redaction.treatment import refuse_secrets
from services.intake.domain.slices import Slice, next_slice
from services.intake.domain.submissions import Submission
from services.intake.handlers.means import Means
from services.intake.store.payloads import opened


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload that has been recognised, ready to be read."""

    format: Format
    report_type: str | None
    whole_bytes: int
    contents: Contents
    records: Iterator[Record]


def weight_bytes(path: Path, hints: Hints, *, means: Means, at_most: int) -> int:
    """How much room a payload takes once it is unpacked; counted no further than to more than `at_most`.

    What is wrong with it is no matter here: who reads it is told.
    """
    weight = 0
    with opened(path) as body, suppress(PayloadError):
        if not is_packed(body.read(MAGIC_BYTES), encoding=hints.content_encoding):
            return path.stat().st_size
        for part in parts_of(body, encoding=hints.content_encoding, limits=limits_of(hints.is_rewritten, means=means)):
            for chunk in part.read():
                weight += len(chunk)
                if weight > at_most:
                    return weight
    return max(weight, path.stat().st_size)


def whole_bytes(path: Path, hints: Hints, form: Format, *, means: Means) -> int:
    """How much of a payload will be in memory at once. A mail may hold a packed document, so each counts as one."""
    if Family.MAIL in form.families or not form.whole_bytes:
        return form.whole_bytes
    return min(form.whole_bytes, weight_bytes(path, hints, means=means, at_most=form.whole_bytes))


def limits_of(is_rewritten: bool, *, means: Means) -> Limits:
    """What was packed when it came may be as large, unpacked, as anything may be that is unpacked."""
    limits = means.bounds.limits
    return replace(limits, max_sent_bytes=limits.max_unpacked_bytes) if is_rewritten else limits


def open_payload(
    path: Path, hints: Hints, *, means: Means, now: datetime, assets_are: AssetsAre = AssetsAre.ABUSED
) -> Opened:
    """Find out what a payload is; raises `PayloadError` if that can't be, or if its beginning is refused."""
    with opened(path) as body:
        parts = parts_of(body, encoding=hints.content_encoding, limits=limits_of(hints.is_rewritten, means=means))
        recognised = recognise_parts(parts, hints)
        _refuse_secrets_in_archive(parts, recognised, hints)
        contents = _contents(parts, recognised.format, charset=charset_of(hints.content_type))
    options = ParseOptions(
        recognised.report_type,
        now,
        charset=charset_of(hints.content_type),
        assets_are=assets_are,
        limits=means.bounds.limits,
        csv_reading=hints.csv_reading,
        contents=contents,
    )
    return Opened(
        recognised.format,
        recognised.report_type,
        whole_bytes(path, hints, recognised.format, means=means),
        contents,
        _records(path, recognised.format, options, hints, means=means),
    )


def holds_secrets(head: bytes, recognised: Recognised, hints: Hints) -> bool:
    """Whether a text that begins so is a table in which secrets may stand."""
    if not recognised.format.is_table:
        return False
    return may_hold_secrets(head, format_name=recognised.format.name, charset=charset_of(hints.content_type))


def _refuse_secrets_in_archive(parts: Sequence[Part], recognised: Recognised, hints: Hints) -> None:
    """An archive is kept as it comes, so it may hold nothing from which secrets would have to be taken out."""
    form, charset = recognised.format, charset_of(hints.content_type)
    for part in parts:
        if part.name is not None and Family.MAIL not in form.families:
            refuse_secrets(part.read(), form.name, is_table=form.is_table, charset=charset, place="the zip archive")


def _contents(parts: Sequence[Part], form: Format, *, charset: str | None) -> Contents:
    """What the beginning shows of one text; several, as those of an archive, need not be alike."""
    if len(parts) > 1:
        return Contents()
    return Contents(names_in_sight(with_head(parts[0].read(), HEAD_BYTES)[0], form, charset=charset))


def contents_again(submission: Submission, *, means: Means) -> Contents:
    """Of a stored payload, as at the first reading. What is wrong with it is no matter here."""
    with opened(means.payloads.path(submission.id)) as body, suppress(PayloadError):
        limits = limits_of(submission.payload_redacted, means=means)
        parts = parts_of(body, encoding=submission.content_encoding, limits=limits)
        return _contents(parts, FORMATS[submission.format], charset=charset_of(submission.content_type))
    return Contents()


def read_again(submission: Submission, *, means: Means, contents: Contents | None = None) -> Iterator[Record]:
    """The records of a stored payload, the same at every reading: what was recognised the first time holds.

    What is come across in it is told to `contents`.
    """
    path = means.payloads.path(submission.id)
    hints = Hints(
        file_name=submission.file_name,
        content_encoding=submission.content_encoding,
        is_rewritten=submission.payload_redacted,
    )
    options = replace(_options_again(submission, means=means), contents=contents or Contents())
    return _records(path, FORMATS[submission.format], options, hints, means=means)


def opened_again(submission: Submission, *, means: Means) -> tuple[Iterator[bytes], ParseOptions]:
    """The bytes of a stored payload that is no archive, and what its parser was told beside them."""
    return _unpacked(submission, means=means), _options_again(submission, means=means)


def _unpacked(submission: Submission, *, means: Means) -> Iterator[bytes]:
    with opened(means.payloads.path(submission.id)) as body:
        (whole,) = parts_of(
            body, encoding=submission.content_encoding, limits=limits_of(submission.payload_redacted, means=means)
        )
        yield from whole.read()


def _options_again(submission: Submission, *, means: Means) -> ParseOptions:
    return ParseOptions(
        submission.report_type,
        submission.received_at,
        charset=charset_of(submission.content_type),
        assets_are=submission.assets_are,
        limits=means.bounds.limits,
        csv_reading=submission.csv_reading,
        is_kept=True,
    )


def _records(path: Path, form: Format, options: ParseOptions, hints: Hints, *, means: Means) -> Iterator[Record]:
    with opened(path) as body:
        parts = parts_of(body, encoding=hints.content_encoding, limits=limits_of(hints.is_rewritten, means=means))
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
