"""Notifications as the API shows them."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.contracts import Asset, Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import Language, NotificationKind, RecipientKind, Severity
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.amount.waits import explained
from services.notifier.domain.notification import Attempt, Notification, State
from services.notifier.domain.sealing.keys import Scheme
from services.notifier.domain.sealing.sealed import Sealed
from services.notifier.handlers.looking import TARGETS_SHOWN, Dossier


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


class HappeningView(BaseModel):
    """One line of a notification's timeline."""

    at: datetime
    what: str = Field(description="planned, queued, attempt, sent, deferred, bounced, in-doubt, complaint, fixed, …")
    detail: str = Field(description="Words of mail servers and recipients among it: untrusted, escape it")


class EncryptionView(BaseModel):
    """`scheme` null: it goes as it is, and `why` says what was wrong with the recipient's keys."""

    scheme: Scheme | None
    fingerprint: str = Field(description="Of the key that it is encrypted to")
    why: str
    at: datetime


class NotificationSummary(BaseModel):
    """While its state is `planned`, more targets can join it, and `next_attempt_at` says how long at most."""

    id: UUID
    reference: str
    kind: NotificationKind
    corrects: UUID | None = Field(description="Of a correction: the notification that was wrong")
    continues: UUID | None = Field(description="The notification that could not reach its recipient; same reference")
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
    waits: str = Field(
        description="Until when and why it waits, in words; empty where it waits for nothing but its turn"
    )
    reminds: UUID | None = Field(description="Of a reminder: the first notification about the same")
    reminder: Again | None = Field(description="And why its recipient is told again")
    mail: UUID | None = Field(description="Where several went in one mail: which one that is named after")
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
    timeline: list[HappeningView] = Field(description="All that happened to it, oldest first; never a rating")
    encryption: EncryptionView | None = Field(
        description="How it left, or leaves at the next try; null: its recipient has no key, or it was not tried yet"
    )
    targets: list[TargetView] = Field(description=f"The first {TARGETS_SHOWN}; `targets_total` counts them all")


def summary_of(notification: Notification) -> NotificationSummary:
    return NotificationSummary(
        id=notification.id,
        reference=notification.reference,
        kind=notification.kind,
        corrects=notification.corrects,
        continues=notification.continues,
        state=notification.state,
        reason=notification.reason,
        recipient=recipient_view(notification.recipient),
        language=notification.recipient.language,
        incident=notification.incident,
        severity=notification.severity,
        targets_total=notification.targets_total,
        created_at=notification.created_at,
        next_attempt_at=_until(notification),
        sent_at=notification.sent_at,
        waits=explained(notification.wait, _until(notification)),
        reminds=notification.reminder.first if notification.reminder else None,
        reminder=notification.reminder.again if notification.reminder else None,
        mail=notification.mail_id,
        test=notification.is_test,
    )


def _until(notification: Notification) -> datetime | None:
    return notification.due_at if notification.state is State.PLANNED else notification.next_attempt_at


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
        timeline=[HappeningView(at=each.at, what=each.what, detail=each.detail) for each in dossier.timeline],
        encryption=encryption_view(dossier.sealed) if dossier.sealed else None,
        targets=[target_view(target) for target in dossier.targets[:TARGETS_SHOWN]],
    )


def recipient_view(recipient: Recipient) -> RecipientView:
    return RecipientView(
        kind=recipient.kind, name=recipient.name, email=recipient.email, organisation_id=recipient.organisation_id
    )


def encryption_view(sealed: Sealed) -> EncryptionView:
    return EncryptionView(scheme=sealed.scheme, fingerprint=sealed.fingerprint, why=sealed.why, at=sealed.at)


class Created(Protocol):
    """What lists show newest first."""

    @property
    def id(self) -> UUID: ...

    @property
    def created_at(self) -> datetime: ...


def place_of(item: Created) -> tuple[str, UUID]:
    """Where it stands in such a list."""
    return item.created_at.isoformat(), item.id


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
