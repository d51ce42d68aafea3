"""What a body goes through before its first byte is written: known by its beginning, and freed of secrets.

What can hold none streams on as it came. A table that can is unpacked and rewritten in a thread of its own, which waits
for the client, so that no thread of the others does.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from services.intake.domain.archives import is_archive
from services.intake.domain.compression import decompress
from services.intake.domain.formats import charset_of
from services.intake.domain.formats.recognition import FORMAT_OF_TYPE, HEAD_BYTES, media_type_of
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction.tables import redacted, refuse_list_of_secrets
from services.intake.handlers.means import Means
from services.intake.handlers.reading import Hints, holds_secrets, recognised_by


@dataclass(slots=True)
class Sighted:
    """The beginning of a body, held in memory, the rest, and what may be done with them."""

    head: bytes
    rest: AsyncIterator[bytes]
    format_name: str = ""
    is_redacted: bool = False
    refusal: PayloadError | None = None


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
        recognised = recognised_by(unpacked, hints)
        sighted.format_name = recognised.format.name
        sighted.is_redacted = holds_secrets(unpacked, recognised, hints)
    except PayloadError as error:
        sighted.refusal = error
    return sighted


def without_packing(hints: Hints) -> Hints:
    """What holds of the payload as it is kept once it was rewritten."""
    return replace(hints, content_encoding=None)


async def without_secrets(sighted: Sighted, hints: Hints, *, means: Means) -> AsyncGenerator[bytes]:
    """The rewritten table. A client that breaks off or falls silent ends it with the refusal of the body."""
    loop = asyncio.get_running_loop()
    ended = False

    async def following() -> bytes:
        return await anext(sighted.rest, b"")

    def arriving() -> Iterator[bytes]:
        yield sighted.head
        while not ended and (chunk := asyncio.run_coroutine_threadsafe(following(), loop).result()):
            yield chunk

    unpacked = decompress(arriving(), encoding=hints.content_encoding, limits=means.bounds.limits)
    rewritten = redacted(unpacked, format_name=sighted.format_name, charset=charset_of(hints.content_type))
    thread = ThreadPoolExecutor(1, thread_name_prefix="redacting")
    try:
        while (piece := await loop.run_in_executor(thread, next, rewritten, None)) is not None:
            yield piece
    finally:
        ended = True
        thread.shutdown(wait=False)


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
