"""All that came back, as the desk reads it."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.vocabulary import FeedbackKind


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """A rating or an answer. A rating has no notification; its time is rounded down to the hour."""

    feedback_id: UUID
    kind: FeedbackKind
    incident: str
    at: datetime
    useful: int | None
    clear: int | None
    text: str
    notification_id: UUID | None
    reference: str | None
    threat_ids: tuple[UUID, ...]


class Place(msgspec.Struct, frozen=True):
    """A place in the list, newest first."""

    at: datetime
    feedback_id: UUID
