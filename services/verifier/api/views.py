"""What the verifier's answers look like."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from pydantic import BaseModel

from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain import CheckResult, FeedStanding, FeedState, Judgement, Threat, ThreatState, Verdict


class ReasonView(BaseModel):
    """One check's finding."""

    check: str
    result: CheckResult
    weight: float
    detail: str
    at: datetime


class ReopenedView(BaseModel):
    """The threat had been closed, and was seen again."""

    closed_at: datetime
    reason: str


class VerdictView(BaseModel):
    """An indicator and what was decided of it."""

    indicator_id: UUID
    submission_id: UUID
    record: int
    partner: str
    indicator: dict[str, Any]  # Any: JSON of an indicator, described in docs/for-partners.md
    verdict: Verdict
    outcome: Outcome | None
    message: str
    grade: str
    severity: Severity
    confidence: float
    reasons: list[ReasonView]
    threat_id: UUID
    incident_id: str | None
    rules_version: str
    judged_at: datetime
    decided_by: str | None
    note: str | None
    test: bool
    reopened: ReopenedView | None


class ThreatView(BaseModel):
    """A finding at an asset.

    `feed` says whether its partners still report such findings: where that has stopped, nobody knows whether the
    threat is still there, and it stays open. Both fields of the feed are null of a test.
    """

    id: UUID
    asset: str
    identifier: str
    incident: str
    state: ThreatState
    first_seen_at: datetime
    last_seen_at: datetime
    sightings: int
    partners: list[str]
    closed_at: datetime | None
    closed_reason: str | None
    reopenings: int
    first_warned_at: datetime | None
    last_warned_at: datetime | None
    feed: FeedState | None
    feed_reported_at: datetime | None
    test: bool


def verdict_view(judgement: Judgement) -> VerdictView:
    event = judgement.indicator
    return VerdictView(
        indicator_id=event.indicator_id,
        submission_id=event.submission_id,
        record=event.record,
        partner=event.partner,
        indicator=msgspec.to_builtins(event.indicator),
        verdict=judgement.verdict,
        outcome=judgement.outcome,
        message=judgement.message,
        grade=judgement.grade,
        severity=judgement.severity,
        confidence=judgement.confidence,
        reasons=[ReasonView(**msgspec.structs.asdict(reason), at=judgement.at) for reason in judgement.reasons],
        threat_id=judgement.threat_id,
        incident_id=judgement.incident,
        rules_version=judgement.rules_version,
        judged_at=judgement.at,
        decided_by=judgement.decided_by,
        note=judgement.note,
        test=event.is_test,
        reopened=ReopenedView(**msgspec.structs.asdict(judgement.reopened)) if judgement.reopened else None,
    )


def threat_view(threat: Threat, feed: FeedStanding | None) -> ThreatView:
    return ThreatView(
        id=threat.threat_id,
        asset=threat.asset,
        identifier=threat.identifier,
        incident=threat.incident,
        state=threat.state,
        first_seen_at=threat.first_seen_at,
        last_seen_at=threat.last_seen_at,
        sightings=threat.sightings,
        partners=sorted(threat.partners),
        closed_at=threat.closed_at,
        closed_reason=threat.closed_reason,
        reopenings=threat.reopenings,
        first_warned_at=threat.first_warned_at,
        last_warned_at=threat.last_warned_at,
        feed=feed.state if feed else None,
        feed_reported_at=feed.reported_at if feed else None,
        test=threat.is_test,
    )
