"""What people decide of held records."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from services.verifier.domain.values import Before


class Decision(StrEnum):
    """What a person says of a held indicator."""

    VERIFY = "verify"
    REJECT = "reject"


class PastDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided what, why, and what stood before. With `remembered_until` it counted for the next ones too."""

    decision_id: UUID
    indicator_id: UUID
    decision: Decision
    note: str
    decided_by: str
    decided_at: datetime
    before: Before
    remembered_until: datetime | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None
    undo_note: str | None = None


class HeldGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Records that wait for the same reason: the same finding of one partner."""

    reason: str
    incident: str | None
    identifier: str
    partner: str
    records: int
    threats: int
    oldest_at: datetime
    newest_at: datetime
    example: str
    samples: tuple[UUID, ...]
