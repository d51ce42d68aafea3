"""What several routes answer with."""

from datetime import datetime
from typing import NoReturn
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.contracts import Evidence, Recipient
from libs.common.problems import FieldError, Problem, not_found
from libs.common.vocabulary import Language, RecipientKind
from services.attribution.domain.ladder import Candidate, Route
from services.attribution.handlers import Refusal

STATUS_OF_REFUSALS = {"bad-asset": 422, "bad-address": 422, "bad-key": 422, "merged": 410}


class RecipientView(BaseModel):
    kind: RecipientKind
    name: str
    email: str
    language: Language
    organisation_id: UUID | None


class EvidenceView(BaseModel):
    """One rung of the ladder; a confidence of 0 means that it led nowhere."""

    source: str
    asked: str
    answered: str
    at: datetime
    confidence: float
    leads_elsewhere: bool = Field(description="It speaks of somebody else than the recipient, who never hears of it")


class CandidateView(BaseModel):
    route: Route
    confidence: float
    recipient: RecipientView | None


def recipient_view(recipient: Recipient | None) -> RecipientView | None:
    if recipient is None:
        return None
    return RecipientView(
        kind=recipient.kind,
        name=recipient.name,
        email=recipient.email,
        language=recipient.language,
        organisation_id=recipient.organisation_id,
    )


def evidence_view(step: Evidence) -> EvidenceView:
    return EvidenceView(
        source=step.source,
        asked=step.asked,
        answered=step.answered,
        at=step.at,
        confidence=step.confidence,
        leads_elsewhere=step.leads_elsewhere,
    )


def candidate_view(candidate: Candidate) -> CandidateView:
    return CandidateView(
        route=candidate.route, confidence=candidate.confidence, recipient=recipient_view(candidate.recipient)
    )


def refuse(refusal: Refusal, *, what: str) -> NoReturn:
    """Answer a change that is not made. Raised inside the transaction, so that nothing of it stays."""
    if refusal.code == "not-found":
        raise not_found(what)
    status = STATUS_OF_REFUSALS.get(refusal.code, 409)
    errors = [FieldError("", reason.code, reason.message) for reason in refusal.reasons]
    headers = {"Location": f"/v1/organisations/{refusal.merged_into}"} if refusal.merged_into is not None else None
    raise Problem(status, refusal.code, "This can't be done", refusal.message, errors=errors, headers=headers)
