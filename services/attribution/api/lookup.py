"""`/v1/lookup`: whom would a threat to this asset hit?"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.addresses import canonical_domain, canonical_email, canonical_url, parse_ip
from libs.common.contracts.intake import Asset
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.intervals import read_asn
from libs.common.problems import FieldError, Problem
from libs.common.security import Role, operator
from libs.common.vocabulary import RecipientKind
from services.attribution.api.views import (
    CandidateView,
    EvidenceView,
    RecipientView,
    candidate_view,
    evidence_view,
    recipient_view,
)
from services.attribution.domain.ladder import Attributed, Decision, Route
from services.attribution.handlers import Decider, LookupAnswer, look_up, look_up_all

LONGEST_VALUE = 2048
MOST_ASSETS = 2000
Value = Annotated[str | None, Query(max_length=LONGEST_VALUE)]


class LookupView(BaseModel):
    """`evidence` ends at the rung that decided; `candidates` goes on to the end of the ladder, most certain first.

    `explanation` tells it in sentences: what would come of it, then each step.
    """

    recipient: RecipientView | None
    confidence: float
    evidence: list[EvidenceView]
    candidates: list[CandidateView]
    route: Route
    reason: str | None
    explanation: list[str]


class AssetBody(BaseModel):
    """One asset, as in one record."""

    model_config = ConfigDict(extra="forbid")

    ip: str | None = Field(None, max_length=LONGEST_VALUE)
    domain: str | None = Field(None, max_length=LONGEST_VALUE)
    url: str | None = Field(None, max_length=LONGEST_VALUE)
    asn: str | None = Field(None, max_length=LONGEST_VALUE)
    email: str | None = Field(None, max_length=LONGEST_VALUE)


class AskedAssets(BaseModel):
    """Many assets at once."""

    model_config = ConfigDict(extra="forbid")

    assets: list[AssetBody] = Field(min_length=1, max_length=MOST_ASSETS)


class RouteView(BaseModel):
    """Which way a warning would go. `recipient` is an id that only tells one recipient from another."""

    route: Route
    kind: RecipientKind | None
    recipient: UUID | None


class LookupsView(BaseModel):
    """In the order of what was asked."""

    items: list[RouteView]


def routes(database: Database, decider: Decider) -> APIRouter:
    router = APIRouter(tags=["look-up"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/lookup")
    async def read_lookup(
        ip: Value = None, domain: Value = None, url: Value = None, asn: Value = None, email: Value = None
    ) -> LookupView:
        """Asks what an event would ask, and changes nothing. Several values are one asset, as in one record."""
        asset = _asset({"ip": ip, "domain": domain, "url": url, "asn": asn, "email": email})
        async with database.transaction() as tx:
            answer = await look_up(asset, tx=tx, decider=decider, now=database.now())
        return _view(answer)

    @router.post("/v1/lookups")
    async def read_lookups(asked: AskedAssets) -> LookupsView:
        """The same of many assets at once: which way each would go, and which of them to the same recipient."""
        assets = [_asset(each.model_dump()) for each in asked.assets]
        async with database.transaction() as tx:
            decisions = await look_up_all(assets, tx=tx, decider=decider, now=database.now())
        return LookupsView(items=[_route_view(decision) for decision in decisions])

    return router


def _route_view(decision: Decision) -> RouteView:
    if not isinstance(decision, Attributed):
        return RouteView(route=decision.route, kind=None, recipient=None)
    recipient = decision.recipient
    return RouteView(route=decision.route, kind=recipient.kind, recipient=derived_id("recipient", recipient.key))


def _asset(given: dict[str, str | None]) -> Asset:
    """The asset in canonical form; raises a 422 problem that names each value that can't be read."""
    readers = {"ip": _ip, "domain": canonical_domain, "url": canonical_url, "asn": read_asn, "email": canonical_email}
    asked = {name: text for name, text in given.items() if text is not None}
    values = {name: readers[name](text) for name, text in asked.items()}
    errors = [FieldError(name, f"invalid-{name}", f"This is not a {name}.") for name, v in values.items() if v is None]
    if errors or not values:
        detail = "Give one or more of ip, domain, url, asn and email."
        raise Problem(422, "not-valid", "The request is not valid", detail, errors=errors)
    return Asset(**values)  # type: ignore[arg-type]  # each reader gives what its field takes


def _ip(text: str) -> str | None:
    address = parse_ip(text.strip())
    return str(address) if address is not None else None


def _view(answer: LookupAnswer) -> LookupView:
    return LookupView(
        recipient=recipient_view(answer.recipient),
        confidence=answer.confidence,
        evidence=[evidence_view(step) for step in answer.evidence],
        candidates=[candidate_view(candidate) for candidate in answer.candidates],
        route=answer.route,
        reason=answer.reason,
        explanation=answer.explanation,
    )
