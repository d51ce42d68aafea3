"""Which waiting targets share a mail: all of one recipient and one incident."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from uuid import UUID

import msgspec

from libs.common.contracts import Recipient
from libs.common.ids import derived_id
from libs.common.references import reference_of
from libs.common.vocabulary import Severity
from services.notifier.domain.notification import URGENCY, State


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A target that waits for its mail."""

    target_id: UUID
    recipient: Recipient
    incident: str
    severity: Severity
    confidence: float
    partner: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A notification about to be stored, with the targets that it carries."""

    id: UUID
    reference: str
    recipient: Recipient
    incident: str
    severity: Severity
    confidence: float
    partners: tuple[str, ...]
    state: State
    target_ids: tuple[UUID, ...]


class GroupingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`approval_confidence`: a mail with a target that is attributed with less confidence waits for a person."""

    approval_confidence: float
    reference_key: bytes


def group(waiting: Iterable[Waiting], *, policy: GroupingPolicy) -> list[Draft]:
    """Make one draft for each recipient and incident. `waiting` comes sorted by these two, then oldest first."""
    pairs = groupby(waiting, key=lambda target: (target.recipient.key, target.incident))
    return [_draft(list(targets), policy) for _, targets in pairs]


def _draft(targets: Sequence[Waiting], policy: GroupingPolicy) -> Draft:
    oldest = targets[0]
    notification_id = derived_id("notification", oldest.recipient.key, oldest.incident, oldest.target_id)
    confidence = min(target.confidence for target in targets)
    return Draft(
        id=notification_id,
        reference=reference_of(notification_id, policy.reference_key),
        recipient=max(targets, key=lambda target: target.confidence).recipient,
        incident=oldest.incident,
        severity=min((target.severity for target in targets), key=URGENCY.index),
        confidence=confidence,
        partners=tuple(sorted({target.partner for target in targets})),
        state=State.AWAITING_APPROVAL if confidence < policy.approval_confidence else State.QUEUED,
        target_ids=tuple(target.target_id for target in targets),
    )
