"""What a body goes through before its first byte is written: known by its beginning, and freed of secrets.

What holds none streams on as it came. Once there is one, the payload is unpacked and written anew without it, from its
beginning. This is done in a thread of its own, which waits for the client, so that no thread of the others does.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import BinaryIO

from services.intake.domain.archives import is_archive, is_packed
from services.intake.domain.compression import OUTPUT_BYTES, decompress
from services.intake.domain.formats import Hints, Recognised, charset_of, recognise
from services.intake.domain.formats.format import Family
from services.intake.domain.formats.recognition import FORMAT_OF_TYPE, HEAD_BYTES, media_type_of
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction.passing import Passing
from services.intake.domain.redaction.tables import refuse_list_of_secrets
from services.intake.domain.redaction.treatment import Treatment
from services.intake.handlers.means import Means
from services.intake.handlers.reading import holds_secrets, limits_of
from services.intake.store.payloads import Draft


@dataclass(slots=True)
class Sighted:
    """The beginning of a body, held in memory, the rest, and what may be done with them."""

    head: bytes
    rest: AsyncIterator[bytes]
    treatment: Treatment | None = None
    has_secrets: bool = False
    refusal: PayloadError | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing comes behind the head."""
        return len(self.head) < HEAD_BYTES


async def sight(body: AsyncIterator[bytes], hints: Hints, *, means: Means) -> Sighted:
    """Look at the beginning of a body. What is refused here is not written at all."""
    head = bytearray()
    async for chunk in body:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    sighted = Sighted(bytes(head), body)
    if not head:
        return sighted
    if is_archive(sighted.head, encoding=hints.content_encoding):  # known by its end, so it is looked into later
        sighted.refusal = _refusal_of_archive(hints)
        return sighted
    try:
        unpacked = _beginning(sighted.head, hints, means=means)
        refuse_list_of_secrets(unpacked)
        recognised = recognise(unpacked, hints)
        _refuse_other_encodings(unpacked, recognised)
        sighted.treatment = _treatment(recognised, hints)
        sighted.has_secrets = holds_secrets(unpacked, recognised, hints)
    except PayloadError as error:
        sighted.refusal = error
    return sighted


def without_packing(hints: Hints) -> Hints:
    """What holds of the payload as it is kept once it was rewritten."""
    return replace(hints, content_encoding=None, is_rewritten=True)


async def admit(sighted: Sighted, draft: Draft, hints: Hints, *, means: Means) -> bool:
    """Write what may be kept of a body; whether that is less than what came.

    A client that breaks off or falls silent ends it with the refusal of the body.
    """
    if sighted.treatment is None:
        await draft.write(sighted.head)
        async for chunk in sighted.rest:
            await draft.write(chunk)
        return False
    body = _Body(sighted, hints)
    try:
        return await _treated(sighted, sighted.treatment, body, draft, hints, means=means)
    finally:
        body.close()


async def _treated(
    sighted: Sighted, treatment: Treatment, body: "_Body", draft: Draft, hints: Hints, *, means: Means
) -> bool:
    limits = means.bounds.limits
    arriving = body.chunks()
    if not sighted.has_secrets:
        passing = Passing(arriving, treatment.watch())
        await _write(body.pieces(passing.chunks(sighted.head, encoding=hints.content_encoding, limits=limits)), draft)
        if not passing.has_secrets:
            return await _guard(treatment, body, draft, hints, means=means)
        arriving = chain(_chunks(await draft.begin_again()), passing.waiting, arriving)
    unpacked = decompress(arriving, encoding=hints.content_encoding, limits=limits)
    await _write(body.pieces(treatment.rewritten(unpacked)), draft)
    await _guard(treatment, body, draft, without_packing(hints), means=means)
    return True


async def _guard(treatment: Treatment, body: "_Body", draft: Draft, hints: Hints, *, means: Means) -> bool:
    """Take out all evidence, if a report that came says that none of it may be kept."""
    if not treatment.must_be_guarded:
        return False
    written = _chunks(await draft.begin_again())
    limits = limits_of(hints.is_rewritten, means=means)
    unpacked = decompress(written, encoding=hints.content_encoding, limits=limits)
    await _write(body.pieces(treatment.guarded(unpacked)), draft)
    return True


async def _write(pieces: AsyncGenerator[bytes], draft: Draft) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            await draft.write(piece)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with closing(file):
        while chunk := file.read(OUTPUT_BYTES):
            yield chunk


class _Body:
    """A body that a thread of its own reads, and writes anew; a small one, all of which is here, takes no thread."""

    def __init__(self, sighted: Sighted, hints: Hints) -> None:
        self._sighted = sighted
        self._is_small = sighted.is_whole and not is_packed(sighted.head, encoding=hints.content_encoding)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="redacting")
        self._awaited: Future[bytes] | None = None
        self._has_ended = False

    def chunks(self) -> Iterator[bytes]:
        """To be read in the thread."""
        yield self._sighted.head
        while not (self._has_ended or self._sighted.is_whole):
            self._awaited = asyncio.run_coroutine_threadsafe(self._following(), self._loop)
            if self._has_ended:  # in between, so nobody has cancelled it
                self._awaited.cancel()
            if not (chunk := self._awaited.result()):
                return
            yield chunk

    async def _following(self) -> bytes:
        return await anext(self._sighted.rest, b"")

    async def pieces(self, made: Iterator[bytes]) -> AsyncGenerator[bytes]:
        if self._is_small:
            for whole in made:
                yield whole
            return
        while (piece := await self._loop.run_in_executor(self._thread, _next, made)) is not None:
            yield piece

    def close(self) -> None:
        """Wait no longer for a client that nobody listens to any more."""
        self._has_ended = True
        if self._awaited is not None:
            self._awaited.cancel()
        self._thread.shutdown(wait=False)


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _treatment(recognised: Recognised, hints: Hints) -> Treatment | None:
    """A mail is looked into when it is read, as is an archive."""
    if Family.MAIL in recognised.format.families:
        return None
    form = recognised.format
    return Treatment(form.name, is_table=form.is_table, charset=charset_of(hints.content_type))


def _refuse_other_encodings(head: bytes, recognised: Recognised) -> None:
    """JSON in UTF-16 is never read, so it is not looked into for secrets either."""
    if not recognised.format.is_table and b"\0" in head[:4]:
        raise PayloadError(422, "undecodable-text", "JSON is UTF-8")


def _beginning(head: bytes, hints: Hints, *, means: Means) -> bytes:
    """As much of the unpacked beginning as a format is known by. That it ends too early is no trouble yet."""
    unpacked = bytearray()
    try:
        for piece in islice(decompress(iter([head]), encoding=hints.content_encoding, limits=means.bounds.limits), 64):
            unpacked += piece
            if len(unpacked) >= HEAD_BYTES:
                break
    except PayloadError as error:
        if error.code != "truncated-compression" or not unpacked:
            raise
    return bytes(unpacked)


def _refusal_of_archive(hints: Hints) -> PayloadError | None:
    """A TAXII client says precisely what it sends, and that is no archive."""
    said = media_type_of(hints.content_type)
    if said not in FORMAT_OF_TYPE:
        return None
    return PayloadError(422, "format-mismatch", f"the body is a zip archive, and not {said}")
