"""`/v1/unattributed`: threats for which nobody was found, and the person who knows better."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import Severity
from services.attribution.api.views import EvidenceView, RecipientView, evidence_view, recipient_view, refuse
from services.attribution.domain.ladder import Ladder
from services.attribution.domain.unattributed import Unattributed
from services.attribution.handlers import Refusal, decide_unattributed, unattributed_page

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


class UnattributedView(BaseModel):
    """`asset` is what an owner is looked for: the name that was hit, else the address, else the AS."""

    target_id: UUID
    indicator_id: UUID
    asset: str
    incident: str
    severity: Severity
    waiting_since: datetime


class WordBody(BaseModel):
    """Whose the asset is."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID


class WordView(BaseModel):
    target_id: UUID
    recipient: RecipientView | None
    confidence: float
    evidence: list[EvidenceView]


def routes(database: Database, *, ladder: Ladder) -> APIRouter:
    router = APIRouter(prefix="/v1/unattributed", tags=["unattributed"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_unattributed(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[UnattributedView]:
        """The longest waiting first."""
        after = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await unattributed_page(tx, after=after, limit=limit)
        return Page(
            items=[_view(waiting) for waiting in found[:limit]],
            next=_cursor(found[limit - 1]) if len(found) > limit else None,
        )

    @router.post("/{target_id}")
    async def post_word(target_id: UUID, body: WordBody, analyst: Analyst) -> WordView:
        """Name the organisation. It is warned now, and known the next time that the `asset` of the list is hit."""
        async with database.transaction() as tx:
            decision = await decide_unattributed(
                target_id, body.organisation_id, decided_by=analyst.name, tx=tx, now=database.now(), ladder=ladder
            )
            if isinstance(decision, Refusal):
                refuse(decision, what="threat or organisation")
        return WordView(
            target_id=target_id,
            recipient=recipient_view(decision.recipient),
            confidence=decision.confidence,
            evidence=[evidence_view(step) for step in decision.evidence],
        )

    return router


def _cursor(last: Unattributed) -> str:
    return encode_cursor(last.waiting_since.isoformat(), last.target_id)


def _view(waiting: Unattributed) -> UnattributedView:
    threat = waiting.threat
    return UnattributedView(
        target_id=waiting.target_id,
        indicator_id=threat.indicator_id,
        asset=waiting.owned_part,
        incident=threat.incident,
        severity=threat.severity,
        waiting_since=waiting.waiting_since,
    )
