"""A mail that came back, as it is kept and told."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import MailReturned
from libs.common.vocabulary import Permanence, ReturnKind, Trust


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of it. `detail`: a server's or a person's words, bounded; `address`: whom a bounce is about."""

    return_id: UUID
    received_at: datetime
    kind: ReturnKind
    trust: Trust
    notification_id: UUID | None
    reference: str
    address: str
    permanence: Permanence | None
    code: str
    detail: str
    size_bytes: int


def event_of_return(returned: Returned) -> MailReturned:
    """The event. Raises `ValueError` for a mail that names no notification: nobody could act on it."""
    if returned.notification_id is None:
        raise ValueError(f"{returned.return_id} names no notification")
    return MailReturned(
        return_id=returned.return_id,
        notification_id=returned.notification_id,
        kind=returned.kind,
        trust=returned.trust,
        at=returned.received_at,
        permanence=returned.permanence,
        code=returned.code,
        detail=returned.detail,
        address=returned.address,
    )
