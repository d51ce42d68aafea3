"""A mail of a partner: taken in like a push, and only once however often a mail server brings it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.hints import Hints
from services.intake.domain.mime import MAX_HEADER_BYTES, identity_of
from services.intake.domain.partners import Partner
from services.intake.handlers.accepting import Accepted, Push, Refused
from services.intake.handlers.means import Means
from services.intake.handlers.receiving import receive

FORMAT = "mail"
MEDIA_TYPE = "message/rfc822"

Chunks = Callable[[], AsyncIterator[bytes]]
"""The bytes of a mail, from the beginning at each call."""


@dataclass(frozen=True, slots=True)
class Known:
    """A mail that was taken before, by another way: its content is the same, the trace in its header is not."""


async def receive_mail(
    chunks: Chunks, partner: Partner, *, traceparent: str, means: Means, now: datetime
) -> Accepted | Refused | Known:
    """Take in one mail. It is kept, durably, if the answer is not that it was refused."""
    push = Push(
        partner=partner,
        hints=Hints(format_name=FORMAT, content_type=MEDIA_TYPE, csv_reading=partner.csv_reading),
        idempotency_key=await _key_of(chunks),
        dry_run=False,
        traceparent=traceparent,
    )
    answer = await receive(chunks(), push, means=means, now=now)
    if isinstance(answer, Refused) and answer.error.code == "idempotency-key-reused":
        return Known()
    return answer


async def _key_of(chunks: Chunks) -> str | None:
    """What two mails have in common that are one mail: the Message-ID and all that is under the header.

    Not the Message-ID alone: a program that gives each of its reports the same would lose all but the first. Not the
    header: every mail server on the way adds a line. A mail without a Message-ID is the same only if all of it is.
    """
    head, digest = b"", None
    async for chunk in chunks():
        if digest is not None:
            digest.update(chunk)
            continue
        head += chunk
        if identity := identity_of(head):
            message_id, header_bytes = identity
            digest = hashlib.sha256(message_id.encode(errors="replace") + b"\0" + head[header_bytes:])
        elif len(head) > MAX_HEADER_BYTES:
            return None
    return f"mail:{digest.hexdigest()}" if digest else None
