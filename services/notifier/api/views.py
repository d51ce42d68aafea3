"""Notifications as the API shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.contracts import Asset, Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import Language, NotificationKind, RecipientKind, Severity
from services.notifier.domain.notification import Attempt, Notification, State
from services.notifier.handlers.looking import Dossier

TARGETS_SHOWN = 500


class RecipientView(BaseModel):
    kind: RecipientKind
    name: str
    email: str
    organisation_id: UUID | None


class EvidenceView(BaseModel):
    source: str
    asked: str
    answered: str
    at: datetime
    confidence: float


class TargetView(BaseModel):
    target_id: UUID
    threat_id: UUID
    indicator_id: UUID
    submission_id: UUID
    record: int
    partner: str
    asset: str
    port: int | None
    identifier: str
    severity: Severity
    grade: str
    first_seen_at: datetime
    seen_at: datetime
    confidence: float
    evidence: list[EvidenceView]


class AttemptView(BaseModel):
    """`result` is null while the attempt is under way, and stays so when its answer was lost in a crash."""

    at: datetime
    ended_at: datetime | None
    result: str | None
    smtp_code: int | None
    detail: str


class NotificationSummary(BaseModel):
    """While its state is `planned`, more targets can join it, and `next_attempt_at` says how long at most."""

    id: UUID
    reference: str
    kind: NotificationKind
    corrects: UUID | None = Field(description="Of a correction: the notification that was wrong")
    state: State
    reason: str
    recipient: RecipientView
    language: Language
    incident: str
    severity: Severity
    targets_total: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    test: bool = Field(description="It goes to a partner that tries something out, and counts for nothing")


class NotificationDetail(NotificationSummary):
    subject: str | None
    confidence: float
    partners: list[str]
    decided_by: str | None
    decided_at: datetime | None
    note: str
    held_by: list[UUID] = Field(description="The holds that it waits for (`/v1/holds`), if any")
    attempts: list[AttemptView]
    targets: list[TargetView] = Field(description=f"The first {TARGETS_SHOWN}; `targets_total` counts them all")


def summary_of(notification: Notification) -> NotificationSummary:
    return NotificationSummary(
        id=notification.id,
        reference=notification.reference,
        kind=notification.kind,
        corrects=notification.corrects,
        state=notification.state,
        reason=notification.reason,
        recipient=recipient_view(notification.recipient),
        language=notification.recipient.language,
        incident=notification.incident,
        severity=notification.severity,
        targets_total=notification.targets_total,
        created_at=notification.created_at,
        next_attempt_at=notification.due_at if notification.state is State.PLANNED else notification.next_attempt_at,
        sent_at=notification.sent_at,
        test=notification.is_test,
    )


def detail_of(dossier: Dossier) -> NotificationDetail:
    notification = dossier.notification
    return NotificationDetail(
        **summary_of(notification).model_dump(),
        subject=notification.subject,
        confidence=notification.confidence,
        partners=list(notification.partners),
        decided_by=notification.decided_by,
        decided_at=notification.decided_at,
        note=notification.note,
        held_by=list(dossier.held_by),
        attempts=[attempt_view(attempt) for attempt in dossier.attempts],
        targets=[target_view(target) for target in dossier.targets[:TARGETS_SHOWN]],
    )


def recipient_view(recipient: Recipient) -> RecipientView:
    return RecipientView(
        kind=recipient.kind, name=recipient.name, email=recipient.email, organisation_id=recipient.organisation_id
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        at=attempt.started_at,
        ended_at=attempt.ended_at,
        result=attempt.result,
        smtp_code=attempt.smtp_code,
        detail=attempt.detail,
    )


def target_view(target: Target) -> TargetView:
    asset: Asset = target.indicator.asset
    return TargetView(
        target_id=target.target_id,
        threat_id=target.threat_id,
        indicator_id=target.indicator_id,
        submission_id=target.submission_id,
        record=target.record,
        partner=target.partner,
        asset=asset.key,
        port=asset.port,
        identifier=target.indicator.identifier,
        severity=target.severity,
        grade=target.grade,
        first_seen_at=target.first_seen_at,
        seen_at=target.indicator.seen_at,
        confidence=target.confidence,
        evidence=[
            EvidenceView(
                source=step.source, asked=step.asked, answered=step.answered, at=step.at, confidence=step.confidence
            )
            for step in target.evidence
        ],
    )
