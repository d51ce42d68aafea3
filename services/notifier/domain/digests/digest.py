"""A digest on its way to its partner. Its states are those of a notification, but for those that wait for people."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import DigestDue
from services.notifier.domain.notification import State


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to one partner. `tries` counts answers of the relay, `doubts` the lost answers."""

    id: UUID
    due: DigestDue
    state: State
    reason: str
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    subject: str | None
    tries: int
    doubts: int


class WantedDigests(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; None means any."""

    state: State | None = None
    partner: str | None = None
