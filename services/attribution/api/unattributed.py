"""`/v1/unattributed`: threats for which nobody was found, and the person who knows better."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.storable import StorableTime
from libs.common.vocabulary import Outcome, Severity
from services.attribution.api.views import (
    CandidateView,
    EvidenceView,
    RecipientView,
    candidate_view,
    evidence_view,
    recipient_view,
    refuse,
)
from services.attribution.domain.ladder import Attributed, Decision, Settled
from services.attribution.domain.ladder.rules import Rung
from services.attribution.domain.silence import rungs_told, would_help
from services.attribution.domain.unattributed import Unattributed
from services.attribution.handlers import Decider, Refusal, Word, decide_unattributed, unattributed_page

MOST_CANDIDATES = 100
LONGEST_NOTE = 2000

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


class RungView(BaseModel):
    """A rung of the ladder: what it said, or why it said nothing."""

    rung: Rung
    said: list[str]
    silent_because: str = Field(description="Empty where it said something")


class UnattributedView(BaseModel):
    """A threat that waits for a person. `asset` has the owner that is sought: the name, else the address or the AS."""

    target_id: UUID
    indicator_id: UUID
    asset: str
    incident: str
    severity: Severity
    waiting_since: datetime
    reason: str = Field(description="Why it is here: nobody was found, or nobody who is sure enough")
    evidence: list[EvidenceView] = Field(description="What was asked of whom, and what it answered")
    rungs: list[RungView] = Field(description="All rungs in their order; last those that the ladder file leaves out")
    candidates: list[CandidateView] = Field(description="Who could be meant, most certain first; counted from 0")
    would_help: list[str] = Field(description="What would let the next one like it find somebody")


class WordBody(BaseModel):
    """Say one of three: an organisation, a candidate by its number, or that there is nobody."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID | None = None
    candidate: int | None = Field(None, ge=0, le=MOST_CANDIDATES)
    nobody: bool = False
    until: StorableTime | None = Field(None, description="What is learnt from it ends then; without, after a year")
    note: str = Field("", max_length=LONGEST_NOTE)

    @model_validator(mode="after")
    def says_one_thing(self) -> "WordBody":
        said = (self.organisation_id is not None, self.candidate is not None, self.nobody)
        if sum(said) != 1:
            raise ValueError("say one of organisation_id, candidate and nobody")
        return self


class WordView(BaseModel):
    """What was decided. `outcome` where nobody is written to."""

    target_id: UUID
    recipient: RecipientView | None
    confidence: float
    outcome: Outcome | None
    evidence: list[EvidenceView]


def routes(database: Database, decider: Decider) -> APIRouter:
    router = APIRouter(prefix="/v1/unattributed", tags=["unattributed"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_unattributed(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[UnattributedView]:
        """The longest waiting first."""
        after = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await unattributed_page(tx, after=after, limit=limit)
        return Page(
            items=[_view(waiting, decider) for waiting in found[:limit]],
            next=_cursor(found[limit - 1]) if len(found) > limit else None,
        )

    @router.post("/{target_id}")
    async def post_word(target_id: UUID, body: WordBody, analyst: Analyst) -> WordView:
        """Decide. Whoever is named is warned now, and known the next time that the `asset` of the list is hit."""
        word = Word(organisation_id=body.organisation_id, candidate=body.candidate, until=body.until, note=body.note)
        async with database.transaction() as tx:
            decision = await decide_unattributed(
                target_id, word, decided_by=analyst.name, tx=tx, now=database.now(), decider=decider
            )
            if isinstance(decision, Refusal):
                refuse(decision, what="threat or organisation")
        return _word_view(target_id, decision)

    return router


def _word_view(target_id: UUID, decision: Decision) -> WordView:
    found = decision if isinstance(decision, Attributed) else None
    return WordView(
        target_id=target_id,
        recipient=recipient_view(found.recipient) if found else None,
        confidence=found.confidence if found else 0.0,
        outcome=decision.outcome if isinstance(decision, Settled) else None,
        evidence=[evidence_view(step) for step in decision.evidence],
    )


def _cursor(last: Unattributed) -> str:
    return encode_cursor(last.waiting_since.isoformat(), last.target_id)


def _view(waiting: Unattributed, decider: Decider) -> UnattributedView:
    threat, heard = waiting.threat, decider.heard(waiting)
    told = rungs_told(heard)
    return UnattributedView(
        target_id=waiting.target_id,
        indicator_id=threat.indicator_id,
        asset=waiting.owned_part,
        incident=threat.incident,
        severity=threat.severity,
        waiting_since=waiting.waiting_since,
        reason=waiting.reason,
        evidence=[evidence_view(step) for step in waiting.decision.evidence],
        rungs=[RungView(rung=each.rung, said=list(each.said), silent_because=each.silent_because) for each in told],
        candidates=[candidate_view(candidate) for candidate in waiting.candidates],
        would_help=would_help(heard, has_candidates=bool(waiting.candidates)),
    )
