"""`/v1/lookup`: whom would a threat to this asset hit?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from libs.common.addresses import canonical_domain, canonical_email, canonical_url, parse_ip
from libs.common.contracts.intake import Asset
from libs.common.db import Database
from libs.common.intervals import read_asn
from libs.common.problems import FieldError, Problem
from libs.common.security import Role, operator
from services.attribution.api.views import (
    CandidateView,
    EvidenceView,
    RecipientView,
    candidate_view,
    evidence_view,
    recipient_view,
)
from services.attribution.domain.ladder import Route
from services.attribution.handlers import LiveDirectory, LookupAnswer, look_up

LONGEST_VALUE = 2048
Value = Annotated[str | None, Query(max_length=LONGEST_VALUE)]


class LookupView(BaseModel):
    """`evidence` ends at the rung that decided; `candidates` goes on to the end of the ladder, most certain first."""

    recipient: RecipientView | None
    confidence: float
    evidence: list[EvidenceView]
    candidates: list[CandidateView]
    route: Route
    reason: str | None


def routes(database: Database, directory: LiveDirectory, *, constituency: frozenset[str]) -> APIRouter:
    router = APIRouter(tags=["look-up"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/lookup")
    async def read_lookup(
        ip: Value = None, domain: Value = None, url: Value = None, asn: Value = None, email: Value = None
    ) -> LookupView:
        """Asks what an event would ask, and changes nothing. Several values are one asset, as in one record."""
        asset = _asset({"ip": ip, "domain": domain, "url": url, "asn": asn, "email": email})
        async with database.transaction() as tx:
            answer = await look_up(asset, tx=tx, directory=directory, constituency=constituency, now=database.now())
        return _view(answer)

    return router


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
    )
